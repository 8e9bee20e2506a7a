#include "lib/model/batch.h"

#include "lib/base/growth.h"

#include <algorithm>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kFirstSlots = 16;
constexpr std::size_t kSparse = 16;

template <typename T>
void FilterVector(std::vector<T>* values, const std::vector<std::uint8_t>& keep) {
  std::size_t to = 0;
  for (std::size_t row = 0; row < values->size(); ++row) {
    if (keep[row] != 0) (*values)[to++] = (*values)[row];
  }
  values->resize(to);
}

// Writes `value` into the last of `rows` rows of a column that may not have been needed before.
template <typename T>
void SetLast(std::vector<T>* values, std::size_t rows, T value) {
  values->resize(rows);
  values->back() = value;
}

template <typename T>
void AppendSparse(std::vector<T>* to, std::size_t to_rows, const std::vector<T>& from,
                  std::size_t from_rows) {
  if (from.empty() && to->empty()) return;
  to->resize(to_rows);
  to->insert(to->end(), from.begin(), from.end());
  to->resize(to_rows + from_rows);
}

}  // namespace

std::uint32_t DictColumn::Intern(std::string_view value) {
  return InternHashed(value, HashOf(value));
}

std::uint32_t DictColumn::InternHashed(std::string_view value, std::uint32_t hash) {
  if (value.empty()) return 0;
  assert(index_.interned_ == entries());  // the column has its index
  if (std::size_t{entries()} * 2 >= index_.slots_.size()) GrowIndex();
  const std::size_t mask = index_.slots_.size() - 1;
  for (std::size_t i = hash & mask;; i = (i + 1) & mask) {
    DictIndex::Slot& slot = index_.slots_[i];
    if (slot.code == 0) {
      slot = {hash, ++index_.interned_, static_cast<std::uint32_t>(bytes_.size()),
              static_cast<std::uint32_t>(value.size())};
      bytes_.Append(value);
      ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
      return slot.code;
    }
    if (slot.hash == hash && slot.size == value.size() &&
        SameBytes(bytes_.data() + slot.begin, value.data(), value.size())) {
      return slot.code;
    }
  }
}

std::size_t DictColumn::memory() const {
  return CapacityBytes(codes_) + CapacityBytes(ends_) + bytes_.capacity() +
         CapacityBytes(index_.slots_);
}

void DictColumn::Set(std::size_t row, std::string_view value) { SetCode(row, Intern(value)); }

void DictColumn::SetCodeElsewhere(std::size_t row, std::uint32_t code) {
  assert(row + 1 >= codes_.size());
  if (row < codes_.size()) codes_.pop_back();
  if (code == 0) return;
  codes_.resize(row);
  codes_.push_back(code);
}

void DictColumn::Load(std::span<const std::uint32_t> codes, std::span<const std::uint32_t> ends,
                      std::string_view data) {
  assert(!ends.empty() && ends.front() == 0 && ends.back() == data.size());
  Clear();
  codes_.assign(codes.begin(), codes.end());
  ends_.assign(ends.begin(), ends.end());
  bytes_.Append(data);
}

void DictColumn::GrowIndex() {
  std::vector<DictIndex::Slot>& slots = index_.slots_;
  std::vector<DictIndex::Slot> old(std::max(kFirstSlots, slots.size() * 2));
  old.swap(slots);
  const std::size_t mask = slots.size() - 1;
  for (const DictIndex::Slot& slot : old) {
    if (slot.code == 0) continue;
    std::size_t i = slot.hash & mask;
    while (slots[i].code != 0) i = (i + 1) & mask;
    slots[i] = slot;
  }
}

void DictColumn::ClearIndex() {
  std::vector<DictIndex::Slot>& slots = index_.slots_;
  if (index_.interned_ * kSparse < slots.size()) {
    // Few entries in a table that was once large: free their slots one by one.
    const std::size_t mask = slots.size() - 1;
    for (std::uint32_t code = 1; code <= index_.interned_; ++code) {
      std::size_t i = HashOf(Entry(code)) & mask;
      while (slots[i].code != code) i = (i + 1) & mask;
      slots[i] = DictIndex::Slot();
    }
  } else {
    std::fill(slots.begin(), slots.end(), DictIndex::Slot());
  }
  index_.interned_ = 0;
}

void DictColumn::BorrowIndex(DictIndex* index) {
  assert(empty() && index->interned_ == 0);
  std::swap(index_, *index);
}

void DictColumn::GiveIndexBack(DictIndex* index) {
  if (!empty()) ClearIndex();
  std::swap(index_, *index);
}

void DictColumn::Filter(const std::vector<std::uint8_t>& keep) { FilterVector(&codes_, keep); }

void DictColumn::Clear() {
  codes_.clear();
  if (empty()) return;
  if (index_.interned_ != 0) ClearIndex();
  ends_.resize(1);
  bytes_.clear();
}

void BytesColumn::Set(std::size_t row, std::string_view value) {
  assert(row + 1 >= ends_.size());
  if (row < ends_.size()) {  // the last row again
    bytes_.Truncate(row == 0 ? 0 : ends_[row - 1]);
    ends_.pop_back();
  }
  if (value.empty()) return;
  if (row != ends_.size()) ends_.resize(row, static_cast<std::uint32_t>(bytes_.size()));
  bytes_.Append(value);
  ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
}

void BytesColumn::Filter(const std::vector<std::uint8_t>& keep) {
  BytesColumn kept;
  for (std::size_t row = 0; row < ends_.size(); ++row) {
    if (keep[row] == 0) continue;
    kept.bytes_.Append(At(row));
    kept.ends_.push_back(static_cast<std::uint32_t>(kept.bytes_.size()));
  }
  std::swap(*this, kept);
}

std::size_t EventBatch::PushRow(std::int64_t time) {
  time_ms.push_back(time);
  flags.push_back(0);
  keys.emplace_back();
  if (!position_x.empty()) position_x.push_back(0);
  if (!position_y.empty()) position_y.push_back(0);
  if (!client_seq.empty()) client_seq.push_back(0);
  return rows++;
}

void EventBatch::PopRow() {
  assert(rows > 0);
  const std::size_t row = --rows;
  for (DictColumn& column : text) column.SetCode(row, 0);
  event_id.Set(row, {});
  extra_data.Set(row, {});
  time_ms.pop_back();
  flags.pop_back();
  keys.pop_back();
  if (!position_x.empty()) position_x.pop_back();
  if (!position_y.empty()) position_y.pop_back();
  if (!client_seq.empty()) client_seq.pop_back();
}

void EventBatch::SetPositionX(std::int32_t x) {
  SetLast(&position_x, rows, x);
  flags.back() |= kHasPositionX;
}

void EventBatch::SetPositionY(std::int32_t y) {
  SetLast(&position_y, rows, y);
  flags.back() |= kHasPositionY;
}

void EventBatch::SetClientSeq(std::uint64_t seq) {
  SetLast(&client_seq, rows, seq);
  flags.back() |= kHasClientSeq;
}

void EventBatch::Filter(const std::vector<std::uint8_t>& keep) {
  assert(keep.size() == rows);
  for (DictColumn& column : text) column.Filter(keep);
  FilterVector(&time_ms, keep);
  FilterVector(&flags, keep);
  FilterVector(&keys, keep);
  FilterVector(&position_x, keep);
  FilterVector(&position_y, keep);
  FilterVector(&client_seq, keep);
  event_id.Filter(keep);
  extra_data.Filter(keep);
  rows = time_ms.size();
}

void EventBatch::Append(const EventBatch& other) {
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    const DictColumn& from = other.text[f];
    for (std::size_t row = 0; row < from.codes().size(); ++row) {
      if (from.CodeAt(row) != 0) text[f].Set(rows + row, from.At(row));
    }
  }
  for (std::size_t row = 0; row < other.rows; ++row) {
    event_id.Set(rows + row, other.event_id.At(row));
    extra_data.Set(rows + row, other.extra_data.At(row));
  }
  time_ms.insert(time_ms.end(), other.time_ms.begin(), other.time_ms.end());
  flags.insert(flags.end(), other.flags.begin(), other.flags.end());
  keys.insert(keys.end(), other.keys.begin(), other.keys.end());
  AppendSparse(&position_x, rows, other.position_x, other.rows);
  AppendSparse(&position_y, rows, other.position_y, other.rows);
  AppendSparse(&client_seq, rows, other.client_seq, other.rows);
  rows += other.rows;
}

void EventBatch::Clear() {
  rows = 0;
  received_ms = 0;
  for (DictColumn& column : text) column.Clear();
  time_ms.clear();
  flags.clear();
  keys.clear();
  event_id.Clear();
  extra_data.Clear();
  position_x.clear();
  position_y.clear();
  client_seq.clear();
}

std::size_t EventBatch::bytes() const {
  std::size_t sum = event_id.bytes().size() + extra_data.bytes().size() + rows * 40;
  for (const DictColumn& column : text) sum += column.bytes() + column.codes().size() * 4;
  return sum;
}

}  // namespace v1
}  // namespace insightflow
