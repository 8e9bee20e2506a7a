// The first generation's questions: GET /api/stats/… and GET /api/user/{id}/events.
#pragma once

#include <vector>

#include "insightflow/live.h"
#include "server/app/context.h"
#include "server/http/router.h"

namespace insightflow::server {

void AddStatsRoutes(Router& router, ServerContext& context);

class JsonText;

// {type: count}, in the order given.
void WriteTypes(const std::vector<TypeCount>& types, JsonText& json);

// One event of a timeline: the wire fields that are present, then when and where it was stored.
void WriteEvent(const StoredEvent& stored, JsonText& json);

}  // namespace insightflow::server
