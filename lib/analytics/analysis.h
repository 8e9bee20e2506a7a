// What every analysis is: an immutable query, and states that only hold data.
//
//   Result<std::unique_ptr<Analysis>> analysis = CreateAnalysis(query, now_ms);
//   each thread:  state = analysis->NewState();  scan(analysis->plan(), values, state);
//   at the end:   if (analysis->Agree(states)) each thread:  state->Settle();
//                 states[0]->Merge(std::move(*states[i]));  analysis->Finish(states[0].get(), end)
//
// Merge is associative and commutative, so threads, shards and parts of the store are one thing.
// Each user's whole timeline must go to one state. Nothing here does I/O, reads a clock or draws a
// random number.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "insightflow/query.h"
#include "insightflow/result.h"
#include "insightflow/status.h"
#include "lib/analytics/stop.h"
#include "lib/model/scan_plan.h"
#include "lib/model/timelines.h"
#include "lib/model/value_table.h"

namespace insightflow {
inline namespace v1 {

// What the scan knows at its end.
struct ScanEnd {
  // Where the data ends: the query's `to`, else the time of the last stored event (of any user,
  // whatever the filters). kNoEvents when there is neither.
  static constexpr std::int64_t kNoEvents = INT64_MIN;
  std::int64_t data_end_ms = kNoEvents;
  std::int64_t data_begin_ms = kNoEvents;  // the same for `from` and the first event
  // True when the end is that of an event, which then belongs to the data; `to` does not.
  bool end_is_event = true;
  std::int64_t last_event_ms = kNoEvents;  // of all that are stored
  std::int64_t now_ms = 0;

  // The last moment of which all is known. A `to` that is still to come tells nothing of the time
  // until then.
  std::int64_t known_ms() const {
    return end_is_event ? data_end_ms : std::min(data_end_ms - 1, std::max(now_ms, last_event_ms));
  }
};

class AnalysisState : public TimelineVisitor {
 public:
  // Takes what another state of the same analysis has seen; that one is empty afterwards.
  // kInvalidArgument, and nothing is taken, for a state of another analysis. kCancelled: the query
  // has ended.
  Status Merge(AnalysisState* other) {
    Status status = DoMerge(other);
    if (!status.ok()) return status;
    if (other->stop_.over()) stop_.End();
    return stop_.status();
  }
  // Memory, at most, while so many more rows are taken in: what grows is there twice for a while.
  // O(1). A query whose states exceed its budget ends with kResourceExhausted before they do.
  virtual std::size_t bytes(std::size_t more) const = 0;
  // See Analysis::Agree.
  virtual void Settle() {}
  // For who knows before the first row what the scan will know at its end, and gives Finish the
  // same: what hangs on it need not be kept until then.
  virtual void KnowEnd(const ScanEnd&) {}
  // Where its work may take long, for one user, in Settle, in Merge or in Analysis::Finish, a state
  // asks now and then whether the query has ended, and then returns early: nobody will want its
  // answer. Once it was told so, Finish has none. `ended` outlives the state, and is called in the
  // thread that the state works in; bytes() and stop()->taken() may be looked at then.
  void Watch(const std::function<bool()>* ended) { stop_.Watch(ended); }
  Stop* stop() { return &stop_; }

 protected:
  virtual Status DoMerge(AnalysisState* other) = 0;

 private:
  Stop stop_;
};

// `data`: times of the first and the last stored event; nullopt: none is stored.
ScanEnd EndOfData(const QueryScope& scope,
                  std::optional<std::pair<std::int64_t, std::int64_t>> data, std::int64_t now_ms);
const QueryScope& ScopeOf(const Query& query);

// Immutable: threads may share it.
class Analysis {
 public:
  virtual ~Analysis() = default;
  // Bounds of the scan are those of the query, or wider when the analysis needs earlier events.
  const ScanPlan& plan() const { return plan_; }
  // `values` is that of the scan and outlives the state.
  virtual std::unique_ptr<AnalysisState> NewState(const ValueTable* values) const = 0;
  // For who has threads: when all have seen what they will, `states` get to know of each other.
  // True when each has work left then that it does in Settle, side by side with the others. No
  // answer hangs on that.
  virtual bool Agree(std::span<const std::unique_ptr<AnalysisState>>) const { return false; }
  // The answer; `state` is spent. `*exact` becomes false where a bound was needed. kCancelled: the
  // query has ended.
  Result<AnswerBody> Finish(AnalysisState* state, const ScanEnd& end, bool* exact) const {
    Result<AnswerBody> answer = DoFinish(state, end, exact);
    if (state->stop()->over()) return state->stop()->status();
    return answer;
  }

 protected:
  virtual Result<AnswerBody> DoFinish(AnalysisState* state, const ScanEnd& end,
                                      bool* exact) const = 0;

  ScanPlan plan_;
};

// Checks the query as a whole. kInvalidArgument, kOutOfRange: the message names the field.
Result<std::unique_ptr<Analysis>> CreateAnalysis(const Query& query);

Result<std::unique_ptr<Analysis>> CreateTrends(const TrendsQuery& query);
Result<std::unique_ptr<Analysis>> CreateTop(const TopQuery& query);
Result<std::unique_ptr<Analysis>> CreateSessions(const SessionsQuery& query);
Result<std::unique_ptr<Analysis>> CreateFunnel(const FunnelQuery& query);
Result<std::unique_ptr<Analysis>> CreateRetention(const RetentionQuery& query);
Result<std::unique_ptr<Analysis>> CreatePaths(const PathsQuery& query);
Result<std::unique_ptr<Analysis>> CreateLifecycle(const LifecycleQuery& query);
Result<std::unique_ptr<Analysis>> CreateHeatmap(const HeatmapQuery& query);
Result<std::unique_ptr<Analysis>> CreateUsers(const UsersQuery& query);

}  // namespace v1
}  // namespace insightflow
