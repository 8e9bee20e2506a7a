// The units in which live windows move, and the range of time they know.
#pragma once

#include <algorithm>
#include <cstdint>

namespace insightflow {
inline namespace v1 {

// One instant as the numbers of its second, minute and hour since the epoch.
struct LiveTime {
  std::int64_t second = 0;
  std::int64_t minute = 0;
  std::int64_t hour = 0;

  // Clamps to the years 1970 to 142,000, so that no sum or difference of times overflows.
  static LiveTime FromMillis(std::int64_t ms) {
    return FromSecond(std::clamp<std::int64_t>(ms, 0, kMillisMax) / 1000);
  }
  static LiveTime FromSecond(std::int64_t second) {
    LiveTime t;
    t.second = second;
    t.minute = t.second / 60;
    t.hour = t.minute / 60;
    return t;
  }

  // Where an event counts: one from the future when it arrived.
  static LiveTime OfEvent(std::int64_t time_ms, std::int64_t received_ms) {
    return FromMillis(std::min(time_ms, received_ms));
  }

  static constexpr std::int64_t kMillisMax = std::int64_t{1} << 52;
  static constexpr std::int64_t kSecondMax = kMillisMax / 1000;
};

}  // namespace v1
}  // namespace insightflow
