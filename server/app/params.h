// Query parameters with a meaning and a range. A wrong one is refused by name, never guessed at,
// and so is an unknown one: a slip would be answered as though it were not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "insightflow/live.h"
#include "insightflow/status.h"
#include "insightflow/time.h"
#include "server/http/http.h"
#include "server/http/router.h"

namespace insightflow::server {

// The handler of a call that takes these parameters, each once; anything else is a 400 that names
// it and lists them, and so is a `cache` that CacheParam refuses. Names that begin with an
// underscore, and `t`, are passed over: clients add them so that no cache answers. Calls for
// collecting, for health and below /bff/ go without: clients and probes that are already out there
// send what they like.
Router::RouteHandler WithParams(std::vector<std::string> allowed, Router::RouteHandler handler);

// A whole number from `least` to `most`; `fallback` when it is absent.
Result<std::uint64_t> NumberParam(const HttpRequest& request, const char* name,
                                  std::uint64_t fallback, std::uint64_t least, std::uint64_t most);

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
