// Questions about stored events: POST /api/query, and insightflow query.
#pragma once

#include "server/app/context.h"
#include "server/app/settings.h"
#include "server/http/router.h"

namespace insightflow::server {

void AddQueryRoutes(Router& router, ServerContext& context);

// Asks a store that nobody holds open; a table on a terminal, else one line of JSON. Returns the
// exit code: 0 answered, 1 failed, 2 the query is wrong.
int AskStore(const QuerySettings& settings);

}  // namespace insightflow::server
