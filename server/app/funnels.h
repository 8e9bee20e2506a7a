// Stored funnels: /api/funnels, and the first generation's calls that ask one by its id.
#pragma once

#include "server/app/context.h"
#include "server/http/router.h"

namespace insightflow::server {

void AddFunnelRoutes(Router& router, ServerContext& context);

}  // namespace insightflow::server
