#include "server/app/collect.h"

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "server/app/errors.h"
#include "server/app/json.h"

namespace insightflow::server {
namespace {

// JSON, or text/plain because beacons and the first generation's clients send that. A client that
// names no type means JSON.
bool IsJsonType(const std::optional<std::string_view>& header) {
  if (!header.has_value()) return true;
  std::string_view type = header->substr(0, header->find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return EqualsIgnoreCase(type, "application/json") || EqualsIgnoreCase(type, "text/plain");
}

bool AsksForPrivacy(const HttpRequest& request) {
  return request.headers.Find("Sec-GPC") == "1" || request.headers.Find("DNT") == "1";
}

std::string Message(const IngestResult& result) {
  if (result.received == 0) return "no events in the batch";
  std::string text = std::to_string(result.accepted) + " accepted";
  if (result.duplicates > 0) text += ", " + std::to_string(result.duplicates) + " known before";
  if (result.rejected > 0) text += ", " + std::to_string(result.rejected) + " rejected";
  return text;
}

const char* StatusName(const IngestResult& result) {
  if (result.rejected == 0) return "success";
  return result.accepted + result.duplicates > 0 ? "partial" : "rejected";
}

void AppendCount(const char* key, std::uint64_t count, std::string* out) {
  out->append(key);
  out->append(std::to_string(count));
}

// One request on its way through the engine.
struct Collecting {
  ServerContext& context;
  Responder responder;
  HttpRequest request;
  bool first_generation;

  void Answer(const Result<IngestResult>& result) {
    HttpResponse response;
    if (result.ok()) {
      response.status = StatusName(*result) == std::string_view("rejected") ? 400 : 200;
      response.body = CollectJson(*result, first_generation);
      CollectCounters& counters = context.collect;
      counters.accepted.fetch_add(result->accepted, std::memory_order_relaxed);
      counters.duplicates.fetch_add(result->duplicates, std::memory_order_relaxed);
      counters.rejected.fetch_add(result->rejected, std::memory_order_relaxed);
    } else {
      response = Failure(result.status());
    }
    Send(std::move(response));
  }

  void Drop() {
    HttpResponse response;
    response.body =
        CollectJson(IngestResult(), first_generation, "not kept: the client asks for privacy");
    Send(std::move(response));
  }

  HttpResponse Failure(const Status& status) {
    if (status.code() == StatusCode::kUnavailable) context.store_stopped();
    if (status.code() == StatusCode::kOutOfRange) {  // of bytes: the listener refused those
      return ErrorResponse(413, "too_many_events", status.message(), request.request_id);
    }
    return StatusResponse(status, request.request_id);
  }

  void Send(HttpResponse response) {
    if (response.status != 200) context.collect.refused.fetch_add(1, std::memory_order_relaxed);
    context.cors.Decorate(request, response);
    responder.Send(std::move(response));
  }
};

void Collect(ServerContext& context, HttpRequest request, Responder responder) {
  context.collect.requests.fetch_add(1, std::memory_order_relaxed);
  const bool first_generation = request.path == "/bff/events/batch";
  auto collecting = std::make_shared<Collecting>(
      Collecting{context, std::move(responder), std::move(request), first_generation});
  const HttpRequest& kept = collecting->request;
  if (!IsJsonType(kept.headers.Find("Content-Type"))) {
    return collecting->Send(ErrorResponse(415, "unsupported_media_type",
                                          "send application/json or text/plain", kept.request_id));
  }
  IngestOptions options;
  if (AsksForPrivacy(kept)) {
    context.collect.privacy_signals.fetch_add(1, std::memory_order_relaxed);
    if (context.privacy == PrivacyPolicy::kDrop) {
      context.collect.privacy_dropped.fetch_add(1, std::memory_order_relaxed);
      return collecting->Drop();
    }
    if (context.privacy == PrivacyPolicy::kCount) {
      context.collect.privacy_counted.fetch_add(1, std::memory_order_relaxed);
      options.anonymous = true;
    }
  }
  const std::string address = context.proxies.ClientAddress(kept);
  options.client_address = address;
  options.user_agent = kept.headers.Find("User-Agent").value_or("");
  options.events_max = context.events_max;
  options.bytes_max = context.body_max;
  context.engine.IngestAsync(kept.body, options, [collecting](const Result<IngestResult>& result) {
    collecting->Answer(result);
  });
}

}  // namespace

std::string CollectJson(const IngestResult& result, bool first_generation,
                        std::string_view message) {
  std::string json;
  json.reserve(256);
  json.append(R"({"status":")").append(StatusName(result));
  json.append(R"(","message":")").append(message.empty() ? Message(result) : message);
  AppendCount(R"(","count":)", result.accepted, &json);
  if (first_generation) {
    AppendCount(R"(,"processed_count":)", result.accepted + result.duplicates, &json);
  }
  AppendCount(R"(,"accepted":)", result.accepted, &json);
  AppendCount(R"(,"duplicates":)", result.duplicates, &json);
  AppendCount(R"(,"rejected":)", result.rejected, &json);
  AppendCount(R"(,"truncated":)", result.truncated, &json);
  json.append(R"(,"errors":)");
  if (result.errors.empty()) {
    json.append("[]");
  } else {
    JsonText errors;
    errors.BeginArray();
    for (const Rejection& error : result.errors) {
      errors.BeginObject().Key("index").Number(error.index);
      errors.Key("code").Text(RejectCodeName(error.code));
      errors.Key("field").Text(error.field).Key("message").Text(error.message).EndObject();
    }
    errors.EndArray();
    json.append(errors.Take());
  }
  json.append(R"(,"durability":")").append(DurabilityName(result.durability)).append("\"}");
  return json;
}

void AddCollectRoutes(Router& router, ServerContext& context) {
  for (const char* path : {"/api/events", "/bff/events/batch"}) {
    router.Inline("POST", path, [&context](HttpRequest request, Responder responder) {
      Collect(context, std::move(request), std::move(responder));
    });
  }
}

}  // namespace insightflow::server
