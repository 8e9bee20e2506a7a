// How the columns of a segment's block are written: docs/formats.md, "Segment". Each Put appends
// what the Get of its name reads. Gets return false on input that no Put writes, and never allocate
// more than the rows of a block and the bytes that are there allow.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/coding.h"
#include "lib/base/hash.h"
#include "lib/model/text_shapes.h"
#include "lib/segments/extra_rows.h"
#include "lib/segments/fast_columns.h"
#include "lib/segments/patched_ints.h"
#include "lib/segments/segment_block.h"
#include "lib/segments/segment_format.h"

namespace insightflow {
inline namespace v1 {

// Texts that one list has at most.
inline constexpr std::size_t kSegmentTextsMax =
    std::max<std::size_t>(kSegmentDictEntriesMax, kSegmentBlockRowsMax);

struct ColumnScratch {
  PatchScratch patch;
  std::vector<std::uint32_t> values32;
  std::vector<std::uint64_t> values64;
  std::vector<std::uint32_t> gated;
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint8_t> marks;
  std::string texts;
  std::string packed;
  TextShaper shaper;
  TextUnshaper unshaper;
};

// Users of a block, one after another.
struct UserRuns {
  bool continues = false;
  std::vector<std::uint64_t> hashes;
  std::vector<std::uint32_t> rows;
};
void PutUserRuns(const UserRuns& runs, ColumnScratch* scratch, std::string* out);
bool GetUserRuns(ByteReader* in, ColumnScratch* scratch, SegmentBlock* block);

// At least one text.
void PutTextList(std::span<const std::string_view> texts, ColumnScratch* scratch, std::string* out);
bool GetTextList(ByteReader* in, std::size_t entries_max, ColumnScratch* scratch,
                 SegmentTexts* texts);

// Codes of a dictionary in which the most frequent entries come first.
void PutCodes(std::span<const std::uint32_t> codes, ColumnScratch* scratch, std::string* out);
bool GetCodes(ByteReader* in, std::uint32_t entries, ColumnScratch* scratch,
              std::span<std::uint32_t> codes);

// Codes of a dictionary in order of first use: that most are new or were used just now is written
// cheaply.
void PutRecentCodes(std::span<const std::uint32_t> codes, ColumnScratch* scratch, std::string* out);
bool GetRecentCodes(ByteReader* in, std::uint32_t entries, ColumnScratch* scratch,
                    std::span<std::uint32_t> codes);

// Times within the day, as encoding 1 or 2, which is returned: column_encoding.h.
std::uint8_t PutTimes(std::span<const std::uint32_t> times, ColumnScratch* scratch,
                      std::string* out);
// And how far they reach.
bool GetTimes(ByteReader* in, std::uint8_t encoding, ColumnScratch* scratch,
              std::span<std::uint32_t> times, IntRange* range);

// Log sequences. Rows that come as they happen have sequences that their times foretell, about.
void PutSequences(std::span<const std::uint32_t> times, std::span<const std::uint64_t> sequences,
                  ColumnScratch* scratch, std::string* out);
// `times` are milliseconds from `begin_ms` on.
bool GetSequences(ByteReader* in, std::span<const std::int64_t> times, std::int64_t begin_ms,
                  ColumnScratch* scratch, std::span<std::uint64_t> sequences);

// Values of the rows whose flags have the bit, in the encoding that is returned.
std::uint8_t PutPositions(std::span<const std::uint8_t> flags, std::uint8_t bit,
                          std::span<const std::int32_t> positions, ColumnScratch* scratch,
                          std::string* out);
bool GetPositions(ByteReader* in, std::uint8_t encoding, std::span<const std::uint8_t> flags,
                  std::uint8_t bit, ColumnScratch* scratch, std::span<std::int32_t> positions);
void PutClientSeqs(std::span<const std::uint8_t> flags, std::span<const std::uint64_t> seqs,
                   ColumnScratch* scratch, std::string* out);
bool GetClientSeqs(ByteReader* in, std::span<const std::uint8_t> flags, ColumnScratch* scratch,
                   std::span<std::uint64_t> seqs);

// Ids by form: a key or packed id of each row in `packed`, or its text in `texts`, which has those
// of form kText only.
void PutEventIds(std::span<const std::uint8_t> forms, std::span<const Hash128> packed,
                 std::span<const std::string_view> texts, ColumnScratch* scratch, std::string* out);
bool GetEventIds(ByteReader* in, ColumnScratch* scratch, SegmentBlock* block);

// Any bytes, "" where a row has none. Returns the encoding, column_encoding.h.
std::uint8_t PutExtraData(ExtraRows* rows, ColumnScratch* scratch, std::string* out);
bool GetExtraData(ByteReader* in, std::uint8_t encoding, ColumnScratch* scratch,
                  SegmentBlock* block);

}  // namespace v1
}  // namespace insightflow
