// GET / and its script and style: what this server is, its numbers now, and a first event to send.
#pragma once

#include "server/http/router.h"

namespace insightflow::server {

void AddPageRoutes(Router& router);

}  // namespace insightflow::server
