#include "server/app/query.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>

#include "insightflow/wire.h"
#include "server/app/errors.h"
#include "server/app/input.h"
#include "server/app/params.h"
#include "server/app/remote.h"
#include "server/app/report.h"
#include "server/app/signals.h"

namespace insightflow::server {
namespace {

constexpr std::chrono::days kRangeMax{400};  // over HTTP; all data may be asked for
constexpr std::chrono::hours kPatience{24};  // of who waits at a terminal

Status CheckRange(const Query& query) {
  const QueryScope& scope =
      std::visit([](const auto& kind) -> const QueryScope& { return kind.scope; }, query);
  if (!scope.from.has_value() || !scope.to.has_value() || *scope.to - *scope.from <= kRangeMax) {
    return Status::Ok();
  }
  const auto days = std::chrono::ceil<std::chrono::days>(*scope.to - *scope.from);
  return InvalidArgument("from: " + std::to_string(days.count()) +
                         " days before to, at most 400; without both all data is asked for");
}

std::size_t QueriesMax(const ServerContext& context) {
  if (context.queries_max != 0) return context.queries_max;
  // Each may take QueryOptions::memory_bytes_max.
  return std::clamp<std::size_t>(std::size_t{2} * std::thread::hardware_concurrency(), 2, 16);
}

FunnelResolver FunnelsOf(const Engine& engine) {
  return [&engine](std::string_view id) { return engine.ActiveFunnel(id); };
}

bool WantsTable(const HttpRequest& request) {
  return request.headers.Find("Accept") == "text/plain";
}

Result<std::string> Ask(ServerContext& context, const HttpRequest& request) {
  const Result<Query> query = ParseQuery(request.body, FunnelsOf(context.engine));
  if (!query.ok()) return query.status();
  const Result<Answer> answer = AskEngine(context, request, *query);
  if (!answer.ok()) return answer.status();
  return WantsTable(request) ? WriteTable(*query, *answer) : WriteAnswer(*query, *answer);
}

HttpResponse Respond(ServerContext& context, const HttpRequest& request) {
  Result<std::string> answer = Ask(context, request);
  if (!answer.ok()) return Unanswered(answer.status(), request.request_id);
  HttpResponse response;
  response.headers.Set("Cache-Control", "no-store");
  if (WantsTable(request)) response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(*answer);
  return response;
}

// JSON in place of the name of a file.
bool IsQuery(std::string_view file) {
  const std::size_t begin = file.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && file[begin] == '{';
}

// Whole, or one byte more than a query may have. Empty at a signal.
Result<std::string> ReadQuery(const std::string& path, Signals& signals) {
  if (IsQuery(path)) return path.substr(0, kQueryBytesMax + 1);
  Result<std::unique_ptr<InputFile>> file = InputFile::Open(path, signals);
  if (!file.ok()) return file.status();
  std::string text(kQueryBytesMax + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const Result<std::size_t> got = (*file)->Read(text.data() + size, text.size() - size);
    if (!got.ok()) return got.status();
    if (*got == 0) break;
    size += *got;
  }
  text.resize(size);
  return text;
}

Status NameFile(const QuerySettings& settings, const Status& status) {
  if (IsQuery(settings.file)) return status;
  const std::string name = settings.file == "-" ? "stdin" : settings.file;
  return {status.code(), name + ": " + status.message()};
}

// Whether the query is one is for the server to say: it knows the stored funnels.
Result<std::string> AskThere(const QuerySettings& settings, std::string_view json,
                             Signals& signals) {
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  const Result<std::string> answer = AskServer(settings.url, json, terminal, signals);
  if (answer.ok()) return terminal ? *answer : *answer + "\n";
  const bool wrong = answer.status().code() == StatusCode::kInvalidArgument;
  return wrong ? NameFile(settings, answer.status()) : answer.status();
}

Result<Query> ParseFile(const QuerySettings& settings, std::string_view json,
                        const FunnelResolver& funnels) {
  Result<Query> query = ParseQuery(json, funnels);
  return query.ok() ? query : NameFile(settings, query.status());
}

// The query is judged before the store is opened, which may take a while; one that names a stored
// funnel, as far as that goes.
Result<std::string> AskFile(const QuerySettings& settings) {
  Signals signals;
  const Result<std::string> json = ReadQuery(settings.file, signals);
  signals.RestoreDefaults();
  if (!json.ok()) return json.status();
  if (signals.Signalled()) return Status(StatusCode::kCancelled, "interrupted");
  if (!settings.url.empty()) return AskThere(settings, *json, signals);
  bool names_funnel = false;
  Result<Query> query = ParseFile(settings, *json, [&](std::string_view) -> Result<FunnelQuery> {
    names_funnel = true;
    return NotFound("known when the store is open");
  });
  if (!query.ok() && !names_funnel) return query.status();
  EngineOptions options;
  options.data_dir = settings.data;
  options.create_if_missing = false;
  options.retention_days = settings.retention_days;
  const Result<std::unique_ptr<Engine>> engine = Engine::Open(options);
  if (!engine.ok()) return engine.status();
  if (names_funnel) query = ParseFile(settings, *json, FunnelsOf(**engine));
  if (!query.ok()) return query.status();
  const Result<Answer> answer = (*engine)->Query(*query, {.deadline = kPatience});
  if (!answer.ok()) return answer.status();
  if (Status closed = (*engine)->Close(); !closed.ok()) return closed;
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  return terminal ? WriteTable(*query, *answer) : WriteAnswer(*query, *answer) + "\n";
}

}  // namespace

Result<Answer> AskEngine(ServerContext& context, const HttpRequest& request, const Query& query) {
  if (Status status = CheckRange(query); !status.ok()) return status;
  QueryOptions options;
  options.deadline = context.query_deadline;
  options.cancelled = request.client_gone.get();
  QueryCounters& counters = context.queries;
  ++counters.begun;
  ++counters.running;
  Result<Answer> answer = context.query(query, options);
  --counters.running;
  const Status status = answer.status();
  if (status.code() == StatusCode::kCancelled) ++counters.cancelled;
  if (status.code() == StatusCode::kDeadlineExceeded) ++counters.late;
  if (status.code() != StatusCode::kOutOfRange) return answer;
  return InvalidArgument(status.message());
}

HttpResponse Unanswered(const Status& status, std::string_view request_id) {
  if (status.code() != StatusCode::kResourceExhausted) return StatusResponse(status, request_id);
  return ErrorResponse(422, StatusCodeName(status.code()), status.message(), request_id);
}

void AddQueryRoutes(Router& router, ServerContext& context) {
  const std::size_t most = QueriesMax(context);
  context.query_lane = router.AddLane(
      {most, most, "too many queries are under way", [&context] { ++context.queries.refused; }});
  const auto respond = [&context](const HttpRequest& request, const PathParams&) {
    return Respond(context, request);
  };
  router.Post("/api/query", WithParams({}, respond), context.query_lane);
}

int AskStore(const QuerySettings& settings) {
  const Result<std::string> text = AskFile(settings);
  if (!text.ok()) return Fail(text.status());
  Print(*text);
  if (std::fflush(stdout) != 0) return Fail(Internal("stdout takes no more"));
  return 0;
}

}  // namespace insightflow::server
