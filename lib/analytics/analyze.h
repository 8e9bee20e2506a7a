// An analysis over events in memory: the whole way of a query without a store.
#pragma once

#include <span>

#include "insightflow/event.h"
#include "lib/analytics/analysis.h"

namespace insightflow {
inline namespace v1 {

// The events stand in the order of the log. `now`: the moment of asking. O(n log n).
Result<Answer> AnalyzeEvents(const Query& query, std::span<const Event> events, Timestamp now);

}  // namespace v1
}  // namespace insightflow
