#include "server/app/params.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "insightflow/wire.h"
#include "server/app/errors.h"
#include "server/app/json.h"

namespace insightflow::server {
namespace {

constexpr std::size_t kLimitMax = 1'000;
constexpr std::size_t kNameShownMax = 64;

// Digits only, in whole.
template <typename T>
bool ParseWhole(std::string_view text, T* value) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *value);
  return error == std::errc() && stop == end;
}

bool IsForCaches(std::string_view name) { return name == "t" || name.starts_with('_'); }

// For a message; what is no text is not shown.
std::string Shown(const std::string& name) {
  return name.size() <= kNameShownMax && IsUtf8(name) ? "\"" + name + "\"" : "one of another name";
}

Status StandsTwice(const std::string& name, const std::string& allowed) {
  return InvalidArgument(name + ": stands twice; this call takes each once of " + allowed);
}

Status CheckParams(const HttpRequest& request, const std::vector<std::string>& allowed) {
  std::string list;
  for (const std::string& name : allowed) list += (list.empty() ? "" : ", ") + name;
  std::vector<std::string> seen;
  for (const std::string& name : request.ParamNames()) {
    if (IsForCaches(name)) continue;
    const auto is_name = [&](const std::string& other) { return other == name; };
    if (std::none_of(allowed.begin(), allowed.end(), is_name)) {
      return InvalidArgument(Shown(name) + " is no parameter of this call, which takes " +
                             (allowed.empty() ? "none" : list));
    }
    if (std::any_of(seen.begin(), seen.end(), is_name)) {
      return StandsTwice(name, list);
    }
    seen.push_back(name);
  }
  const bool has_cache = std::find(seen.begin(), seen.end(), "cache") != seen.end();
  return has_cache ? CacheParam(request).status() : Status::Ok();
}

}  // namespace

Router::RouteHandler WithParams(std::vector<std::string> allowed, Router::RouteHandler handler) {
  return [allowed = std::move(allowed), handler = std::move(handler)](const HttpRequest& request,
                                                                      const PathParams& params) {
    const Status status = CheckParams(request, allowed);
    return status.ok() ? handler(request, params) : StatusResponse(status, request.request_id);
  };
}

Result<std::uint64_t> NumberParam(const HttpRequest& request, const char* name,
                                  std::uint64_t fallback, std::uint64_t least, std::uint64_t most) {
  const std::optional<std::string> text = request.Param(name);
  if (!text.has_value()) return fallback;
  std::uint64_t number = 0;
  if (!ParseWhole(*text, &number) || number < least || number > most) {
    return InvalidArgument(std::string(name) + " must be a number from " + std::to_string(least) +
                           " to " + std::to_string(most));
  }
  return number;
}

Result<std::size_t> LimitParam(const HttpRequest& request, std::size_t fallback) {
  return NumberParam(request, "limit", fallback, 1, kLimitMax);
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
