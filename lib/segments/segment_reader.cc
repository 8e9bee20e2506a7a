#include "lib/segments/segment_reader.h"

#include <algorithm>
#include <cassert>

#include "lib/model/batch.h"
#include "lib/segments/chunk.h"
#include "lib/segments/column_encoding.h"
#include "lib/segments/fast_columns.h"

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

// Decodes the columns of one block.
class BlockDecoder {
 public:
  BlockDecoder(const SegmentMeta& meta, std::uint32_t block, bool needs_time_ms,
               ReadScratch* scratch, SegmentBlock* out)
      : meta_(meta),
        block_(meta.blocks[block]),
        needs_time_ms_(needs_time_ms),
        columns_(&scratch->columns),
        out_(out) {}

  // False when the values are not those of the column.
  bool Decode(SegmentColumn column, std::uint8_t encoding, ByteReader* in);

  // Whether this build knows how the column is written.
  static bool Knows(SegmentColumn column, std::uint8_t encoding) {
    const bool coded = column >= SegmentColumn::kFirstText && column != ColumnOf(Field::kUserId);
    const std::uint8_t last = coded                                 ? kNarrowCodes
                              : column == SegmentColumn::kExtraData ? kShapedRows
                                                                    : kFirstEncoding;
    return encoding >= kFirstEncoding && encoding <= last;
  }

 private:
  bool DecodeUserIds(ByteReader* in);
  bool DecodeTimes(ByteReader* in);
  bool DecodeSequences(ByteReader* in);
  bool DecodeFlags(ByteReader* in);
  bool DecodeCodes(std::size_t field, std::uint8_t encoding, ByteReader* in);

  template <typename Vector>
  std::span<typename Vector::value_type> Rows(Vector* column) const {
    column->resize(out_->rows);
    return *column;
  }

  const SegmentMeta& meta_;
  const BlockMeta& block_;
  const bool needs_time_ms_;
  ColumnScratch* const columns_;
  SegmentBlock* const out_;
};

bool BlockDecoder::DecodeUserIds(ByteReader* in) {
  return GetTextList(in, out_->rows, columns_, &out_->user_ids) &&
         out_->user_ids.entries() == out_->run_ends.size();
}

bool BlockDecoder::DecodeTimes(ByteReader* in) {
  const std::int64_t begin = std::int64_t{meta_.key.day} * kDayMs;
  const std::span<std::uint32_t> times = Rows(&out_->day_time);
  IntRange range;
  if (!GetStepsFast(in, times, &columns_->patch, &range) ||
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
bool BlockDecoder::DecodeFlags(ByteReader* in) {
  if (!GetFlags(in, columns_, Rows(&out_->flags))) return false;
  std::uint8_t all = 0;
  for (const std::uint8_t flags : out_->flags) all |= flags;
  const auto fits = [&](SegmentColumn column, std::uint8_t bit) {
    return block_.columns.Has(column) == ((all & bit) != 0);
  };
  return fits(SegmentColumn::kPositionX, kHasPositionX) &&
         fits(SegmentColumn::kPositionY, kHasPositionY) &&
         fits(SegmentColumn::kClientSeq, kHasClientSeq);
}

bool BlockDecoder::DecodeCodes(std::size_t field, std::uint8_t encoding, ByteReader* in) {
  const std::uint32_t entries = meta_.dictionary_entries[field];
  const bool narrow = static_cast<Field>(field) == Field::kEventType && meta_.has_narrow_types();
  const std::uint8_t expected = narrow         ? kNarrowCodes
                                : entries != 0 ? kSharedCodes
                                               : kOwnDictionary;
  if (encoding != expected) return false;
  if (narrow) {
    const std::span<std::uint8_t> codes = Rows(&out_->type_codes);
    if (!GetPatchedFast(in, codes, &columns_->patch)) return false;
    std::uint8_t greatest = 0;
    for (const std::uint8_t code : codes) greatest = std::max(greatest, code);
    return greatest <= entries;
  }
  const std::span<std::uint32_t> codes = Rows(&out_->codes[field]);
  if (encoding == kSharedCodes) return GetCodes(in, entries, columns_, codes);
  SegmentTexts& own = out_->dictionaries[field];
  return GetTextList(in, out_->rows, columns_, &own) &&
         GetRecentCodes(in, own.entries(), columns_, codes);
}

bool BlockDecoder::Decode(SegmentColumn column, std::uint8_t encoding, ByteReader* in) {
  switch (column) {
    case SegmentColumn::kUserRuns:
      return GetUserRuns(in, columns_, out_) &&
             out_->run_hashes.front() == block_.first_user_hash &&
             out_->run_hashes.back() == block_.last_user_hash;
    case ColumnOf(Field::kUserId): return DecodeUserIds(in);
    case SegmentColumn::kTime: return DecodeTimes(in);
    case SegmentColumn::kSequence: return DecodeSequences(in);
    case SegmentColumn::kFlags: return DecodeFlags(in);
    case SegmentColumn::kPositionX:
      return GetPositions(in, out_->flags, kHasPositionX, columns_, Rows(&out_->position_x));
    case SegmentColumn::kPositionY:
      return GetPositions(in, out_->flags, kHasPositionY, columns_, Rows(&out_->position_y));
    case SegmentColumn::kClientSeq:
      return GetClientSeqs(in, out_->flags, columns_, Rows(&out_->client_seq));
    case SegmentColumn::kEventId: return GetEventIds(in, columns_, out_);
    case SegmentColumn::kExtraData: return GetExtraData(in, encoding, columns_, out_);
    default: break;
  }
  const auto field =
      static_cast<std::size_t>(column) - static_cast<std::size_t>(SegmentColumn::kFirstText);
  return DecodeCodes(field, encoding, in);
}

// What must be read before the columns that are asked for can be.
ColumnSet WithNeeded(ColumnSet columns) {
  constexpr ColumnSet kFlagged = {SegmentColumn::kPositionX, SegmentColumn::kPositionY,
                                  SegmentColumn::kClientSeq};
  if (columns.Has(ColumnOf(Field::kUserId))) columns.Add(SegmentColumn::kUserRuns);
  if (columns.Has(SegmentColumn::kSequence)) columns.Add(SegmentColumn::kTime);
  if ((columns.bits() & kFlagged.bits()) != 0) columns.Add(SegmentColumn::kFlags);
  return columns;
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
    ChunkValues values;
    Status status =
        FetchValues({meta_.key, ColumnOf(field), kDictionaryBlock}, source, scratch, &values);
    if (!status.ok()) return status;
    ByteReader in(values.bytes);
    const std::uint32_t entries = meta_.dictionary_entries[f];
    if (values.encoding != kFirstEncoding ||
        !GetTextList(&in, entries, &scratch->columns, &texts) || texts.entries() != entries ||
        !in.empty()) {
      texts.Clear();
      return DamagedChunk(meta_.key, ColumnOf(field), kDictionaryBlock, "impossible values");
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
  for (std::size_t c = 1; c < kSegmentColumns; ++c) {
    const auto column = static_cast<SegmentColumn>(c);
    if (!wanted.Has(column) || !block_meta.columns.Has(column)) continue;
    ChunkValues values;
    Status status = FetchValues({meta_.key, column, block}, source, scratch, &values);
    if (status.ok()) {
      ByteReader in(values.bytes);
      if (!BlockDecoder::Knows(column, values.encoding)) {
        status = DamagedChunk(meta_.key, column, block,
                              "written by a newer version, which is needed to read it");
      } else if (!decoder.Decode(column, values.encoding, &in) || !in.empty()) {
        status = DamagedChunk(meta_.key, column, block, "impossible values");
      }
    }
    if (!status.ok()) {
      out->Clear();
      return status;
    }
  }
  return Status::Ok();
}

}  // namespace v1
}  // namespace insightflow
