// insightflow_bench_growth: one store that grows, for bars P2 and P10 of docs/performance.md.
//
// Empty, and at each of --sizes: what the next events cost (into the log and the live numbers, as
// P1 says, with the ids of all events in the dedupe window), how long queries take once all is
// folded, and how long an opening takes until the first answers. In between it grows by ordinary
// ingest with folding on. Prints one JSON object.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/common/batches.h"
#include "benchmarks/common/measure.h"
#include "benchmarks/ingest/feed.h"
#include "benchmarks/ingest/sink.h"
#include "benchmarks/queries/dataset.h"
#include "benchmarks/queries/questions.h"
#include "insightflow/engine.h"

namespace insightflow::benchmarks {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::uint64_t kSecondsADay = 86'400;

struct Settings {
  std::vector<std::uint64_t> sizes = {1'000'000, 10'000'000, 100'000'000};
  std::uint64_t days = 30;                 // that the greatest size spans
  std::uint64_t timed_events = 1'000'000;  // at most; a quarter of what is stored
  std::uint64_t chunk_events = 2'000'000;
  std::size_t batch_events = 1'000;
  std::size_t runs = 5;
  FeedOptions feed;
  std::string dir;
};

// Batches one after another in time, each with ids of its own.
class Source {
 public:
  explicit Source(const Settings& settings)
      : settings_(settings), dataset_({.events = settings.sizes.back(), .days = settings.days}) {
    const std::uint64_t shards = settings.feed.threads;
    rate_ = settings.sizes.back() / (settings.days * kSecondsADay) / shards * shards;
    rate_ = std::max(rate_, shards);  // each shard has a whole number of events a second
  }

  const Dataset& dataset() const { return dataset_; }
  std::uint64_t made() const { return made_; }
  std::int64_t time_ms() const {
    return dataset_.BeginOfDay(0) + static_cast<std::int64_t>(made_ * 1'000 / rate_);
  }

  std::unique_ptr<Batches> Next(std::uint64_t events) {
    BatchesOptions options;
    options.generator = {.seed = seed_,
                         .users = static_cast<std::uint32_t>(dataset_.users()),
                         .start_ms = time_ms(),
                         .events_per_second = rate_};
    options.events = events;
    options.batch_events = settings_.batch_events;
    options.shards = settings_.feed.threads;
    seed_ += options.shards;
    std::unique_ptr<Batches> batches = Batches::Create(options);
    if (batches != nullptr) made_ += batches->size() * batches->batch_events();
    return batches;
  }

 private:
  const Settings& settings_;
  Dataset dataset_;
  std::uint64_t rate_ = 0;
  std::uint64_t seed_ = 1;
  std::uint64_t made_ = 0;
};

class Growth {
 public:
  Growth(const Settings& settings, std::string dir)
      : settings_(settings), dir_(std::move(dir)), source_(settings) {}

  // The same ingest into an empty store, of which nothing is kept.
  Status RunEmpty(JsonObject* out) {
    JsonObject empty;
    if (Status status = Ingest(settings_.timed_events, &empty); !status.ok()) return status;
    out->Add("empty", empty);
    return Status::Ok();
  }

  Status Run(JsonObject* out) {
    std::vector<JsonObject> sizes;
    for (const std::uint64_t size : settings_.sizes) {
      sizes.emplace_back();
      if (Status status = GrowTo(size, &sizes.back()); !status.ok()) return status;
      if (Status status = AskAt(&sizes.back()); !status.ok()) return status;
      if (Status status = OpenAt(&sizes.back()); !status.ok()) return status;
      const std::uint64_t timed = std::min(settings_.timed_events, size / 4);
      if (Status status = Ingest(timed, &sizes.back()); !status.ok()) return status;
    }
    out->Add("users", source_.dataset().users()).Add("sizes", sizes);
    if (engine_->Totals().total == source_.made()) return Status::Ok();
    return Status(StatusCode::kInternal, "the store does not hold what was sent");
  }

 private:
  Status Open(bool fold) {
    if (engine_ != nullptr) {
      if (Status status = engine_->Close(); !status.ok()) return status;
    }
    engine_.reset();
    EngineOptions options;
    options.data_dir = dir_;
    options.fold = fold;
    Result<std::unique_ptr<Engine>> engine = Engine::Open(options);
    if (!engine.ok()) return engine.status();
    engine_ = std::move(*engine);
    return Status::Ok();
  }

  Status Feed(std::uint64_t events, FeedResult* fed) {
    const std::unique_ptr<Batches> batches = source_.Next(events);
    if (batches == nullptr) return Status(StatusCode::kResourceExhausted, "no memory for input");
    const auto sink = MakeEngineSink(engine_.get(), EngineMode::kAsync);
    *fed = FeedBatches(settings_.feed, batches.get(), batches->size(), sink.get());
    return fed->complete() ? Status::Ok() : Status(StatusCode::kInternal, "events were lost");
  }

  // With folding on, until all of it is in columns.
  Status GrowTo(std::uint64_t size, JsonObject* out) {
    if (Status status = Open(true); !status.ok()) return status;
    double seconds = 0;
    const std::uint64_t before = source_.made();
    MemoryPeak peak(0);
    while (source_.made() < size) {
      FeedResult fed;
      const std::uint64_t events = std::min(size - source_.made(), settings_.chunk_events);
      if (Status status = Feed(events, &fed); !status.ok()) return status;
      seconds += fed.seconds;
    }
    const auto begin = SteadyClock::now();
    if (Status status = engine_->Fold(); !status.ok()) return status;
    const EngineMetrics metrics = engine_->Metrics();
    out->Add("grow_events", source_.made() - before).Add("grow_seconds", seconds);
    out->Add("fold_seconds", Seconds(SteadyClock::now() - begin));
    out->Add("memory_peak_bytes", peak.Stop()).Add("segments", metrics.segments);
    out->Add("segment_bytes", metrics.segment_bytes);
    return Status::Ok();
  }

  Status AskAt(JsonObject* out) {
    JsonObject asked;
    const AskOptions options = {.runs = settings_.runs, .threads = settings_.feed.threads};
    for (const Question& question : Questions(source_.dataset())) {
      if (question.name != "funnel_4" && question.name != "count_by_day_and_type" &&
          question.name != "sessions") {
        continue;
      }
      const Result<JsonObject> timed = Ask(*engine_, question, options);
      if (!timed.ok()) return timed.status();
      asked.Add(question.name, *timed);
    }
    out->Add("stored", source_.made()).Add("queries", asked);
    return Status::Ok();
  }

  // Until the store is there, has answered a query of its last hour, and has taken a batch.
  Status OpenAt(JsonObject* out) {
    const std::string last_hour =
        R"({"kind":"trends","interval":"total","series":[{"event":"*"}],"from":)" +
        std::to_string(source_.time_ms() - kHourMs) + "}";
    if (Status status = engine_->Close(); !status.ok()) return status;
    const auto begin = SteadyClock::now();
    if (Status status = Open(false); !status.ok()) return status;
    out->Add("open_seconds", Seconds(SteadyClock::now() - begin));
    const auto asked = SteadyClock::now();
    const auto answer = AskOnce(*engine_, last_hour, settings_.feed.threads);
    if (!answer.ok()) return answer.status();
    out->Add("first_answer_seconds", Seconds(SteadyClock::now() - asked));
    const std::unique_ptr<Batches> batches = source_.Next(settings_.batch_events);
    if (batches == nullptr) return Status(StatusCode::kResourceExhausted, "no memory for input");
    const auto sent = SteadyClock::now();
    for (std::size_t i = 0; i < batches->size(); ++i) {
      const auto taken = engine_->Ingest(batches->at(i));
      if (!taken.ok()) return taken.status();
      if (i == 0) out->Add("first_ingest_seconds", Seconds(SteadyClock::now() - sent));
    }
    return Status::Ok();
  }

  // The median of some runs, without folding.
  Status Ingest(std::uint64_t events, JsonObject* out) {
    if (Status status = Open(false); !status.ok()) return status;
    const EngineMetrics before = engine_->Metrics();
    out->Add("dedupe_ids", before.dedupe_ids).Add("dedupe_bytes", before.dedupe_bytes);
    std::vector<double> rates, cpu;
    for (std::size_t run = 0; run < settings_.runs; ++run) {
      FeedResult fed;
      if (Status status = Feed(events, &fed); !status.ok()) return status;
      rates.push_back(static_cast<double>(fed.events) / fed.seconds);
      cpu.push_back(1e6 * fed.cpu_seconds / static_cast<double>(fed.events));
    }
    const std::vector<double> all = rates;
    std::sort(rates.begin(), rates.end());
    std::sort(cpu.begin(), cpu.end());
    const EngineMetrics after = engine_->Metrics();
    JsonObject ingest;
    ingest.Add("events_per_second", rates[rates.size() / 2]).Add("runs", all);
    ingest.Add("cpu_us_per_event", cpu[cpu.size() / 2]);
    ingest.Add("dedupe_ids_after", after.dedupe_ids).Add("dedupe_bytes_after", after.dedupe_bytes);
    out->Add("ingest", ingest);
    return Status::Ok();
  }

  const Settings& settings_;
  const std::string dir_;
  Source source_;
  std::unique_ptr<Engine> engine_;
};

int Main(int argc, char** argv) {
  CLI::App app("Measures a store as it grows");
  Settings settings;
  bool smoke = false;
  app.add_option("--sizes", settings.sizes, "events stored when it is measured, rising")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--days", settings.days, "that the greatest size spans")
      ->check(CLI::Range(5, 1'000))
      ->capture_default_str();
  app.add_option("--timed-events", settings.timed_events, "events of a timed run of ingest")
      ->capture_default_str();
  app.add_option("--runs", settings.runs, "the median is told")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--dir", settings.dir, "where the store is made; default: temporary");
  app.add_flag("--smoke", smoke, "a small run");
  CLI11_PARSE(app, argc, argv);
  if (smoke) {
    settings.sizes = {4'000, 16'000};
    settings.timed_events = 1'000;
    settings.chunk_events = 4'000;
    settings.batch_events = 100;
    settings.runs = 1;
  }
  JsonObject out;
  out.Add("benchmark", "growth").Add("threads", std::uint64_t{settings.feed.threads});
  Status status;
  {
    const ScratchDir scratch(settings.dir);
    status = Growth(settings, scratch.path()).RunEmpty(&out);
  }
  const ScratchDir scratch(settings.dir);
  if (status.ok()) status = Growth(settings, scratch.path()).Run(&out);
  if (!status.ok()) {
    std::cerr << status.ToString() << '\n';
    return 1;
  }
  std::printf("%s\n", out.str().c_str());
  return 0;
}

}  // namespace
}  // namespace insightflow::benchmarks

int main(int argc, char** argv) { return insightflow::benchmarks::Main(argc, argv); }
