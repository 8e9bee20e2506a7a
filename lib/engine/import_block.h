// What an import's file is cut into, before and after it is decoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/base/byte_buffer.h"
#include "lib/decode/decoder.h"
#include "lib/engine/batch_pool.h"

namespace insightflow {
inline namespace v1 {

// Whole lines, or one that is too long.
struct ImportBlock {
  ByteBuffer text;
  bool too_long = false;           // then there is no text
  std::uint64_t lines_before = 0;  // behind the block before, which no block has: the header
  std::uint64_t number = 0;        // of the file, from 0
};

// The same decoded. Its lines are numbered from 0 until its turn comes, when the lines before it
// are known.
struct DecodedImportBlock {
  std::vector<std::unique_ptr<PendingBatch>> batches;
  bool too_long = false;
  std::uint64_t lines_before = 0;
  std::uint64_t lines = 0;

  std::size_t answers() const { return batches.size() + (too_long ? 1 : 0); }
};

inline void AddToLines(std::uint64_t lines_before, DecodedBatch* decoded) {
  for (std::uint64_t& line : decoded->lines) line += lines_before;
  for (RejectedEvent& event : decoded->rejected) event.why.index += lines_before;
}

}  // namespace v1
}  // namespace insightflow
