#include "server/app/import.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "insightflow/importer.h"
#include "server/app/input.h"
#include "server/app/json.h"
#include "server/app/progress.h"
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

std::string ResultJson(const IngestResult& total, double seconds) {
  JsonText json;
  json.BeginObject().Key("accepted").Number(total.accepted);
  json.Key("duplicates").Number(total.duplicates).Key("rejected").Number(total.rejected);
  json.Key("truncated").Number(total.truncated).Key("seconds").Real(seconds).EndObject();
  return json.Take();
}

Status ImportFile(const std::string& path, Importer& importer, Signals& signals,
                  IngestResult* total) {
  Result<std::unique_ptr<InputFile>> file = InputFile::Open(path, signals);
  if (!file.ok()) return file.status();
  {
    Progress progress(path, (*file)->size());
    ReadAhead input(**file, signals);
    while (true) {
      const Result<std::string_view> chunk = input.Next();
      if (!chunk.ok()) return chunk.status();
      if (chunk->empty()) break;
      if (Status status = importer.Add(*chunk); !status.ok()) return status;
      progress.Advance(*chunk, (*file)->consumed());
    }
  }
  if (signals.Signalled()) return Status::Ok();
  const Result<IngestResult> result = importer.Finish();
  if (!result.ok()) return result.status();
  ShowRejections(path == "-" ? "stdin" : path, *result);
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

Status ImportFiles(const ImportSettings& settings, Engine& engine, Signals& signals,
                   IngestResult* total) {
  const Result<std::unique_ptr<Importer>> importer = Importer::Create(engine, settings.options);
  if (!importer.ok()) return importer.status();
  for (const std::string& path : settings.files) {
    Status status = ImportFile(path, **importer, signals, total);
    if (!status.ok() || signals.Signalled()) return status;
  }
  return Status::Ok();
}

}  // namespace

int Import(const ImportSettings& settings) {
  Signals signals;
  const auto begin = std::chrono::steady_clock::now();
  if (Status status = AllReadable(settings.files); !status.ok()) return Fail(status);
  EngineOptions options;
  options.data_dir = settings.data;
  options.dedupe_bytes_max = settings.dedupe_memory;
  Result<std::unique_ptr<Engine>> engine = Engine::Open(options);
  if (!engine.ok()) return Fail(engine.status());
  IngestResult total;
  Status status = ImportFiles(settings, **engine, signals, &total);
  const Status closed = (*engine)->Close();
  if (status.ok()) status = closed;
  if (!status.ok()) return Fail(status);
  if (signals.Signalled()) {
    Complain("interrupted: what was imported stays; the same command again goes on from there");
    return kInterrupted;
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  const double seconds = static_cast<double>(static_cast<long>(elapsed.count() * 1e3)) / 1e3;
  std::printf("%s\n", ResultJson(total, seconds).c_str());
  if (std::fflush(stdout) != 0) return Fail(Internal("stdout takes no more"));
  return total.rejected > 0 && total.accepted + total.duplicates == 0 ? kFailed : 0;
}

}  // namespace insightflow::server
