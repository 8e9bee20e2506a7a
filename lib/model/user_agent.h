// What a User-Agent header says about device and browser. An honest guess by well-known tokens, not
// a database: what it does not know is "desktop" and "other".
#pragma once

#include <cstdint>
#include <string_view>

namespace insightflow {
inline namespace v1 {

// Numbers are stored in saved states: append only.
enum class Device : std::uint8_t { kUnknown, kDesktop, kMobile, kTablet, kBot };
enum class Browser : std::uint8_t { kUnknown, kChrome, kFirefox, kSafari, kEdge, kOpera, kOther };

struct Agent {
  Device device = Device::kUnknown;
  Browser browser = Browser::kUnknown;

  friend bool operator==(const Agent&, const Agent&) = default;
};

// Never kUnknown unless the header is empty. A bot's browser is kOther, whichever it imitates.
Agent ClassifyAgent(std::string_view user_agent);

// As in UserProfile; "" for kUnknown.
std::string_view DeviceName(Device device);
std::string_view BrowserName(Browser browser);

}  // namespace v1
}  // namespace insightflow
