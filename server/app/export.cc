#include "server/app/export.h"

#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "insightflow/exporter.h"
#include "server/app/output.h"
#include "server/app/progress.h"
#include "server/app/report.h"
#include "server/app/signals.h"

namespace insightflow::server {
namespace {

constexpr int kInterrupted = 130;
constexpr int kBrokenPipe = 141;

// Where the lines go to the terminal there is no room for a line of progress.
bool MayShowProgress(const ExportSettings& settings) {
  return settings.output != "-" || isatty(STDOUT_FILENO) == 0;
}

// Ends early, without an error, at a signal.
Status WriteAll(const ExportSettings& settings, const Engine& engine, OutputFile& output,
                Signals& signals) {
  const auto exporter = Exporter::Create(engine, settings.options);
  if (!exporter.ok()) return exporter.status();
  std::optional<Progress> progress;
  if (MayShowProgress(settings)) progress.emplace("export", 0);
  std::uint64_t bytes = 0;
  std::string lines;
  for (bool more = true; more;) {
    if (signals.Wait(std::chrono::milliseconds(0)) == Signals::Event::kSignal) return Status::Ok();
    const Result<bool> next = (*exporter)->Next(&lines);
    if (!next.ok()) return next.status();
    more = *next;
    if (Status status = output.Write(lines); !status.ok()) return status;
    bytes += lines.size();
    if (progress) progress->Advance(lines, bytes);
    lines.clear();
  }
  return Status::Ok();
}

}  // namespace

int Export(const ExportSettings& settings) {
  Signals signals;
  EngineOptions options;
  options.data_dir = settings.data;
  options.create_if_missing = false;
  options.retention_days = settings.retention_days;
  const auto engine = Engine::Open(options);
  if (!engine.ok()) return Fail(engine.status());
  const auto output = OutputFile::Open(settings.output, signals);
  if (!output.ok()) return Fail(output.status());
  Status status = WriteAll(settings, **engine, **output, signals);
  const bool interrupted = signals.Signalled();
  if (status.ok() && !interrupted) status = (*output)->Finish();
  const Status closed = (*engine)->Close();
  if ((*output)->broken_pipe()) return kBrokenPipe;
  if (interrupted) {
    Complain("interrupted: the export is not complete");
    return kInterrupted;
  }
  if (status.ok()) status = closed;
  return status.ok() ? 0 : Fail(status);
}

}  // namespace insightflow::server
