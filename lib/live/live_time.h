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
    LiveTime t;
    t.second = std::clamp<std::int64_t>(ms, 0, kMillisMax) / 1000;
    t.minute = t.second / 60;
    t.hour = t.minute / 60;
    return t;
  }

  static constexpr std::int64_t kMillisMax = std::int64_t{1} << 52;
  static constexpr std::int64_t kSecondMax = kMillisMax / 1000;
};

}  // namespace v1
}  // namespace insightflow
