// Failures as HTTP answers: {"error":{"code","message","request_id"}}.
#pragma once

#include <string_view>

#include "insightflow/status.h"
#include "server/http/http.h"

namespace insightflow::server {

HttpResponse ErrorResponse(int status, std::string_view code, std::string_view message,
                           std::string_view request_id);

// What the engine's failure means to a client. kResourceExhausted is the server's lack of disk or
// memory here: 503 with Retry-After, as is kUnavailable.
HttpResponse StatusResponse(const Status& status, std::string_view request_id);

}  // namespace insightflow::server
