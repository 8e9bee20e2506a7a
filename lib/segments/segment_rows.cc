#include "lib/segments/segment_rows.h"

#include <cassert>
#include <cstring>
#include <span>

#include "lib/model/event_id_form.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Room is left for the texts of one more batch before offsets of 32 bits end.
constexpr std::size_t kDictBytesMax = std::size_t{1} << 31;
constexpr std::size_t kNumbersMax = std::size_t{1} << 31;
static_assert(kNumbersMax + kShapedBytesMax <= UINT32_MAX);

// What a thread keeps between calls.
struct Scratch {
  TextShaper shaper;
  ShapedTexts cut;
  ByteBuffer bytes;
  std::vector<std::uint32_t> ends;
};
constexpr std::size_t kScratchBytesMax = std::size_t{16} << 20;

// Appends the selected values of a column that not every batch has. It is as long as its last value
// needs.
template <typename T>
void AppendSelected(const std::vector<T>& from, const std::vector<std::uint32_t>& selected,
                    std::size_t before, std::vector<T>* to) {
  if (from.empty()) return;
  to->resize(before + selected.size());
  T* next = to->data() + before;
  for (const std::uint32_t row : selected) *next++ = from[row];
}

}  // namespace

Status SegmentRows::Append(std::uint32_t day, const EventBatch& batch, const StoredTexts* stored,
                           std::uint64_t first_sequence) {
  const std::int64_t begin = std::int64_t{day} * kDayMs;
  selected_.clear();
  for (std::size_t row = 0; row < batch.rows; ++row) {
    if (batch.time_ms[row] >= begin && batch.time_ms[row] < begin + kDayMs) {
      selected_.push_back(static_cast<std::uint32_t>(row));
    }
  }
  before_ = time.size();
  bool full = before_ + selected_.size() > kSegmentRowsMax;
  for (const Text& column : text) full |= column.values.bytes() > kDictBytesMax;
  full |= extra_shapes.bytes() > kDictBytesMax || extra_numbers.size() > kNumbersMax;
  if (full) return OutOfRange("a segment has at most " + std::to_string(kSegmentRowsMax) + " rows");
  if (selected_.empty()) return Status::Ok();
  for (const std::uint32_t row : selected_) {
    time.push_back(static_cast<std::uint32_t>(batch.time_ms[row] - begin));
    sequence.push_back(first_sequence + row);
    flags.push_back(batch.flags[row] & kStoredFlags);
  }
  for (std::size_t f = 0; f < kFieldCount; ++f) AppendText(batch.text[f], &text[f]);
  AppendSelected(batch.position_x, selected_, before_, &position_x);
  AppendSelected(batch.position_y, selected_, before_, &position_y);
  AppendSelected(batch.client_seq, selected_, before_, &client_seq);
  if (stored == nullptr || stored->id_forms.empty()) {
    AppendIds(batch);
  } else {
    AppendStoredIds(batch, *stored);
  }
  if (stored == nullptr || stored->extra_data.rows.empty()) {
    AppendExtraData(batch);
  } else {
    AppendShapes(stored->extra_data);
  }
  return Status::Ok();
}

void SegmentRows::AppendText(const DictColumn& from, Text* to) {
  if (from.empty()) return;
  // A step's tables are larger than the near caches: all that the batch needs is fetched at once.
  hashes_.resize(from.entries() + 1);
  for (std::uint32_t code = 1; code < hashes_.size(); ++code) {
    hashes_[code] = to->values.PrepareIntern(from.Entry(code));
  }
  codes_.assign(from.entries() + 1, 0);
  to->codes.resize(before_ + selected_.size());
  std::uint32_t* next = to->codes.data() + before_;
  for (const std::uint32_t row : selected_) {
    const std::uint32_t code = from.CodeAt(row);
    std::uint32_t& known = codes_[code];
    if (known == 0 && code != 0) known = to->values.InternHashed(from.Entry(code), hashes_[code]);
    *next++ = known;
  }
}

void SegmentRows::AppendIds(const EventBatch& batch) {
  for (const std::uint32_t row : selected_) {
    const std::string_view id = batch.event_id.At(row);
    Hash128 packed = batch.keys[row];
    EventIdForm form = packed == Hash128{} ? EventIdForm::kNone : EventIdForm::kKey;
    if (!id.empty()) {
      std::uint8_t bytes[kPackedIdBytes];
      form = PackEventId(id, bytes);
      std::memcpy(&packed, bytes, sizeof packed);
      if (form == EventIdForm::kText) {
        packed = {id_texts.size(), id.size()};
        id_texts.Append(id);
      }
    }
    id_forms.push_back(static_cast<std::uint8_t>(form));
    ids.push_back(packed);
  }
}

void SegmentRows::AppendStoredIds(const EventBatch& batch, const StoredTexts& stored) {
  for (const std::uint32_t row : selected_) {
    Hash128 packed = stored.packed_ids[row];
    if (stored.id_forms[row] == static_cast<std::uint8_t>(EventIdForm::kText)) {
      const std::string_view id = batch.event_id.At(row);
      packed = {id_texts.size(), id.size()};
      id_texts.Append(id);
    }
    id_forms.push_back(stored.id_forms[row]);
    ids.push_back(packed);
  }
}

void SegmentRows::AppendShapes(const ShapedTexts& texts) {
  const bool as_texts = !extra_data.empty();
  if (!as_texts) extra_ends.clear();
  codes_.assign(texts.ends.size(), 0);
  if (as_texts) {
    extra_ends.resize(before_, extra_data.size());
  } else {
    extra_rows.resize(before_);
  }
  for (const std::uint32_t row : selected_) {
    const auto [shape, begin] = texts.rows[row];
    const std::uint64_t* const numbers = texts.numbers.data() + begin;
    if (as_texts) {
      if (shape != 0) JoinShape(texts.Shape(shape), numbers, &extra_data);
      extra_ends.push_back(extra_data.size());
      continue;
    }
    std::uint32_t& known = codes_[shape];
    if (known == 0 && shape != 0) known = extra_shapes.Intern(texts.Shape(shape));
    extra_rows.push_back({known, static_cast<std::uint32_t>(extra_numbers.size())});
    extra_numbers.insert(extra_numbers.end(), numbers, numbers + texts.counts[shape]);
  }
}

// Shapes cannot say what a batch has that is not stored in them.
void SegmentRows::UseExtraTexts() {
  for (const auto [shape, numbers] : extra_rows) {
    if (shape != 0) {
      JoinShape(extra_shapes.Entry(shape), extra_numbers.data() + numbers, &extra_data);
    }
    extra_ends.push_back(extra_data.size());
  }
  extra_rows.clear();
  extra_numbers.clear();
  extra_shapes.Clear();
}

// Cuts texts of batches that are too small to be stored as shapes. False when shapes cannot say, or
// did not say before, what there is.
bool SegmentRows::CutExtraData(const EventBatch& batch) {
  if (!extra_data.empty() || !shapes::MayHaveMore(extra_shapes.entries(), before_)) return false;
  thread_local Scratch scratch;
  std::string_view bytes = batch.extra_data.bytes();
  std::span<const std::uint32_t> ends = batch.extra_data.ends();
  if (selected_.size() != batch.rows) {
    scratch.bytes.clear();
    scratch.ends.clear();
    for (const std::uint32_t row : selected_) {
      scratch.ends.resize(row, static_cast<std::uint32_t>(scratch.bytes.size()));
      scratch.bytes.Append(batch.extra_data.At(row));
      scratch.ends.push_back(static_cast<std::uint32_t>(scratch.bytes.size()));
    }
    bytes = scratch.bytes.view();
    ends = scratch.ends;
  }
  const bool cut = scratch.shaper.PutInParts(bytes, ends, batch.rows, &scratch.cut);
  if (cut) AppendShapes(scratch.cut);
  if (scratch.shaper.memory() + scratch.cut.memory() + scratch.bytes.size() > kScratchBytesMax) {
    scratch = Scratch();
  }
  return cut;
}

void SegmentRows::AppendExtraData(const EventBatch& batch) {
  if (batch.extra_data.empty() || CutExtraData(batch)) return;
  if (!extra_rows.empty()) UseExtraTexts();
  extra_ends.resize(before_, extra_data.size());
  if (selected_.size() == batch.rows) {
    const std::size_t begin = extra_data.size();
    extra_data.Append(batch.extra_data.bytes());
    for (const std::uint32_t end : batch.extra_data.ends()) extra_ends.push_back(begin + end);
    return;
  }
  for (const std::uint32_t row : selected_) {
    extra_data.Append(batch.extra_data.At(row));
    extra_ends.push_back(extra_data.size());
  }
}

void SegmentRows::Clear() {
  time.clear();
  sequence.clear();
  flags.clear();
  for (Text& column : text) {
    column.values.Clear();
    column.codes.clear();
  }
  position_x.clear();
  position_y.clear();
  client_seq.clear();
  id_forms.clear();
  ids.clear();
  id_texts.clear();
  extra_rows.clear();
  extra_numbers.clear();
  extra_shapes.Clear();
  extra_ends.clear();
  extra_data.clear();
}

std::size_t SegmentRows::bytes() const {
  constexpr std::size_t kFixed = sizeof(std::uint32_t) + sizeof(std::uint64_t) + 2 + 16;
  std::size_t sum = rows() * kFixed + id_texts.size() + extra_data.size() + 8 * extra_ends.size();
  sum += 8 * (extra_rows.size() + extra_numbers.size()) + 2 * extra_shapes.bytes();
  sum += 4 * (position_x.size() + position_y.size()) + 8 * client_seq.size();
  for (const Text& column : text) sum += 4 * column.codes.size() + 2 * column.values.bytes();
  return sum;
}

}  // namespace v1
}  // namespace insightflow
