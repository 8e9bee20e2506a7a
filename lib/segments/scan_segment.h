// One segment as a plan sees it: conditions and values are judged once an entry of its
// dictionaries, and a block becomes the rows that the plan asks for.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "insightflow/status.h"
#include "lib/model/batch.h"
#include "lib/model/scan_plan.h"
#include "lib/model/value_table.h"
#include "lib/segments/erased_users.h"
#include "lib/segments/row_masks.h"
#include "lib/segments/scan_rows.h"
#include "lib/segments/segment_reader.h"

namespace insightflow {
inline namespace v1 {

// A segment to be scanned. `keep` holds whatever must live as long.
struct ScanInput {
  std::shared_ptr<const void> keep;
  const SegmentReader* reader = nullptr;
  std::function<std::unique_ptr<ChunkSource>()> new_source;
  std::shared_ptr<const ErasedUsers> erased = nullptr;  // whose rows are left out
};

// What all segments and threads of a scan share.
struct ScanContext {
  ScanContext(const ScanPlan& plan, ValueTable* values);

  const ScanPlan& plan;
  const RowMasks masks;
  ScanShape shape;
  std::size_t narrow_filter_bit = 0;  // of bytes; RowMasks::filter_bit of wider masks
  ValueTable* const values;
  mutable std::atomic<std::size_t> table_bytes = 0;  // of the tables of all segments
};

// Memory that a thread uses again from block to block.
struct ScanScratch {
  ReadScratch read;
  SegmentBlock block;
  std::uint32_t block_number = 0;
  PlainVector<std::uint64_t> masks;
  std::vector<std::uint64_t> table;
  PlainVector<std::uint32_t> kept;     // rows of the block that stay
  PlainVector<std::uint32_t> kept_to;  // by row of the block's part: how many stay up to it
  std::vector<std::uint8_t> hidden;
  std::vector<std::uint32_t> codes;
  std::vector<std::uint64_t> hashes;
  std::vector<std::string_view> entries;
  DictColumn column;
  std::string text;

  std::size_t bytes() const;  // about
};

class ScanSegment {
 public:
  // `context` must outlive the segment.
  ScanSegment(ScanInput input, const ScanContext* context);

  // Reads the dictionaries; once, by whichever thread comes first. Thread-safe.
  Status Prepare();

  const SegmentMeta& meta() const { return input_.reader->meta(); }
  std::unique_ptr<ChunkSource> NewSource() const { return input_.new_source(); }
  // Whether blocks are read as they are, whoever's rows they hold.
  bool takes_whole_blocks() const { return context_->plan.any_order; }
  // Whether TextCodes are codes of one dictionary for the whole segment.
  bool HasLateText(const FieldRef& field) const;
  // By code of the segment's dictionary: the code of the scan's values. After Prepare.
  const std::vector<std::uint32_t>& TextCodes(std::size_t slot) const { return text_codes_[slot]; }
  // Whether a block can have rows of the plan. After Prepare.
  bool MayMatch(std::uint32_t block) const;
  // Appends the block's rows of users with a hash in [first, last], or all in plans that take any
  // order. After Prepare. `*scanned` grows
  // by the rows in the plan's range. Thread-safe, each thread with a source, scratch and rows of
  // its own. After an error `rows` may hold a part of the block.
  Status ReadBlock(std::uint32_t block, std::uint64_t first, std::uint64_t last,
                   ChunkSource* source, ScanScratch* scratch, CursorRows* rows,
                   std::uint64_t* scanned) const;

 private:
  friend class BlockScan;

  Status PrepareOnce();
  std::size_t TableBytes() const;
  std::pair<std::int64_t, std::int64_t> TimesOf(std::uint32_t block) const {
    return {meta().blocks[block].min_time_ms, meta().blocks[block].max_time_ms};
  }
  ColumnSet NeededColumns() const;

  const ScanInput input_;
  const ScanContext* const context_;
  ColumnSet columns_;
  std::once_flag prepared_;
  Status status_;

  // Of the fields with a dictionary for the whole segment.
  std::array<std::vector<std::uint64_t>, kFieldCount> mask_tables_;
  std::array<std::uint8_t, 256> type_masks_ = {};       // the same of types, where all fits a byte
  std::vector<std::vector<std::uint32_t>> text_codes_;  // by slot, then entry
  std::vector<std::vector<std::uint64_t>> identity_hashes_;  // by slot, then entry
  std::vector<std::uint32_t> wanted_types_;
};

}  // namespace v1
}  // namespace insightflow
