// Live numbers: what an event costs on the ingest path, and how long a dashboard waits meanwhile.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/common/generator.h"
#include "benchmarks/common/measure.h"
#include "lib/live/live_state.h"

namespace insightflow {
namespace {

constexpr std::size_t kRows = 1'000;
constexpr std::uint64_t kHashSeed = 7;

// A stretch of a log that can be applied again and again: every pass happens after the one before.
class Log {
 public:
  // The first run of a benchmark has one iteration and is the only one of a smoke test: it makes do
  // with little.
  Log(const benchmark::State& state, std::uint32_t pages)
      : users_(state.max_iterations == 1 ? 10'000 : 1'000'000) {
    benchmarks::Generator generator({.users = users_, .pages = pages});
    for (std::uint32_t i = 0; i < users_ / kRows; ++i) {
      EventBatch& batch = batches_.emplace_back();
      for (std::size_t row = 0; row < kRows; ++row) Append(generator.Next(), &batch);
    }
    span_ms_ = batches_.back().received_ms - batches_.front().time_ms.front() + 1;
  }

  // Makes every user known, then applies the whole stretch once.
  void Warm(LiveState* live) {
    EventBatch batch;
    benchmarks::GeneratedEvent event;
    event.time_ms = batches_.front().time_ms.front();
    for (event.user = 0; event.user < users_; ++event.user) {
      Append(event, &batch);
      if (batch.rows < kRows && event.user + 1 < users_) continue;
      live->Apply(batch, live->applied_sequence() + 1);
      batch.Clear();
    }
    for (std::size_t i = 0; i < batches_.size(); ++i) ApplyNext(live);
  }

  void ApplyNext(LiveState* live) {
    live->Apply(batches_[next_], live->applied_sequence() + 1);
    now_ms_ = batches_[next_].received_ms;
    for (std::int64_t& time : batches_[next_].time_ms) time += span_ms_;
    batches_[next_].received_ms += span_ms_;
    next_ = (next_ + 1) % batches_.size();
  }

  std::int64_t now_ms() const { return now_ms_; }

 private:
  static void Append(const benchmarks::GeneratedEvent& generated, EventBatch* batch) {
    const Event event = benchmarks::ToEvent(generated);
    const std::size_t row = batch->PushRow(ToMillis(event.timestamp));
    batch->column(Field::kUserId).Set(row, event.user_id);
    batch->column(Field::kEventType).Set(row, event.event_type);
    batch->column(Field::kPageUrl).Set(row, event.page_url);
    batch->column(Field::kElement).Set(row, event.element);
    batch->column(Field::kUserAgent).Set(row, event.user_agent);
    batch->received_ms = batch->time_ms[row];
  }

  std::uint32_t users_;
  std::vector<EventBatch> batches_;
  std::size_t next_ = 0;
  std::int64_t span_ms_ = 0;
  std::atomic<std::int64_t> now_ms_ = 0;
};

void BM_Apply(benchmark::State& state) {
  Log log(state, static_cast<std::uint32_t>(state.range(0)));
  LiveLimits limits;
  limits.pages_max = static_cast<std::size_t>(state.range(1));
  LiveState live(limits, kHashSeed);
  log.Warm(&live);
  for (auto _ : state) log.ApplyNext(&live);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
  state.counters["s_per_event"] = benchmark::Counter(
      kRows, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["users"] = static_cast<double>(live.users());
  state.counters["bytes"] = static_cast<double>(live.bytes());
}
BENCHMARK(BM_Apply)
    ->ArgNames({"pages", "pages_max"})
    ->Args({5'000, 100'000})
    ->Args({5'000, 1'000})
    ->Args({1'000'000, 100'000});

void BM_Dashboard(benchmark::State& state) {
  Log log(state, static_cast<std::uint32_t>(state.range(0)));
  LiveState live(LiveLimits(), kHashSeed);
  log.Warm(&live);
  for (auto _ : state) benchmark::DoNotOptimize(live.GetDashboard(10, log.now_ms()));
}
BENCHMARK(BM_Dashboard)->ArgName("pages")->Arg(5'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void BM_HotPages(benchmark::State& state) {
  Log log(state, 100'000);
  LiveState live(LiveLimits(), kHashSeed);
  log.Warm(&live);
  const auto window = static_cast<Window>(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(live.HotPages(window, 10, log.now_ms() + state.range(1)));
  }
}
BENCHMARK(BM_HotPages)
    ->ArgNames({"window", "later_ms"})
    ->ArgsProduct({{0, 1, 2}, {0, 120'000}})
    ->Unit(benchmark::kMicrosecond);

// A dashboard a millisecond while another thread applies as fast as it can.
void BM_DashboardUnderApply(benchmark::State& state) {
  Log log(state, static_cast<std::uint32_t>(state.range(0)));
  LiveState live(LiveLimits(), kHashSeed);
  log.Warm(&live);
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> applied = 0;
  std::thread writer([&] {
    for (; !stop; applied += kRows) log.ApplyNext(&live);
  });
  std::vector<double> milliseconds;
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(live.GetDashboard(10, log.now_ms()));
    const auto took = std::chrono::steady_clock::now() - begin;
    state.SetIterationTime(benchmarks::Seconds(took));
    milliseconds.push_back(1e3 * benchmarks::Seconds(took));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  stop = true;
  writer.join();
  const benchmarks::Latencies latencies = benchmarks::Summarize(milliseconds);
  state.counters["p50_ms"] = latencies.p50;
  state.counters["p99_ms"] = latencies.p99;
  state.counters["max_ms"] = latencies.max;
  state.counters["applied_per_s"] =
      benchmark::Counter(static_cast<double>(applied), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_DashboardUnderApply)
    ->ArgName("pages")
    ->Arg(5'000)
    ->Arg(100'000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

void BM_Save(benchmark::State& state) {
  Log log(state, 5'000);
  LiveState live(LiveLimits(), kHashSeed);
  log.Warm(&live);
  std::string saved;
  for (auto _ : state) {
    saved.clear();
    live.Save(&saved);
  }
  state.counters["bytes"] = static_cast<double>(saved.size());
}
BENCHMARK(BM_Save)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace insightflow
