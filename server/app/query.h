// Questions about stored events: POST /api/query, and insightflow query.
#pragma once

#include <string_view>

#include "insightflow/query.h"
#include "insightflow/result.h"
#include "server/app/context.h"
#include "server/app/settings.h"
#include "server/http/router.h"

namespace insightflow::server {

// A question that came over HTTP: it ends when its client leaves, its range is limited, and what is
// past a limit is kInvalidArgument, since kOutOfRange would tell of the body's size. Belongs on a
// worker of ServerContext::query_lane.
Result<Answer> AskEngine(ServerContext& context, const HttpRequest& request, const Query& query);

// What becomes of a question without an answer. One that needs too much memory would fare no better
// later: 422, where other shortages pass and are 503.
HttpResponse Unanswered(const Status& status, std::string_view request_id);

// Also makes the lane.
void AddQueryRoutes(Router& router, ServerContext& context);

// Asks a store that nobody holds open, or a server; a table on a terminal, else one line of JSON.
// Returns the exit code: 0 answered, 1 failed, 2 the query is wrong.
int AskStore(const QuerySettings& settings);

}  // namespace insightflow::server
