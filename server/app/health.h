// GET /health, /health/live, /health/ready and /metrics.
#pragma once

#include "server/app/context.h"
#include "server/http/router.h"

namespace insightflow::server {

// They run on the listener's loops, so that they answer when every worker is busy.
void AddHealthRoutes(Router& router, ServerContext& context);

}  // namespace insightflow::server
