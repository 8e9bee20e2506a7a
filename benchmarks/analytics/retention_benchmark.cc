// Retention over timelines in memory: day by 14, from the first view to any event. The answer is
// compared with the naive twin's first.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "benchmarks/analytics/user_runs.h"
#include "lib/analytics/analyze.h"
#include "tests/reference/retention_twin.h"

namespace insightflow {
namespace {

using benchmarks::GeneratedEvent;
using benchmarks::Kind;
using benchmarks::UserRuns;

bool EqualsTwin(const RetentionQuery& query) {
  const std::vector<Event> events = benchmarks::SomeEvents(5'000);
  const Result<Answer> answer = AnalyzeEvents(query, events, FromMillis(0));
  if (!answer.ok()) return false;
  ScanEnd end;
  end.data_end_ms = ToMillis(events.back().timestamp);
  return std::get<RetentionAnswer>(answer->body) ==
         reference::RetentionTwin(query, events, end).Answer();
}

void BM_Retention(benchmark::State& state) {
  RetentionQuery query;
  query.start.types = {"view"};
  query.periods = 14;
  query.cohort = static_cast<RetentionCohort>(state.range(0));
  query.bucket = static_cast<RetentionBucket>(state.range(1));
  query.scope.timezone = "Europe/Berlin";
  if (!EqualsTwin(query)) {
    state.SkipWithError("the answer is not the twin's");
    return;
  }
  const UserRuns runs(state, 0, [](const GeneratedEvent& event) -> std::uint64_t {
    return event.kind == Kind::kView ? 3 : 2;
  });
  const Result<std::unique_ptr<Analysis>> analysis = CreateRetention(query);
  for (auto _ : state) {
    const std::unique_ptr<AnalysisState> visited = runs.Run(**analysis);
    bool exact = true;
    benchmark::DoNotOptimize((*analysis)->Finish(visited.get(), runs.end(), &exact).ok());
  }
  ReportRows(state, runs);
}
BENCHMARK(BM_Retention)
    ->ArgNames({"recurring", "rolling"})
    ->ArgsProduct({{0, 1}, {0, 1}})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace insightflow
