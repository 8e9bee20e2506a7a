#include "lib/segments/segment_builder.h"

#include <algorithm>
#include <cassert>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/model/event_id_form.h"
#include "lib/segments/block_encoder.h"
#include "lib/segments/frequency_order.h"
#include "lib/segments/segment_order.h"
#include "lib/segments/title_counter.h"

namespace insightflow {
inline namespace v1 {
namespace {

using Codes = std::vector<std::uint32_t>;

// Rows of a user are far apart: a few are fetched ahead.
constexpr std::size_t kAhead = 12;

// Writes one segment, column by column, so that one column's values are in the cache at a time.
class Writer {
 public:
  Writer(const SegmentRows& rows, const SegmentOrder& order, std::uint32_t block_rows,
         ChunkSink* sink, SegmentMeta* meta)
      : rows_(rows), order_(order), block_rows_(block_rows), meta_(meta), blocks_(meta, sink) {}

  Status Write();

 private:
  std::span<const std::uint32_t> RowsOf(std::uint32_t block) const {
    const std::size_t begin = std::size_t{block} * block_rows_;
    return std::span(order_.rows).subspan(begin, meta_->blocks[block].rows);
  }

  // The values of a block's rows in order, in `to`; T{} for rows behind the column's end.
  template <typename T>
  void Gather(const std::vector<T>& column, std::uint32_t block, std::vector<T>* to) const {
    const std::span<const std::uint32_t> rows = RowsOf(block);
    to->resize(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      (*to)[i] = rows[i] < column.size() ? column[rows[i]] : T{};
    }
  }

  // Of the rows of a block, as far as its columns are written.
  BlockGuides GuidesOf(std::uint32_t block) const {
    const std::size_t begin = std::size_t{block} * block_rows_;
    const std::size_t rows = meta_->blocks[block].rows;
    BlockGuides guides;
    if (begin + rows <= types_.size()) guides.types = std::span(types_).subspan(begin, rows);
    if (begin + rows <= pages_.size()) guides.pages = std::span(pages_).subspan(begin, rows);
    return guides;
  }

  void FillMeta();
  Status WriteUsers();
  Status WriteTimes(std::uint32_t block);
  Status WriteNumbers(std::uint32_t block);
  Status WriteText(Field field);
  Status WriteTitles(const Codes& new_codes);
  Codes NumberByFrequency(Field field);
  Status WriteSharedCodes(Field field, const Codes& new_codes, std::uint32_t block);
  Status WriteOwnCodes(Field field, std::uint32_t block, Codes* new_codes);
  Status WriteIds(std::uint32_t block);
  void AddShapes(std::span<const std::uint32_t> rows);
  Status WriteExtraData(std::uint32_t block);

  const SegmentRows& rows_;
  const SegmentOrder& order_;
  const std::uint32_t block_rows_;
  SegmentMeta* const meta_;
  BlockEncoder blocks_;

  std::vector<std::uint8_t> types_;  // new codes of all rows in order, once they are written
  Codes pages_;
  Codes new_pages_;  // by old code
  Codes codes_;
  std::vector<std::uint32_t> times_;
  std::vector<std::uint64_t> wide_;
  std::vector<std::uint8_t> flags_;
  std::vector<std::int32_t> positions_;
  std::vector<Hash128> ids_;
  std::vector<std::string_view> texts_;
  ExtraRows extra_;
  Codes known_shapes_;  // what extra_ made of shapes
};

void Writer::FillMeta() {
  const std::int64_t begin = std::int64_t{meta_->key.day} * kDayMs;
  meta_->users = static_cast<std::uint32_t>(order_.users.size());
  const auto times = std::minmax_element(rows_.time.begin(), rows_.time.end());
  meta_->min_time_ms = begin + *times.first;
  meta_->max_time_ms = begin + *times.second;
  const auto sequences = std::minmax_element(rows_.sequence.begin(), rows_.sequence.end());
  meta_->min_sequence = *sequences.first;
  meta_->max_sequence = *sequences.second;
  blocks_.Cut(rows_.rows(), block_rows_);
}

Status Writer::WriteUsers() {
  const DictColumn& ids = rows_.column(Field::kUserId).values;
  auto user = order_.users.begin();
  std::uint32_t begin = 0;
  for (std::uint32_t block = 0; block < blocks_.blocks(); ++block) {
    const std::uint32_t end = begin + meta_->blocks[block].rows;
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
    if (Status status = blocks_.PutUsers(block, runs, texts_); !status.ok()) return status;
  }
  return Status::Ok();
}

Status Writer::WriteTimes(std::uint32_t block) {
  Gather(rows_.time, block, &times_);
  Gather(rows_.sequence, block, &wide_);
  return blocks_.PutTimes(block, times_, wide_);
}

Status Writer::WriteNumbers(std::uint32_t block) {
  Gather(rows_.flags, block, &flags_);
  std::uint8_t all = 0;
  Status status = blocks_.PutFlags(block, GuidesOf(block), flags_, &all);
  const auto write_positions = [&](SegmentColumn column, std::uint8_t bit,
                                   const std::vector<std::int32_t>& positions) {
    if (!status.ok() || (all & bit) == 0) return;
    Gather(positions, block, &positions_);
    status = blocks_.PutPositions(block, column, flags_, positions_);
  };
  write_positions(SegmentColumn::kPositionX, kHasPositionX, rows_.position_x);
  write_positions(SegmentColumn::kPositionY, kHasPositionY, rows_.position_y);
  if (!status.ok() || (all & kHasClientSeq) == 0) return status;
  Gather(rows_.client_seq, block, &wide_);
  return blocks_.PutClientSeqs(block, flags_, wide_);
}

// The new codes by old, and in texts_ the entries in the new order: the most frequent first.
Codes Writer::NumberByFrequency(Field field) {
  const SegmentRows::Text& column = rows_.column(field);
  Codes counts(column.values.entries() + 1, 0);
  for (const std::uint32_t code : column.codes) ++counts[code];
  const Codes order = OrderByFrequency(column.values, counts);
  assert(order.size() == column.values.entries());
  Codes new_codes(counts.size(), 0);
  texts_.clear();
  for (std::uint32_t i = 0; i < order.size(); ++i) {
    new_codes[order[i]] = i + 1;
    texts_.push_back(column.values.Entry(order[i]));
  }
  return new_codes;
}

Status Writer::WriteSharedCodes(Field field, const Codes& new_codes, std::uint32_t block) {
  Gather(rows_.column(field).codes, block, &codes_);
  for (std::uint32_t& code : codes_) code = new_codes[code];
  if (field == Field::kEventType && meta_->has_narrow_types()) {
    types_.reserve(rows_.rows());
    types_.insert(types_.end(), codes_.begin(), codes_.end());
  }
  if (field == Field::kPageUrl) {
    pages_.reserve(rows_.rows());
    pages_.insert(pages_.end(), codes_.begin(), codes_.end());
  }
  return blocks_.PutSharedCodes(field, block, GuidesOf(block), codes_);
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
  return blocks_.PutOwnCodes(field, block, texts_, codes_);
}

Status Writer::WriteTitles(const Codes& new_codes) {
  if (new_pages_.empty()) return Status::Ok();
  TitleCounter counter(new_pages_.size() - 1);
  const Codes& pages = rows_.column(Field::kPageUrl).codes;
  const Codes& titles = rows_.column(Field::kPageTitle).codes;
  for (std::size_t row = 0; row < titles.size(); ++row) {
    if (titles[row] != 0) counter.Add(row < pages.size() ? pages[row] : 0, titles[row]);
  }
  blocks_.SetTitles(counter.Titles(new_pages_, new_codes));
  return blocks_.PutTitles();
}

Status Writer::WriteText(Field field) {
  const DictColumn& values = rows_.column(field).values;
  if (values.empty()) return Status::Ok();
  const bool shared = BlockEncoder::SharesDictionary(field, values.entries(), values.bytes());
  Codes new_codes;
  Status status;
  if (shared) {
    blocks_.SetDictionary(field, values.entries());
    new_codes = NumberByFrequency(field);
    status = blocks_.PutDictionary(field, texts_);
    if (field == Field::kPageUrl) new_pages_ = new_codes;
    if (status.ok() && field == Field::kPageTitle) status = WriteTitles(new_codes);
  } else {
    new_codes.assign(values.entries() + 1, 0);
  }
  for (std::uint32_t block = 0; status.ok() && block < blocks_.blocks(); ++block) {
    status = shared ? WriteSharedCodes(field, new_codes, block)
                    : WriteOwnCodes(field, block, &new_codes);
  }
  return status;
}

Status Writer::WriteIds(std::uint32_t block) {
  Gather(rows_.id_forms, block, &flags_);
  Gather(rows_.ids, block, &ids_);
  texts_.clear();
  const std::span<const std::uint32_t> rows = RowsOf(block);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (flags_[i] == static_cast<std::uint8_t>(EventIdForm::kText)) {
      texts_.push_back(rows_.IdText(rows[i]));
    }
  }
  return blocks_.PutIds(block, flags_, ids_, texts_);
}

void Writer::AddShapes(std::span<const std::uint32_t> rows) {
  known_shapes_.assign(rows_.extra_shapes.entries() + 1, 0);
  const std::uint64_t* const all = rows_.extra_numbers.data();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i + kAhead < rows.size()) {
      const std::uint32_t row = rows[i + kAhead];
      if (row < rows_.extra_rows.size()) __builtin_prefetch(&rows_.extra_rows[row]);
    }
    if (i + kAhead / 2 < rows.size()) {
      __builtin_prefetch(all + rows_.ExtraRow(rows[i + kAhead / 2]).numbers);
    }
    const auto [shape, numbers] = rows_.ExtraRow(rows[i]);
    if (shape == 0) {
      extra_.AddEmpty();
    } else {
      extra_.Add(
          &known_shapes_[shape], [&, code = shape] { return rows_.extra_shapes.Entry(code); },
          all + numbers);
    }
  }
}

Status Writer::WriteExtraData(std::uint32_t block) {
  const std::span<const std::uint32_t> rows = RowsOf(block);
  extra_.Clear();
  if (!rows_.extra_rows.empty()) {
    AddShapes(rows);
    return blocks_.PutExtra(block, &extra_);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i + kAhead < rows.size()) __builtin_prefetch(rows_.ExtraData(rows[i + kAhead]).data());
    extra_.Add(rows_.ExtraData(rows[i]));
  }
  return blocks_.PutExtra(block, &extra_);
}

Status Writer::Write() {
  FillMeta();
  Status status = WriteUsers();
  // Other columns are written as their rows' types foretell them.
  if (status.ok()) status = WriteText(Field::kEventType);
  using Step = Status (Writer::*)(std::uint32_t);
  for (const Step step :
       {&Writer::WriteTimes, &Writer::WriteNumbers, &Writer::WriteIds, &Writer::WriteExtraData}) {
    for (std::uint32_t block = 0; status.ok() && block < blocks_.blocks(); ++block) {
      status = (this->*step)(block);
    }
  }
  for (std::size_t f = 0; status.ok() && f < kFieldCount; ++f) {
    const auto field = static_cast<Field>(f);
    if (field != Field::kUserId && field != Field::kEventType) status = WriteText(field);
  }
  return status.ok() ? blocks_.PutMeta() : status;
}

}  // namespace

Status SegmentBuilder::Finish(ChunkSink* sink, SegmentMeta* meta) {
  assert(rows() > 0);
  assert(options_.block_rows >= 1 && options_.block_rows <= kSegmentBlockRowsMax);
  const SegmentOrder order = OrderRows(rows_, hash_seed_, options_);
  *meta = SegmentMeta();
  meta->key = key_;
  Status status = Writer(rows_, order, options_.block_rows, sink, meta).Write();
  rows_.Clear();
  return status;
}

}  // namespace v1
}  // namespace insightflow
