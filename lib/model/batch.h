// A batch of events as columns: what decoders fill, the log stores and followers read.
//
// Text fields are dictionaries of the batch, so that a follower looks each distinct value up once
// and the log writes it once. Code 0 means "absent"; an empty string is absent too.
//
// Not thread-safe. Clear() keeps the memory, so a batch that is used again does not allocate.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lib/base/byte_buffer.h"
#include "lib/base/hash.h"
#include "lib/base/short_text.h"
#include "lib/model/field.h"

namespace insightflow {
inline namespace v1 {

class DictColumn;

// Finds the codes of a column's values. A decoder lends one to every batch that it fills, so that a
// table stays in the cache while batches come and go.
class DictIndex {
 private:
  friend class DictColumn;

  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t code = 0;   // 0: free
    std::uint32_t begin = 0;  // of the value in the column's bytes
    std::uint32_t size = 0;
  };
  std::vector<Slot> slots_;     // open addressing, a power of two
  std::uint32_t interned_ = 0;  // values with a slot
  std::uint64_t seed_ = ProcessSeed();
};

// One dictionary-coded column. Rows may be left out: a row that is never set is absent, and a
// column without any value costs nothing.
class DictColumn {
 public:
  // Sets the value of `row`, which must not lie before the last row set. Setting the last row again
  // replaces its value. Amortised O(size of value).
  void Set(std::size_t row, std::string_view value);

  // The code of a value, added to the dictionary when new. "" is 0.
  std::uint32_t Intern(std::string_view value);
  // Intern in two steps, so that what the first one fetches is there when the second one needs it.
  std::uint32_t PrepareIntern(std::string_view value) const {
    const std::uint32_t hash = HashOf(value);
    if (!index_.slots_.empty()) {
      __builtin_prefetch(&index_.slots_[hash & (index_.slots_.size() - 1)], 1);
    }
    return hash;
  }
  std::uint32_t InternHashed(std::string_view value, std::uint32_t hash);
  // Sets the code of `row` as Set does; the code comes from Intern.
  void SetCode(std::size_t row, std::uint32_t code) {
    if (row == codes_.size()) {
      if (code != 0) codes_.push_back(code);
    } else {
      SetCodeElsewhere(row, code);
    }
  }

  std::uint32_t CodeAt(std::size_t row) const { return row < codes_.size() ? codes_[row] : 0; }
  std::string_view At(std::size_t row) const { return Entry(CodeAt(row)); }
  // The value of a code in 0 … entries().
  std::string_view Entry(std::uint32_t code) const {
    return code == 0
               ? std::string_view()
               : std::string_view(bytes_.data() + ends_[code - 1], ends_[code] - ends_[code - 1]);
  }
  // How many distinct values there are; their codes are 1 … entries().
  std::uint32_t entries() const { return static_cast<std::uint32_t>(ends_.size() - 1); }
  bool empty() const { return ends_.size() == 1; }
  // Codes by row; shorter than the batch when its last rows are absent.
  const std::vector<std::uint32_t>& codes() const { return codes_; }
  std::size_t bytes() const { return bytes_.size(); }
  std::size_t memory() const;
  // The entries one after another, and where each ends: ends()[code]. ends()[0] is 0.
  std::string_view data() const { return bytes_.view(); }
  const std::vector<std::uint32_t>& ends() const { return ends_; }

  // The empty column uses `index`, which no other column uses, until it is taken back. From then on
  // the column takes no new values until Clear. O(entries).
  void BorrowIndex(DictIndex* index);
  void GiveIndexBack(DictIndex* index);

  // Replaces the column by stored parts as the accessors above return them, for readers of whole
  // columns. Do not mix with Intern on one batch.
  void Load(std::span<const std::uint32_t> codes, std::span<const std::uint32_t> ends,
            std::string_view data);

  // Keeps the rows for which keep[row] != 0. Entries without rows stay.
  void Filter(const std::vector<std::uint8_t>& keep);
  void Clear();

 private:
  void SetCodeElsewhere(std::size_t row, std::uint32_t code);
  std::uint32_t HashOf(std::string_view value) const {
    return static_cast<std::uint32_t>(ShortTextHash(value, index_.seed_));
  }
  void GrowIndex();
  void ClearIndex();

  std::vector<std::uint32_t> codes_;
  std::vector<std::uint32_t> ends_ = {0};  // ends_[code] ends the entry, ends_[code - 1] begins it
  ByteBuffer bytes_;
  DictIndex index_;  // of all entries, or of none
};

// One column of plain byte strings, a value for each row; "" is absent.
class BytesColumn {
 public:
  void Set(std::size_t row, std::string_view value);
  std::string_view At(std::size_t row) const {
    if (row >= ends_.size()) return {};
    const std::uint32_t begin = row == 0 ? 0 : ends_[row - 1];
    return {bytes_.data() + begin, ends_[row] - begin};
  }
  bool empty() const { return bytes_.empty(); }
  std::string_view bytes() const { return bytes_.view(); }
  const std::vector<std::uint32_t>& ends() const { return ends_; }
  // Replaces the column by stored parts: ends[row] ends the value of a row in `bytes`.
  void Load(std::span<const std::uint32_t> ends, std::string_view bytes) {
    ends_.assign(ends.begin(), ends.end());
    bytes_.clear();
    bytes_.Append(bytes);
  }
  // The same, giving the column's memory away for that of the parts.
  void Swap(std::vector<std::uint32_t>* ends, ByteBuffer* bytes) {
    ends_.swap(*ends);
    bytes_.swap(*bytes);
  }
  void Filter(const std::vector<std::uint8_t>& keep);
  void Clear() {
    ends_.clear();
    bytes_.clear();
  }

 private:
  std::vector<std::uint32_t> ends_;
  ByteBuffer bytes_;
};

// Bits of EventBatch::flags.
inline constexpr std::uint8_t kHasPositionX = 1;
inline constexpr std::uint8_t kHasPositionY = 2;
inline constexpr std::uint8_t kHasClientSeq = 4;
inline constexpr std::uint8_t kTruncated = 8;  // some text was cut
inline constexpr std::uint8_t kLineKey = 16;   // keys[row] is the hash of an import's line; the
                                               // importer still mixes its ordinal in
inline constexpr std::uint8_t kStoredFlags =
    kHasPositionX | kHasPositionY | kHasClientSeq | kTruncated;

struct EventBatch {
  std::size_t rows = 0;
  // When the batch arrived; never goes back within a log.
  std::int64_t received_ms = 0;

  std::array<DictColumn, kFieldCount> text;
  std::vector<std::int64_t> time_ms;
  std::vector<std::uint8_t> flags;
  std::vector<Hash128> keys;  // dedupe keys
  BytesColumn event_id;
  BytesColumn extra_data;  // a JSON object as text
  // Empty while no row has one; otherwise a value a row, meaningless where the flag is not set.
  std::vector<std::int32_t> position_x;
  std::vector<std::int32_t> position_y;
  std::vector<std::uint64_t> client_seq;

  DictColumn& column(Field field) { return text[static_cast<std::size_t>(field)]; }
  const DictColumn& column(Field field) const { return text[static_cast<std::size_t>(field)]; }
  std::string_view Text(Field field, std::size_t row) const { return column(field).At(row); }

  // Begins a row; returns its number. Set its fields, then begin the next. A decoder that rejects
  // the row takes it back with PopRow.
  std::size_t PushRow(std::int64_t time);
  // Removes the last row. Dictionary entries that only it used stay.
  void PopRow();
  void SetPositionX(std::int32_t x);  // of the last row
  void SetPositionY(std::int32_t y);
  void SetClientSeq(std::uint64_t seq);

  // Keeps the rows for which keep[row] != 0, in order. keep.size() == rows.
  void Filter(const std::vector<std::uint8_t>& keep);
  // Appends all rows of another batch.
  void Append(const EventBatch& other);
  // Empties the batch and keeps its memory.
  void Clear();
  // Memory of the values, about.
  std::size_t bytes() const;
};

}  // namespace v1
}  // namespace insightflow
