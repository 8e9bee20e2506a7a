// Instants as ISO 8601 in one time zone.
#pragma once

#include <absl/time/time.h>

#include <string>
#include <string_view>

#include "insightflow/time.h"

namespace insightflow {
inline namespace v1 {

class ZoneTime {
 public:
  // UTC when the zone is not known: a checked query's is.
  explicit ZoneTime(std::string_view name);

  // "2026-01-02T00:00:00.000+03:30", with Z in the zone UTC; years outside 0000 to 9999 are
  // clamped.
  std::string Iso(Timestamp time) const;

  // For people: "2026-01-02 15:30"; a column of times has the most parts that one of them needs.
  enum class Parts { kDate, kMinute, kMillisecond };
  Parts PartsOf(Timestamp time) const;  // the fewest that show it in whole
  std::string Short(Timestamp time, Parts parts) const;

 private:
  struct Civil;
  Civil At(Timestamp time) const;

  absl::TimeZone zone_;
  bool utc_ = true;
};

}  // namespace v1
}  // namespace insightflow
