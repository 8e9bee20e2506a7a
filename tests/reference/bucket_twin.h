// The naive twin of TimeBuckets: walks the range step by step and looks at the local clock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "insightflow/query.h"

namespace insightflow::reference {

inline constexpr std::int64_t kTwinStepMs = 60'000;

// What an interval is called: equal for all its instants, rising where dates are concerned.
inline std::string IntervalLabel(Interval interval, const absl::TimeZone& zone, std::int64_t ms) {
  const absl::TimeZone::CivilInfo info = zone.At(absl::FromUnixMillis(ms));
  absl::CivilDay day(info.cs);
  switch (interval) {
    case Interval::kMinute:
      return absl::FormatCivilTime(absl::CivilMinute(info.cs)) + std::to_string(info.offset);
    case Interval::kHour:
      return absl::FormatCivilTime(absl::CivilHour(info.cs)) + std::to_string(info.offset);
    case Interval::kDay: return absl::FormatCivilTime(day);
    case Interval::kWeek:
      while (absl::GetWeekday(day) != absl::Weekday::monday) --day;
      return absl::FormatCivilTime(day);
    case Interval::kMonth: return absl::FormatCivilTime(absl::CivilMonth(day));
    case Interval::kTotal: break;
  }
  return "";
}

// Begins of the intervals that hold an instant of [from, to); `from` is a full step. A date that
// comes again, because a clock was set back over midnight, is part of the date after it.
inline std::vector<std::int64_t> IntervalBegins(Interval interval, const absl::TimeZone& zone,
                                                std::int64_t from, std::int64_t to,
                                                std::int64_t step_ms = kTwinStepMs) {
  const bool by_date = interval != Interval::kMinute && interval != Interval::kHour;
  const auto label = [&](std::int64_t ms) { return IntervalLabel(interval, zone, ms); };
  const auto differs = [&](const std::string& now, const std::string& last) {
    return by_date ? now > last : now != last;
  };
  // Long enough before that the interval at `from` has begun on the way.
  const std::int64_t reach =
      by_date ? (interval == Interval::kDay ? 3 : 40) * 86'400'000ll : 3 * 3'600'000ll;
  std::vector<std::int64_t> begins;
  std::string last = label(from - reach);
  std::int64_t begin = 0;
  for (std::int64_t ms = from - reach; ms < to; ms += step_ms) {
    const std::string now = label(ms);
    if (differs(now, last)) {
      last = now;
      begin = ms;
      if (ms > from) begins.push_back(begin);
    }
    if (ms == from) begins.push_back(begin);
  }
  return begins;
}

}  // namespace insightflow::reference
