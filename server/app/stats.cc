#include "server/app/stats.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/app/errors.h"
#include "server/app/json.h"
#include "server/app/params.h"
#include "server/app/users.h"

namespace insightflow::server {
namespace {

constexpr std::size_t kRankingLimit = 10;
constexpr std::size_t kDashboardPages = 5;
constexpr std::size_t kTimelineLimit = 100;

HttpResponse Answer(JsonText& json) {
  HttpResponse response;
  response.headers.Set("Cache-Control", "no-store");
  response.body = json.Take();
  return response;
}

void WriteRows(const Ranking& ranking, std::string_view value_name, std::string_view count_name,
               JsonText& json) {
  json.BeginArray();
  for (const RankedCount& row : ranking.rows) {
    json.BeginObject().Key(value_name).Text(row.value).Key(count_name).Number(row.count);
    if (row.count_error_max > 0) json.Key("count_error_max").Number(row.count_error_max);
    json.EndObject();
  }
  json.EndArray();
}

void WriteSeries(const std::vector<std::uint64_t>& counts, JsonText& json) {
  json.BeginArray();
  for (const std::uint64_t count : counts) json.Number(count);
  json.EndArray();
}

HttpResponse Online(const ServerContext& context) {
  const OnlineUsers online = context.engine.Online();
  JsonText json;
  json.BeginObject().Key("count").Number(online.last_5_minutes);
  json.Key("last_30_minutes").Number(online.last_30_minutes);
  json.Key("timestamp").Time(context.clock->Now()).EndObject();
  return Answer(json);
}

// What the two rankings differ in.
struct RankingCall {
  const char* list;
  const char* value;
  const char* count;
  Ranking (Engine::*ask)(Window, std::size_t) const;
};

HttpResponse Rank(const ServerContext& context, const HttpRequest& request,
                  const RankingCall& call) {
  const Result<std::size_t> limit = LimitParam(request, kRankingLimit);
  if (!limit.ok()) return StatusResponse(limit.status(), request.request_id);
  const Result<Window> window = WindowParam(request);
  if (!window.ok()) return StatusResponse(window.status(), request.request_id);
  const Ranking ranking = (context.engine.*call.ask)(*window, *limit);
  JsonText json;
  json.BeginObject().Key(call.list);
  WriteRows(ranking, call.value, call.count, json);
  json.Key("window").Text(WindowName(*window)).Key("exact").Bool(ranking.exact);
  json.Key("timestamp").Time(context.clock->Now()).EndObject();
  return Answer(json);
}

HttpResponse Events(const ServerContext& context) {
  const EventTotals totals = context.engine.Totals();
  JsonText json;
  json.BeginObject().Key("total_events").Number(totals.total).Key("events_by_type");
  WriteTypes(totals.by_type, json);
  json.Key("total_users").Number(totals.users);
  json.Key("timestamp").Time(context.clock->Now()).EndObject();
  return Answer(json);
}

HttpResponse ConversionRate(const ServerContext& context) {
  const Conversion conversion = context.engine.ConversionRate();
  JsonText json;
  json.BeginObject().Key("rate").Real(conversion.rate);
  json.Key("conversion_rate_events").Real(conversion.rate_events);
  json.Key("users_viewed").Number(conversion.users_viewed);
  json.Key("users_purchased").Number(conversion.users_purchased);
  json.Key("timestamp").Time(context.clock->Now()).EndObject();
  return Answer(json);
}

HttpResponse ShowDashboard(const ServerContext& context) {
  const Dashboard dashboard = context.engine.GetDashboard(kDashboardPages);
  JsonText json;
  json.BeginObject().Key("online_users").Number(dashboard.online.last_5_minutes);
  json.Key("total_events").Number(dashboard.totals.total).Key("events_by_type");
  WriteTypes(dashboard.totals.by_type, json);
  json.Key("hot_pages");
  WriteRows(dashboard.hot_pages, "page_url", "views", json);
  json.Key("conversion_rate").Real(dashboard.conversion.rate);
  json.Key("total_users").Number(dashboard.totals.users);
  json.Key("events_per_minute").Number(dashboard.rates.last_minute).Key("minutes");
  WriteSeries(dashboard.rates.minutes, json);
  json.Key("timestamp").Time(context.clock->Now()).EndObject();
  return Answer(json);
}

// Where the next page begins, also among events of one time.
std::string CursorAfter(const std::vector<StoredEvent>& page) {
  const Timestamp last = page.back().event.timestamp;
  std::uint64_t sequence = page.back().sequence;
  for (const StoredEvent& stored : page) {
    if (stored.event.timestamp == last) sequence = std::min(sequence, stored.sequence);
  }
  return std::to_string(ToMillis(last)) + "-" + std::to_string(sequence);
}

HttpResponse UserTimeline(const ServerContext& context, const HttpRequest& request,
                          const std::string& user_id) {
  if (Status status = CheckUserId(user_id); !status.ok()) {
    return StatusResponse(status, request.request_id);
  }
  const Result<std::size_t> limit = LimitParam(request, kTimelineLimit);
  if (!limit.ok()) return StatusResponse(limit.status(), request.request_id);
  const Result<Before> before = BeforeParam(request);
  if (!before.ok()) return StatusResponse(before.status(), request.request_id);
  const auto events = context.engine.UserEvents(user_id, *limit, before->time, before->sequence);
  if (!events.ok()) return StatusResponse(events.status(), request.request_id);
  JsonText json;
  json.BeginObject().Key("user_id").Text(user_id).Key("events").BeginArray();
  for (const StoredEvent& event : *events) WriteEvent(event, json);
  json.EndArray().Key("count").Number(events->size());
  if (events->size() == *limit) json.Key("next").Text(CursorAfter(*events));
  json.Key("timestamp").Time(context.clock->Now()).EndObject();
  return Answer(json);
}

}  // namespace

void WriteTypes(const std::vector<TypeCount>& types, JsonText& json) {
  json.BeginObject();
  for (const TypeCount& type : types) json.Key(type.type).Number(type.count);
  json.EndObject();
}

void WriteEvent(const StoredEvent& stored, JsonText& json) {
  const Event& event = stored.event;
  json.BeginObject();
  const std::pair<const char*, const std::string&> texts[] = {
      {"event_id", event.event_id},         {"user_id", event.user_id},
      {"session_id", event.session_id},     {"event_type", event.event_type},
      {"page_url", event.page_url},         {"page_title", event.page_title},
      {"referrer", event.referrer},         {"element", event.element},
      {"element_id", event.element_id},     {"element_class", event.element_class},
      {"element_text", event.element_text}, {"user_agent", event.user_agent},
      {"ip_address", event.ip_address},     {"tab_id", event.tab_id},
  };
  for (const auto& [name, text] : texts) {
    if (!text.empty()) json.Key(name).Text(text);
  }
  json.Key("timestamp").Integer(ToMillis(event.timestamp));
  if (event.seq.has_value()) json.Key("seq").Number(*event.seq);
  if (event.position_x.has_value()) json.Key("position_x").Integer(*event.position_x);
  if (event.position_y.has_value()) json.Key("position_y").Integer(*event.position_y);
  if (!event.extra_data.empty()) json.Key("extra_data").RawObject(event.extra_data);
  json.Key("sequence").Number(stored.sequence);
  json.Key("received").Integer(ToMillis(stored.received)).EndObject();
}

void AddStatsRoutes(Router& router, ServerContext& context) {
  static constexpr RankingCall kPages{"pages", "page_url", "views", &Engine::HotPages};
  static constexpr RankingCall kElements{"elements", "element", "clicks", &Engine::HotElements};
  const auto add = [&](const char* path, auto answer,
                       std::vector<std::string> allowed = {"cache"}) {
    const auto handler = [&context, answer](const HttpRequest& request, const PathParams&) {
      return answer(context, request);
    };
    router.Get(path, WithParams(std::move(allowed), handler), kOnLoop);
  };
  using Context = ServerContext;
  using Request = HttpRequest;
  add("/api/stats/online", [](const Context& c, const Request&) { return Online(c); });
  const std::vector<std::string> ranking = {"limit", "window", "cache"};
  add(
      "/api/stats/hot-pages", [](const Context& c, const Request& r) { return Rank(c, r, kPages); },
      ranking);
  add(
      "/api/stats/hot-elements",
      [](const Context& c, const Request& r) { return Rank(c, r, kElements); }, ranking);
  add("/api/stats/events", [](const Context& c, const Request&) { return Events(c); });
  add("/api/stats/conversion", [](const Context& c, const Request&) { return ConversionRate(c); });
  add("/api/stats/dashboard", [](const Context& c, const Request&) { return ShowDashboard(c); });
  const auto timeline = [&context](const Request& request, const PathParams& params) {
    return UserTimeline(context, request, params["id"]);
  };
  router.Get("/api/user/:id/events", WithParams({"limit", "before"}, timeline));
}

}  // namespace insightflow::server
