// A segment: the events of one UTC day as columns, sorted by user and time, in blocks of rows.
// docs/formats.md, "Segment", has the bytes. Numbers here are stored: append only.
//
// A segment is a set of chunks, byte strings under (column, block), each with its own checksum.
// The column kMeta says what else there is; a reader fetches only the chunks that it needs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/status.h"
#include "lib/model/field.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::int64_t kDayMs = 86'400'000;
inline constexpr std::uint32_t kSegmentBlockRowsMax = 16'384;
inline constexpr std::uint32_t kSegmentBlocksMax = 1u << 16;
inline constexpr std::uint32_t kSegmentRowsMax = 1u << 24;
// A text column has one dictionary for the whole segment up to these sizes, else one a block.
inline constexpr std::uint32_t kSegmentDictEntriesMax = 65'535;
inline constexpr std::size_t kSegmentDictBytesMax = std::size_t{1} << 20;
// Types have codes of one byte up to this count. 0 is "none".
inline constexpr std::uint32_t kNarrowTypesMax = 255;

enum class SegmentColumn : std::uint8_t {
  kMeta = 0,
  kUserRuns = 1,  // hash and row count of each user in the block
  kTime = 2,
  kSequence = 3,  // in the log
  kFlags = 4,
  kPositionX = 5,  // of the rows whose flags say so; so are the next two
  kPositionY = 6,
  kClientSeq = 7,
  kEventId = 8,
  kExtraData = 9,
  kFirstText = 16,  // + Field; that of kUserId has a text for each run and not for each row
};
inline constexpr std::size_t kSegmentColumns = 16 + kFieldCount;

constexpr SegmentColumn ColumnOf(Field field) {
  return static_cast<SegmentColumn>(16 + static_cast<unsigned>(field));
}
std::string_view ColumnName(SegmentColumn column);

// A set of columns.
class ColumnSet {
 public:
  constexpr ColumnSet() = default;
  constexpr ColumnSet(std::initializer_list<SegmentColumn> columns) {
    for (const SegmentColumn column : columns) Add(column);
  }
  // Everything but kMeta.
  static constexpr ColumnSet All() { return ColumnSet(kValid); }
  static constexpr bool IsValid(std::uint32_t bits) { return (bits & ~kValid) == 0; }

  constexpr explicit ColumnSet(std::uint32_t bits) : bits_(bits) {}
  constexpr void Add(SegmentColumn column) { bits_ |= 1u << static_cast<unsigned>(column); }
  constexpr bool Has(SegmentColumn column) const {
    return (bits_ >> static_cast<unsigned>(column) & 1) != 0;
  }
  constexpr std::uint32_t bits() const { return bits_; }
  friend constexpr bool operator==(const ColumnSet&, const ColumnSet&) = default;

 private:
  static constexpr std::uint32_t kValid = ((1u << kSegmentColumns) - 1) & ~0xfc01u;

  std::uint32_t bits_ = 0;
};

// What names a segment in its store.
struct SegmentKey {
  std::uint32_t day = 0;  // since 1970-01-01, UTC
  std::uint64_t id = 0;

  friend bool operator==(const SegmentKey&, const SegmentKey&) = default;
};

// Where the chunk of a column's dictionary for the whole segment lies, and kMeta's only chunk.
inline constexpr std::uint32_t kDictionaryBlock = 0xffffffff;
// Where the chunk of a column lies that foretells page titles.
inline constexpr std::uint32_t kTitlesBlock = 0xfffffffe;
inline constexpr std::uint32_t kMetaBlock = 0;

// kDataLoss that names the day, segment, column and block.
Status DamagedChunk(const SegmentKey& key, SegmentColumn column, std::uint32_t block,
                    std::string_view what);

struct BlockMeta {
  std::uint32_t rows = 0;
  std::uint64_t first_user_hash = 0;
  std::uint64_t last_user_hash = 0;
  std::int64_t min_time_ms = 0;
  std::int64_t max_time_ms = 0;
  ColumnSet columns;  // those with a chunk: with a value in at least one row

  friend bool operator==(const BlockMeta&, const BlockMeta&) = default;
};

struct SegmentMeta {
  SegmentKey key;
  std::uint32_t rows = 0;
  std::uint32_t users = 0;
  std::int64_t min_time_ms = 0;
  std::int64_t max_time_ms = 0;
  std::uint64_t min_sequence = 0;
  std::uint64_t max_sequence = 0;
  // Entries of each field's dictionary; 0: none for the whole segment. Never of kUserId.
  std::array<std::uint32_t, kFieldCount> dictionary_entries = {};
  std::vector<BlockMeta> blocks;
  // filter_bits of each block, in whole bytes: see MayHaveType.
  std::vector<std::uint8_t> type_filters;

  ColumnSet columns() const;
  bool HasDictionary(Field field) const {
    return dictionary_entries[static_cast<std::size_t>(field)] != 0;
  }
  std::uint32_t type_entries() const {
    return dictionary_entries[static_cast<std::size_t>(Field::kEventType)];
  }
  // Whether SegmentBlock::type_codes is used.
  bool has_narrow_types() const { return type_entries() != 0 && type_entries() <= kNarrowTypesMax; }
  // Bits of a block's filter: one for each type code, or 256 that codes share; 0 without a
  // dictionary of types.
  std::uint32_t filter_bits() const;
  std::size_t filter_bytes() const { return (filter_bits() + 7) / 8; }
  // False when no row of the block has the type. Exact up to 256 types.
  bool MayHaveType(std::uint32_t block, std::uint32_t type_code) const;

  friend bool operator==(const SegmentMeta&, const SegmentMeta&) = default;
};

// The chunk of kMeta.
std::string EncodeMeta(const SegmentMeta& meta);
// kDataLoss when it is damaged or not of this key, kFailedPrecondition when a newer version wrote
// it.
Status DecodeMeta(const SegmentKey& key, std::string_view chunk, SegmentMeta* meta);

}  // namespace v1
}  // namespace insightflow
