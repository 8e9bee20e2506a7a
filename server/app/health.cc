#include "server/app/health.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "insightflow/version.h"
#include "server/app/json.h"
#include "server/app/metrics.h"

namespace insightflow::server {
namespace {

HttpResponse Answer(int status, JsonText& json) {
  HttpResponse response;
  response.status = status;
  response.headers.Set("Cache-Control", "no-store");
  response.body = json.Take();
  return response;
}

// A full disk stops collecting and not answering: degraded. A failed write stops the server.
const char* StoreState(const Status& health) {
  if (health.ok()) return "healthy";
  return health.code() == StatusCode::kResourceExhausted ? "degraded" : "unhealthy";
}

HttpResponse Health(const ServerContext& context) {
  HealthFacts facts;
  facts.store = context.engine.Health();
  const EngineMetrics metrics = context.engine.Metrics();
  facts.folding = metrics.fold_status;
  facts.dedupe = metrics.ids_status;
  facts.live = metrics.live_status;
  facts.draining = context.draining.load(std::memory_order_relaxed);
  return HealthResponse(facts, context.clock->Now());
}

HttpResponse Live(const ServerContext& context) {
  JsonText json;
  json.BeginObject().Key("status").Text("alive");
  json.Key("timestamp").Time(context.clock->Now()).EndObject();
  return Answer(200, json);
}

HttpResponse Ready(const ServerContext& context) {
  const Status store = context.engine.Health();
  const bool draining = context.draining.load(std::memory_order_relaxed);
  const bool ready = store.ok() && !draining;
  JsonText json;
  json.BeginObject().Key("status").Text(ready ? "ready" : "not_ready");
  if (!ready) json.Key("message").Text(draining ? "shutting down" : store.message());
  json.Key("timestamp").Time(context.clock->Now()).EndObject();
  return Answer(ready ? 200 : 503, json);
}

HttpResponse Metrics(const ServerContext& context, const HttpRequest& request) {
  const std::string_view accept = request.headers.Find("Accept").value_or("");
  const auto accepts = [&](std::string_view type) {
    return accept.find(type) != std::string_view::npos;
  };
  HttpResponse response;
  response.headers.Set("Cache-Control", "no-store");
  response.headers.Set("Vary", "Accept");
  if (accepts("application/openmetrics-text")) {
    response.content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.body = MetricsText(context, MetricsFormat::kOpenMetrics);
  } else if (accepts("application/json")) {
    response.body = MetricsJson(context);
  } else {
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = MetricsText(context, MetricsFormat::kPrometheus);
  }
  return response;
}

}  // namespace

HttpResponse HealthResponse(const HealthFacts& facts, Timestamp now) {
  struct Service {
    const char* name;
    const Status& status;
    std::string_view state;
  };
  // Events are taken and answered from, however far segments are, and whatever ids and live numbers
  // are known.
  const auto helper = [](const Status& status) { return status.ok() ? "healthy" : "degraded"; };
  const Service services[] = {{"store", facts.store, StoreState(facts.store)},
                              {"folding", facts.folding, helper(facts.folding)},
                              {"dedupe", facts.dedupe, helper(facts.dedupe)},
                              {"live", facts.live, helper(facts.live)}};
  const auto* const first = std::find_if(std::begin(services), std::end(services),
                                         [](const Service& s) { return !s.status.ok(); });
  const bool all_well = first == std::end(services);
  std::string_view overall = all_well ? "healthy" : first->state;
  if (overall == "healthy" && facts.draining) overall = "degraded";
  JsonText json;
  json.BeginObject().Key("status").Text(overall).Key("services").BeginObject();
  for (const Service& service : services) json.Key(service.name).Text(service.state);
  json.EndObject();
  if (!all_well) {
    json.Key("reasons").BeginObject();
    for (const Service& service : services) {
      if (!service.status.ok()) json.Key(service.name).Text(StatusCodeName(service.status.code()));
    }
    json.EndObject();
    json.Key("message").Text(first->status.message());
  }
  json.Key("timestamp").Time(now);
  json.Key("version").Text(Version()).Key("service").Text("insightflow").EndObject();
  return Answer(services[0].state == "unhealthy" ? 503 : 200, json);
}

void AddHealthRoutes(Router& router, ServerContext& context) {
  const auto add = [&](const char* path, auto answer) {
    router.Inline("GET", path, [&context, answer](const HttpRequest& request, Responder responder) {
      HttpResponse response = answer(context, request);
      context.cors.Decorate(request, response);
      responder.Send(std::move(response));
    });
  };
  add("/health", [](const ServerContext& c, const HttpRequest&) { return Health(c); });
  add("/health/live", [](const ServerContext& c, const HttpRequest&) { return Live(c); });
  add("/health/ready", [](const ServerContext& c, const HttpRequest&) { return Ready(c); });
  add("/metrics", [](const ServerContext& c, const HttpRequest& r) { return Metrics(c, r); });
}

}  // namespace insightflow::server
