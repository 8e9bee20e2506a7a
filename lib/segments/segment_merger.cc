#include "lib/segments/segment_merger.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>
#include <vector>

#include "lib/segments/merged_block.h"
#include "lib/segments/merged_dictionary.h"
#include "lib/segments/user_group.h"

namespace insightflow {
inline namespace v1 {
namespace {

// The place of a merge in one input: a row of a decoded block.
class Cursor {
 public:
  Cursor(std::size_t number, const MergeInput& input, const MergedDictionaries* merged)
      : number_(number), input_(input), merged_(merged) {
    block_.wants_packed_ids = true;
    block_.wants_shaped_extra = true;
  }

  // Reads what holds for all blocks, and the first block.
  Status Open() {
    ColumnSet own;
    for (std::size_t f = 0; f < kFieldCount; ++f) {
      const auto field = static_cast<Field>(f);
      if (!(*merged_)[f].shared() && field != Field::kUserId) own.Add(ColumnOf(field));
    }
    Status status = input_.reader->ReadDictionaries(own, input_.source, &scratch_, &dictionaries_);
    return status.ok() ? Load() : status;
  }

  bool done() const { return row_ == block_.rows; }
  // Of the user; the greatest when done().
  std::uint64_t hash() const { return done() ? UINT64_MAX : block_.run_hashes[run_]; }
  std::string_view user() const { return block_.user_ids.Entry(run_ + 1); }
  std::uint32_t row() const { return row_; }
  std::uint32_t run_end() const { return block_.run_ends[run_]; }

  bool IsBeforeUser(const Cursor& other) const {
    return hash() != other.hash() ? hash() < other.hash() : user() < other.user();
  }
  bool IsSameUser(const Cursor& other) const {
    return hash() == other.hash() && user() == other.user();
  }
  // Whether a row of this one's run comes before the current row of another.
  bool IsBefore(std::uint32_t row, const Cursor& other) const {
    const std::int64_t time = block_.time_ms[row];
    const std::int64_t other_time = other.block_.time_ms[other.row_];
    return time != other_time ? time < other_time
                              : block_.sequence[row] < other.block_.sequence[other.row_];
  }

  std::size_t number() const { return number_; }
  MergePlace place() {
    return {&input_.reader->meta(), &block_, &dictionaries_, &own_codes_, &known_shapes_};
  }
  // May be done() then, and is to Load the next block.
  void AdvanceTo(std::uint32_t row) {
    row_ = row;
    if (row_ == run_end()) ++run_;
  }
  // The next block; done() when there is none.
  Status Load() {
    run_ = row_ = 0;
    block_.Clear();
    while (block_.rows == 0 && next_block_ != input_.reader->meta().blocks.size()) {
      Status status = ErasedUsers::ReadBlock(input_.erased, *input_.reader, next_block_++,
                                             ColumnSet::All(), input_.source, &scratch_, &block_);
      if (!status.ok()) return status;
    }
    if (block_.rows == 0) return Status::Ok();
    for (std::size_t f = 0; f < kFieldCount; ++f) {
      (*merged_)[f].Translate(static_cast<Field>(f), number_, &block_);
    }
    ForgetOwnCodes();
    return Status::Ok();
  }
  // The block that is filled is a new one.
  void ForgetOwnCodes() {
    known_shapes_.assign(block_.shaped_extra.ends.size(), 0);
    for (std::size_t f = 0; f < kFieldCount; ++f) {
      const MergedDictionary& merged = (*merged_)[f];
      if (merged.empty() || merged.shared()) continue;
      const bool shared = input_.reader->meta().HasDictionary(static_cast<Field>(f));
      const SegmentTexts& texts = (shared ? dictionaries_ : block_.dictionaries)[f];
      own_codes_[f].assign(texts.entries() + 1, 0);
    }
  }

 private:
  const std::size_t number_;
  const MergeInput input_;
  const MergedDictionaries* const merged_;
  SegmentDictionaries dictionaries_;
  OwnCodes own_codes_;
  std::vector<std::uint32_t> known_shapes_;
  ReadScratch scratch_;
  SegmentBlock block_;
  std::uint32_t next_block_ = 0;
  std::uint32_t row_ = 0;
  std::uint32_t run_ = 0;
};

class Merger {
 public:
  Merger(std::span<const MergeInput> inputs, std::uint32_t block_rows,
         const std::function<bool()>& cancelled, ChunkSink* sink, SegmentMeta* meta)
      : inputs_(inputs),
        block_rows_(block_rows),
        cancelled_(cancelled),
        meta_(meta),
        blocks_(meta, sink) {}

  Status Merge();

 private:
  Status FillMeta();
  Status MergeDictionaries();
  Status WriteDictionaries();
  // The cursors at the least user, in `group_`.
  void FindUser();
  Status Append(Cursor* cursor, std::uint32_t end);
  Status Flush();

  const std::span<const MergeInput> inputs_;
  const std::uint32_t block_rows_;
  const std::function<bool()>& cancelled_;
  SegmentMeta* const meta_;
  BlockEncoder blocks_;
  MergedDictionaries dictionaries_;
  MergedBlock block_{&dictionaries_};
  std::uint32_t next_block_ = 0;
  std::vector<Cursor> cursors_;
  std::vector<std::uint64_t> hashes_;  // of their users, side by side
  UserGroup<Cursor> group_;
};

Status Merger::FillMeta() {
  ErasedUsers::Left all;
  std::uint64_t rows = 0;
  for (const MergeInput& input : inputs_) {
    assert(input.reader->meta().key.day == meta_->key.day);
    const Result<ErasedUsers::Left> left =
        ErasedUsers::WhatIsLeft(input.erased, *input.reader, input.source);
    if (!left.ok()) return left.status();
    all.min_time_ms = std::min(all.min_time_ms, left->min_time_ms);
    all.max_time_ms = std::max(all.max_time_ms, left->max_time_ms);
    all.min_sequence = std::min(all.min_sequence, left->min_sequence);
    all.max_sequence = std::max(all.max_sequence, left->max_sequence);
    rows += left->rows;
  }
  meta_->min_time_ms = all.min_time_ms;
  meta_->max_time_ms = all.max_time_ms;
  meta_->min_sequence = all.min_sequence;
  meta_->max_sequence = all.max_sequence;
  if (rows > kSegmentRowsMax) {
    return OutOfRange("a segment has at most " + std::to_string(kSegmentRowsMax) + " rows");
  }
  blocks_.Cut(static_cast<std::uint32_t>(rows), block_rows_);
  return Status::Ok();
}

Status Merger::MergeDictionaries() {
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    const auto field = static_cast<Field>(f);
    if (field == Field::kUserId) continue;
    const MergedDictionary* const pages =
        field == Field::kPageTitle ? &dictionaries_[std::size_t(Field::kPageUrl)] : nullptr;
    Status status = dictionaries_[f].Merge(field, inputs_, pages, cancelled_);
    if (!status.ok()) return status;
    if (dictionaries_[f].shared()) blocks_.SetDictionary(field, dictionaries_[f].entries());
    if (field == Field::kPageTitle) blocks_.SetTitles(dictionaries_[f].titles());
  }
  return Status::Ok();
}

Status Merger::WriteDictionaries() {
  if (Status status = blocks_.PutTitles(); !status.ok()) return status;
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    if (!dictionaries_[f].shared()) continue;
    Status status = blocks_.PutDictionary(static_cast<Field>(f), dictionaries_[f].Texts());
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

void Merger::FindUser() {
  const std::uint64_t least = *std::min_element(hashes_.begin(), hashes_.end());
  group_.Clear();
  for (std::size_t i = 0; i < hashes_.size(); ++i) {
    if (hashes_[i] == least) group_.Offer(&cursors_[i]);
  }
}

Status Merger::Flush() {
  if (cancelled_()) return MergeCancelled();
  Status status = block_.Flush(next_block_++, &blocks_);
  for (Cursor& cursor : cursors_) cursor.ForgetOwnCodes();
  return status;
}

Status Merger::Append(Cursor* cursor, std::uint32_t end) {
  const std::uint32_t room = block_rows_ - block_.rows();
  end = std::min(end, cursor->row() + room);
  const bool is_new =
      block_.Append(cursor->number(), cursor->row(), end, cursor->hash(), cursor->user());
  if (is_new) ++meta_->users;
  cursor->AdvanceTo(end);
  if (cursor->done()) {
    block_.Take();
    if (Status status = cursor->Load(); !status.ok()) return status;
  }
  hashes_[cursor->number()] = cursor->hash();
  return block_.rows() == block_rows_ ? Flush() : Status::Ok();
}

Status Merger::Merge() {
  Status status = FillMeta();
  if (status.ok()) status = MergeDictionaries();
  if (!status.ok()) return status;
  cursors_.reserve(inputs_.size());
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    cursors_.emplace_back(i, inputs_[i], &dictionaries_);
  }
  for (Cursor& cursor : cursors_) {
    if (status = cursor.Open(); !status.ok()) return status;
    block_.AddInput(cursor.place());
    hashes_.push_back(cursor.hash());
  }
  for (FindUser(); !group_.empty(); FindUser()) {
    Cursor* least = nullptr;
    const std::uint32_t end = group_.EndOfSpan(&least);
    if (status = Append(least, end); !status.ok()) return status;
  }
  if (block_.rows() > 0) status = Flush();
  if (status.ok()) status = WriteDictionaries();
  return status.ok() ? blocks_.PutMeta() : status;
}

}  // namespace

Status MergeSegments(std::span<const MergeInput> inputs, const SegmentKey& key,
                     const SegmentOptions& options, const std::function<bool()>& cancelled,
                     ChunkSink* sink, SegmentMeta* meta) {
  assert(!inputs.empty() && inputs.size() <= kMergeInputsMax);
  *meta = SegmentMeta();
  meta->key = key;
  return Merger(inputs, options.block_rows, cancelled, sink, meta).Merge();
}

}  // namespace v1
}  // namespace insightflow
