#include <algorithm>
#include <cstdio>
#include <utility>

#include "benchmarks/ingest/sink.h"

namespace insightflow::benchmarks {
namespace {

class EngineSink final : public Sink {
 public:
  EngineSink(std::unique_ptr<Engine> owned, Engine* engine, EngineMode mode)
      : owned_(std::move(owned)), engine_(engine), mode_(mode) {}

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

  double FoldedShare() override {
    const EngineMetrics metrics = engine_->Metrics();
    return static_cast<double>(metrics.folded_sequence) /
           static_cast<double>(std::max<std::uint64_t>(metrics.next_sequence - 1, 1));
  }

  bool Fold() override {
    const Status status = engine_->Fold();
    if (!status.ok()) std::fprintf(stderr, "fold: %s\n", status.ToString().c_str());
    return status.ok();
  }

 private:
  static void Tell(const Result<IngestResult>& result, const Done& done) {
    if (!result.ok()) std::fprintf(stderr, "ingest: %s\n", result.status().ToString().c_str());
    done(result.ok() ? static_cast<std::int64_t>(result->accepted) : -1);
  }

  std::unique_ptr<Engine> owned_;
  Engine* engine_;
  EngineMode mode_;
};

}  // namespace

std::unique_ptr<Sink> MakeEngineSink(const std::string& dir, EngineMode mode, bool fold) {
  EngineOptions options;
  options.data_dir = dir;
  options.fold = fold;
  auto engine = Engine::Open(options);
  if (!engine.ok()) {
    std::fprintf(stderr, "open: %s\n", engine.status().ToString().c_str());
    return nullptr;
  }
  Engine* borrowed = engine->get();
  return std::make_unique<EngineSink>(std::move(engine).value(), borrowed, mode);
}

std::unique_ptr<Sink> MakeEngineSink(Engine* engine, EngineMode mode) {
  return std::make_unique<EngineSink>(nullptr, engine, mode);
}

}  // namespace insightflow::benchmarks
