// One part of a TimelineScan: its cursors, and the merge of what they stand on.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "lib/model/memory_timelines.h"
#include "lib/segments/timeline_scan.h"

namespace insightflow {
inline namespace v1 {

// Stands on the blocks of one segment, and holds the rows that were not handed out yet.
class ScanCursor {
 public:
  ScanCursor(ScanSegment* segment, const ScanShape& shape, std::uint64_t first, std::uint64_t last);

  // Prepares the segment and finds the first block.
  Status Open();
  // Reads the next block. After an error the block counts as read.
  Status ReadNext(ScanScratch* scratch, std::uint64_t* scanned);

  bool at_end() const { return next_ >= end_; }
  // Users with a hash below this are complete. Not at the end, where everybody is.
  std::uint64_t complete_below() const;
  const ScanSegment& segment() const { return *segment_; }
  std::int64_t day_ms() const { return segment_->meta().key.day * kDayMs; }
  CursorRows& rows() { return rows_; }
  const CursorRows& rows() const { return rows_; }

 private:
  void SkipOthers();

  ScanSegment* const segment_;
  const std::uint64_t first_;
  const std::uint64_t last_;
  std::unique_ptr<ChunkSource> source_;
  CursorRows rows_;
  std::uint32_t next_ = 0;  // the next block that may match
  std::uint32_t end_ = 0;   // behind the last block with users of the part
};

class PartScan {
 public:
  // `check` outlives this.
  PartScan(TimelineScan* scan, std::size_t part, const ScanCheck& check);

  Status Run(TimelineVisitor* visitor);

 private:
  // A run on its way to its place in the order of hashes.
  struct Piece {
    std::uint64_t hash = 0;
    std::uint32_t cursor = 0;
    std::uint32_t run = 0;
    std::uint32_t begin = 0;  // its rows
    std::uint32_t end = 0;
  };

  Status Open();
  Status Check(std::size_t bytes) const { return check_ ? check_(bytes) : Status::Ok(); }
  // Hands out users, one after another.
  Status MergeUsers(TimelineVisitor* visitor);
  // Hands out block by block, for plans that take any order.
  Status TakeBlocks(TimelineVisitor* visitor);
  // Reads on where users below `bound` are the last complete ones.
  Status Advance(std::uint64_t bound);
  // Reads the cursor's next block; damage is noted and passed over.
  Status AdvanceCursor(std::size_t cursor);
  // Hands out the users below `bound`, or all that are left, some at a time.
  Status HandOutBelow(std::uint64_t bound, bool all, TimelineVisitor* visitor);
  // How many rows they have, about.
  double RowsBelow(std::uint64_t bound, bool all) const;
  // The runs of all complete users.
  void FindPieces(std::uint64_t bound, bool all);
  void SortPieces();
  void Gather();
  template <typename Ahead, typename Copy>
  void ForEachPiece(Ahead ahead, Copy copy) const;
  template <typename From, typename To>
  void GatherEvents(PlainVector<From> CursorRows::*matches, PlainVector<To>* to_matches);
  template <typename ColumnOf, typename Column>
  void GatherColumn(ColumnOf column_of, Column* column);
  // Says where the texts of the rows are that stand as Gather left them.
  void PlaceLateTexts();
  // Looks all of them up, before rows move.
  void LookUpTexts();
  // Finds the users' ends, and puts rows of one day that came from several segments in order.
  void EndRuns();
  void SortRows(std::uint32_t begin, std::uint32_t end);
  void SortClients();
  void DropHidden();
  // Puts the rows from `begin` on into the order of order_.
  void Permute(std::uint32_t begin);
  Status HandOutUsers(TimelineVisitor* visitor);
  // Before Gather, where the rows are many more than a batch: one user's.
  Status CheckRoom() const;
  Status HandOut(TimelineVisitor* visitor);
  std::size_t OutBytes() const;  // of rows on their way out

  TimelineScan& scan_;
  const ScanCheck& check_;
  const ScanShape& shape_;
  std::uint64_t first_ = 0;  // hashes of the part
  std::uint64_t last_ = 0;
  std::uint64_t done_below_ = 0;
  std::vector<std::unique_ptr<ScanCursor>> cursors_;
  std::vector<std::size_t> taken_;  // runs of each cursor that were handed out
  ScanScratch scratch_;
  std::uint64_t scanned_ = 0;
  std::size_t bytes_ = 0;  // of all rows that are under way

  std::vector<Piece> pieces_;
  std::vector<Piece> sorted_;
  std::vector<std::uint32_t> counts_;
  UserRows out_;
  const std::size_t row_width_;  // of out_
  LateTexts late_texts_;
  std::vector<LateTexts::Piece> late_pieces_;
  std::vector<std::uint32_t> run_ends_;
  std::vector<std::string_view> user_ids_;
  std::vector<std::uint32_t> order_;
  std::vector<ClientPlace> places_;
};

}  // namespace v1
}  // namespace insightflow
