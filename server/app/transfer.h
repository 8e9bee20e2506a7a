// GET /api/export and POST /api/import: stored events out and in.
#pragma once

#include "server/app/context.h"
#include "server/http/router.h"

namespace insightflow::server {

// An export is made piece by piece on the router's workers, as fast as its client takes it.
void AddTransferRoutes(Router& router, ServerContext& context);

}  // namespace insightflow::server
