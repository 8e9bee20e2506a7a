// Numbers the intervals that events fall into, in order of first use, while the range of the data
// is not known yet: what counts are kept by until the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "lib/analytics/analysis.h"
#include "lib/analytics/time_buckets.h"

namespace insightflow {
inline namespace v1 {

class IntervalBook {
 public:
  struct Slot {
    std::int64_t begin_ms = 0;
    std::int64_t end_ms = 0;  // no instant is in the slot as it is made
    std::uint32_t id = 0;

    bool Has(std::int64_t time_ms) const { return time_ms >= begin_ms && time_ms < end_ms; }
  };

  // `known` are the intervals of the range as far as it is known; times outside of them are
  // welcome.
  IntervalBook(Interval interval, absl::TimeZone zone, TimeBuckets known)
      : interval_(interval), zone_(zone), window_(std::move(known)), ids_(window_.size(), kNone) {}

  // The slot of a time, numbered if it is new. kInvalidArgument: the times span more than
  // kIntervalsMax intervals. Amortised O(1).
  Status Find(std::int64_t time_ms, Slot* slot);

  // Intervals with a number: 0 … size() - 1.
  std::uint32_t size() const { return static_cast<std::uint32_t>(begins_.size()); }
  // That times were looked up for in the direct table.
  std::size_t intervals() const { return window_.size(); }
  std::int64_t Begin(std::uint32_t id) const { return begins_[id]; }
  // Gives the intervals of another book numbers here: numbers[its id]. Errors as Find.
  Status Take(const IntervalBook& other, std::vector<std::uint32_t>* numbers);
  // All intervals of the range, at the end: from the first to the last event where it is open.
  // `from_ms` is the query's, or the least there is. Errors as TimeBuckets::Create.
  Result<TimeBuckets> Whole(const ScanEnd& end, std::int64_t from_ms) const;
  std::size_t bytes() const;

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  Status GrowTo(std::int64_t time_ms);

  Interval interval_;
  absl::TimeZone zone_;
  TimeBuckets window_;
  std::vector<std::uint32_t> ids_;  // by index in the window
  std::vector<std::int64_t> begins_;
};

}  // namespace v1
}  // namespace insightflow
