// Timelines of events in memory, evaluated row by row: what a test or a program with events of its
// own uses, and the plain statement of what a scan of the store must hand out.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/model/batch.h"
#include "lib/model/scan_plan.h"
#include "lib/model/timelines.h"
#include "lib/model/value_table.h"

namespace insightflow {
inline namespace v1 {

// Hands out the timelines of the batch's rows, which stand in the order of the log: users in
// ascending order of their ids, about `rows_max` rows at a time and at least one user. O(n log n).
Status VisitTimelines(const EventBatch& events, const ScanPlan& plan, ValueTable* values,
                      std::size_t rows_max, TimelineVisitor* visitor);

// The order of a client among events of equal time: the events of one tab_id that have a seq keep
// the places that they have together, and take them in order of seq. `rows` are such events in the
// order of the log. O(n log n) for n equal times.
struct ClientPlace {
  std::uint32_t row = 0;
  std::uint64_t tab = 0;  // equal for equal tab_id; 0: none
  std::uint64_t seq = 0;
};
void SortByClient(std::span<ClientPlace> rows);

}  // namespace v1
}  // namespace insightflow
