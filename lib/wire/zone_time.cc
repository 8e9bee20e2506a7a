#include "lib/wire/zone_time.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>

#include "lib/model/time_zone.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr Timestamp kFirst = FromMillis(-62'167'219'200'000);  // 0000-01-01
constexpr Timestamp kLast = FromMillis(253'402'300'799'999);   // the end of 9999

int Int(auto part) { return static_cast<int>(part); }

}  // namespace

struct ZoneTime::Civil {
  int offset_minutes;
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::milliseconds> clock;
};

ZoneTime::ZoneTime(std::string_view name) : zone_(absl::UTCTimeZone()) {
  const Result<absl::TimeZone> zone = LoadZone(name);
  if (zone.ok()) zone_ = *zone;
  utc_ = zone_ == absl::UTCTimeZone();
}

// ISO 8601 has no seconds in an offset, which zones had before they were set: those are cut off the
// offset and the local time alike, so that the text is still the same instant.
ZoneTime::Civil ZoneTime::At(Timestamp time) const {
  time = std::clamp(time, kFirst, kLast);
  const int offset = zone_.At(absl::FromUnixMillis(ToMillis(time))).offset / 60;
  const Timestamp local = std::clamp(time + std::chrono::minutes(offset), kFirst, kLast);
  const auto day = std::chrono::floor<std::chrono::days>(local);
  return {offset, std::chrono::year_month_day(day), std::chrono::hh_mm_ss(local - day)};
}

// By hand: an answer may have millions of times, and printf takes most of the time to write them.
std::string ZoneTime::Iso(Timestamp time) const {
  const Civil at = At(time);
  std::array<char, 32> text{};
  char* end = text.data();
  const auto put = [&end](auto number, int digits, char behind) {
    auto left = static_cast<unsigned>(number);
    for (int i = digits; i-- > 0; left /= 10) end[i] = static_cast<char>('0' + left % 10);
    end[digits] = behind;
    end += digits + 1;
  };
  put(Int(at.date.year()), 4, '-');
  put(unsigned{at.date.month()}, 2, '-');
  put(unsigned{at.date.day()}, 2, 'T');
  put(at.clock.hours().count(), 2, ':');
  put(at.clock.minutes().count(), 2, ':');
  put(at.clock.seconds().count(), 2, '.');
  put(at.clock.subseconds().count(), 3, 'Z');
  if (!utc_) {
    const int minutes = std::abs(at.offset_minutes);
    end[-1] = at.offset_minutes < 0 ? '-' : '+';
    put(minutes / 60, 2, ':');
    put(minutes % 60, 2, ' ');
    --end;
  }
  return {text.data(), end};
}

ZoneTime::Parts ZoneTime::PartsOf(Timestamp time) const {
  const auto clock = At(time).clock;
  if (clock.seconds().count() != 0 || clock.subseconds().count() != 0) return Parts::kMillisecond;
  const bool midnight = clock.hours().count() == 0 && clock.minutes().count() == 0;
  return midnight ? Parts::kDate : Parts::kMinute;
}

std::string ZoneTime::Short(Timestamp time, Parts parts) const {
  std::string iso = Iso(time);
  iso[10] = ' ';
  constexpr std::array<std::size_t, 3> kLengths = {10, 16, 23};
  return iso.substr(0, kLengths[static_cast<std::size_t>(parts)]);
}

}  // namespace v1
}  // namespace insightflow
