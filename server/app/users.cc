#include "server/app/users.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "server/app/errors.h"
#include "server/app/json.h"
#include "server/app/params.h"
#include "server/app/stats.h"

namespace insightflow::server {
namespace {

constexpr std::size_t kUserIdBytesMax = 64;

HttpResponse Answer(JsonText& json) {
  HttpResponse response;
  response.headers.Set("Cache-Control", "no-store");
  response.body = json.Take();
  return response;
}

HttpResponse ShowProfile(const ServerContext& context, const HttpRequest& request,
                         const std::string& user_id) {
  Status status = CheckUserId(user_id);
  if (!status.ok()) return StatusResponse(status, request.request_id);
  const Result<UserProfile> profile = context.engine.User(user_id);
  if (!profile.ok()) return StatusResponse(profile.status(), request.request_id);
  JsonText json;
  json.BeginObject().Key("user_id").Text(profile->user_id);
  json.Key("first_visit").Time(profile->first_visit).Key("last_visit").Time(profile->last_visit);
  json.Key("events").Number(profile->events).Key("by_type");
  WriteTypes(profile->by_type, json);
  json.Key("device").Text(profile->device).Key("browser").Text(profile->browser);
  json.Key("active").Bool(profile->active);
  json.Key("timestamp").Time(context.clock->Now()).EndObject();
  return Answer(json);
}

HttpResponse Erase(const ServerContext& context, const HttpRequest& request,
                   const std::string& user_id) {
  Status status = CheckUserId(user_id);
  if (!status.ok()) return StatusResponse(status, request.request_id);
  const Result<std::uint64_t> removed = context.engine.EraseUser(user_id);
  if (!removed.ok()) {
    if (removed.status().code() == StatusCode::kUnavailable) context.store_stopped();
    return StatusResponse(removed.status(), request.request_id);
  }
  JsonText json;
  json.BeginObject().Key("user_id").Text(user_id).Key("events_removed").Number(*removed);
  json.EndObject();
  return Answer(json);
}

}  // namespace

Status CheckUserId(const std::string& user_id) {
  const bool good = !user_id.empty() && user_id.size() <= kUserIdBytesMax && IsUtf8(user_id);
  return good ? Status::Ok() : InvalidArgument("the user's id must be 1 to 64 bytes of UTF-8");
}

void AddUserRoutes(Router& router, ServerContext& context) {
  const auto show = [&context](const HttpRequest& request, const PathParams& params) {
    return ShowProfile(context, request, params["id"]);
  };
  const auto erase = [&context](const HttpRequest& request, const PathParams& params) {
    return Erase(context, request, params["id"]);
  };
  router.Get("/api/users/:id", WithParams({}, show));
  router.Delete("/api/users/:id", WithParams({}, erase));
}

}  // namespace insightflow::server
