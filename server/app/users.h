// One user: GET /api/users/{id} tells the profile, DELETE takes the user's events back.
#pragma once

#include <string>

#include "insightflow/status.h"
#include "server/app/context.h"
#include "server/http/router.h"

namespace insightflow::server {

void AddUserRoutes(Router& router, ServerContext& context);

// Whether a user may have this id, decoded. kInvalidArgument.
Status CheckUserId(const std::string& user_id);

}  // namespace insightflow::server
