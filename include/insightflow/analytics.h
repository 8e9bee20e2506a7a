// The analyses as functions of events in memory: no store, no thread, no clock.
//
//   std::vector<Event> events = …;                       // in the order in which they arrived
//   Result<Answer> answer = Analyze(query, events, now);  // what Engine::Query would say
//   Result<std::vector<FunnelPath>> paths = FunnelPaths(funnel, events);
//
// Thread safety: functions of their arguments. Complexity: O(n log n), for ordering the events.
// Errors: those of the query, kInvalidArgument or kOutOfRange; the message names the field.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "insightflow/event.h"
#include "insightflow/export.h"
#include "insightflow/query.h"
#include "insightflow/result.h"
#include "insightflow/status.h"
#include "insightflow/time.h"

namespace insightflow {
inline namespace v1 {

// The answer to a query over these events and no others. `now` is the moment of asking.
INSIGHTFLOW_EXPORT Result<Answer> Analyze(const Query& query, std::span<const Event> events,
                                          Timestamp now);

struct FunnelPathStep {
  std::size_t step = 1;  // unordered: how many were filled by then
  Timestamp time = {};

  friend bool operator==(const FunnelPathStep&, const FunnelPathStep&) = default;
};

// The chain of events by which a funnel counts a user, or a session.
struct FunnelPath {
  std::string user_id = {};
  std::size_t level = 0;  // the furthest step
  std::vector<FunnelPathStep> steps = {};

  friend bool operator==(const FunnelPath&, const FunnelPath&) = default;
};

// One path for each user who reached step 1, by user id; with FunnelUnit::kSession one for each
// session that did. Not for the modes of ClickHouse, which tell levels only: kInvalidArgument.
INSIGHTFLOW_EXPORT Result<std::vector<FunnelPath>> FunnelPaths(const FunnelQuery& query,
                                                               std::span<const Event> events);

}  // namespace v1
}  // namespace insightflow
