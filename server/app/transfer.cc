#include "server/app/transfer.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "insightflow/exporter.h"
#include "insightflow/importer.h"
#include "insightflow/wire.h"
#include "server/app/errors.h"
#include "server/app/file_part.h"
#include "server/app/import.h"
#include "server/app/params.h"

namespace insightflow::server {
namespace {

// Each takes a worker's time and keeps replaced segments on the disk while it lasts.
constexpr int kExportsMax = 4;
constexpr int kImportsMax = 2;
// Steps that may find nothing before the answer begins all the same.
constexpr int kStepsBeforeAnswer = 64;

// One of a few places, given back with the object.
class Place {
 public:
  static std::optional<Place> Take(std::atomic<int>* taken, int places) {
    if (taken->fetch_add(1) < places) return Place(taken);
    taken->fetch_sub(1);
    return std::nullopt;
  }
  ~Place() {
    if (taken_ != nullptr) taken_->fetch_sub(1);
  }
  Place(Place&& other) noexcept : taken_(std::exchange(other.taken_, nullptr)) {}
  Place& operator=(Place&&) = delete;

 private:
  explicit Place(std::atomic<int>* taken) : taken_(taken) {}
  std::atomic<int>* taken_;
};

HttpResponse Busy(const HttpRequest& request, std::string_view what) {
  HttpResponse response = ErrorResponse(
      503, "overloaded", "too many " + std::string(what) + " are under way", request.request_id);
  response.headers.Set("Retry-After", "5");
  return response;
}

struct RunningExport {
  explicit RunningExport(Place its_place) : place(std::move(its_place)) {}

  const Place place;
  std::atomic<bool> cancelled{false};
  std::unique_ptr<Exporter> exporter;
};

// Makes one piece.
class ExportStep final : public Job {
 public:
  ExportStep(Router& router, const ServerContext& context, std::shared_ptr<RunningExport> running,
             BodyWriter writer)
      : router_(router),
        context_(context),
        running_(std::move(running)),
        writer_(std::move(writer)) {}

  void Run() override {
    if (running_->cancelled) return;
    std::string lines;
    const Result<bool> more = running_->exporter->Next(&lines);
    if (!more.ok()) {
      if (more.status().code() != StatusCode::kCancelled) context_.export_failed(more.status());
      return;
    }
    if (*more && lines.empty()) {  // others get their turn
      return router_.RunRest(
          std::make_unique<ExportStep>(router_, context_, running_, std::move(writer_)));
    }
    writer_.Send(std::move(lines), *more ? BodyWriter::Then::kMore : BodyWriter::Then::kEnd);
  }

 private:
  Router& router_;
  const ServerContext& context_;
  const std::shared_ptr<RunningExport> running_;
  BodyWriter writer_;
};

class ExportSource final : public BodySource {
 public:
  ExportSource(Router& router, const ServerContext& context, std::shared_ptr<RunningExport> running)
      : router_(router), context_(context), running_(std::move(running)) {}
  ~ExportSource() override { running_->cancelled = true; }

  void Pull(BodyWriter writer) override {
    router_.RunRest(std::make_unique<ExportStep>(router_, context_, running_, std::move(writer)));
  }

 private:
  Router& router_;
  const ServerContext& context_;
  const std::shared_ptr<RunningExport> running_;
};

Result<ExportOptions> ReadExportOptions(const HttpRequest& request) {
  ExportOptions options;
  const std::string format = request.Param("format").value_or("ndjson");
  if (format != "ndjson" && format != "csv") {
    return InvalidArgument("format must be ndjson or csv");
  }
  if (format == "csv") options.format = ExportFormat::kCsv;
  if (Status status = TimeParam(request, "from", &options.from); !status.ok()) return status;
  if (Status status = TimeParam(request, "to", &options.to); !status.ok()) return status;
  if (const std::optional<std::string> text = request.Param("filters")) {
    Result<std::vector<Filter>> filters = ParseFilters(*text);
    if (!filters.ok()) return filters.status();
    options.filters = std::move(*filters);
  }
  return options;
}

HttpResponse StartExport(Router& router, ServerContext& context, const HttpRequest& request) {
  Result<ExportOptions> options = ReadExportOptions(request);
  if (!options.ok()) return StatusResponse(options.status(), request.request_id);
  std::optional<Place> place = Place::Take(&context.exports, kExportsMax);
  if (!place.has_value()) return Busy(request, "exports");
  const auto running = std::make_shared<RunningExport>(std::move(*place));
  options->cancelled = &running->cancelled;
  auto exporter = Exporter::Create(context.engine, *options);
  if (!exporter.ok()) return StatusResponse(exporter.status(), request.request_id);
  running->exporter = std::move(*exporter);
  HttpResponse response;
  // The first piece before the answer begins, so that most failures are told by its status.
  bool has_more = true;
  for (int i = 0; i < kStepsBeforeAnswer && has_more && response.body.empty(); ++i) {
    const Result<bool> more = running->exporter->Next(&response.body);
    if (!more.ok()) return StatusResponse(more.status(), request.request_id);
    has_more = *more;
  }
  const bool csv = options->format == ExportFormat::kCsv;
  response.content_type = csv ? "text/csv; charset=utf-8; header=present" : "application/x-ndjson";
  response.headers.Set("Content-Disposition", std::string("attachment; filename=\"events.") +
                                                  (csv ? "csv" : "ndjson") + "\"");
  response.headers.Set("Cache-Control", "no-store");
  if (has_more) response.source = std::make_unique<ExportSource>(router, context, running);
  return response;
}

std::optional<ImportFormat> FormatOf(const HttpRequest& request) {
  const std::string_view header = request.headers.Find("Content-Type").value_or("");
  std::string_view type = header.substr(0, header.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  if (EqualsIgnoreCase(type, "text/csv")) return ImportFormat::kCsv;
  if (EqualsIgnoreCase(type, "application/x-ndjson")) return ImportFormat::kNdjson;
  if (EqualsIgnoreCase(type, "text/x-access-log")) return ImportFormat::kCombined;
  return std::nullopt;
}

Result<IngestResult> ImportBody(ServerContext& context, const HttpRequest& request,
                                ImportFormat format) {
  ImportOptions options;
  options.format = format;
  options.source = request.Param("source").value_or("");
  std::string_view lines;
  Result<FilePart> part = ReadPart(request, &lines);
  if (!part.ok()) return part.status();
  const auto importer = Importer::Create(context.engine, options);
  if (!importer.ok()) return importer.status();
  if (Status status = (*importer)->BeginPart(std::move(*part)); !status.ok()) return status;
  if (Status status = (*importer)->Add(lines); !status.ok()) return status;
  return (*importer)->Finish();
}

HttpResponse Import(ServerContext& context, const HttpRequest& request) {
  const std::optional<ImportFormat> format = FormatOf(request);
  if (!format.has_value()) {
    return ErrorResponse(415, "unsupported_media_type",
                         "send application/x-ndjson, text/csv or text/x-access-log",
                         request.request_id);
  }
  const std::optional<Place> place = Place::Take(&context.imports, kImportsMax);
  if (!place.has_value()) return Busy(request, "imports");
  const auto begin = std::chrono::steady_clock::now();
  const Result<IngestResult> result = ImportBody(context, request, *format);
  if (!result.ok()) {
    if (result.status().code() == StatusCode::kUnavailable) context.store_stopped();
    return StatusResponse(result.status(), request.request_id);
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  HttpResponse response;
  if (result->rejected > 0 && result->accepted + result->duplicates == 0) response.status = 400;
  response.body = ImportJson(*result, elapsed.count(), true);
  return response;
}

}  // namespace

void AddTransferRoutes(Router& router, ServerContext& context) {
  const auto start_export = [&](const HttpRequest& request, const PathParams&) {
    return StartExport(router, context, request);
  };
  const auto import = [&](const HttpRequest& request, const PathParams&) {
    return Import(context, request);
  };
  router.Get("/api/export", WithParams({"from", "to", "format", "filters"}, start_export));
  router.Post("/api/import", WithParams({"source", "first_line", "repeated"}, import));
}

}  // namespace insightflow::server
