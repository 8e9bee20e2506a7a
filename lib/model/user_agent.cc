#include "lib/model/user_agent.h"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace insightflow {
inline namespace v1 {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// `tokens` are in lower case.
bool HasAny(std::string_view text, std::initializer_list<std::string_view> tokens) {
  return std::any_of(tokens.begin(), tokens.end(), [text](std::string_view token) {
    return text.find(token) != std::string_view::npos;
  });
}

Browser BrowserOf(std::string_view agent) {
  if (HasAny(agent, {"edg/", "edga/", "edgios/", "edge/"})) return Browser::kEdge;
  if (HasAny(agent, {"opr/", "opt/", "opios/", "opera"})) return Browser::kOpera;
  // They name the browser whose engine they use as well.
  if (HasAny(agent, {"samsungbrowser/", "yabrowser/", "ucbrowser/", "vivaldi/", "seamonkey/"})) {
    return Browser::kOther;
  }
  if (HasAny(agent, {"firefox/", "fxios/"})) return Browser::kFirefox;
  if (HasAny(agent, {"chrome/", "crios/", "chromium/"})) return Browser::kChrome;
  if (HasAny(agent, {"safari/"})) return Browser::kSafari;
  return Browser::kOther;
}

Device DeviceOf(std::string_view agent) {
  if (HasAny(agent, {"ipad", "tablet", "kindle", "silk/", "playbook"})) return Device::kTablet;
  if (HasAny(agent, {"mobi", "iphone", "ipod", "phone"})) return Device::kMobile;
  // Phones say "Mobile"; Android without it is a tablet.
  if (HasAny(agent, {"android"})) return Device::kTablet;
  return Device::kDesktop;
}

}  // namespace

Agent ClassifyAgent(std::string_view user_agent) {
  if (user_agent.empty()) return {};
  std::array<char, 512> buffer;
  const std::size_t size = std::min(user_agent.size(), buffer.size());
  std::transform(user_agent.begin(), user_agent.begin() + size, buffer.begin(), Lower);
  const std::string_view agent(buffer.data(), size);
  if (HasAny(agent, {"bot", "crawl", "spider", "slurp", "curl/", "wget/", "python-", "http-client",
                     "headless", "facebookexternalhit", "monitor"})) {
    return {Device::kBot, Browser::kOther};
  }
  return {DeviceOf(agent), BrowserOf(agent)};
}

std::string_view DeviceName(Device device) {
  constexpr std::array<std::string_view, 5> kNames = {"", "desktop", "mobile", "tablet", "bot"};
  return kNames[static_cast<std::size_t>(device)];
}

std::string_view BrowserName(Browser browser) {
  constexpr std::array<std::string_view, 7> kNames = {"",     "Chrome", "Firefox", "Safari",
                                                      "Edge", "Opera",  "other"};
  return kNames[static_cast<std::size_t>(browser)];
}

}  // namespace v1
}  // namespace insightflow
