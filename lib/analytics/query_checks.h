// What queries of every kind are checked for, and how their rankings are cut.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "insightflow/query.h"
#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kLimitMax = 10'000;

inline Status CheckLimit(std::size_t limit, std::string_view name) {
  if (limit >= 1 && limit <= kLimitMax) return Status::Ok();
  return InvalidArgument(std::string(name) + " must be 1 to " + std::to_string(kLimitMax) +
                         ", not " + std::to_string(limit));
}

// Limit and range; the filters are checked by the plan that takes them.
inline Status CheckScope(const QueryScope& scope) {
  if (scope.from && scope.to && *scope.from >= *scope.to) {
    return InvalidArgument("from must lie before to");
  }
  return CheckLimit(scope.limit, "limit");
}

}  // namespace v1
}  // namespace insightflow
