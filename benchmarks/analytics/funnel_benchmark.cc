// Funnels over timelines in memory, of 4, 12 and 64 steps and in every order. Before anything is
// timed, levels are compared with those of a search that begins anew at every event.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "benchmarks/analytics/user_runs.h"
#include "lib/analytics/analysis.h"

namespace insightflow {
namespace {

using benchmarks::GeneratedEvent;
using benchmarks::Kind;
using benchmarks::UserRuns;

constexpr std::int64_t kWindowMs = 7 * 86'400'000;

// Types in turn, as the scan numbers them. Four steps: view, click, form, purchase.
std::vector<Kind> StepKinds(std::size_t steps) {
  if (steps == 4) return {Kind::kView, Kind::kClick, Kind::kForm, Kind::kPurchase};
  std::vector<Kind> kinds;
  for (std::size_t k = 0; k < steps; ++k) {
    kinds.push_back(static_cast<Kind>(k % benchmarks::kKindCount));
  }
  return kinds;
}

FunnelQuery QueryOf(std::size_t steps, FunnelOrder order) {
  FunnelQuery query;
  for (const Kind kind : StepKinds(steps)) {
    query.steps.push_back({.event = {{benchmarks::KindName(kind)}}});
  }
  query.window = Duration(kWindowMs);
  query.order = order;
  return query;
}

// Equal types are one selector, numbered by first use.
UserRuns::MatchesOf MatchesOf(std::size_t steps) {
  std::vector<std::uint64_t> bits(benchmarks::kKindCount);
  std::uint64_t next = 1;
  for (const Kind kind : StepKinds(steps)) {
    std::uint64_t& bit = bits[static_cast<std::size_t>(kind)];
    if (bit == 0) {
      bit = next;
      next <<= 1;
    }
  }
  return [bits](const GeneratedEvent& event) { return bits[static_cast<std::size_t>(event.kind)]; };
}

// By level - 1: users whose level it is. Events of one time are rare, and come in the order of
// their types, which is that of the steps.
std::vector<std::uint64_t> NaiveLevels(const UserRuns& runs, std::size_t steps) {
  std::vector<std::uint64_t> bits(steps);
  for (std::size_t k = 0; k < steps; ++k) {
    GeneratedEvent event;
    event.kind = StepKinds(steps)[k];
    bits[k] = MatchesOf(steps)(event);
  }
  std::vector<std::uint64_t> levels(steps);
  for (const Timelines& batch : runs.batches()) {
    for (std::size_t run = 0; run < batch.runs(); ++run) {
      std::size_t best = 0;
      for (std::size_t first = batch.RunBegin(run); first < batch.run_ends[run]; ++first) {
        std::size_t level = 0;
        for (std::size_t row = first; row < batch.run_ends[run] && level < steps; ++row) {
          if (batch.time_ms[row] - batch.time_ms[first] > kWindowMs) break;
          if (batch.matches[row] == bits[level]) ++level;
          if (level == 0) break;
        }
        best = std::max(best, level);
      }
      if (best > 0) ++levels[best - 1];
    }
  }
  return levels;
}

std::vector<std::uint64_t> Levels(const UserRuns& runs, const Analysis& analysis) {
  bool exact = true;
  const Result<AnswerBody> body = analysis.Finish(runs.Run(analysis).get(), runs.end(), &exact);
  std::vector<std::uint64_t> levels;
  if (!body.ok()) return levels;
  const auto& steps = std::get<FunnelAnswer>(*body).counts.steps;
  for (std::size_t k = 0; k < steps.size(); ++k) {
    levels.push_back(steps[k].users - (k + 1 < steps.size() ? steps[k + 1].users : 0));
  }
  return levels;
}

void Measure(benchmark::State& state, std::size_t steps, FunnelOrder order) {
  const UserRuns runs(state, 0, MatchesOf(steps));
  const Result<std::unique_ptr<Analysis>> analysis = CreateAnalysis(QueryOf(steps, order));
  if (!analysis.ok()) return state.SkipWithError(analysis.status().ToString().c_str());
  const UserRuns few(500, 0, MatchesOf(steps));
  if (order == FunnelOrder::kOrdered && Levels(few, **analysis) != NaiveLevels(few, steps)) {
    return state.SkipWithError("other levels than the naive search");
  }
  for (auto _ : state) benchmark::DoNotOptimize(runs.Run(**analysis));
  ReportRows(state, runs);
}

void BM_Ordered(benchmark::State& state) {
  Measure(state, static_cast<std::size_t>(state.range(0)), FunnelOrder::kOrdered);
}
// The rows of a scan are still in the cache when they are handed out.
void BM_OrderedInCache(benchmark::State& state) {
  const UserRuns runs(1'000, 0, MatchesOf(4));
  const Result<std::unique_ptr<Analysis>> analysis =
      CreateAnalysis(QueryOf(4, FunnelOrder::kOrdered));
  for (auto _ : state) benchmark::DoNotOptimize(runs.Run(**analysis));
  ReportRows(state, runs);
}
void BM_StrictlyIncreasing(benchmark::State& state) {
  Measure(state, static_cast<std::size_t>(state.range(0)), FunnelOrder::kStrictlyIncreasing);
}
void BM_Strict(benchmark::State& state) {
  Measure(state, static_cast<std::size_t>(state.range(0)), FunnelOrder::kStrict);
}
void BM_Unordered(benchmark::State& state) {
  Measure(state, static_cast<std::size_t>(state.range(0)), FunnelOrder::kUnordered);
}

void BM_ClickHouse(benchmark::State& state) {
  const auto steps = static_cast<std::size_t>(state.range(0));
  const UserRuns runs(state, 0, MatchesOf(steps));
  FunnelQuery query = QueryOf(steps, FunnelOrder::kOrdered);
  query.clickhouse = ClickHouseModes{.strict_once = state.range(1) != 0};
  const Result<std::unique_ptr<Analysis>> analysis = CreateAnalysis(query);
  for (auto _ : state) benchmark::DoNotOptimize(runs.Run(**analysis));
  ReportRows(state, runs);
}
// Users whose events are so many types in turn: whoever has enough of them fills all steps.
void MeasureFilled(benchmark::State& state, const FunnelQuery& query, std::size_t types) {
  std::uint32_t user = 0;
  std::size_t event = 0;
  const UserRuns runs(state, 0, [&](const GeneratedEvent& at) {
    if (at.user != user) event = 0;
    user = at.user;
    return std::uint64_t{1} << event++ % types;
  });
  const Result<std::unique_ptr<Analysis>> analysis = CreateAnalysis(query);
  for (auto _ : state) benchmark::DoNotOptimize(runs.Run(**analysis));
  ReportRows(state, runs);
}

void BM_OrderedFilled(benchmark::State& state) {
  const auto steps = static_cast<std::size_t>(state.range(0));
  FunnelQuery query = QueryOf(steps, FunnelOrder::kOrdered);
  query.window.reset();
  MeasureFilled(state, query, std::min<std::size_t>(steps, 5));
}
// As many types as steps, of which one may be left out: a table of chains.
void BM_OptionalFilled(benchmark::State& state) {
  const auto steps = static_cast<std::size_t>(state.range(0));
  FunnelQuery query;
  for (std::size_t k = 0; k < steps; ++k) query.steps.push_back({.event = {{std::to_string(k)}}});
  query.steps[1].optional = true;
  MeasureFilled(state, query, steps);
}

// The answer from the state: mostly medians.
void BM_Finish(benchmark::State& state) {
  const UserRuns runs(state, 0, MatchesOf(4));
  const Result<std::unique_ptr<Analysis>> analysis =
      CreateAnalysis(QueryOf(4, FunnelOrder::kOrdered));
  for (auto _ : state) {
    state.PauseTiming();
    const std::unique_ptr<AnalysisState> made = runs.Run(**analysis);
    state.ResumeTiming();
    bool exact = true;
    benchmark::DoNotOptimize((*analysis)->Finish(made.get(), runs.end(), &exact));
  }
}

BENCHMARK(BM_Ordered)->Arg(4)->Arg(12)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_OrderedInCache)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_StrictlyIncreasing)->Arg(4)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Strict)->Arg(4)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Unordered)->Arg(4)->Arg(12)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ClickHouse)->Args({4, 0})->Args({12, 0})->Args({4, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(BM_OrderedFilled)->Arg(4)->Arg(12)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_OptionalFilled)->Arg(4)->Arg(12)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Finish)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace insightflow
