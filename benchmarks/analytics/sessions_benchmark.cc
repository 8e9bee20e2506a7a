// Sessions over timelines in memory: cutting alone, and the whole answer. The answer is compared
// with the naive twin's first.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "benchmarks/analytics/user_runs.h"
#include "lib/analytics/analyze.h"
#include "lib/analytics/sessioniser.h"
#include "tests/reference/sessions_twin.h"

namespace insightflow {
namespace {

using benchmarks::GeneratedEvent;
using benchmarks::Kind;
using benchmarks::UserRuns;

std::uint64_t NoMatch(const GeneratedEvent&) { return 0; }
// Selector 0 of sessions is the view, 1 what is no engagement.
std::uint64_t ViewMatch(const GeneratedEvent& event) { return event.kind == Kind::kView ? 1 : 0; }

bool EqualsTwin(const SessionsQuery& query) {
  const std::vector<Event> events = benchmarks::SomeEvents(5'000);
  const Result<Answer> answer = AnalyzeEvents(query, events, FromMillis(0));
  if (!answer.ok()) return false;
  ScanEnd end;
  end.data_begin_ms = ToMillis(events.front().timestamp);
  end.data_end_ms = ToMillis(events.back().timestamp);
  const auto& ours = std::get<SessionsAnswer>(answer->body);
  const SessionsAnswer twin = reference::TwinSessions(query, events, end);
  return ours.stats.sessions == twin.stats.sessions && ours.stats.bounces == twin.stats.bounces &&
         ours.stats.duration.median_ms == twin.stats.duration.median_ms &&
         ours.points == twin.points && ours.entry_pages == twin.entry_pages &&
         ours.exit_pages == twin.exit_pages && ours.split_causes == twin.split_causes;
}

void BM_Cut(benchmark::State& state) {
  const UserRuns runs(state, 0, NoMatch);
  SessionRules rules;
  rules.split_midnight = state.range(0) != 0;
  ScanPlan plan;
  const Result<Sessioniser> sessioniser = Sessioniser::Create(rules, "Europe/Berlin", &plan);
  SessionCutter cutter(&*sessioniser, runs.values());
  std::vector<SessionSpan> spans;
  std::size_t sessions = 0;
  for (auto _ : state) {
    sessions = 0;
    for (const Timelines& batch : runs.batches()) {
      for (std::size_t run = 0; run < batch.runs(); ++run) {
        cutter.Cut(batch, run, &spans);
        sessions += spans.size();
      }
    }
    benchmark::DoNotOptimize(sessions);
  }
  ReportRows(state, runs);
  state.counters["sessions"] = static_cast<double>(sessions);
}
BENCHMARK(BM_Cut)->ArgName("midnight")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void BM_Sessions(benchmark::State& state) {
  SessionsQuery query;
  if (state.range(0) != 0) query.interval = Interval::kDay;
  if (!EqualsTwin(query)) {
    state.SkipWithError("the answer is not the twin's");
    return;
  }
  const UserRuns runs(state, 1, ViewMatch);
  const Result<std::unique_ptr<Analysis>> analysis = CreateSessions(query);
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
BENCHMARK(BM_Sessions)->ArgName("by_day")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace insightflow
