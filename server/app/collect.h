// POST /api/events and /bff/events/batch: a batch in, an answer once it is durable.
#pragma once

#include <string>
#include <string_view>

#include "insightflow/ingest.h"
#include "server/app/context.h"
#include "server/http/router.h"

namespace insightflow::server {

// Registers both calls. They run on the listener's loops: a batch is parsed there and answered
// from the engine's commit thread.
void AddCollectRoutes(Router& router, ServerContext& context);

// The answer's body. `first_generation` adds processed_count. An empty message: the counts in
// words.
std::string CollectJson(const IngestResult& result, bool first_generation,
                        std::string_view message = {});

}  // namespace insightflow::server
