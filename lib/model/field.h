// The text fields of an event that are stored as dictionaries, with their wire names and limits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/base/limits.h"

namespace insightflow {
inline namespace v1 {

// Numbers are stored in the log: append only.
enum class Field : std::uint8_t {
  kUserId = 0,
  kSessionId = 1,
  kEventType = 2,
  kPageUrl = 3,
  kPageTitle = 4,
  kReferrer = 5,
  kElement = 6,
  kElementId = 7,
  kElementClass = 8,
  kElementText = 9,
  kUserAgent = 10,
  kIpAddress = 11,
  kTabId = 12,
};
inline constexpr std::size_t kFieldCount = 13;

struct FieldRule {
  std::string_view name;
  std::size_t bytes_max;
  bool is_name;  // ids and names are rejected past the limit; other text is cut
};

inline constexpr std::array<FieldRule, kFieldCount> kFieldRules = {{
    {"user_id", kUserIdBytesMax, true},
    {"session_id", kSessionIdBytesMax, true},
    {"event_type", kEventTypeBytesMax, true},
    {"page_url", kPageUrlBytesMax, false},
    {"page_title", kPageTitleBytesMax, false},
    {"referrer", kReferrerBytesMax, false},
    {"element", kElementBytesMax, false},
    {"element_id", kElementIdBytesMax, false},
    {"element_class", kElementClassBytesMax, false},
    {"element_text", kElementTextBytesMax, false},
    {"user_agent", kUserAgentBytesMax, false},
    {"ip_address", kIpAddressBytesMax, true},
    {"tab_id", kTabIdBytesMax, true},
}};

constexpr const FieldRule& RuleOf(Field field) {
  return kFieldRules[static_cast<std::size_t>(field)];
}

}  // namespace v1
}  // namespace insightflow
