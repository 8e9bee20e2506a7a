// The hours, days, weeks or months of a zone for times that are not known beforehand: TimeBuckets
// that grow in both directions, without a limit on their number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "insightflow/query.h"
#include "lib/analytics/time_buckets.h"

namespace insightflow {
inline namespace v1 {

class Calendar {
 public:
  struct Slot {
    std::int64_t begin_ms = 0;
    std::int64_t end_ms = 0;   // no instant is in the slot as it is made
    std::int64_t ordinal = 0;  // consecutive; counted from where this calendar began

    bool Has(std::int64_t time_ms) const { return time_ms >= begin_ms && time_ms < end_ms; }
  };

  Calendar(Interval interval, absl::TimeZone zone) : interval_(interval), zone_(zone) {}

  // The interval that holds a time. Times before the year 2 or after 9998 count with the first or
  // last interval of these. Amortised O(1).
  Slot At(std::int64_t time_ms);
  // The interval `by` after (before, when negative) another of this calendar.
  Slot After(const Slot& slot, std::int64_t by);
  std::size_t bytes() const { return bounds_.capacity() * sizeof(bounds_[0]); }

 private:
  void GrowToHold(std::int64_t time_ms);
  bool GrowForwards();
  bool GrowBackwards();
  Slot SlotAt(std::size_t index) const;

  Interval interval_;
  absl::TimeZone zone_;
  std::vector<std::int64_t> bounds_;
  std::int64_t first_ordinal_ = 0;  // of the interval that bounds_ begins with
};

}  // namespace v1
}  // namespace insightflow
