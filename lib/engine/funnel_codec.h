// What a funnel definition asks, as bytes. Format: docs/formats.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "insightflow/query.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::uint8_t kFunnelVersion = 1;

// Everything but the id.
std::string EncodeFunnel(const FunnelDefinition& funnel);

// False when the bytes are not what EncodeFunnel writes; whether the funnel keeps the rules of
// CheckFunnel is not asked. O(bytes).
bool DecodeFunnel(std::string_view bytes, FunnelDefinition* funnel);

}  // namespace v1
}  // namespace insightflow
