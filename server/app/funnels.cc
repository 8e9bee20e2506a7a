#include "server/app/funnels.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "insightflow/wire.h"
#include "server/app/errors.h"
#include "server/app/json.h"
#include "server/app/params.h"
#include "server/app/query.h"

namespace insightflow::server {
namespace {

HttpResponse Json(std::string body, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.headers.Set("Cache-Control", "no-store");
  response.body = std::move(body);
  return response;
}

HttpResponse Refuse(const ServerContext& context, const HttpRequest& request,
                    const Status& status) {
  if (status.code() == StatusCode::kUnavailable) context.store_stopped();
  return StatusResponse(status, request.request_id);
}

HttpResponse List(const ServerContext& context, const HttpRequest& request) {
  const Result<std::vector<FunnelDefinition>> funnels = context.engine.Funnels();
  if (!funnels.ok()) return Refuse(context, request, funnels.status());
  JsonText json;
  json.BeginObject().Key("funnels").BeginArray();
  for (const FunnelDefinition& funnel : *funnels) json.RawObject(WriteFunnel(funnel));
  json.EndArray().EndObject();
  return Json(json.Take());
}

HttpResponse Show(const ServerContext& context, const HttpRequest& request, const std::string& id) {
  const Result<FunnelDefinition> funnel = context.engine.Funnel(id);
  if (!funnel.ok()) return Refuse(context, request, funnel.status());
  return Json(WriteFunnel(*funnel));
}

HttpResponse Created(const FunnelDefinition& funnel) {
  HttpResponse response = Json(WriteFunnel(funnel), 201);
  response.headers.Set("Location", "/api/funnels/" + funnel.id);
  return response;
}

HttpResponse Add(ServerContext& context, const HttpRequest& request) {
  if (!context.cors.MaySend(request)) {
    return ErrorResponse(403, "forbidden",
                         "pages of this origin may not call: name it with --cors-origin",
                         request.request_id);
  }
  const Result<FunnelDefinition> funnel = ParseFunnel(request.body);
  if (!funnel.ok()) return Refuse(context, request, funnel.status());
  const Status status = context.engine.AddFunnel(*funnel);
  return status.ok() ? Created(*funnel) : Refuse(context, request, status);
}

HttpResponse Put(ServerContext& context, const HttpRequest& request, const std::string& id) {
  const Result<FunnelDefinition> funnel = ParseFunnel(request.body, id);
  if (!funnel.ok()) return Refuse(context, request, funnel.status());
  const Result<bool> is_new = context.engine.PutFunnel(*funnel);
  if (!is_new.ok()) return Refuse(context, request, is_new.status());
  return *is_new ? Created(*funnel) : Json(WriteFunnel(*funnel));
}

HttpResponse Remove(ServerContext& context, const HttpRequest& request, const std::string& id) {
  const Status status = context.engine.RemoveFunnel(id);
  return status.ok() ? Json("", 204) : Refuse(context, request, status);
}

struct Analysis {
  FunnelCounts counts;
  std::vector<std::string> incomplete;
};

// Of the definition only what the answer shows is asked.
Result<Analysis> Analyze(ServerContext& context, const HttpRequest& request,
                         const std::string& id) {
  Result<FunnelQuery> query = context.engine.ActiveFunnel(id);
  if (!query.ok()) return query.status();
  query->breakdown.reset();
  query->users_at.reset();
  if (Status status = TimeParam(request, "from", &query->scope.from); !status.ok()) return status;
  if (Status status = TimeParam(request, "to", &query->scope.to); !status.ok()) return status;
  Result<Answer> answer = AskEngine(context, request, *std::move(query));
  if (!answer.ok()) return answer.status();
  return Analysis{std::get<FunnelAnswer>(std::move(answer->body)).counts,
                  std::move(answer->meta.incomplete)};
}

void WriteAnalysis(const Analysis& analysis, JsonText& json) {
  json.Key("steps").BeginArray();
  for (const FunnelStepAnswer& step : analysis.counts.steps) {
    json.BeginObject().Key("step").Text(step.name).Key("users").Number(step.users);
    json.Key("conversion_rate").Real(step.conversion_rate).EndObject();
  }
  json.EndArray().Key("total_users").Number(analysis.counts.total_users);
  json.Key("conversion_rate").Real(analysis.counts.conversion_rate);
  json.Key("pending_users").Number(analysis.counts.pending_users);
  json.Key("incomplete").BeginArray();
  for (const std::string& part : analysis.incomplete) json.Text(part);
  json.EndArray();
}

HttpResponse AnalyzeById(ServerContext& context, const HttpRequest& request,
                         const std::string& id) {
  const Result<Analysis> analysis = Analyze(context, request, id);
  if (analysis.status().code() == StatusCode::kResourceExhausted) {
    return Unanswered(analysis.status(), request.request_id);
  }
  if (!analysis.ok()) return Refuse(context, request, analysis.status());
  JsonText json;
  json.BeginObject().Key("funnel_id").Text(id);
  WriteAnalysis(*analysis, json);
  json.Key("timestamp").Time(context.clock->Now()).EndObject();
  return Json(json.Take());
}

HttpResponse AnalyzeForFrontend(ServerContext& context, const HttpRequest& request) {
  if (Status status = CacheParam(request).status(); !status.ok()) {
    return Refuse(context, request, status);
  }
  const std::string id = request.Param("funnel_id").value_or("default");
  return AnalyzeById(context, request, id);
}

}  // namespace

void AddFunnelRoutes(Router& router, ServerContext& context) {
  using Params = PathParams;
  const auto list = [&context](const HttpRequest& request, const Params&) {
    return List(context, request);
  };
  const auto add = [&context](const HttpRequest& request, const Params&) {
    return Add(context, request);
  };
  const auto show = [&context](const HttpRequest& request, const Params& params) {
    return Show(context, request, params["id"]);
  };
  const auto put = [&context](const HttpRequest& request, const Params& params) {
    return Put(context, request, params["id"]);
  };
  const auto remove = [&context](const HttpRequest& request, const Params& params) {
    return Remove(context, request, params["id"]);
  };
  router.Get("/api/funnels", WithParams({}, list));
  router.Post("/api/funnels", WithParams({}, add));
  router.Get("/api/funnels/:id", WithParams({}, show));
  router.Put("/api/funnels/:id", WithParams({}, put));
  router.Delete("/api/funnels/:id", WithParams({}, remove));
  const auto by_id = [&context](const HttpRequest& request, const Params& params) {
    return AnalyzeById(context, request, params["id"]);
  };
  const auto for_frontend = [&context](const HttpRequest& request, const Params&) {
    return AnalyzeForFrontend(context, request);
  };
  router.Get("/api/funnel/:id/analysis", WithParams({"from", "to", "cache"}, by_id),
             context.query_lane);
  router.Get("/bff/user/funnel/analysis", for_frontend, context.query_lane);
}

}  // namespace insightflow::server
