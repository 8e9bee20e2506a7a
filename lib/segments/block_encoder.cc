#include "lib/segments/block_encoder.h"

#include <algorithm>

#include "lib/model/event_id_form.h"
#include "lib/segments/chunk.h"
#include "lib/segments/column_encoding.h"

namespace insightflow {
inline namespace v1 {

Status BlockEncoder::Emit(SegmentColumn column, std::uint32_t block, std::uint8_t encoding,
                          bool compress) {
  Status status = SealChunk({meta_->key, column, block}, encoding, values_, compress, &chunk_);
  values_.clear();
  if (!status.ok()) return status;
  if (block < kTitlesBlock) meta_->blocks[block].columns.Add(column);
  return sink_->Write(column, block, chunk_);
}

void BlockEncoder::Cut(std::uint32_t rows, std::uint32_t block_rows) {
  meta_->rows = rows;
  for (std::uint32_t left = rows; left > 0;) {
    const std::uint32_t size = std::min(left, block_rows);
    meta_->blocks.emplace_back().rows = size;
    left -= size;
  }
}

bool BlockEncoder::SharesDictionary(Field field, std::size_t entries, std::size_t bytes) {
  // The ids of sessions and tabs are many, and rows that share one are side by side.
  return field != Field::kSessionId && field != Field::kTabId &&
         entries <= kSegmentDictEntriesMax && bytes <= kSegmentDictBytesMax;
}

void BlockEncoder::SetDictionary(Field field, std::uint32_t entries) {
  meta_->dictionary_entries[static_cast<std::size_t>(field)] = entries;
  if (field == Field::kEventType) meta_->type_filters.resize(blocks() * meta_->filter_bytes());
}

Status BlockEncoder::PutDictionary(Field field, std::span<const std::string_view> texts) {
  PutTextList(texts, &scratch_, &values_);
  return Emit(ColumnOf(field), kDictionaryBlock, kFirstEncoding, true);
}

Status BlockEncoder::PutTitles() {
  if (titles_.empty()) return Status::Ok();
  PutPatched<std::uint32_t>(&values_, std::span(titles_).subspan(1), &scratch_.patch);
  return Emit(ColumnOf(Field::kPageTitle), kTitlesBlock, kFirstEncoding, true);
}

RowGuides BlockEncoder::GuidesOf(const BlockGuides& guides) const {
  // A reader has no types of a block in which no row has one.
  const bool has_types = std::any_of(guides.types.begin(), guides.types.end(),
                                     [](std::uint8_t type) { return type != 0; });
  return {has_types ? guides.types : std::span<const std::uint8_t>(), meta_->type_entries(),
          guides.pages, titles_};
}

Status BlockEncoder::PutUsers(std::uint32_t block, const UserRuns& runs,
                              std::span<const std::string_view> ids) {
  meta_->blocks[block].first_user_hash = runs.hashes.front();
  meta_->blocks[block].last_user_hash = runs.hashes.back();
  PutUserRuns(runs, &scratch_, &values_);
  Status status = Emit(SegmentColumn::kUserRuns, block, kFirstEncoding, false);
  if (!status.ok()) return status;
  PutTextList(ids, &scratch_, &values_);
  return Emit(ColumnOf(Field::kUserId), block, kFirstEncoding, true);
}

Status BlockEncoder::PutTimes(std::uint32_t block, std::span<const std::uint32_t> times,
                              std::span<const std::uint64_t> sequences) {
  const std::int64_t begin = std::int64_t{meta_->key.day} * kDayMs;
  const auto [least, most] = std::minmax_element(times.begin(), times.end());
  meta_->blocks[block].min_time_ms = begin + *least;
  meta_->blocks[block].max_time_ms = begin + *most;
  const std::uint8_t encoding = insightflow::PutTimes(times, &scratch_, &values_);
  Status status = Emit(SegmentColumn::kTime, block, encoding, false);
  if (!status.ok()) return status;
  PutSequences(times, sequences, &scratch_, &values_);
  return Emit(SegmentColumn::kSequence, block, kFirstEncoding, false);
}

Status BlockEncoder::PutFlags(std::uint32_t block, const BlockGuides& guides,
                              std::span<const std::uint8_t> flags, std::uint8_t* all) {
  *all = 0;
  for (const std::uint8_t value : flags) *all |= value;
  if (*all == 0) return Status::Ok();
  const std::uint8_t encoding = insightflow::PutFlags(flags, GuidesOf(guides), &scratch_, &values_);
  return Emit(SegmentColumn::kFlags, block, encoding, false);
}

Status BlockEncoder::PutPositions(std::uint32_t block, SegmentColumn column,
                                  std::span<const std::uint8_t> flags,
                                  std::span<const std::int32_t> positions) {
  const std::uint8_t bit = column == SegmentColumn::kPositionX ? kHasPositionX : kHasPositionY;
  const std::uint8_t encoding =
      insightflow::PutPositions(flags, bit, positions, &scratch_, &values_);
  return Emit(column, block, encoding, true);
}

Status BlockEncoder::PutClientSeqs(std::uint32_t block, std::span<const std::uint8_t> flags,
                                   std::span<const std::uint64_t> seqs) {
  insightflow::PutClientSeqs(flags, seqs, &scratch_, &values_);
  return Emit(SegmentColumn::kClientSeq, block, kFirstEncoding, true);
}

Status BlockEncoder::PutIds(std::uint32_t block, std::span<const std::uint8_t> forms,
                            std::span<const Hash128> packed,
                            std::span<const std::string_view> texts) {
  constexpr auto kNone = static_cast<std::uint8_t>(EventIdForm::kNone);
  if (std::all_of(forms.begin(), forms.end(), [](std::uint8_t form) { return form == kNone; })) {
    return Status::Ok();
  }
  PutEventIds(forms, packed, texts, &scratch_, &values_);
  return Emit(SegmentColumn::kEventId, block, kFirstEncoding, false);
}

Status BlockEncoder::PutExtra(std::uint32_t block, ExtraRows* rows) {
  if (rows->empty()) return Status::Ok();
  const std::uint8_t encoding = PutExtraData(rows, &scratch_, &values_);
  return Emit(SegmentColumn::kExtraData, block, encoding, true);
}

void BlockEncoder::AddToFilter(std::uint32_t block, std::span<const std::uint32_t> codes) {
  const std::uint32_t bits = meta_->filter_bits();
  std::uint8_t* const filter = meta_->type_filters.data() + block * meta_->filter_bytes();
  for (const std::uint32_t code : codes) {
    if (code == 0) continue;
    const std::uint32_t bit = (code - 1) % bits;
    filter[bit / 8] = static_cast<std::uint8_t>(filter[bit / 8] | 1u << bit % 8);
  }
}

Status BlockEncoder::PutSharedCodes(Field field, std::uint32_t block, const BlockGuides& guides,
                                    std::span<const std::uint32_t> codes) {
  if (field == Field::kEventType) AddToFilter(block, codes);
  std::uint32_t all = 0;
  for (const std::uint32_t code : codes) all |= code;
  if (all == 0) return Status::Ok();
  if (field == Field::kEventType && meta_->has_narrow_types()) {
    PutPatched<std::uint8_t>(&values_, guides.types, &scratch_.patch);
    return Emit(ColumnOf(field), block, kNarrowCodes, false);
  }
  if (IsGuidedByType(field)) {
    RowGuides of_field = GuidesOf(guides);
    if (field != Field::kPageTitle) of_field.titles = {};
    const std::uint8_t encoding = PutGuidedCodes(codes, of_field, &scratch_, &values_);
    return Emit(ColumnOf(field), block, encoding, true);
  }
  PutCodes(codes, &scratch_, &values_);
  return Emit(ColumnOf(field), block, kSharedCodes, true);
}

Status BlockEncoder::PutOwnCodes(Field field, std::uint32_t block,
                                 std::span<const std::string_view> values,
                                 std::span<const std::uint32_t> codes) {
  if (values.empty()) return Status::Ok();
  PutTextList(values, &scratch_, &values_);
  PutRecentCodes(codes, &scratch_, &values_);
  return Emit(ColumnOf(field), block, kOwnDictionary, true);
}

}  // namespace v1
}  // namespace insightflow
