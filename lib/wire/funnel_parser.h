// The fields of a funnel, which queries and stored definitions share.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "insightflow/query.h"
#include "lib/wire/json_reader.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::array<std::string_view, 13> kFunnelFields = {
    "steps",      "window",        "order",     "per",      "timeout", "max_duration", "split",
    "exclusions", "hold_constant", "breakdown", "users_at", "compat",  "compat_modes"};

// One list of fields of several.
template <std::size_t... kSizes>
constexpr auto JoinNames(const std::array<std::string_view, kSizes>&... lists) {
  std::array<std::string_view, (kSizes + ...)> all{};
  std::size_t at = 0;
  const auto append = [&](const auto& list) {
    for (const std::string_view name : list) all[at++] = name;
  };
  (append(lists), ...);
  return all;
}

// steps, which are required, and window.
void ReadFunnelSteps(const ObjectReader& object, FunnelQuery* out);

// All other fields; what is absent stays as it is in `out`.
void ReadFunnelParts(const ObjectReader& object, FunnelQuery* out);

}  // namespace v1
}  // namespace insightflow
