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
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/hash.h"
#include "lib/model/field.h"

namespace insightflow {
inline namespace v1 {

// One dictionary-coded column. Rows may be left out: a row that is never set is absent, and a
// column without any value costs nothing.
class DictColumn {
 public:
  // Sets the value of `row`, which must not lie before the last row set. Setting the last row again
  // replaces its value. Amortised O(size of value).
  void Set(std::size_t row, std::string_view value);

  // The code of a value, added to the dictionary when new. "" is 0.
  std::uint32_t Intern(std::string_view value);
  // Sets the code of `row` as Set does; the code comes from Intern.
  void SetCode(std::size_t row, std::uint32_t code);

  std::uint32_t CodeAt(std::size_t row) const { return row < codes_.size() ? codes_[row] : 0; }
  std::string_view At(std::size_t row) const { return Entry(CodeAt(row)); }
  // The value of a code in 0 … entries().
  std::string_view Entry(std::uint32_t code) const {
    return code == 0
               ? std::string_view()
               : std::string_view(bytes_).substr(ends_[code - 1], ends_[code] - ends_[code - 1]);
  }
  // How many distinct values there are; their codes are 1 … entries().
  std::uint32_t entries() const { return static_cast<std::uint32_t>(ends_.size() - 1); }
  bool empty() const { return ends_.size() == 1; }
  // Codes by row; shorter than the batch when its last rows are absent.
  const std::vector<std::uint32_t>& codes() const { return codes_; }
  std::size_t bytes() const { return bytes_.size(); }
  // The entries one after another, and where each ends: ends()[code]. ends()[0] is 0.
  std::string_view data() const { return bytes_; }
  const std::vector<std::uint32_t>& ends() const { return ends_; }
  // Replaces the column by stored parts as the accessors above return them, for readers of whole
  // columns. Do not mix with Intern on one batch.
  void Load(std::span<const std::uint32_t> codes, std::span<const std::uint32_t> ends,
            std::string_view data);

  // Keeps the rows for which keep[row] != 0. Entries without rows stay.
  void Filter(const std::vector<std::uint8_t>& keep);
  void Clear();

 private:
  void Grow();

  std::vector<std::uint32_t> codes_;
  std::vector<std::uint32_t> ends_ = {0};  // ends_[code] ends the entry, ends_[code - 1] begins it
  std::string bytes_;
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t code = 0;  // 0: free
  };
  std::vector<Slot> slots_;     // open addressing, a power of two
  std::uint32_t interned_ = 0;  // entries with a slot: all, or none of a loaded column
};

// One column of plain byte strings, a value for each row; "" is absent.
class BytesColumn {
 public:
  void Set(std::size_t row, std::string_view value);
  std::string_view At(std::size_t row) const {
    return row < ends_.size()
               ? std::string_view(bytes_).substr(row == 0 ? 0 : ends_[row - 1],
                                                 ends_[row] - (row == 0 ? 0 : ends_[row - 1]))
               : std::string_view();
  }
  bool empty() const { return bytes_.empty(); }
  std::string_view bytes() const { return bytes_; }
  const std::vector<std::uint32_t>& ends() const { return ends_; }
  // Replaces the column by stored parts: ends[row] ends the value of a row in `bytes`.
  void Load(std::span<const std::uint32_t> ends, std::string_view bytes) {
    ends_.assign(ends.begin(), ends.end());
    bytes_.assign(bytes);
  }
  void Filter(const std::vector<std::uint8_t>& keep);
  void Clear() {
    ends_.clear();
    bytes_.clear();
  }

 private:
  std::vector<std::uint32_t> ends_;
  std::string bytes_;
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
