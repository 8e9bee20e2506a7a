// insightflow serve: the engine behind HTTP, until a signal or a failed write ends it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "insightflow/status.h"
#include "server/app/settings.h"

namespace insightflow::server {

// Returns the exit code: 0 after SIGTERM or SIGINT, 1 when something failed at run time, 2 for a
// setting that cannot be.
int Serve(const ServeSettings& settings);

struct ListenAddress {
  std::string host;  // IPv6 without brackets
  std::uint16_t port = 0;
};

// "127.0.0.1:8080", "[::1]:0", "localhost:80".
Result<ListenAddress> ParseListen(std::string_view text);

}  // namespace insightflow::server
