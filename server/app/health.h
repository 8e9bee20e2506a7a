// GET /health, /health/live, /health/ready and /metrics.
#pragma once

#include "server/app/context.h"
#include "server/http/router.h"

namespace insightflow::server {

// What GET /health tells.
struct HealthFacts {
  Status store;    // Engine::Health
  Status folding;  // EngineMetrics::fold_status
  bool draining = false;
  Status dedupe = {};  // EngineMetrics::ids_status
  Status live = {};    // EngineMetrics::live_status
};

// 503 when the store is unhealthy. "reasons" has the code of each service that is not healthy.
HttpResponse HealthResponse(const HealthFacts& facts, Timestamp now);

// They run on the listener's loops, so that they answer when every worker is busy.
void AddHealthRoutes(Router& router, ServerContext& context);

}  // namespace insightflow::server
