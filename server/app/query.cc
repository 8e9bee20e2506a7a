#include "server/app/query.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "insightflow/wire.h"
#include "server/app/errors.h"
#include "server/app/input.h"
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

FunnelResolver FunnelsOf(const Engine& engine) {
  return [&engine](std::string_view id) { return engine.ActiveFunnel(id); };
}

Result<std::string> Ask(const Engine& engine, std::string_view json) {
  const Result<Query> query = ParseQuery(json, FunnelsOf(engine));
  if (!query.ok()) return query.status();
  const Result<Answer> answer = AskEngine(engine, *query);
  return answer.ok() ? Result<std::string>(WriteAnswer(*query, *answer)) : answer.status();
}

HttpResponse Respond(const ServerContext& context, const HttpRequest& request) {
  Result<std::string> answer = Ask(context.engine, request.body);
  if (!answer.ok()) return StatusResponse(answer.status(), request.request_id);
  HttpResponse response;
  response.headers.Set("Cache-Control", "no-store");
  response.body = std::move(*answer);
  return response;
}

// Whole, or one byte more than a query may have. Empty at a signal.
Result<std::string> ReadQuery(const std::string& path, Signals& signals) {
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

Result<Query> ParseFile(const QuerySettings& settings, std::string_view json,
                        const FunnelResolver& funnels) {
  Result<Query> query = ParseQuery(json, funnels);
  if (query.ok()) return query;
  const std::string name = settings.file == "-" ? "stdin" : settings.file;
  return Status(query.status().code(), name + ": " + query.status().message());
}

// The query is judged before the store is opened, which may take a while; one that names a stored
// funnel, as far as that goes.
Result<std::string> AskFile(const QuerySettings& settings) {
  Signals signals;
  const Result<std::string> json = ReadQuery(settings.file, signals);
  signals.RestoreDefaults();
  if (!json.ok()) return json.status();
  if (signals.Signalled()) return Status(StatusCode::kCancelled, "interrupted");
  bool names_funnel = false;
  Result<Query> query = ParseFile(settings, *json, [&](std::string_view) -> Result<FunnelQuery> {
    names_funnel = true;
    return NotFound("known when the store is open");
  });
  if (!query.ok() && !names_funnel) return query.status();
  EngineOptions options;
  options.data_dir = settings.data;
  options.create_if_missing = false;
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

Result<Answer> AskEngine(const Engine& engine, const Query& query) {
  if (Status status = CheckRange(query); !status.ok()) return status;
  Result<Answer> answer = engine.Query(query);
  if (answer.ok() || answer.status().code() != StatusCode::kOutOfRange) return answer;
  return InvalidArgument(answer.status().message());
}

void AddQueryRoutes(Router& router, ServerContext& context) {
  router.Post("/api/query", [&context](const HttpRequest& request, const PathParams&) {
    return Respond(context, request);
  });
}

int AskStore(const QuerySettings& settings) {
  const Result<std::string> text = AskFile(settings);
  if (!text.ok()) return Fail(text.status());
  Print(*text);
  if (std::fflush(stdout) != 0) return Fail(Internal("stdout takes no more"));
  return 0;
}

}  // namespace insightflow::server
