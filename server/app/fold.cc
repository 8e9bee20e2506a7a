#include "server/app/fold.h"

#include <chrono>
#include <memory>
#include <string>

#include "insightflow/engine.h"
#include "server/app/json.h"
#include "server/app/report.h"

namespace insightflow::server {

int Fold(const FoldSettings& settings) {
  EngineOptions options;
  options.data_dir = settings.data;
  options.create_if_missing = false;
  options.retention_days = settings.retention_days;
  options.fold = false;  // one round, which is counted
  const Result<std::unique_ptr<Engine>> engine = Engine::Open(options);
  if (!engine.ok()) return Fail(engine.status());
  const std::uint64_t before = (*engine)->Metrics().folded_sequence;
  const auto begin = std::chrono::steady_clock::now();
  if (Status status = (*engine)->Fold(); !status.ok()) return Fail(status);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const EngineMetrics metrics = (*engine)->Metrics();
  if (Status status = (*engine)->Close(); !status.ok()) return Fail(status);
  JsonText json;
  json.BeginObject().Key("events").Number(metrics.folded_sequence - before);
  json.Key("segments").Number(metrics.segments);
  json.Key("segment_bytes").Number(metrics.segment_bytes);
  json.Key("seconds").Real(took.count()).EndObject();
  Print(json.Take() + "\n");
  return 0;
}

}  // namespace insightflow::server
