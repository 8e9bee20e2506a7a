#include "server/app/import.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "insightflow/importer.h"
#include "server/app/input.h"
#include "server/app/json.h"
#include "server/app/progress.h"
#include "server/app/remote.h"
#include "server/app/report.h"
#include "server/app/signals.h"

namespace insightflow::server {
namespace {

constexpr int kInterrupted = 130;
constexpr std::size_t kRejectionsShown = 10;

void ShowRejections(const std::string& file, const IngestResult& result) {
  const std::size_t shown = std::min(kRejectionsShown, result.errors.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const Rejection& error = result.errors[i];
    Complain(file + ":" + std::to_string(error.index) + ": " + RejectCodeName(error.code) + ": " +
             (error.field.empty() ? "" : error.field + ": ") + error.message);
  }
  if (result.rejected > shown) {
    Complain(file + ": " + std::to_string(result.rejected - shown) + " more lines were rejected");
  }
}

void AddTo(IngestResult* total, const IngestResult& part) {
  total->received += part.received;
  total->accepted += part.accepted;
  total->duplicates += part.duplicates;
  total->rejected += part.rejected;
  total->truncated += part.truncated;
}

constexpr std::uint64_t kFoldRows = 8'000'000;

const char* FormatName(ImportFormat format) {
  switch (format) {
    case ImportFormat::kCsv: return "csv";
    case ImportFormat::kCombined: return "combined";
    case ImportFormat::kNdjson: break;
  }
  return "ndjson";
}

// Where files go. A store is opened for the first file that passes CheckStart: a mistake must not
// leave an empty one behind.
class Store {
 public:
  Store(const ImportSettings& settings, Signals& signals)
      : settings_(settings), signals_(signals) {}

  Result<IngestResult> Take(const Importer::ReadFunction& read) {
    if (!settings_.url.empty()) return ImportRemotely(settings_, read, signals_);
    if (Status status = Open(); !status.ok()) return status;
    Result<IngestResult> result = importer_->AddFrom(read);
    if (!result.ok()) {   // nothing may read the file any more
      signals_.Notify();  // it may wait for stdin
      importer_ = nullptr;
    }
    return result;
  }

  Status Close() {
    importer_ = nullptr;
    return engine_ == nullptr ? Status::Ok() : engine_->Close();
  }

 private:
  Status Open() {
    if (importer_ != nullptr) return Status::Ok();
    EngineOptions options;
    options.data_dir = settings_.data;
    options.dedupe_bytes_max = settings_.dedupe_memory;
    // A short import is over before folding would be; what it leaves is folded by who reads next.
    options.fold_rows = kFoldRows;
    Result<std::unique_ptr<Engine>> engine = Engine::Open(options);
    if (!engine.ok()) return engine.status();
    engine_ = std::move(*engine);
    Result<std::unique_ptr<Importer>> importer = Importer::Create(*engine_, settings_.options);
    if (!importer.ok()) return importer.status();
    importer_ = std::move(*importer);
    return Status::Ok();
  }

  const ImportSettings& settings_;
  Signals& signals_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Importer> importer_;
};

// A file of another format would be rejected line by line; a header that lacks a column, as a
// whole.
Status CheckStart(const std::string& name, std::string_view start, const ImportOptions& options) {
  if (start.empty()) return Status::Ok();
  const bool csv = options.format == ImportFormat::kCsv;
  Status header = csv ? Importer::CheckCsvHeader(start, options) : Status::Ok();
  if (csv && header.ok()) return header;
  const std::optional<ImportFormat> likely = Importer::GuessFormat(start);
  if (likely.has_value() && *likely != options.format) {
    const std::string format = FormatName(*likely);
    return InvalidArgument(name + " does not look like " + FormatName(options.format) +
                           " but like " + format + ": say --format " + format);
  }
  return header.ok() ? header : InvalidArgument(name + ": " + header.message());
}

// Whole lines, unless the first is longer than anybody needs to judge it. Empty at a signal.
Result<std::string> ReadStart(InputFile& file) {
  constexpr std::size_t kEnough = std::size_t{1} << 20;
  constexpr std::size_t kStep = std::size_t{1} << 16;
  std::string start;
  while (start.size() < kEnough && start.find('\n') == std::string::npos) {
    const std::size_t size = start.size();
    start.resize(size + kStep);
    const Result<std::size_t> got = file.Read(start.data() + size, kStep);
    if (!got.ok()) return got.status();
    start.resize(size + *got);
    if (*got == 0) break;
  }
  return start;
}

// First what was read of a file already, then the rest. A signal is an error, lest the bytes before
// it pass for the whole file.
Importer::ReadFunction ReadAfter(std::string_view start, InputFile& file, Signals& signals,
                                 Progress& progress) {
  return [start, &file, &signals, &progress](char* buffer,
                                             std::size_t size) mutable -> Result<std::size_t> {
    if (!start.empty()) {
      const std::size_t taken = start.copy(buffer, size);
      start.remove_prefix(taken);
      return taken;
    }
    Result<std::size_t> got = file.Read(buffer, size);
    if (signals.Signalled()) return Status(StatusCode::kFailedPrecondition, "interrupted");
    if (got.ok()) progress.Advance({buffer, *got}, file.consumed());
    return got;
  };
}

Status ImportFile(const std::string& path, const ImportOptions& options, Store& store,
                  Signals& signals, IngestResult* total) {
  Result<std::unique_ptr<InputFile>> file = InputFile::Open(path, signals);
  if (!file.ok()) return file.status();
  const std::string name = path == "-" ? "stdin" : path;
  const Result<std::string> start = ReadStart(**file);
  if (!start.ok()) return start.status();
  if (signals.Signalled()) return Status::Ok();
  if (Status status = CheckStart(name, *start, options); !status.ok()) return status;
  Progress progress(path, (*file)->size());
  const Result<IngestResult> result = store.Take(ReadAfter(*start, **file, signals, progress));
  if (!result.ok()) return signals.Signalled() ? Status::Ok() : result.status();
  ShowRejections(name, *result);
  AddTo(total, *result);
  return Status::Ok();
}

// Before anything is imported: a wrong name among many should not cost a half-done job.
Status AllReadable(const std::vector<std::string>& files) {
  for (const std::string& path : files) {
    if (Status status = InputFile::Readable(path); !status.ok()) return status;
  }
  return Status::Ok();
}

Status ImportFiles(const ImportSettings& settings, Store& store, Signals& signals,
                   IngestResult* total) {
  for (const std::string& path : settings.files) {
    Status status = ImportFile(path, settings.options, store, signals, total);
    if (!status.ok() || signals.Signalled()) return status;
  }
  return Status::Ok();
}

}  // namespace

std::string ImportJson(const IngestResult& total, double seconds, bool with_errors) {
  JsonText json;
  json.BeginObject().Key("accepted").Number(total.accepted);
  json.Key("duplicates").Number(total.duplicates).Key("rejected").Number(total.rejected);
  json.Key("truncated").Number(total.truncated);
  json.Key("seconds").Real(static_cast<double>(static_cast<long>(seconds * 1e3)) / 1e3);
  if (with_errors) {
    json.Key("errors").BeginArray();
    for (const Rejection& error : total.errors) {
      json.BeginObject().Key("line").Number(error.index);
      json.Key("code").Text(RejectCodeName(error.code));
      json.Key("field").Text(error.field).Key("message").Text(error.message).EndObject();
    }
    json.EndArray();
  }
  json.EndObject();
  return json.Take();
}

int Import(const ImportSettings& settings) {
  Signals signals;
  const auto begin = std::chrono::steady_clock::now();
  if (Status status = AllReadable(settings.files); !status.ok()) return Fail(status);
  Store store(settings, signals);
  IngestResult total;
  Status status = ImportFiles(settings, store, signals, &total);
  const Status closed = store.Close();
  if (status.ok()) status = closed;
  if (!status.ok()) return Fail(status);
  if (signals.Signalled()) {
    Complain("interrupted: what was imported stays; the same command again goes on from there");
    return kInterrupted;
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  std::printf("%s\n", ImportJson(total, elapsed.count(), false).c_str());
  if (std::fflush(stdout) != 0) return Fail(Internal("stdout takes no more"));
  return total.rejected > 0 && total.accepted + total.duplicates == 0 ? kFailed : 0;
}

}  // namespace insightflow::server
