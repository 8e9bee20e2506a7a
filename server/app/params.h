// Query parameters with a meaning and a range. A wrong one is refused by name, never guessed at;
// unknown ones are ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "insightflow/live.h"
#include "insightflow/status.h"
#include "insightflow/time.h"
#include "server/http/http.h"

namespace insightflow::server {

// `limit`: 1 to 1,000.
Result<std::size_t> LimitParam(const HttpRequest& request, std::size_t fallback);

// `window`: 1h (default), 24h or all.
Result<Window> WindowParam(const HttpRequest& request);
const char* WindowName(Window window);

// `before`: milliseconds since 1970, or the `next` of a page: milliseconds-sequence.
struct Before {
  std::optional<Timestamp> time = {};  // nullopt when absent
  std::uint64_t sequence = 0;
};
Result<Before> BeforeParam(const HttpRequest& request);

// A time as ParseTime reads it; absent leaves `out` as it is.
Status TimeParam(const HttpRequest& request, const char* name, std::optional<Timestamp>* out);

// `cache`: whether an answer may be one that was kept; true (default) or false.
Result<bool> CacheParam(const HttpRequest& request);

}  // namespace insightflow::server
