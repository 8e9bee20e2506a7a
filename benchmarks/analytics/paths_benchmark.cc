// Paths over timelines in memory: pages after the start of a session. The answer is compared with
// the naive twin's first.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "benchmarks/analytics/user_runs.h"
#include "lib/analytics/analyze.h"
#include "tests/reference/paths_twin.h"

namespace insightflow {
namespace {

using benchmarks::GeneratedEvent;
using benchmarks::Kind;
using benchmarks::UserRuns;

bool EqualsTwin(const PathsQuery& query) {
  const std::vector<Event> events = benchmarks::SomeEvents(5'000);
  const Result<Answer> answer = AnalyzeEvents(query, events, FromMillis(0));
  if (!answer.ok()) return false;
  const PathsAnswer ours = reference::Ordered(std::get<PathsAnswer>(answer->body));
  const PathsAnswer twin = reference::Ordered(reference::PathsTwin(query, events).Answer());
  return answer->meta.exact && ours == twin;
}

void BM_Paths(benchmark::State& state) {
  PathsQuery query;
  query.anchor = static_cast<PathsAnchor>(state.range(0));
  if (query.anchor == PathsAnchor::kAround) query.event.types = {"purchase"};
  if (!EqualsTwin(query)) {
    state.SkipWithError("the answer is not the twin's");
    return;
  }
  const UserRuns runs(state, 1, [](const GeneratedEvent& event) -> std::uint64_t {
    return event.kind == Kind::kPurchase ? 1 : 0;
  });
  const Result<std::unique_ptr<Analysis>> analysis = CreatePaths(query);
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::unique_ptr<AnalysisState> visited = runs.Run(**analysis);
    bytes = visited->bytes(0);
    bool exact = true;
    benchmark::DoNotOptimize((*analysis)->Finish(visited.get(), runs.end(), &exact).ok());
  }
  ReportRows(state, runs);
  state.counters["state_bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_Paths)->ArgName("anchor")->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace insightflow
