#include "server/app/routes.h"

#include "server/app/collect.h"
#include "server/app/funnels.h"
#include "server/app/health.h"
#include "server/app/page.h"
#include "server/app/query.h"
#include "server/app/stats.h"
#include "server/app/transfer.h"
#include "server/app/users.h"

namespace insightflow::server {

void AddRoutes(Router& router, ServerContext& context) {
  AddCollectRoutes(router, context);
  AddStatsRoutes(router, context);
  AddQueryRoutes(router, context);
  AddFunnelRoutes(router, context);
  AddHealthRoutes(router, context);
  AddPageRoutes(router);
  AddTransferRoutes(router, context);
  AddUserRoutes(router, context);
  router.Alias("/api/v1/", "/api/");
  router.SetPreflight(
      [&context](const HttpRequest& request) { return context.cors.Preflight(request); });
  router.SetDecorator([&context](const HttpRequest& request, HttpResponse& response) {
    context.cors.Decorate(request, response);
  });
}

}  // namespace insightflow::server
