#include "server/app/remote.h"

#include <rapidjson/document.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "server/app/file_part.h"
#include "server/app/parts.h"

namespace insightflow::server {
namespace {

constexpr std::size_t kAnswerBytesMax = std::size_t{256} << 20;
constexpr std::size_t kResultBytesMax = std::size_t{1} << 20;
constexpr std::size_t kErrorsMax = 100;  // as ImportOptions::errors_max

using Json = rapidjson::Document;

const char* MediaType(ImportFormat format) {
  switch (format) {
    case ImportFormat::kCsv: return "text/csv";
    case ImportFormat::kCombined: return "text/x-access-log";
    case ImportFormat::kNdjson: break;
  }
  return "application/x-ndjson";
}

bool ReadCount(const Json& json, const char* name, std::uint64_t* count) {
  if (!json.HasMember(name) || !json[name].IsUint64()) return false;
  *count = json[name].GetUint64();
  return true;
}

RejectCode CodeNamed(std::string_view name) {
  for (int code = 0; code < static_cast<int>(RejectCode::kBadLine); ++code) {
    if (name == RejectCodeName(static_cast<RejectCode>(code))) return static_cast<RejectCode>(code);
  }
  return RejectCode::kBadLine;
}

void ReadErrors(const Json& json, std::vector<Rejection>* errors) {
  if (!json.HasMember("errors") || !json["errors"].IsArray()) return;
  for (const auto& error : json["errors"].GetArray()) {
    if (!error.IsObject() || errors->size() == kErrorsMax) return;
    const auto text = [&](const char* name) {
      return error.HasMember(name) && error[name].IsString() ? error[name].GetString() : "";
    };
    Rejection rejection;
    if (error.HasMember("line") && error["line"].IsUint64()) {
      rejection.index = static_cast<std::size_t>(error["line"].GetUint64());
    }
    rejection.code = CodeNamed(text("code"));
    rejection.field = text("field");
    rejection.message = text("message");
    errors->push_back(std::move(rejection));
  }
}

// Adds what the server says of one part; nullopt when that is no such answer.
bool AddResult(const std::string& body, IngestResult* total) {
  Json json;
  json.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
  IngestResult part;
  if (!json.IsObject() || !ReadCount(json, "accepted", &part.accepted) ||
      !ReadCount(json, "duplicates", &part.duplicates) ||
      !ReadCount(json, "rejected", &part.rejected) ||
      !ReadCount(json, "truncated", &part.truncated)) {
    return false;
  }
  total->received += part.accepted + part.duplicates + part.rejected;
  total->accepted += part.accepted;
  total->duplicates += part.duplicates;
  total->rejected += part.rejected;
  total->truncated += part.truncated;
  ReadErrors(json, &total->errors);
  return true;
}

Status SendPart(const ServerUrl& url, const ImportSettings& settings, const FilePart& part,
                std::string_view lines, Signals& signals, IngestResult* total) {
  std::string query;
  const std::string& source = settings.options.source;
  if (!source.empty()) query = "?source=" + PercentEncode(source);
  const std::string sent = PartBody(part, lines, &query);
  ClientRequest request;
  request.method = "POST";
  request.target = "/api/import" + query;
  request.headers.Set("Content-Type", MediaType(settings.options.format));
  request.body = sent;
  const auto call = HttpCall::Start(url, request, signals);
  if (!call.ok()) return call.status();
  const Result<std::string> body = (*call)->ReadAll(kResultBytesMax);
  if (!body.ok()) return body.status();
  // A part of which every line was rejected is a 400.
  const bool answered = (*call)->status() == 200 || (*call)->status() == 400;
  if (answered && AddResult(*body, total)) return Status::Ok();
  return (*call)->ErrorFrom(*body);
}

}  // namespace

Result<std::string> AskServer(const std::string& url, std::string_view query, bool as_table,
                              Signals& signals) {
  const Result<ServerUrl> server = ParseServerUrl(url);
  if (!server.ok()) return server.status();
  ClientRequest request;
  request.method = "POST";
  request.target = "/api/query";
  request.headers.Set("Content-Type", "application/json");
  request.headers.Set("Accept", as_table ? "text/plain" : "application/json");
  request.body = query;
  const auto call = HttpCall::Start(*server, request, signals);
  if (!call.ok()) return call.status();
  Result<std::string> body = (*call)->ReadAll(kAnswerBytesMax);
  if (!body.ok() || (*call)->status() == 200) return body;
  return (*call)->ErrorFrom(*body);
}

Result<std::unique_ptr<HttpCall>> StartRemoteExport(const ExportSettings& settings,
                                                    Signals& signals) {
  const Result<ServerUrl> server = ParseServerUrl(settings.url);
  if (!server.ok()) return server.status();
  const ExportOptions& options = settings.options;
  ClientRequest request;
  request.target = "/api/export?format=";
  request.target += options.format == ExportFormat::kCsv ? "csv" : "ndjson";
  const auto add_time = [&](const char* name, const std::optional<Timestamp>& time) {
    if (time.has_value()) request.target += name + std::to_string(ToMillis(*time));
  };
  add_time("&from=", options.from);
  add_time("&to=", options.to);
  if (!options.filters.empty()) request.target += "&filters=" + PercentEncode(settings.filters);
  auto call = HttpCall::Start(*server, request, signals);
  if (!call.ok() || (*call)->status() == 200) return call;
  const Result<std::string> body = (*call)->ReadAll(kResultBytesMax);
  return body.ok() ? (*call)->ErrorFrom(*body) : body.status();
}

Result<IngestResult> ImportRemotely(const ImportSettings& settings,
                                    const Importer::ReadFunction& read, Signals& signals) {
  const Result<ServerUrl> server = ParseServerUrl(settings.url);
  if (!server.ok()) return server.status();
  IngestResult total;
  PartCutter cutter(settings.options.format);
  FileParts parts(settings.options.format);
  ImportPart part;
  while (true) {
    const Result<bool> more = cutter.Next(read, &part);
    if (!more.ok()) return more.status();
    if (!*more) return total;
    const FilePart told = parts.Next(part.body, part.first_line);
    Status status = SendPart(*server, settings, told, part.body, signals, &total);
    if (!status.ok()) return status;
  }
}

}  // namespace insightflow::server
