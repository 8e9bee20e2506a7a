#include "lib/analytics/time_buckets.h"

#include <algorithm>
#include <string>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kHourMs = 60 * kMinuteMs;
constexpr std::int64_t kDayMs = 24 * kHourMs;
// The years 1 to 9999, less a week at either end for the zones.
constexpr std::int64_t kTimeMin = -62'135'596'800'000 + 7 * kDayMs;
constexpr std::int64_t kTimeMax = 253'402'300'800'000 - 7 * kDayMs;

std::int64_t UsualLength(Interval interval) {
  switch (interval) {
    case Interval::kMinute: return kMinuteMs;
    case Interval::kHour: return kHourMs;
    case Interval::kDay: return kDayMs;
    case Interval::kWeek: return 7 * kDayMs;
    case Interval::kMonth: return 2'629'746'000;  // a twelfth of 365.2425 days
    case Interval::kTotal: break;
  }
  return kTimeMax;
}

std::int64_t FloorTo(std::int64_t value, std::int64_t unit) {
  const std::int64_t rest = value % unit;
  return value - (rest < 0 ? rest + unit : rest);
}

// Local time less UTC, which is of whole seconds.
std::int64_t OffsetMs(const absl::TimeZone& zone, std::int64_t time_ms) {
  return std::int64_t{zone.At(absl::FromUnixMillis(time_ms)).offset} * 1000;
}

// The first instant after `low` with another offset than it has; `high` has another.
std::int64_t ChangeBetween(const absl::TimeZone& zone, std::int64_t low, std::int64_t high) {
  const std::int64_t offset = OffsetMs(zone, low);
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (OffsetMs(zone, middle) == offset ? low : high) = middle;
  }
  return high;
}

// Full minutes or hours of the local clock, and its changes, of which an hour has at most one.
std::vector<std::int64_t> ClockBounds(const absl::TimeZone& zone, std::int64_t unit_ms,
                                      std::int64_t from_ms, std::int64_t to_ms) {
  std::int64_t offset = OffsetMs(zone, from_ms);
  std::int64_t at = FloorTo(from_ms + offset, unit_ms) - offset;
  if (OffsetMs(zone, at) != offset) at = ChangeBetween(zone, at, from_ms);
  std::vector<std::int64_t> bounds = {at};
  while (at < to_ms && bounds.size() <= kIntervalsMax + 1) {
    std::int64_t next = FloorTo(at + offset, unit_ms) + unit_ms - offset;
    if (OffsetMs(zone, next - 1) != offset) next = ChangeBetween(zone, at, next - 1);
    offset = OffsetMs(zone, next);
    at = next;
    bounds.push_back(at);
  }
  return bounds;
}

absl::CivilDay FirstDay(Interval interval, absl::CivilDay day) {
  switch (interval) {
    case Interval::kWeek: return absl::PrevWeekday(day + 1, absl::Weekday::monday);
    case Interval::kMonth: return absl::CivilDay(absl::CivilMonth(day));
    default: return day;
  }
}

absl::CivilDay NextFirstDay(Interval interval, absl::CivilDay first) {
  switch (interval) {
    case Interval::kWeek: return first + 7;
    case Interval::kMonth: return absl::CivilDay(absl::CivilMonth(first) + 1);
    default: return first + 1;
  }
}

std::vector<std::int64_t> DateBounds(Interval interval, const absl::TimeZone& zone,
                                     std::int64_t from_ms, std::int64_t to_ms) {
  const auto begin_of = [&](absl::CivilDay day) {
    return absl::ToUnixMillis(absl::FromCivil(day, zone));
  };
  // A date that comes again just after a clock was set back over midnight began before.
  absl::CivilDay first = FirstDay(interval, absl::ToCivilDay(absl::FromUnixMillis(from_ms), zone));
  absl::CivilDay next = NextFirstDay(interval, first);
  while (begin_of(next) <= from_ms) {
    first = next;
    next = NextFirstDay(interval, next);
  }
  std::vector<std::int64_t> bounds = {begin_of(first)};
  while (bounds.back() < to_ms && bounds.size() <= kIntervalsMax + 1) {
    const std::int64_t at = begin_of(next);
    if (at > bounds.back()) bounds.push_back(at);  // else a day that was skipped
    next = NextFirstDay(interval, next);
  }
  return bounds;
}

}  // namespace

std::string_view IntervalName(Interval interval) {
  switch (interval) {
    case Interval::kMinute: return "minute";
    case Interval::kHour: return "hour";
    case Interval::kDay: return "day";
    case Interval::kWeek: return "week";
    case Interval::kMonth: return "month";
    case Interval::kTotal: return "total";
  }
  return "";
}

Status TooManyIntervals(Interval interval) {
  return InvalidArgument("the range has more than 10000 points of interval \"" +
                         std::string(IntervalName(interval)) +
                         "\"; ask for a longer interval, or a shorter range by from and to");
}

Result<TimeBuckets> TimeBuckets::Create(Interval interval, const absl::TimeZone& zone,
                                        std::int64_t from_ms, std::int64_t to_ms) {
  TimeBuckets buckets;
  if (from_ms >= to_ms) return buckets;
  buckets.guess_ms_ = UsualLength(interval);
  if (interval == Interval::kTotal) {
    buckets.bounds_ = {from_ms, to_ms};
    return buckets;
  }
  if (from_ms < kTimeMin || to_ms > kTimeMax) {
    return InvalidArgument("from and to must lie in the years 1 to 9999");
  }
  // Months of 31 days are the longest over their usual length; changes of the clock add a little.
  if ((to_ms - from_ms) / buckets.guess_ms_ > std::int64_t{kIntervalsMax} + 100) {
    return TooManyIntervals(interval);
  }
  const bool by_clock = interval == Interval::kMinute || interval == Interval::kHour;
  buckets.bounds_ = by_clock ? ClockBounds(zone, buckets.guess_ms_, from_ms, to_ms)
                             : DateBounds(interval, zone, from_ms, to_ms);
  if (buckets.size() > kIntervalsMax) return TooManyIntervals(interval);
  return buckets;
}

std::size_t TimeBuckets::IndexOf(std::int64_t time_ms) const {
  const std::int64_t guess = (time_ms - bounds_.front()) / guess_ms_;
  std::size_t index = std::min(static_cast<std::size_t>(guess), size() - 1);
  while (time_ms < bounds_[index]) --index;
  while (time_ms >= bounds_[index + 1]) ++index;
  return index;
}

}  // namespace v1
}  // namespace insightflow
