// From a decoded block to the rows that a plan asks for: masks, then which rows stay, then values.
// The loops over all rows have no branches that depend on data.
#pragma once

#include <cstdint>
#include <string_view>

#include "lib/segments/fast_columns.h"
#include "lib/segments/scan_segment.h"

namespace insightflow {
inline namespace v1 {

class BlockScan {
 public:
  // The block is in `scratch`.
  BlockScan(const ScanSegment& segment, ScanScratch* scratch, CursorRows* rows)
      : segment_(segment),
        context_(*segment.context_),
        masks_(segment.context_->masks),
        block_(scratch->block),
        scratch_(*scratch),
        rows_(*rows) {}

  // Appends the rows of users with a hash in [first, last].
  void Append(std::uint64_t first, std::uint64_t last, std::uint64_t* scanned);

 private:
  // Which of the block's runs are scanned, and so their rows.
  void ChooseRuns(std::uint64_t first, std::uint64_t last);
  // The one table that decides, when nothing but the event's type matters; else nullptr. For masks
  // of one word.
  const std::uint64_t* OnlyTable() const;
  void FillMasks();
  void AndTable(Field field, const std::vector<std::uint64_t>& table);
  void AndUsers();
  void TestRows(const RowMasks::RowTests& tests);
  template <typename Match>
  void WriteMasks(Match* to);
  template <typename Match>
  Match Filter() const {
    const std::size_t bit = sizeof(Match) == 1 ? context_.narrow_filter_bit : masks_.filter_bit();
    return static_cast<Match>(std::uint64_t{1} << bit);
  }
  template <typename Match>
  MaskCounts Count(const Match* masks, Match filter) const;
  // Appends times and matches of the rows that stay.
  template <typename Match>
  void KeepRows(PlainVector<Match>* column, std::uint64_t* scanned);
  template <bool kAllInRange, typename Match>
  std::uint32_t Compress(std::uint32_t* times, Match* masks, std::uint64_t* scanned);
  // The same for masks of many words, and for rows that must stay hidden.
  void KeepOrHideRows(std::uint64_t* scanned);
  void AppendRuns(std::size_t rows_before);
  void AppendText(std::size_t slot);
  // Whether a row that stays matches the selector; kept rows are appended.
  bool Matches(std::size_t row, std::size_t selector) const;
  void AppendLateText(std::size_t slot);
  void AppendIdentity(std::size_t slot);
  void AppendNumber(std::size_t slot);
  void AppendClientOrder();

  EventValue ValueAt(const FieldRef& field, std::uint32_t row);
  std::string_view TextAt(Field field, std::uint32_t row) const;
  template <typename Use>
  void ForEachKept(Use use) const {
    if (keeps_all_) {
      for (std::uint32_t row = begin_; row < end_; ++row) use(row);
    } else {
      for (const std::uint32_t row : scratch_.kept) use(row);
    }
  }
  // Calls use(code) for each kept row of a coded text field.
  template <typename Use>
  void ForEachCode(Field field, Use use) const;
  template <typename Value>
  void AppendCoded(Field field, const std::vector<Value>& values, PlainVector<Value>* column) const;
  // Room for a value of each kept row.
  template <typename Value>
  Value* Extend(PlainVector<Value>* column) const {
    const std::size_t before = column->size();
    column->resize(before + kept());
    return column->data() + before;
  }
  const SegmentTexts* OwnTexts(const FieldRef& field) const;
  std::uint32_t kept() const {
    return keeps_all_ ? end_ - begin_ : static_cast<std::uint32_t>(scratch_.kept.size());
  }

  const ScanSegment& segment_;
  const ScanContext& context_;
  const RowMasks& masks_;
  const SegmentBlock& block_;
  ScanScratch& scratch_;
  CursorRows& rows_;
  std::uint32_t first_run_ = 0;  // of the block's, and the run behind the last
  std::uint32_t runs_end_ = 0;
  std::uint32_t begin_ = 0;  // their rows
  std::uint32_t end_ = 0;
  bool keeps_all_ = false;  // else the rows that stay are scratch_.kept
};

}  // namespace v1
}  // namespace insightflow
