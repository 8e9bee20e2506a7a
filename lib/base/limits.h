// The limits of an event. semantics: docs/events.md.
#pragma once

#include <cstddef>

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kEventIdBytesMax = 64;
inline constexpr std::size_t kUserIdBytesMax = 64;
inline constexpr std::size_t kSessionIdBytesMax = 64;
inline constexpr std::size_t kEventTypeBytesMax = 64;
inline constexpr std::size_t kPageUrlBytesMax = 2048;
inline constexpr std::size_t kPageTitleBytesMax = 256;
inline constexpr std::size_t kReferrerBytesMax = 2048;
inline constexpr std::size_t kElementBytesMax = 128;
inline constexpr std::size_t kElementIdBytesMax = 128;
inline constexpr std::size_t kElementClassBytesMax = 256;
inline constexpr std::size_t kElementTextBytesMax = 256;
inline constexpr std::size_t kUserAgentBytesMax = 512;
inline constexpr std::size_t kIpAddressBytesMax = 45;
inline constexpr std::size_t kTabIdBytesMax = 36;
inline constexpr std::size_t kExtraDataBytesMax = 16 * 1024;
inline constexpr std::size_t kExtraDataDepthMax = 16;

}  // namespace v1
}  // namespace insightflow
