#include "lib/segments/segment_builder.h"

#include <algorithm>
#include <cassert>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/segments/chunk.h"
#include "lib/segments/column_codec.h"
#include "lib/segments/column_encoding.h"
#include "lib/segments/segment_order.h"

namespace insightflow {
inline namespace v1 {
namespace {

using Codes = std::vector<std::uint32_t>;

// Writes one segment, column by column, so that one column's values are in the cache at a time.
class Writer {
 public:
  Writer(const SegmentRows& rows, const SegmentOrder& order, std::uint32_t block_rows,
         ChunkSink* sink, SegmentMeta* meta)
      : rows_(rows), order_(order), block_rows_(block_rows), sink_(sink), meta_(meta) {}

  Status Write();

 private:
  std::span<const std::uint32_t> RowsOf(std::uint32_t block) const {
    const std::size_t begin = std::size_t{block} * block_rows_;
    return std::span(order_.rows).subspan(begin, meta_->blocks[block].rows);
  }
  std::uint32_t blocks() const { return static_cast<std::uint32_t>(meta_->blocks.size()); }

  // The values of a block's rows in order, in `to`; T{} for rows behind the column's end.
  template <typename T>
  void Gather(const std::vector<T>& column, std::uint32_t block, std::vector<T>* to) const {
    const std::span<const std::uint32_t> rows = RowsOf(block);
    to->resize(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      (*to)[i] = rows[i] < column.size() ? column[rows[i]] : T{};
    }
  }

  // Seals values_ and hands it out.
  Status Emit(SegmentColumn column, std::uint32_t block, std::uint8_t encoding, bool compress) {
    Status status = SealChunk({meta_->key, column, block}, encoding, values_, compress, &chunk_);
    values_.clear();
    if (!status.ok()) return status;
    if (block != kDictionaryBlock) meta_->blocks[block].columns.Add(column);
    return sink_->Write(column, block, chunk_);
  }

  void FillMeta();
  Status WriteUsers();
  Status WriteTimes(std::uint32_t block);
  Status WriteNumbers(std::uint32_t block);
  Status WriteText(Field field);
  Codes NumberByFrequency(Field field);
  Status WriteSharedCodes(Field field, const Codes& new_codes, std::uint32_t block);
  Status WriteOwnCodes(Field field, std::uint32_t block, Codes* new_codes);
  Status WriteIds(std::uint32_t block);
  Status WriteExtraData(std::uint32_t block);

  const SegmentRows& rows_;
  const SegmentOrder& order_;
  const std::uint32_t block_rows_;
  ChunkSink* const sink_;
  SegmentMeta* const meta_;

  ColumnScratch scratch_;
  std::string values_;
  std::string chunk_;
  Codes codes_;
  std::vector<std::uint32_t> times_;
  std::vector<std::uint64_t> wide_;
  std::vector<std::uint8_t> flags_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::int32_t> positions_;
  std::vector<Hash128> ids_;
  std::vector<std::string_view> texts_;
};

void Writer::FillMeta() {
  const std::int64_t begin = std::int64_t{meta_->key.day} * kDayMs;
  meta_->rows = rows_.rows();
  meta_->users = static_cast<std::uint32_t>(order_.users.size());
  const auto times = std::minmax_element(rows_.time.begin(), rows_.time.end());
  meta_->min_time_ms = begin + *times.first;
  meta_->max_time_ms = begin + *times.second;
  const auto sequences = std::minmax_element(rows_.sequence.begin(), rows_.sequence.end());
  meta_->min_sequence = *sequences.first;
  meta_->max_sequence = *sequences.second;
  for (std::uint32_t left = meta_->rows; left > 0;) {
    const std::uint32_t rows = std::min(left, block_rows_);
    meta_->blocks.emplace_back().rows = rows;
    left -= rows;
  }
}

Status Writer::WriteUsers() {
  const DictColumn& ids = rows_.column(Field::kUserId).values;
  auto user = order_.users.begin();
  std::uint32_t begin = 0;
  for (std::uint32_t block = 0; block < blocks(); ++block) {
    BlockMeta& meta = meta_->blocks[block];
    const std::uint32_t end = begin + meta.rows;
    UserRuns runs;
    const std::uint32_t user_begin = user == order_.users.begin() ? 0 : std::prev(user)->end;
    runs.continues = user_begin < begin;
    texts_.clear();
    while (begin < end) {
      const std::uint32_t to = std::min(end, user->end);
      runs.hashes.push_back(user->hash);
      runs.rows.push_back(to - begin);
      texts_.push_back(ids.Entry(user->code));
      if (to == user->end) ++user;
      begin = to;
    }
    meta.first_user_hash = runs.hashes.front();
    meta.last_user_hash = runs.hashes.back();
    PutUserRuns(runs, &scratch_, &values_);
    Status status = Emit(SegmentColumn::kUserRuns, block, kFirstEncoding, false);
    if (!status.ok()) return status;
    PutTextList(texts_, &scratch_, &values_);
    status = Emit(ColumnOf(Field::kUserId), block, kFirstEncoding, true);
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

Status Writer::WriteTimes(std::uint32_t block) {
  const std::int64_t begin = std::int64_t{meta_->key.day} * kDayMs;
  Gather(rows_.time, block, &times_);
  const auto [least, most] = std::minmax_element(times_.begin(), times_.end());
  meta_->blocks[block].min_time_ms = begin + *least;
  meta_->blocks[block].max_time_ms = begin + *most;
  PutSteps<std::uint32_t>(&values_, times_, &scratch_.values32, &scratch_.patch);
  Status status = Emit(SegmentColumn::kTime, block, kFirstEncoding, false);
  if (!status.ok()) return status;
  Gather(rows_.sequence, block, &wide_);
  PutSequences(times_, wide_, &scratch_, &values_);
  return Emit(SegmentColumn::kSequence, block, kFirstEncoding, false);
}

Status Writer::WriteNumbers(std::uint32_t block) {
  Gather(rows_.flags, block, &flags_);
  std::uint8_t all = 0;
  for (const std::uint8_t flags : flags_) all |= flags;
  if (all == 0) return Status::Ok();
  PutFlags(flags_, &scratch_, &values_);
  Status status = Emit(SegmentColumn::kFlags, block, kFirstEncoding, false);
  const auto write_positions = [&](SegmentColumn column, std::uint8_t bit,
                                   const std::vector<std::int32_t>& positions) {
    if (!status.ok() || (all & bit) == 0) return;
    Gather(positions, block, &positions_);
    PutPositions(flags_, bit, positions_, &scratch_, &values_);
    status = Emit(column, block, kFirstEncoding, true);
  };
  write_positions(SegmentColumn::kPositionX, kHasPositionX, rows_.position_x);
  write_positions(SegmentColumn::kPositionY, kHasPositionY, rows_.position_y);
  if (!status.ok() || (all & kHasClientSeq) == 0) return status;
  Gather(rows_.client_seq, block, &wide_);
  PutClientSeqs(flags_, wide_, &scratch_, &values_);
  return Emit(SegmentColumn::kClientSeq, block, kFirstEncoding, true);
}

// Writes a column's dictionary with the most frequent entries first; returns the new codes by old.
Codes Writer::NumberByFrequency(Field field) {
  const SegmentRows::Text& column = rows_.column(field);
  Codes counts(column.values.entries() + 1, 0);
  for (const std::uint32_t code : column.codes) ++counts[code];
  Codes order(column.values.entries());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i + 1;
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (counts[a] != counts[b]) return counts[a] > counts[b];
    return column.values.Entry(a) < column.values.Entry(b);
  });
  Codes new_codes(counts.size(), 0);
  texts_.clear();
  for (std::uint32_t i = 0; i < order.size(); ++i) {
    new_codes[order[i]] = i + 1;
    texts_.push_back(column.values.Entry(order[i]));
  }
  PutTextList(texts_, &scratch_, &values_);
  return new_codes;
}

Status Writer::WriteSharedCodes(Field field, const Codes& new_codes, std::uint32_t block) {
  Gather(rows_.column(field).codes, block, &codes_);
  std::uint32_t all = 0;
  for (std::uint32_t& code : codes_) {
    code = new_codes[code];
    all |= code;
  }
  if (field == Field::kEventType) {
    const std::uint32_t bits = meta_->filter_bits();
    std::uint8_t* const filter = meta_->type_filters.data() + block * meta_->filter_bytes();
    for (const std::uint32_t code : codes_) {
      if (code == 0) continue;
      const std::uint32_t bit = (code - 1) % bits;
      filter[bit / 8] = static_cast<std::uint8_t>(filter[bit / 8] | 1u << bit % 8);
    }
  }
  if (all == 0) return Status::Ok();
  if (field == Field::kEventType && meta_->has_narrow_types()) {
    bytes_.assign(codes_.begin(), codes_.end());
    PutPatched<std::uint8_t>(&values_, bytes_, &scratch_.patch);
    return Emit(ColumnOf(field), block, kNarrowCodes, false);
  }
  PutCodes(codes_, &scratch_, &values_);
  return Emit(ColumnOf(field), block, kSharedCodes, true);
}

// `new_codes` holds a 0 for every old code, before and after.
Status Writer::WriteOwnCodes(Field field, std::uint32_t block, Codes* new_codes) {
  const SegmentRows::Text& column = rows_.column(field);
  Gather(column.codes, block, &codes_);
  Codes used;
  texts_.clear();
  for (std::uint32_t& code : codes_) {
    if (code == 0) continue;
    std::uint32_t& new_code = (*new_codes)[code];
    if (new_code == 0) {
      used.push_back(code);
      texts_.push_back(column.values.Entry(code));
      new_code = static_cast<std::uint32_t>(used.size());
    }
    code = new_code;
  }
  for (const std::uint32_t code : used) (*new_codes)[code] = 0;
  if (used.empty()) return Status::Ok();
  PutTextList(texts_, &scratch_, &values_);
  PutRecentCodes(codes_, &scratch_, &values_);
  return Emit(ColumnOf(field), block, kOwnDictionary, true);
}

Status Writer::WriteText(Field field) {
  const DictColumn& values = rows_.column(field).values;
  if (values.empty()) return Status::Ok();
  // The ids of sessions and tabs are many, and rows that share one are side by side.
  const bool shared = field != Field::kSessionId && field != Field::kTabId &&
                      values.entries() <= kSegmentDictEntriesMax &&
                      values.bytes() <= kSegmentDictBytesMax;
  Codes new_codes;
  Status status;
  if (shared) {
    meta_->dictionary_entries[static_cast<std::size_t>(field)] = values.entries();
    if (field == Field::kEventType) meta_->type_filters.resize(blocks() * meta_->filter_bytes());
    new_codes = NumberByFrequency(field);
    status = Emit(ColumnOf(field), kDictionaryBlock, kFirstEncoding, true);
  } else {
    new_codes.assign(values.entries() + 1, 0);
  }
  for (std::uint32_t block = 0; status.ok() && block < blocks(); ++block) {
    status = shared ? WriteSharedCodes(field, new_codes, block)
                    : WriteOwnCodes(field, block, &new_codes);
  }
  return status;
}

Status Writer::WriteIds(std::uint32_t block) {
  const auto is = [](EventIdForm form) { return static_cast<std::uint8_t>(form); };
  Gather(rows_.id_forms, block, &bytes_);
  const bool none = std::all_of(bytes_.begin(), bytes_.end(),
                                [&](std::uint8_t form) { return form == is(EventIdForm::kNone); });
  if (none) return Status::Ok();
  Gather(rows_.ids, block, &ids_);
  texts_.clear();
  const std::span<const std::uint32_t> rows = RowsOf(block);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (bytes_[i] == is(EventIdForm::kText)) texts_.push_back(rows_.IdText(rows[i]));
  }
  PutEventIds(bytes_, ids_, texts_, &scratch_, &values_);
  return Emit(SegmentColumn::kEventId, block, kFirstEncoding, false);
}

Status Writer::WriteExtraData(std::uint32_t block) {
  texts_.clear();
  bool any = false;
  for (const std::uint32_t row : RowsOf(block)) {
    texts_.push_back(rows_.ExtraData(row));
    any |= !texts_.back().empty();
  }
  if (!any) return Status::Ok();
  const std::uint8_t encoding = PutExtraData(texts_, &scratch_, &values_);
  return Emit(SegmentColumn::kExtraData, block, encoding, true);
}

Status Writer::Write() {
  FillMeta();
  Status status = WriteUsers();
  using Step = Status (Writer::*)(std::uint32_t);
  for (const Step step :
       {&Writer::WriteTimes, &Writer::WriteNumbers, &Writer::WriteIds, &Writer::WriteExtraData}) {
    for (std::uint32_t block = 0; status.ok() && block < blocks(); ++block) {
      status = (this->*step)(block);
    }
  }
  for (std::size_t f = 0; status.ok() && f < kFieldCount; ++f) {
    const auto field = static_cast<Field>(f);
    if (field != Field::kUserId) status = WriteText(field);
  }
  if (!status.ok()) return status;
  return sink_->Write(SegmentColumn::kMeta, kMetaBlock, EncodeMeta(*meta_));
}

}  // namespace

Status SegmentBuilder::Finish(ChunkSink* sink, SegmentMeta* meta) {
  assert(rows() > 0);
  assert(options_.block_rows >= 1 && options_.block_rows <= kSegmentBlockRowsMax);
  const SegmentRows rows = std::exchange(rows_, SegmentRows());
  const SegmentOrder order = OrderRows(rows, hash_seed_, options_);
  *meta = SegmentMeta();
  meta->key = key_;
  return Writer(rows, order, options_.block_rows, sink, meta).Write();
}

}  // namespace v1
}  // namespace insightflow
