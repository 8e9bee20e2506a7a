#include <cstdio>
#include <utility>

#include "benchmarks/ingest/sink.h"
#include "insightflow/engine.h"

namespace insightflow::benchmarks {
namespace {

class EngineSink final : public Sink {
 public:
  EngineSink(std::unique_ptr<Engine> engine, EngineMode mode)
      : engine_(std::move(engine)), mode_(mode) {}

  void Ingest(std::string_view json, Done done) override {
    if (mode_ == EngineMode::kBlocking) return Tell(engine_->Ingest(json), done);
    engine_->IngestAsync(
        json, {}, [done = std::move(done)](Result<IngestResult> result) { Tell(result, done); });
  }

  Content Read() override {
    const EventTotals totals = engine_->Totals();
    Content content;
    content.events = totals.total;
    for (const TypeCount& type : totals.by_type) content.by_type[type.type] = type.count;
    return content;
  }

  std::uint64_t DedupeBytes() override { return engine_->Metrics().dedupe_bytes; }

 private:
  static void Tell(const Result<IngestResult>& result, const Done& done) {
    if (!result.ok()) std::fprintf(stderr, "ingest: %s\n", result.status().ToString().c_str());
    done(result.ok() ? static_cast<std::int64_t>(result->accepted) : -1);
  }

  std::unique_ptr<Engine> engine_;
  EngineMode mode_;
};

}  // namespace

std::unique_ptr<Sink> MakeEngineSink(const std::string& dir, EngineMode mode) {
  EngineOptions options;
  options.data_dir = dir;
  auto engine = Engine::Open(options);
  if (!engine.ok()) {
    std::fprintf(stderr, "open: %s\n", engine.status().ToString().c_str());
    return nullptr;
  }
  return std::make_unique<EngineSink>(std::move(engine).value(), mode);
}

}  // namespace insightflow::benchmarks
