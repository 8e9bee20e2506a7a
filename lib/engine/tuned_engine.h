// An engine with inner limits that are no options: tests set them to see with few events what
// otherwise takes millions, or what a disk's failure does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "insightflow/engine.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace insightflow {
inline namespace v1 {

struct EngineTuning {
  // A dedupe window is saved at closing when making it again would take as long as for so many
  // ids in segments. 12 million take 0.6 to 0.7 s of processor time, on two threads, where an
  // opening has 1 s.
  std::uint64_t saved_ids_min = 12'000'000;
  // Not owned. Asked with a query's own deadline, from its threads: true ends it with kCancelled.
  const std::function<bool()>* query_ended = nullptr;
  // As in IngestPipeline::Options.
  std::size_t unlogged_from_bytes = std::size_t{8} << 20;
  // Not owned. As in EventLogOptions.
  rocksdb::Env* env = nullptr;
};

class TunedEngine {
 public:
  // As Engine::Open.
  static Result<std::unique_ptr<Engine>> Open(const EngineOptions& options,
                                              const EngineTuning& tuning);
};

}  // namespace v1
}  // namespace insightflow
