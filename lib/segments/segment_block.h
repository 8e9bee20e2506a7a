// A decoded block of a segment: plain arrays of the columns that were asked for, used again from
// block to block.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/byte_buffer.h"
#include "lib/base/growth.h"
#include "lib/base/hash.h"
#include "lib/base/plain_vector.h"
#include "lib/model/event_id_form.h"
#include "lib/model/field.h"
#include "lib/model/shaped_texts.h"

namespace insightflow {
inline namespace v1 {

// Distinct texts, or a text for each run. Code 0 is "absent".
struct SegmentTexts {
  std::vector<std::uint32_t> ends = {0};  // ends[code] ends the entry, ends[code - 1] begins it
  std::string bytes;

  std::uint32_t entries() const { return static_cast<std::uint32_t>(ends.size() - 1); }
  // The text of a code in 0 … entries().
  std::string_view Entry(std::uint32_t code) const {
    if (code == 0) return {};
    return std::string_view(bytes).substr(ends[code - 1], ends[code] - ends[code - 1]);
  }
  void Clear() {
    ends.resize(1);
    bytes.clear();
  }
  std::size_t memory() const { return CapacityBytes(ends) + bytes.capacity(); }
};

// The dictionaries that hold for all blocks of a segment, by field.
using SegmentDictionaries = std::array<SegmentTexts, kFieldCount>;

// Columns that were not asked for, or that no row of the block has, are empty; all others have a
// value a row. Not thread-safe.
struct SegmentBlock {
  std::uint32_t rows = 0;

  // A run is the rows of one user, and its user the one of the run before it only if the first run
  // continues the last one of the block before. Hashes never fall; users of one hash are in order
  // of their ids.
  bool continues = false;
  std::vector<std::uint64_t> run_hashes;
  std::vector<std::uint32_t> run_ends;  // run_ends[run] is the row behind the run
  SegmentTexts user_ids;                // of run r: Entry(r + 1)

  PlainVector<std::int64_t> time_ms;    // within a run never falling
  PlainVector<std::uint32_t> day_time;  // the same within the segment's day
  std::vector<std::uint64_t> sequence;
  std::vector<std::uint8_t> flags;
  // The types' codes when SegmentMeta::has_narrow_types; otherwise they are in `codes`.
  PlainVector<std::uint8_t> type_codes;
  // Codes of each field, of the segment's dictionary if it has one for the field, else of the
  // block's. Never of kUserId.
  std::array<PlainVector<std::uint32_t>, kFieldCount> codes;
  SegmentDictionaries dictionaries;  // the block's own

  // Meaningless where the row's flag is not set.
  std::vector<std::int32_t> position_x;
  std::vector<std::int32_t> position_y;
  std::vector<std::uint64_t> client_seq;

  // "" where a row has none; the views live as long as the block stays as it is.
  std::vector<std::string_view> event_id;
  std::vector<Hash128> keys;  // of rows without an id; {0, 0} of the others
  // Who reads the block may ask for ids as they are stored, which costs nothing. Then `keys` is
  // empty, and `event_id` too unless a form is kText, whose rows alone have a view.
  bool wants_packed_ids = false;
  std::vector<std::uint8_t> id_forms;  // EventIdForm
  std::vector<Hash128> packed_ids;     // of the forms that have one
  std::vector<std::string_view> extra_data;
  // In place of extra_data, for who reads the block and asks for shapes, where these are stored.
  bool wants_shaped_extra = false;
  ShapedTexts shaped_extra;

  ByteBuffer id_bytes;
  ByteBuffer extra_bytes;

  void Clear();
  std::size_t memory() const;  // about
};

}  // namespace v1
}  // namespace insightflow
