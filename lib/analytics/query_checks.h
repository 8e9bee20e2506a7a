// Checks that analyses share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "insightflow/query.h"
#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kLimitMax = 10'000;   // of rows and breakdown values
inline constexpr std::size_t kPointsMax = 10'000;  // of an answer; points are never cut

// kOutOfRange: the message names the field.
inline Status CheckWithin(const char* field, std::size_t value, std::size_t least,
                          std::size_t most) {
  if (value >= least && value <= most) return Status::Ok();
  return OutOfRange(std::string(field) + " is " + std::to_string(value) + "; it must be " +
                    std::to_string(least) + " to " + std::to_string(most));
}

inline Status CheckScope(const QueryScope& scope) {
  if (scope.from && scope.to && *scope.from > *scope.to) {
    return InvalidArgument("from is later than to");
  }
  return CheckWithin("limit", scope.limit, 1, kLimitMax);
}

// 0 of nothing.
inline double Percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace v1
}  // namespace insightflow
