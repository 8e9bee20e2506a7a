#include "server/app/export.h"

#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "insightflow/exporter.h"
#include "server/app/output.h"
#include "server/app/progress.h"
#include "server/app/remote.h"
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

// Where the lines come from: appends the next ones, false with the last.
using NextLines = std::function<Result<bool>(std::string*)>;

// Ends early, without an error, at a signal.
Status WriteAll(const ExportSettings& settings, const NextLines& next_lines, OutputFile& output,
                Signals& signals) {
  std::optional<Progress> progress;
  if (MayShowProgress(settings)) progress.emplace("export", 0);
  std::uint64_t bytes = 0;
  std::string lines;
  for (bool more = true; more;) {
    if (signals.Wait(std::chrono::milliseconds(0)) == Signals::Event::kSignal) return Status::Ok();
    const Result<bool> next = next_lines(&lines);
    if (signals.Signalled()) return Status::Ok();
    if (!next.ok()) return next.status();
    more = *next;
    if (Status status = output.Write(lines); !status.ok()) return status;
    bytes += lines.size();
    if (progress) progress->Advance(lines, bytes);
    lines.clear();
  }
  return Status::Ok();
}

int Interrupted() {
  Complain("interrupted: the export is not complete");
  return kInterrupted;
}

// Writes all that comes and says what became of it; `close` ends its source.
int Finish(const ExportSettings& settings, const NextLines& next_lines,
           const std::function<Status()>& close, Signals& signals) {
  const auto output = OutputFile::Open(settings.output, signals);
  if (!output.ok()) return Fail(output.status());
  Status status = WriteAll(settings, next_lines, **output, signals);
  const bool interrupted = signals.Signalled();
  if (status.ok() && !interrupted) status = (*output)->Finish();
  const Status closed = close();
  if ((*output)->broken_pipe()) return kBrokenPipe;
  if (interrupted) return Interrupted();
  if (status.ok()) status = closed;
  return status.ok() ? 0 : Fail(status);
}

int ExportFromServer(const ExportSettings& settings, Signals& signals) {
  const auto call = StartRemoteExport(settings, signals);
  if (!call.ok()) return signals.Signalled() ? Interrupted() : Fail(call.status());
  const NextLines read = [&](std::string* lines) { return (*call)->Read(lines); };
  return Finish(
      settings, read, [] { return Status(); }, signals);
}

}  // namespace

int Export(const ExportSettings& settings) {
  Signals signals;
  if (!settings.url.empty()) return ExportFromServer(settings, signals);
  EngineOptions options;
  options.data_dir = settings.data;
  options.create_if_missing = false;
  options.retention_days = settings.retention_days;
  const auto engine = Engine::Open(options);
  if (!engine.ok()) return Fail(engine.status());
  auto created = Exporter::Create(**engine, settings.options);
  if (!created.ok()) return Fail(created.status());
  std::unique_ptr<Exporter> exporter = std::move(*created);
  const NextLines next = [&](std::string* lines) { return exporter->Next(lines); };
  const auto end = [&] {
    exporter = nullptr;
    return (*engine)->Close();
  };
  return Finish(settings, next, end, signals);
}

}  // namespace insightflow::server
