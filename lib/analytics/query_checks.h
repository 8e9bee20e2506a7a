// What queries of every kind are checked for, and how their rankings are cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "insightflow/query.h"
#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kLimitMax = 10'000;

inline constexpr std::size_t kPointsMax = 10'000;  // of an answer; points are never cut

inline Status CheckWithin(std::size_t value, std::string_view name, std::size_t least,
                          std::size_t most) {
  if (value >= least && value <= most) return Status::Ok();
  return InvalidArgument(std::string(name) + " must be " + std::to_string(least) + " to " +
                         std::to_string(most) + ", not " + std::to_string(value));
}

inline Status CheckLimit(std::size_t limit, std::string_view name) {
  return CheckWithin(limit, name, 1, kLimitMax);
}

// Limit and range; the filters are checked by the plan that takes them.
inline Status CheckScope(const QueryScope& scope) {
  if (scope.from && scope.to && *scope.from > *scope.to) {
    return InvalidArgument("from is later than to");
  }
  return CheckLimit(scope.limit, "limit");
}

// 0 of nothing.
inline double Percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace v1
}  // namespace insightflow
