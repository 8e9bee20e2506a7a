// The engine's failures as HTTP answers.
#pragma once

#include <string_view>

#include "insightflow/status.h"
#include "server/http/http.h"

namespace insightflow::server {

// What the engine's failure means to a client. kResourceExhausted is the server's lack of disk or
// memory here: 503 with Retry-After, as is kUnavailable.
HttpResponse StatusResponse(const Status& status, std::string_view request_id);

}  // namespace insightflow::server
