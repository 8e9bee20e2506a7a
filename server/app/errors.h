// The engine's failures as HTTP answers.
#pragma once

#include <string_view>

#include "insightflow/status.h"
#include "server/http/http.h"

namespace insightflow::server {

// What the engine's failure means to a client: what the client must change is 4xx; what may pass is
// 503 with Retry-After, and what took too long 504.
HttpResponse StatusResponse(const Status& status, std::string_view request_id);

}  // namespace insightflow::server
