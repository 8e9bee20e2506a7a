#include "server/app/params.h"

#include <charconv>
#include <string>
#include <string_view>

#include "insightflow/wire.h"

namespace insightflow::server {
namespace {

constexpr std::size_t kLimitMax = 1'000;

// Digits only, in whole.
template <typename T>
bool ParseWhole(std::string_view text, T* value) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *value);
  return error == std::errc() && stop == end;
}

}  // namespace

Result<std::size_t> LimitParam(const HttpRequest& request, std::size_t fallback) {
  const std::optional<std::string> text = request.Param("limit");
  if (!text.has_value()) return fallback;
  std::size_t limit = 0;
  if (!ParseWhole(*text, &limit) || limit < 1 || limit > kLimitMax) {
    return InvalidArgument("limit must be a number from 1 to 1000");
  }
  return limit;
}

Result<Window> WindowParam(const HttpRequest& request) {
  const std::string window = request.Param("window").value_or("1h");
  if (window == "1h") return Window::kHour;
  if (window == "24h") return Window::kDay;
  if (window == "all") return Window::kAll;
  return InvalidArgument("window must be 1h, 24h or all");
}

const char* WindowName(Window window) {
  switch (window) {
    case Window::kHour: return "1h";
    case Window::kDay: return "24h";
    case Window::kAll: break;
  }
  return "all";
}

Result<Before> BeforeParam(const HttpRequest& request) {
  const std::optional<std::string> text = request.Param("before");
  Before before;
  if (!text.has_value()) return before;
  const std::string_view whole = *text;
  const std::size_t dash = whole.find('-', 1);
  std::int64_t ms = 0;
  const bool cursor = dash != std::string_view::npos;
  if (!ParseWhole(whole.substr(0, dash), &ms) || ms < 0 ||
      (cursor && !ParseWhole(whole.substr(dash + 1), &before.sequence))) {
    return InvalidArgument("before must be milliseconds since 1970, or the next of a page");
  }
  before.time = FromMillis(ms);
  return before;
}

Status TimeParam(const HttpRequest& request, const char* name, std::optional<Timestamp>* out) {
  const std::optional<std::string> text = request.Param(name);
  if (!text.has_value()) return Status::Ok();
  const Result<Timestamp> time = ParseTime(*text);
  if (!time.ok()) return InvalidArgument(std::string(name) + ": " + time.status().message());
  *out = *time;
  return Status::Ok();
}

Result<bool> CacheParam(const HttpRequest& request) {
  const std::string cache = request.Param("cache").value_or("true");
  if (cache == "true") return true;
  if (cache == "false") return false;
  return InvalidArgument("cache must be true or false");
}

}  // namespace insightflow::server
