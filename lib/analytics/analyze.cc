#include "lib/analytics/analyze.h"

#include <algorithm>
#include <utility>

#include "lib/model/event_rows.h"
#include "lib/model/memory_timelines.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kRowsAtOnce = 16'384;

}  // namespace

Result<Answer> AnalyzeEvents(const Query& query, std::span<const Event> events, Timestamp now) {
  const Result<std::unique_ptr<Analysis>> analysis = CreateAnalysis(query);
  if (!analysis.ok()) return analysis.status();
  EventBatch batch;
  AppendEvents(events, &batch);
  ValueTable values;
  const std::unique_ptr<AnalysisState> state = (*analysis)->NewState(&values);
  Status status = VisitTimelines(batch, (*analysis)->plan(), &values, kRowsAtOnce, state.get());
  if (!status.ok()) return status;
  std::optional<std::pair<std::int64_t, std::int64_t>> data;
  if (batch.rows != 0) {
    const auto [first, last] = std::minmax_element(batch.time_ms.begin(), batch.time_ms.end());
    data = {*first, *last};
  }
  Answer answer;
  const ScanEnd end = EndOfData(ScopeOf(query), data, ToMillis(now));
  Result<AnswerBody> body = (*analysis)->Finish(state.get(), end, &answer.meta.exact);
  if (!body.ok()) return body.status();
  answer.body = std::move(*body);
  answer.meta.events_scanned = batch.rows;
  answer.meta.as_of_sequence = batch.rows;
  return answer;
}

}  // namespace v1
}  // namespace insightflow
