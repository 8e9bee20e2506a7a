// One row of a decoded block, for what is asked about a few rows and not in bulk.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "insightflow/event.h"
#include "insightflow/status.h"
#include "lib/base/hash.h"
#include "lib/model/field.h"
#include "lib/segments/scan_segment.h"
#include "lib/segments/segment_block.h"
#include "lib/segments/segment_format.h"

namespace insightflow {
inline namespace v1 {

// Everything it refers to must outlive it. Columns that were not read are as if absent.
struct BlockRow {
  const SegmentMeta& meta;
  const SegmentDictionaries& dictionaries;  // of the segment
  const SegmentBlock& block;
  std::uint32_t run = 0;
  std::uint32_t row = 0;

  std::int64_t time_ms() const { return block.time_ms[row]; }
  std::uint64_t sequence() const { return block.sequence[row]; }
  // "" when absent.
  std::string_view Text(Field field) const;
  // Needs the event ids.
  Hash128 Key(std::uint64_t hash_seed) const;
  Event ToEvent() const;
};

// Hands a user's rows in a segment, all columns of them, to `take`, the latest first, until it
// returns false. `user_hash` is that of the id. Only blocks that may hold the user are read.
// kDataLoss when one is damaged.
Status ForRowsOfUser(const ScanInput& input, std::string_view user_id, std::uint64_t user_hash,
                     const std::function<bool(const BlockRow&)>& take);

}  // namespace v1
}  // namespace insightflow
