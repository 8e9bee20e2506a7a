#include "lib/segments/batch_days.h"

#include <algorithm>

#include "lib/segments/segment_format.h"

namespace insightflow {
inline namespace v1 {

Status FindDays(const EventBatch& batch, std::vector<std::uint32_t>* days) {
  days->clear();
  for (const std::int64_t time : batch.time_ms) {
    const auto day = static_cast<std::uint32_t>(time / kDayMs);
    if (!days->empty() && days->back() == day) continue;
    if (time < 0 || time / kDayMs > UINT32_MAX) return Internal("an event of an impossible day");
    days->push_back(day);
  }
  std::sort(days->begin(), days->end());
  days->erase(std::unique(days->begin(), days->end()), days->end());
  return Status::Ok();
}

}  // namespace v1
}  // namespace insightflow
