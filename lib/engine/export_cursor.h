// The place of an export in one segment: a row of a decoded block.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "insightflow/status.h"
#include "lib/engine/export_lines.h"
#include "lib/engine/export_scope.h"
#include "lib/segments/scan_segment.h"

namespace insightflow {
inline namespace v1 {

// Not thread-safe. Between calls it holds nothing of the store but the segment itself.
class ExportCursor {
 public:
  // `scope` and `lines` must outlive the cursor.
  ExportCursor(ScanInput input, const ExportScope* scope, const ExportLines* lines)
      : input_(std::move(input)), scope_(scope), lines_(lines) {}

  // Reads what holds for all blocks, and the first block that may have rows in the scope.
  Status Open();

  bool done() const { return row_ == block_.rows; }
  std::uint32_t row() const { return row_; }
  std::uint32_t run_end() const { return block_.run_ends[run_]; }
  std::uint64_t blocks_read() const { return next_block_; }

  bool IsBeforeUser(const ExportCursor& other) const {
    return hash() != other.hash() ? hash() < other.hash() : user() < other.user();
  }
  bool IsSameUser(const ExportCursor& other) const {
    return hash() == other.hash() && user() == other.user();
  }
  // Whether a row of this one's run comes before the current row of another.
  bool IsBefore(std::uint32_t row, const ExportCursor& other) const {
    const std::int64_t time = block_.time_ms[row];
    const std::int64_t other_time = other.block_.time_ms[other.row_];
    return time != other_time ? time < other_time
                              : block_.sequence[row] < other.block_.sequence[other.row_];
  }

  bool Kept(std::uint32_t row) const { return keep_[row] != 0; }
  // A row of the current run.
  void AppendLine(std::uint32_t row, std::string* out) const;
  // To a row of the current run, or behind it.
  Status AdvanceTo(std::uint32_t row);

 private:
  std::uint64_t hash() const { return block_.run_hashes[run_]; }
  std::string_view user() const { return block_.user_ids.Entry(run_ + 1); }
  Status Load();
  void WriteTexts();
  void WriteUser();
  void Write(Field field, const SegmentTexts& texts, SegmentTexts* to) const;
  std::uint32_t CodeAt(std::size_t field, std::uint32_t row) const;

  ScanInput input_;
  const ExportScope* scope_;
  const ExportLines* lines_;
  ExportScope::Tables tables_;
  ReadScratch scratch_;
  SegmentBlock block_;
  std::vector<std::uint8_t> keep_;
  // The texts as they stand in a line: for the whole segment, and for this block.
  SegmentDictionaries shared_;
  SegmentDictionaries own_;
  std::string user_text_;
  std::uint32_t next_block_ = 0;
  std::uint32_t row_ = 0;
  std::uint32_t run_ = 0;
};

}  // namespace v1
}  // namespace insightflow
