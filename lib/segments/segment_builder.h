// Builds a segment from batches of the log.
//
//   SegmentBuilder builder({day, id}, hash_seed);
//   for (…) builder.Add(batch, first_sequence);
//   Status status = builder.Finish(&sink, &meta);
//
// Equal rows give equal chunks, however they came in batches. Not thread-safe; it is pure code that
// reads no clock and does no I/O of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "insightflow/status.h"
#include "lib/base/hash.h"
#include "lib/model/batch.h"
#include "lib/segments/segment_format.h"
#include "lib/segments/segment_rows.h"

namespace insightflow {
inline namespace v1 {

// Takes the chunks of a segment. An error ends the build, which returns it.
class ChunkSink {
 public:
  virtual ~ChunkSink() = default;
  // `chunk` lives until the call ends.
  virtual Status Write(SegmentColumn column, std::uint32_t block, std::string_view chunk) = 0;
};

struct SegmentOptions {
  std::uint32_t block_rows = kSegmentBlockRowsMax;  // 1 to that
  // Must be the same in all segments that are read together.
  std::uint64_t (*user_hash)(std::string_view user_id, std::uint64_t seed) = HashBytes;
};

class SegmentBuilder {
 public:
  // `memory`: of another builder, to be used again.
  SegmentBuilder(const SegmentKey& key, std::uint64_t hash_seed, const SegmentOptions& options = {},
                 SegmentRows memory = {})
      : key_(key), hash_seed_(hash_seed), options_(options), rows_(std::move(memory)) {}

  // Takes the rows of the batch whose UTC day is the segment's; row r has the sequence
  // first_sequence + r. Cheapest in the order of the log. kOutOfRange, and nothing is taken, past
  // kSegmentRowsMax. O(rows).
  Status Add(const EventBatch& batch, std::uint64_t first_sequence) {
    return rows_.Append(key_.day, batch, nullptr, first_sequence);
  }
  // The same of a record that was decoded into both.
  Status Add(const EventBatch& batch, const StoredTexts& stored, std::uint64_t first_sequence) {
    return rows_.Append(key_.day, batch, &stored, first_sequence);
  }

  std::uint32_t rows() const { return rows_.rows(); }
  // Memory of the rows, about.
  std::size_t bytes() const { return rows_.bytes(); }

  // Sorts the rows, hands all chunks to `sink`, kMeta's last, and leaves the builder empty. There
  // must be rows. O(rows), and sorting for users whose rows did not come in order of time.
  Status Finish(ChunkSink* sink, SegmentMeta* meta);
  // After Finish; the builder is used no more.
  SegmentRows TakeMemory() { return std::move(rows_); }

 private:
  SegmentKey key_;
  std::uint64_t hash_seed_;
  SegmentOptions options_;
  SegmentRows rows_;
};

}  // namespace v1
}  // namespace insightflow
