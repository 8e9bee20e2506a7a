// Exporter and Engine::Export: what is stored where, at one moment, handed to the run step by step.

#include "insightflow/exporter.h"

#include <utility>
#include <vector>

#include "lib/engine/engine_impl.h"
#include "lib/engine/export_run.h"

namespace insightflow {
inline namespace v1 {

class Exporter::Impl {
 public:
  Impl(const Engine::Impl* engine, const ExportOptions& options, ExportScope scope,
       std::vector<ScanInput> inputs)
      : engine_(engine), run_(options, std::move(scope), std::move(inputs)) {}

  // The store is used within a step only, so that a slow reader does not keep it open.
  Result<bool> Next(std::string* out) {
    return engine_->WithLog([&](const EventLog&) { return run_.Next(out); });
  }
  std::uint64_t events() const { return run_.events(); }

 private:
  const Engine::Impl* const engine_;
  ExportRun run_;
};

Exporter::Exporter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Exporter::~Exporter() = default;

Result<std::unique_ptr<Exporter>> Exporter::Create(const Engine& engine,
                                                   const ExportOptions& options) {
  Result<ExportScope> scope = ExportScope::Create(options);
  if (!scope.ok()) return scope.status();
  Result<Engine::Impl::StoredRows> rows = engine.impl_->Rows();
  if (!rows.ok()) return rows.status();
  for (const UnreadableSegment& segment : rows->unreadable) {
    if (scope->MayHold(segment.entry.min_time_ms, segment.entry.max_time_ms)) return segment.damage;
  }
  return std::unique_ptr<Exporter>(new Exporter(std::make_unique<Impl>(
      engine.impl_.get(), options, std::move(*scope), std::move(rows->inputs))));
}

Result<bool> Exporter::Next(std::string* out) { return impl_->Next(out); }
std::uint64_t Exporter::events() const { return impl_->events(); }

Status Engine::Export(const ExportOptions& options,
                      const std::function<Status(std::string_view lines)>& sink) const {
  const Result<std::unique_ptr<Exporter>> exporter = Exporter::Create(*this, options);
  if (!exporter.ok()) return exporter.status();
  std::string lines;
  for (bool more = true; more;) {
    const Result<bool> next = (*exporter)->Next(&lines);
    if (!next.ok()) return next.status();
    more = *next;
    if (lines.size() < kExportChunkBytes && (more || lines.empty())) continue;
    if (Status status = sink(lines); !status.ok()) return status;
    lines.clear();
  }
  return Status::Ok();
}

}  // namespace v1
}  // namespace insightflow
