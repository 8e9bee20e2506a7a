#include "lib/segments/segment_reader.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "lib/model/batch.h"
#include "lib/segments/chunk.h"
#include "lib/segments/column_encoding.h"
#include "lib/segments/fast_columns.h"
#include "lib/segments/guided_codec.h"

namespace insightflow {
inline namespace v1 {
namespace {

Status FetchValues(const ChunkKey& key, ChunkSource* source, ReadScratch* scratch,
                   ChunkValues* values) {
  const Result<std::string_view> chunk = source->Fetch(key.column, key.block);
  if (chunk.ok()) return OpenChunk(key, *chunk, &scratch->values, values);
  Status status = chunk.status();
  if (status.code() != StatusCode::kNotFound) return status;
  return DamagedChunk(key.segment, key.column, key.block, "is missing");
}

std::uint8_t LastEncoding(SegmentColumn column) {
  switch (column) {
    case SegmentColumn::kTime:
    case SegmentColumn::kPositionX:
    case SegmentColumn::kPositionY: return kMultiples;
    case SegmentColumn::kExtraData: return kShapedQuotients;
    case ColumnOf(Field::kUserId): return kFirstEncoding;
    case SegmentColumn::kFlags: return kFlagsOfTypes;
    default: return column >= SegmentColumn::kFirstText ? kTitlesOfPages : kFirstEncoding;
  }
}

// Decodes the columns of one block.
class BlockDecoder {
 public:
  BlockDecoder(const SegmentMeta& meta, std::uint32_t block, bool needs_time_ms,
               ReadScratch* scratch, SegmentBlock* out)
      : meta_(meta),
        block_(meta.blocks[block]),
        needs_time_ms_(needs_time_ms),
        columns_(&scratch->columns),
        titles_(scratch->titles),
        out_(out) {}

  // False when the values are not those of the column.
  bool Decode(SegmentColumn column, std::uint8_t encoding, ByteReader* in);

  // Whether this build knows how the column is written.
  static bool Knows(SegmentColumn column, std::uint8_t encoding) {
    return encoding >= kFirstEncoding && encoding <= LastEncoding(column);
  }

 private:
  bool DecodeUserIds(ByteReader* in);
  bool DecodeTimes(std::uint8_t encoding, ByteReader* in);
  bool DecodeSequences(ByteReader* in);
  bool DecodeFlags(std::uint8_t encoding, ByteReader* in);
  bool DecodeTypes(std::uint32_t entries, ByteReader* in);
  bool DecodeCodes(Field field, std::uint8_t encoding, ByteReader* in);

  RowGuides Guides() const {
    return {out_->type_codes, meta_.type_entries(),
            out_->codes[static_cast<std::size_t>(Field::kPageUrl)], titles_};
  }

  template <typename Vector>
  std::span<typename Vector::value_type> Rows(Vector* column) const {
    column->resize(out_->rows);
    return *column;
  }

  const SegmentMeta& meta_;
  const BlockMeta& block_;
  const bool needs_time_ms_;
  ColumnScratch* const columns_;
  const std::vector<std::uint32_t>& titles_;  // once a chunk's encoding needs them
  SegmentBlock* const out_;
};

bool BlockDecoder::DecodeUserIds(ByteReader* in) {
  return GetTextList(in, out_->rows, columns_, &out_->user_ids) &&
         out_->user_ids.entries() == out_->run_ends.size();
}

bool BlockDecoder::DecodeTimes(std::uint8_t encoding, ByteReader* in) {
  const std::int64_t begin = std::int64_t{meta_.key.day} * kDayMs;
  const std::span<std::uint32_t> times = Rows(&out_->day_time);
  IntRange range;
  if (!GetTimes(in, encoding, columns_, times, &range) ||
      begin + range.least != block_.min_time_ms || begin + range.most != block_.max_time_ms) {
    return false;
  }
  if (!needs_time_ms_) return true;
  std::int64_t* const to = Rows(&out_->time_ms).data();
  for (std::size_t i = 0; i < times.size(); ++i) to[i] = begin + times[i];
  return true;
}

bool BlockDecoder::DecodeSequences(ByteReader* in) {
  const std::span<std::uint64_t> sequences = Rows(&out_->sequence);
  const std::int64_t begin = std::int64_t{meta_.key.day} * kDayMs;
  if (!GetSequences(in, out_->time_ms, begin, columns_, sequences)) return false;
  const auto [least, most] = std::minmax_element(sequences.begin(), sequences.end());
  return *least >= meta_.min_sequence && *most <= meta_.max_sequence;
}

// What the flags announce must be there, so that a reader may rely on them.
bool BlockDecoder::DecodeFlags(std::uint8_t encoding, ByteReader* in) {
  if (!GetFlags(in, encoding, Guides(), columns_, Rows(&out_->flags))) return false;
  std::uint8_t all = 0;
  for (const std::uint8_t flags : out_->flags) all |= flags;
  const auto fits = [&](SegmentColumn column, std::uint8_t bit) {
    return block_.columns.Has(column) == ((all & bit) != 0);
  };
  return fits(SegmentColumn::kPositionX, kHasPositionX) &&
         fits(SegmentColumn::kPositionY, kHasPositionY) &&
         fits(SegmentColumn::kClientSeq, kHasClientSeq);
}

bool BlockDecoder::DecodeTypes(std::uint32_t entries, ByteReader* in) {
  const std::span<std::uint8_t> codes = Rows(&out_->type_codes);
  if (!GetPatchedFast(in, codes, &columns_->patch)) return false;
  std::uint8_t greatest = 0;
  for (const std::uint8_t code : codes) greatest = std::max(greatest, code);
  return greatest <= entries;
}

bool BlockDecoder::DecodeCodes(Field field, std::uint8_t encoding, ByteReader* in) {
  const auto f = static_cast<std::size_t>(field);
  const std::uint32_t entries = meta_.dictionary_entries[f];
  const bool narrow = field == Field::kEventType && meta_.has_narrow_types();
  if (narrow != (encoding == kNarrowCodes)) return false;
  if ((entries == 0) != (encoding == kOwnDictionary)) return false;
  if (narrow) return DecodeTypes(entries, in);
  const std::span<std::uint32_t> codes = Rows(&out_->codes[f]);
  SegmentTexts& own = out_->dictionaries[f];
  switch (encoding) {
    case kSharedCodes: return GetCodes(in, entries, columns_, codes);
    case kGatedCodes:
      return IsGuidedByType(field) && GetGatedCodes(in, Guides(), entries, columns_, codes);
    case kTitlesOfPages:
      return field == Field::kPageTitle && GetTitlesOfPages(in, Guides(), entries, columns_, codes);
    default:
      return GetTextList(in, out_->rows, columns_, &own) &&
             GetRecentCodes(in, own.entries(), columns_, codes);
  }
}

bool BlockDecoder::Decode(SegmentColumn column, std::uint8_t encoding, ByteReader* in) {
  switch (column) {
    case SegmentColumn::kUserRuns:
      return GetUserRuns(in, columns_, out_) &&
             out_->run_hashes.front() == block_.first_user_hash &&
             out_->run_hashes.back() == block_.last_user_hash;
    case ColumnOf(Field::kUserId): return DecodeUserIds(in);
    case SegmentColumn::kTime: return DecodeTimes(encoding, in);
    case SegmentColumn::kSequence: return DecodeSequences(in);
    case SegmentColumn::kFlags: return DecodeFlags(encoding, in);
    case SegmentColumn::kPositionX:
      return GetPositions(in, encoding, out_->flags, kHasPositionX, columns_,
                          Rows(&out_->position_x));
    case SegmentColumn::kPositionY:
      return GetPositions(in, encoding, out_->flags, kHasPositionY, columns_,
                          Rows(&out_->position_y));
    case SegmentColumn::kClientSeq:
      return GetClientSeqs(in, out_->flags, columns_, Rows(&out_->client_seq));
    case SegmentColumn::kEventId: return GetEventIds(in, columns_, out_);
    case SegmentColumn::kExtraData: return GetExtraData(in, encoding, columns_, out_);
    default: break;
  }
  const auto field =
      static_cast<std::size_t>(column) - static_cast<std::size_t>(SegmentColumn::kFirstText);
  return DecodeCodes(static_cast<Field>(field), encoding, in);
}

// What must be read before the columns that are asked for can be.
ColumnSet WithNeeded(ColumnSet columns) {
  constexpr ColumnSet kFlagged = {SegmentColumn::kPositionX, SegmentColumn::kPositionY,
                                  SegmentColumn::kClientSeq};
  if (columns.Has(ColumnOf(Field::kUserId))) columns.Add(SegmentColumn::kUserRuns);
  if (columns.Has(SegmentColumn::kSequence)) columns.Add(SegmentColumn::kTime);
  if ((columns.bits() & kFlagged.bits()) != 0) columns.Add(SegmentColumn::kFlags);
  bool guided = columns.Has(SegmentColumn::kFlags);
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    const auto field = static_cast<Field>(f);
    guided |= IsGuidedByType(field) && columns.Has(ColumnOf(field));
  }
  if (guided) columns.Add(ColumnOf(Field::kEventType));
  if (columns.Has(ColumnOf(Field::kPageTitle))) columns.Add(ColumnOf(Field::kPageUrl));
  return columns;
}

// The columns of a block in an order in which each is behind those that it needs.
constexpr std::array<SegmentColumn, kSegmentColumns> kReadOrder = [] {
  std::array<SegmentColumn, kSegmentColumns> order = {};
  order[0] = ColumnOf(Field::kEventType);
  std::size_t next = 1;
  for (std::size_t c = 0; c < kSegmentColumns; ++c) {
    if (static_cast<SegmentColumn>(c) != order[0]) order[next++] = static_cast<SegmentColumn>(c);
  }
  return order;
}();
static_assert(ColumnOf(Field::kPageUrl) < ColumnOf(Field::kPageTitle));

// Why the values of a chunk could not be read.
Status UnreadChunk(const ChunkKey& key, bool knows_encoding) {
  return DamagedChunk(key.segment, key.column, key.block,
                      knows_encoding ? "impossible values"
                                     : "written by a newer version, which is needed to read it");
}

}  // namespace

Result<SegmentReader> SegmentReader::Open(const SegmentKey& key, std::string_view meta_chunk) {
  SegmentMeta meta;
  Status status = DecodeMeta(key, meta_chunk, &meta);
  if (!status.ok()) return status;
  return SegmentReader(std::move(meta));
}

Status SegmentReader::ReadDictionaries(ColumnSet columns, ChunkSource* source, ReadScratch* scratch,
                                       SegmentDictionaries* dictionaries) const {
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    const auto field = static_cast<Field>(f);
    SegmentTexts& texts = (*dictionaries)[f];
    texts.Clear();
    if (!columns.Has(ColumnOf(field)) || !meta_.HasDictionary(field)) continue;
    const ChunkKey key = {meta_.key, ColumnOf(field), kDictionaryBlock};
    ChunkValues values;
    Status status = FetchValues(key, source, scratch, &values);
    if (!status.ok()) return status;
    ByteReader in(values.bytes);
    const std::uint32_t entries = meta_.dictionary_entries[f];
    if (values.encoding != kFirstEncoding ||
        !GetTextList(&in, entries, &scratch->columns, &texts) || texts.entries() != entries ||
        !in.empty()) {
      texts.Clear();
      return UnreadChunk(key, values.encoding == kFirstEncoding);
    }
  }
  return Status::Ok();
}

Status SegmentReader::ReadBlock(std::uint32_t block, ColumnSet columns, ChunkSource* source,
                                ReadScratch* scratch, SegmentBlock* out) const {
  assert(block < meta_.blocks.size());
  const BlockMeta& block_meta = meta_.blocks[block];
  const ColumnSet wanted = WithNeeded(columns);
  out->Clear();
  out->rows = block_meta.rows;
  const bool needs_time_ms = !scratch->day_times || wanted.Has(SegmentColumn::kSequence);
  BlockDecoder decoder(meta_, block, needs_time_ms, scratch, out);
  for (const SegmentColumn column : kReadOrder) {
    if (!wanted.Has(column) || !block_meta.columns.Has(column)) continue;
    const ChunkKey key = {meta_.key, column, block};
    ChunkValues values;
    Status status = FetchValues(key, source, scratch, &values);
    if (status.ok() && column == ColumnOf(Field::kPageTitle) && values.encoding == kTitlesOfPages &&
        scratch->titles_of != meta_.key) {
      status = ReadTitles(source, scratch);
      if (status.ok()) status = FetchValues(key, source, scratch, &values);
    }
    if (status.ok()) {
      ByteReader in(values.bytes);
      const bool knows = BlockDecoder::Knows(column, values.encoding);
      if (!knows || !decoder.Decode(column, values.encoding, &in) || !in.empty()) {
        status = UnreadChunk(key, knows);
      }
    }
    if (!status.ok()) {
      out->Clear();
      return status;
    }
  }
  return Status::Ok();
}

Status SegmentReader::ReadTitles(ChunkSource* source, ReadScratch* scratch) const {
  const ChunkKey key = {meta_.key, ColumnOf(Field::kPageTitle), kTitlesBlock};
  scratch->titles_of.reset();
  ChunkValues values;
  Status status = FetchValues(key, source, scratch, &values);
  if (!status.ok()) return status;
  ByteReader in(values.bytes);
  scratch->titles.assign(
      meta_.dictionary_entries[static_cast<std::size_t>(Field::kPageUrl)] + std::size_t{1}, 0);
  if (values.encoding != kFirstEncoding ||
      !GetPatched<std::uint32_t>(&in, std::span(scratch->titles).subspan(1),
                                 &scratch->columns.patch) ||
      !in.empty()) {
    return UnreadChunk(key, values.encoding == kFirstEncoding);
  }
  scratch->titles_of = meta_.key;
  return Status::Ok();
}

}  // namespace v1
}  // namespace insightflow
