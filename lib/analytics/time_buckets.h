// The minutes, hours, days, weeks or months of a time zone that cover a range of time.
//
// A day, a week (from Monday) or a month begins with the first instant that has its date: days last
// 23 or 25 hours where the clock is changed, and a day that a zone skipped is not there. Hours and
// minutes begin where the local clock shows a full one, and where the clock is changed: a local
// hour that comes twice is two intervals.
//
// The boundaries are computed once, into a sorted vector. An instant is located by the guess that
// all intervals are of one length, and a step or two from there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "insightflow/query.h"
#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kIntervalsMax = 10'000;

std::string_view IntervalName(Interval interval);
// What a range with more than kIntervalsMax intervals gets.
Status TooManyIntervals(Interval interval);

class TimeBuckets {
 public:
  // No interval.
  TimeBuckets() = default;
  // The intervals that hold an instant of [from_ms, to_ms); none when that is empty. kTotal is one
  // interval, the range itself. kInvalidArgument: more than kIntervalsMax, or a year outside of 1
  // to 9999. O(intervals).
  static Result<TimeBuckets> Create(Interval interval, const absl::TimeZone& zone,
                                    std::int64_t from_ms, std::int64_t to_ms);

  std::size_t size() const { return bounds_.empty() ? 0 : bounds_.size() - 1; }
  // Of the interval, which may begin before the range and end after it.
  std::int64_t Begin(std::size_t index) const { return bounds_[index]; }
  std::int64_t End(std::size_t index) const { return bounds_[index + 1]; }
  bool Covers(std::int64_t time_ms) const {
    return size() != 0 && time_ms >= bounds_.front() && time_ms < bounds_.back();
  }
  // Requires Covers(time_ms). O(1) but for a range over many changes of the clock.
  std::size_t IndexOf(std::int64_t time_ms) const;

 private:
  std::vector<std::int64_t> bounds_;
  std::int64_t guess_ms_ = 1;  // the usual length
};

}  // namespace v1
}  // namespace insightflow
