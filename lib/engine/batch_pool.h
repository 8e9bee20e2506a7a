// Batches under way and the pool that keeps their memory, so that steady ingest does not allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "insightflow/ingest.h"
#include "lib/decode/decoder.h"

namespace insightflow {
inline namespace v1 {

// One batch on its way from the decoder to its answer.
struct PendingBatch {
  DecodedBatch decoded;
  std::vector<std::uint8_t> fresh;  // by row: not a duplicate
  std::string record;               // encoded, when the batch makes a log entry of its own
  std::size_t bytes = 0;            // counted as in flight
  bool published = false;           // guarded by the pipeline's mutex
  bool sync_later = false;          // its answer does not mean that it is on the disk
  IngestResult result;
  IngestCallback done;

  void Clear() {
    decoded.Clear();
    fresh.clear();
    record.clear();
    bytes = 0;
    published = sync_later = false;
    result = IngestResult();
    done = nullptr;
  }
};

// Thread-safe.
class BatchPool {
 public:
  std::unique_ptr<PendingBatch> Take() {
    {
      std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        auto batch = std::move(free_.back());
        free_.pop_back();
        return batch;
      }
    }
    return std::make_unique<PendingBatch>();
  }

  // Batches that grew large are freed: the pool must not hold on to a burst's memory.
  void Give(std::unique_ptr<PendingBatch> batch) {
    const std::size_t size = batch->decoded.batch.bytes();
    if (size > kBytesMax) return;
    batch->Clear();
    std::lock_guard lock(mutex_);
    if (free_.size() < kBatchesMax) free_.push_back(std::move(batch));
  }

 private:
  static constexpr std::size_t kBytesMax = 2 << 20;
  static constexpr std::size_t kBatchesMax = 64;

  std::mutex mutex_;
  std::vector<std::unique_ptr<PendingBatch>> free_;
};

}  // namespace v1
}  // namespace insightflow
