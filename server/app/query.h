// Questions about stored events: POST /api/query, and insightflow query.
#pragma once

#include "insightflow/query.h"
#include "insightflow/result.h"
#include "server/app/context.h"
#include "server/app/settings.h"
#include "server/http/router.h"

namespace insightflow::server {

// A question that came over HTTP: its range is limited, and what is past a limit is
// kInvalidArgument, since kOutOfRange would tell of the body's size.
Result<Answer> AskEngine(const Engine& engine, const Query& query);

void AddQueryRoutes(Router& router, ServerContext& context);

// Asks a store that nobody holds open; a table on a terminal, else one line of JSON. Returns the
// exit code: 0 answered, 1 failed, 2 the query is wrong.
int AskStore(const QuerySettings& settings);

}  // namespace insightflow::server
