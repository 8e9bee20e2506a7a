// insightflow_bench_live: how long live numbers take to ask for, in process, while events come in
// on schedule. Prints one JSON object.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/common/batches.h"
#include "benchmarks/common/measure.h"
#include "insightflow/engine.h"

namespace insightflow::benchmarks {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Settings {
  double rate = 1'000'000;  // events a second
  double queries = 1'000;   // of each kind together, a second
  double seconds = 5;
  std::uint64_t fill = 2'000'000;  // events that are there before
  std::uint64_t distinct = 1'000'000;
  std::size_t batch_events = 1'000;
  std::string dir;
};

SteadyClock::duration DurationOf(double seconds) {
  return std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(seconds));
}

// Sends batches one after another, each at its time; the sum of what was accepted must be right.
class Feeder {
 public:
  Feeder(Engine* engine, Batches* batches) : engine_(engine), batches_(batches) {}

  void Fill(std::uint64_t events) {
    const std::uint64_t count = events / batches_->batch_events();
    for (std::uint64_t i = 0; i < count; ++i) Send();
  }

  void Run(double rate, double seconds) {
    const double batches_a_second = rate / static_cast<double>(batches_->batch_events());
    const auto begin = SteadyClock::now();
    const auto end = begin + DurationOf(seconds);
    auto due = begin;
    std::uint64_t sent = 0;
    while (due < end) {
      std::this_thread::sleep_until(due);
      Send();
      ++sent;
      due = begin + DurationOf(static_cast<double>(sent) / batches_a_second);
    }
    const double took = Seconds(SteadyClock::now() - begin);
    rate_ = static_cast<double>(sent * batches_->batch_events()) / took;
  }

  std::uint64_t sent_events() const { return next_ * batches_->batch_events(); }
  std::uint64_t accepted_events() const { return accepted_.load(); }
  double rate() const { return rate_; }

 private:
  // Waits for a slow disk: IngestAsync would refuse what goes past the engine's bound.
  void Send() {
    const std::size_t i = next_ % batches_->size();
    batches_->Renew(i, static_cast<std::uint32_t>(next_ / batches_->size()) + 1);
    ++next_;
    while (under_way_.load() > kUnderWayMax) std::this_thread::yield();
    ++under_way_;
    engine_->IngestAsync(batches_->at(i), {}, [this](const Result<IngestResult>& result) {
      if (result.ok()) accepted_ += result->accepted;
      --under_way_;
    });
  }

  static constexpr int kUnderWayMax = 64;

  Engine* engine_;
  Batches* batches_;
  std::uint64_t next_ = 0;
  std::atomic<int> under_way_ = 0;
  std::atomic<std::uint64_t> accepted_ = 0;
  double rate_ = 0;
};

constexpr std::array<const char*, 5> kQueries = {"dashboard", "hot_pages_hour", "hot_pages_all",
                                                 "online", "conversion"};

// Asks and returns something of the answer, so that it cannot be left out.
std::uint64_t Ask(const Engine& engine, std::size_t query) {
  switch (query) {
    case 0: return engine.GetDashboard(10).totals.total;
    case 1: return engine.HotPages(Window::kHour, 10).rows.size();
    case 2: return engine.HotPages(Window::kAll, 10).rows.size();
    case 3: return engine.Online().last_5_minutes;
    default: return engine.ConversionRate().users_viewed;
  }
}

using QueryLatencies = std::array<std::vector<double>, kQueries.size()>;

// Asks each in turn, on schedule. An answer that was late holds up the next question, whose latency
// then counts from its place in the schedule. What the kernel takes to wake this thread does not
// count, neither for the question it was to wake up for nor for those that fell due meanwhile.
QueryLatencies AskOnSchedule(const Engine& engine, const Settings& settings) {
  QueryLatencies latencies;
  const auto begin = SteadyClock::now();
  const auto end = begin + DurationOf(settings.seconds);
  auto woken = begin;
  for (std::uint64_t i = 0;; ++i) {
    const auto due = begin + DurationOf(static_cast<double>(i) / settings.queries);
    if (due >= end) return latencies;
    if (SteadyClock::now() < due) {
      std::this_thread::sleep_until(due);
      woken = SteadyClock::now();
    }
    const auto from = std::max(due, woken);
    const bool empty = Ask(engine, i % kQueries.size()) == 0;
    const auto answered = SteadyClock::now();
    if (!empty) latencies[i % kQueries.size()].push_back(1e3 * Seconds(answered - from));
  }
}

int Bench(const Settings& settings) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  BatchesOptions options;
  options.generator.start_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count() - 240'000;
  options.generator.events_per_second = std::max<std::uint64_t>(settings.distinct / 240, 1);
  options.events = settings.distinct;
  options.batch_events = settings.batch_events;
  options.shards = 1;
  const auto batches = Batches::Create(options);
  ScratchDir dir(settings.dir);
  EngineOptions engine_options;
  engine_options.data_dir = dir.path();
  auto engine = Engine::Open(engine_options);
  if (batches == nullptr || !engine.ok()) {
    std::fprintf(stderr, "open: %s\n", engine.status().ToString().c_str());
    return 1;
  }
  Feeder feeder(engine->get(), batches.get());
  feeder.Fill(settings.fill);
  std::thread feeding([&] { feeder.Run(settings.rate, settings.seconds); });
  QueryLatencies latencies = AskOnSchedule(**engine, settings);
  feeding.join();

  const Status closed = (*engine)->Close();  // waits for the last answers
  const bool complete = closed.ok() && feeder.accepted_events() == feeder.sent_events();
  JsonObject out;
  out.Add("benchmark", "live").Add("events_per_second", feeder.rate());
  out.Add("rate_wanted", settings.rate).Add("events_sent", feeder.sent_events());
  out.Add("events_accepted", feeder.accepted_events());
  std::vector<double> all;
  for (std::size_t i = 0; i < kQueries.size(); ++i) {
    all.insert(all.end(), latencies[i].begin(), latencies[i].end());
    out.Add(kQueries[i], Summarize(std::move(latencies[i])));
  }
  out.Add("all", Summarize(std::move(all)));
  std::printf("%s\n", out.str().c_str());
  return complete ? 0 : 1;
}

int Main(int argc, char** argv) {
  CLI::App app("Times live numbers while events come in");
  Settings settings;
  bool smoke = false;
  app.add_option("--rate", settings.rate, "events a second")->capture_default_str();
  app.add_option("--queries", settings.queries, "a second")->capture_default_str();
  app.add_option("--seconds", settings.seconds, "to measure")->capture_default_str();
  app.add_option("--fill", settings.fill, "events before the clock starts")->capture_default_str();
  app.add_option("--distinct", settings.distinct, "events made; sent again with new ids")
      ->capture_default_str();
  app.add_option("--dir", settings.dir, "where the store is made; default: temporary");
  app.add_flag("--smoke", smoke, "a short run at a low rate");
  CLI11_PARSE(app, argc, argv);
  if (smoke) {
    settings.rate = 20'000;
    settings.queries = 200;
    settings.seconds = 0.5;
    settings.fill = settings.distinct = 5'000;
  }
  return Bench(settings);
}

}  // namespace
}  // namespace insightflow::benchmarks

int main(int argc, char** argv) { return insightflow::benchmarks::Main(argc, argv); }
