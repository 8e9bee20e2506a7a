// Every call of the server, on one router.
#pragma once

#include "server/app/context.h"
#include "server/http/router.h"

namespace insightflow::server {

// The context must outlive the router.
void AddRoutes(Router& router, ServerContext& context);

}  // namespace insightflow::server
