// insightflow_bench_ingest: JSON batches into a durable, deduplicated, visible store, in process.
//
// The clock runs from the first call to the last answer. Before it, the engine and the rivals take
// the same small input with a repeated batch and must hold the same events; after it, what is held
// must be what was sent. Prints one JSON object.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/common/batches.h"
#include "benchmarks/common/measure.h"
#include "benchmarks/ingest/sink.h"

namespace insightflow::benchmarks {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Settings {
  std::uint64_t events = 4'000'000;
  std::uint64_t rival_events = 400'000;
  std::size_t batch_events = 1'000;
  std::uint32_t passes = 1;
  std::size_t threads = 2;
  std::size_t in_flight = 64;
  std::size_t runs = 1;
  std::uint32_t users = 1'000'000;
  std::vector<std::string> sinks = {"engine"};
  std::string dir;
};

std::unique_ptr<Sink> MakeSink(const std::string& name, const std::string& dir) {
  if (name == "engine") return MakeEngineSink(dir, EngineMode::kAsync);
  if (name == "engine-blocking") return MakeEngineSink(dir, EngineMode::kBlocking);
  if (name == "naive") return MakeNaiveSink(dir);
  return MakeSqliteSink(dir);
}

// Bounds the batches under way.
class Gate {
 public:
  explicit Gate(std::size_t room) : room_(room) {}

  void Enter() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return room_ > 0; });
    --room_;
  }
  void Leave() {
    std::lock_guard<std::mutex> lock(mutex_);
    ++room_;
    changed_.notify_all();
  }
  void WaitForAll(std::size_t room) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this, room] { return room_ == room; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t room_;
};

struct Run {
  double seconds = 0;
  double cpu_seconds = 0;
  std::uint64_t events = 0;
  std::uint64_t accepted = 0;
  std::uint64_t failed_batches = 0;
  std::uint64_t memory_peak = 0;
  std::uint64_t dedupe_bytes = 0;
  std::uint64_t disk_bytes = 0;
  Latencies ack;
  std::vector<double> rates;  // events a second in each tenth of the run
  Content content;
};

// One timed run's moving parts; a slot a batch, so that no answer waits for another.
class Feed {
 public:
  Feed(const Settings& settings, Batches* batches, std::size_t batches_used)
      : settings_(settings),
        batches_(*batches),
        used_(batches_used),
        sent_(batches_used * settings.passes),
        acked_(batches_used * settings.passes),
        gate_(settings.in_flight) {}

  Run Measure(Sink* sink) {
    const std::clock_t cpu = std::clock();
    const auto begin = SteadyClock::now();
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < settings_.threads; ++t) {
      threads.emplace_back([this, sink, t] { FeedFrom(t, sink); });
    }
    for (std::thread& thread : threads) thread.join();
    gate_.WaitForAll(settings_.in_flight);
    Run run;
    run.cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    run.events = sent_.size() * batches_.batch_events();
    run.accepted = accepted_.load();
    run.failed_batches = failed_.load();
    Summarise(begin, &run);
    return run;
  }

 private:
  void FeedFrom(std::size_t thread, Sink* sink) {
    for (std::uint32_t pass = 0; pass < settings_.passes; ++pass) {
      for (std::size_t i = thread; i < used_; i += settings_.threads) {
        gate_.Enter();
        if (settings_.passes > 1) batches_.Renew(i, pass + 1);
        const std::size_t slot = pass * used_ + i;
        sent_[slot] = SteadyClock::now();
        sink->Ingest(batches_.at(i), [this, slot](std::int64_t accepted) {
          acked_[slot] = SteadyClock::now();
          if (accepted < 0) {
            ++failed_;
          } else {
            accepted_ += static_cast<std::uint64_t>(accepted);
          }
          gate_.Leave();
        });
      }
    }
  }

  void Summarise(SteadyClock::time_point begin, Run* run) {
    std::vector<double> ack;
    for (std::size_t i = 0; i < sent_.size(); ++i) {
      ack.push_back(1e3 * Seconds(acked_[i] - sent_[i]));
    }
    run->ack = Summarize(std::move(ack));
    std::sort(acked_.begin(), acked_.end());
    run->seconds = Seconds(acked_.back() - begin);
    const std::size_t tenth = acked_.size() / 10;
    for (std::size_t i = 0; tenth > 0 && i < 10; ++i) {
      const auto from = i == 0 ? begin : acked_[i * tenth - 1];
      const double events = static_cast<double>(tenth * batches_.batch_events());
      run->rates.push_back(events / Seconds(acked_[(i + 1) * tenth - 1] - from));
    }
  }

  const Settings& settings_;
  Batches& batches_;
  const std::size_t used_;
  std::vector<SteadyClock::time_point> sent_;
  std::vector<SteadyClock::time_point> acked_;
  std::atomic<std::uint64_t> accepted_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  Gate gate_;
};

std::optional<Run> Measure(const Settings& settings, const std::string& name, Batches* batches) {
  ScratchDir dir(settings.dir);
  malloc_trim(0);  // what an earlier store left must not hide what this one takes
  const std::uint64_t memory_before = ReadMemory(0).used();
  auto sink = MakeSink(name, dir.path());
  if (sink == nullptr) return std::nullopt;
  const bool engine = name.starts_with("engine");
  std::size_t used = batches->size();
  if (!engine) used = std::min(used, settings.rival_events / batches->batch_events());
  Feed feed(settings, batches, std::max<std::size_t>(used, 1));
  MemoryPeak peak(0);
  Run run = feed.Measure(sink.get());
  run.memory_peak = peak.Stop() - memory_before;
  run.content = sink->Read();
  run.dedupe_bytes = sink->DedupeBytes();
  sink.reset();
  run.disk_bytes = DiskBytes(dir.path());
  const bool complete =
      run.failed_batches == 0 && run.accepted == run.events && run.content.events == run.events;
  if (!complete) {
    std::fprintf(stderr, "%s: sent %llu, accepted %llu, holds %llu, failed batches %llu\n",
                 name.c_str(), static_cast<unsigned long long>(run.events),
                 static_cast<unsigned long long>(run.accepted),
                 static_cast<unsigned long long>(run.content.events),
                 static_cast<unsigned long long>(run.failed_batches));
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
    auto sink = MakeSink(name, dir.path());
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
  for (const Run& run : runs) all.push_back(static_cast<double>(run.events) / run.seconds);
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
    return static_cast<double>(a.events) / a.seconds < static_cast<double>(b.events) / b.seconds;
  });
  const Run& run = runs[runs.size() / 2];
  const double events = static_cast<double>(run.events);
  JsonObject object;
  object.Add("name", name).Add("events", run.events).Add("seconds", run.seconds);
  object.Add("events_per_second", events / run.seconds).Add("runs", all);
  object.Add("tenths", run.rates).Add("cpu_us_per_event", 1e6 * run.cpu_seconds / events);
  object.Add("ack", run.ack).Add("memory_peak_bytes", run.memory_peak);
  object.Add("dedupe_bytes", run.dedupe_bytes);
  object.Add("disk_bytes_per_event", static_cast<double>(run.disk_bytes) / events);
  return object;
}

int Bench(const Settings& settings) {
  const auto batches = Batches::Create({.generator = {.users = settings.users},
                                        .events = settings.events,
                                        .batch_events = settings.batch_events,
                                        .shards = settings.threads});
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
  out.Add("benchmark", "ingest").Add("threads", std::uint64_t{settings.threads});
  out.Add("batch_events", std::uint64_t{settings.batch_events});
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
  app.add_option("--passes", settings.passes, "times the input is sent, with new ids")
      ->check(CLI::Range(1u, 1'000u))
      ->capture_default_str();
  app.add_option("--threads", settings.threads, "callers")
      ->check(CLI::Range(1u, 64u))
      ->capture_default_str();
  app.add_option("--in-flight", settings.in_flight, "batches under way at most")
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
  app.add_flag("--smoke", smoke, "everything once, small");
  CLI11_PARSE(app, argc, argv);
  if (smoke) {
    settings.events = settings.rival_events = 4'000;
    settings.batch_events = 100;
    settings.passes = 2;
    settings.users = 100;
    settings.sinks = {"engine", "engine-blocking", "naive", "sqlite"};
  }
  return Bench(settings);
}

}  // namespace
}  // namespace insightflow::benchmarks

int main(int argc, char** argv) { return insightflow::benchmarks::Main(argc, argv); }
