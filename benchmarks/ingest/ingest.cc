// insightflow_bench_ingest: JSON batches into a durable, deduplicated, visible store, in process.
//
// The clock runs from the first call to the last answer. Before it, the engine and the rivals take
// the same small input with a repeated batch and must hold the same events; after it, what is held
// must be what was sent. Prints one JSON object.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/common/batches.h"
#include "benchmarks/common/measure.h"
#include "benchmarks/ingest/feed.h"
#include "benchmarks/ingest/sink.h"

namespace insightflow::benchmarks {
namespace {

struct Settings {
  std::uint64_t events = 4'000'000;
  std::uint64_t rival_events = 400'000;
  std::size_t batch_events = 1'000;
  FeedOptions feed;
  bool fold = true;
  std::size_t runs = 1;
  std::uint32_t users = 1'000'000;
  std::vector<std::string> sinks = {"engine"};
  std::string dir;
};

std::unique_ptr<Sink> MakeSink(const Settings& settings, const std::string& name,
                               const std::string& dir) {
  if (name == "engine") return MakeEngineSink(dir, EngineMode::kAsync, settings.fold);
  if (name == "engine-blocking") return MakeEngineSink(dir, EngineMode::kBlocking, settings.fold);
  if (name == "naive") return MakeNaiveSink(dir);
  return MakeSqliteSink(dir);
}

struct Run {
  FeedResult fed;
  std::uint64_t memory_peak = 0;
  std::uint64_t dedupe_bytes = 0;
  std::uint64_t disk_bytes = 0;
  double folded_share = 0;    // at the last answer
  double folded_seconds = 0;  // from the first call until all was folded
  Content content;

  double rate() const { return static_cast<double>(fed.events) / fed.seconds; }
};

std::optional<Run> Measure(const Settings& settings, const std::string& name, Batches* batches) {
  ScratchDir dir(settings.dir);
  malloc_trim(0);  // what an earlier store left must not hide what this one takes
  const std::uint64_t memory_before = ReadMemory(0).used();
  auto sink = MakeSink(settings, name, dir.path());
  if (sink == nullptr) return std::nullopt;
  const bool engine = name.starts_with("engine");
  std::size_t used = batches->size();
  if (!engine) used = std::min(used, settings.rival_events / batches->batch_events());
  MemoryPeak peak(0);
  Run run;
  run.fed = FeedBatches(settings.feed, batches, std::max<std::size_t>(used, 1), sink.get());
  run.folded_share = sink->FoldedShare();
  if (engine && settings.fold) {
    const auto begin = std::chrono::steady_clock::now();
    if (!sink->Fold()) return std::nullopt;
    run.folded_seconds = run.fed.seconds + Seconds(std::chrono::steady_clock::now() - begin);
  }
  run.memory_peak = peak.Stop() - memory_before;
  run.content = sink->Read();
  run.dedupe_bytes = sink->DedupeBytes();
  sink.reset();
  run.disk_bytes = DiskBytes(dir.path());
  const bool complete = run.fed.complete() && run.content.events == run.fed.events;
  if (!complete) {
    std::fprintf(stderr, "%s: sent %llu, accepted %llu, holds %llu, failed batches %llu\n",
                 name.c_str(), static_cast<unsigned long long>(run.fed.events),
                 static_cast<unsigned long long>(run.fed.accepted),
                 static_cast<unsigned long long>(run.content.events),
                 static_cast<unsigned long long>(run.fed.failed_batches));
    return std::nullopt;
  }
  return run;
}

// Every sink takes the first batches, the first of them twice.
bool SinksAgree(const Settings& settings, const Batches& batches) {
  const std::size_t used = std::min<std::size_t>(batches.size(), 8);
  std::optional<Content> expected;
  for (const std::string& name : settings.sinks) {
    ScratchDir dir(settings.dir);
    auto sink = MakeSink(settings, name, dir.path());
    if (sink == nullptr) return false;
    Gate gate(used + 1);
    for (std::size_t i = 0; i <= used; ++i) {
      gate.Enter();
      sink->Ingest(batches.at(i % used), [&gate](std::int64_t) { gate.Leave(); });
    }
    gate.WaitForAll(used + 1);
    const Content content = sink->Read();
    if (!expected) expected = content;
    if (content != *expected || content.events != used * batches.batch_events()) {
      std::fprintf(stderr, "%s holds %llu events, not what the others hold\n", name.c_str(),
                   static_cast<unsigned long long>(content.events));
      return false;
    }
  }
  return true;
}

JsonObject Describe(const std::string& name, std::vector<Run> runs) {
  std::vector<double> all;
  for (const Run& run : runs) all.push_back(run.rate());
  std::sort(runs.begin(), runs.end(),
            [](const Run& a, const Run& b) { return a.rate() < b.rate(); });
  const Run& run = runs[runs.size() / 2];
  const double events = static_cast<double>(run.fed.events);
  JsonObject object;
  object.Add("name", name).Add("events", run.fed.events).Add("seconds", run.fed.seconds);
  object.Add("events_per_second", run.rate()).Add("runs", all).Add("tenths", run.fed.rates);
  object.Add("cpu_us_per_event", 1e6 * run.fed.cpu_seconds / events);
  object.Add("ack", run.fed.ack).Add("memory_peak_bytes", run.memory_peak);
  object.Add("folded_share", run.folded_share).Add("folded_seconds", run.folded_seconds);
  object.Add("dedupe_bytes", run.dedupe_bytes);
  object.Add("disk_bytes_per_event", static_cast<double>(run.disk_bytes) / events);
  return object;
}

int Bench(const Settings& settings) {
  const auto batches = Batches::Create({.generator = {.users = settings.users},
                                        .events = settings.events,
                                        .batch_events = settings.batch_events,
                                        .shards = settings.feed.threads});
  if (batches == nullptr) {
    std::fprintf(stderr, "no memory for the input\n");
    return 1;
  }
  if (!SinksAgree(settings, *batches)) return 1;
  std::vector<JsonObject> results;
  for (const std::string& name : settings.sinks) {
    std::vector<Run> runs;
    for (std::size_t i = 0; i < settings.runs; ++i) {
      const auto run = Measure(settings, name, batches.get());
      if (!run) return 1;
      runs.push_back(*run);
    }
    results.push_back(Describe(name, runs));
  }
  JsonObject out;
  out.Add("benchmark", "ingest").Add("threads", std::uint64_t{settings.feed.threads});
  out.Add("batch_events", std::uint64_t{settings.batch_events});
  out.Add("fold", std::string_view(settings.fold ? "on" : "off"));
  out.Add("input_bytes_per_event",
          static_cast<double>(batches->bytes()) /
              static_cast<double>(batches->size() * batches->batch_events()));
  out.Add("results", results);
  std::printf("%s\n", out.str().c_str());
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("Times ingest in process");
  Settings settings;
  bool smoke = false;
  app.add_option("--events", settings.events, "distinct events of a pass")->capture_default_str();
  app.add_option("--rival-events", settings.rival_events, "events that slow rivals take")
      ->capture_default_str();
  app.add_option("--batch", settings.batch_events, "events a batch")
      ->check(CLI::Range(1u, 10'000u))
      ->capture_default_str();
  app.add_option("--passes", settings.feed.passes, "times the input is sent, with new ids")
      ->check(CLI::Range(1u, 1'000u))
      ->capture_default_str();
  app.add_option("--threads", settings.feed.threads, "callers")
      ->check(CLI::Range(1u, 64u))
      ->capture_default_str();
  app.add_option("--in-flight", settings.feed.in_flight, "batches under way at most")
      ->check(CLI::Range(1u, 1'000u))
      ->capture_default_str();
  app.add_option("--runs", settings.runs, "the median is told")
      ->check(CLI::Range(1u, 100u))
      ->capture_default_str();
  app.add_option("--users", settings.users, "distinct users")
      ->check(CLI::Range(1u, 100'000'000u))
      ->capture_default_str();
  app.add_option("--sinks", settings.sinks, "what to time")
      ->check(CLI::IsMember({"engine", "engine-blocking", "naive", "sqlite"}))
      ->capture_default_str();
  app.add_option("--dir", settings.dir, "where the stores are made; default: temporary");
  app.add_flag("!--no-fold", settings.fold, "into the log and the live numbers only");
  app.add_flag("--smoke", smoke, "everything once, small");
  CLI11_PARSE(app, argc, argv);
  if (smoke) {
    settings.events = settings.rival_events = 4'000;
    settings.batch_events = 100;
    settings.feed.passes = 2;
    settings.users = 100;
    settings.sinks = {"engine", "engine-blocking", "naive", "sqlite"};
  }
  return Bench(settings);
}

}  // namespace
}  // namespace insightflow::benchmarks

int main(int argc, char** argv) { return insightflow::benchmarks::Main(argc, argv); }
