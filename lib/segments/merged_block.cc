#include "lib/segments/merged_block.h"

#include <cstring>

#include "lib/model/event_id_form.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Appends a stretch of a column; zeros when the block has none.
template <typename T>
void AppendColumn(const std::vector<T>& from, const BlockSpan& span, std::vector<T>* to) {
  if (from.empty()) {
    to->resize(to->size() + (span.end - span.begin));
  } else {
    to->insert(to->end(), from.begin() + span.begin, from.begin() + span.end);
  }
}

std::string_view OwnText(const BlockSpan& span, std::size_t field, std::uint32_t code) {
  const bool shared = span.meta->HasDictionary(static_cast<Field>(field));
  return (shared ? *span.dictionaries : span.block->dictionaries)[field].Entry(code);
}

}  // namespace

void TextPile::View(std::vector<std::string_view>* views) const {
  views->clear();
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    views->push_back(bytes.view().substr(begin, end - begin));
    begin = end;
  }
}

void MergedBlock::AppendUser(std::uint32_t rows, std::uint64_t hash, std::string_view id) {
  const bool same = IsLastUser(hash, id);
  if (same && !runs_.rows.empty()) {
    runs_.rows.back() += rows;
    return;
  }
  if (runs_.rows.empty()) runs_.continues = same;
  runs_.hashes.push_back(hash);
  runs_.rows.push_back(rows);
  users_.Add(id);
  if (same) return;
  any_ = true;
  last_hash_ = hash;
  last_id_ = id;
}

void MergedBlock::AppendIds(const BlockSpan& span) {
  const SegmentBlock& block = *span.block;
  if (block.event_id.empty()) {
    id_forms_.resize(id_forms_.size() + (span.end - span.begin));
    ids_.resize(ids_.size() + (span.end - span.begin));
    return;
  }
  for (std::uint32_t row = span.begin; row < span.end; ++row) {
    const std::string_view id = block.event_id[row];
    Hash128 packed = block.keys[row];
    EventIdForm form = packed == Hash128{} ? EventIdForm::kNone : EventIdForm::kKey;
    if (!id.empty()) {
      std::uint8_t bytes[kPackedIdBytes] = {};
      form = PackEventId(id, bytes);
      std::memcpy(&packed, bytes, sizeof packed);
      if (form == EventIdForm::kText) id_texts_.Add(id);
    }
    id_forms_.push_back(static_cast<std::uint8_t>(form));
    ids_.push_back(packed);
  }
}

void MergedBlock::AppendText(const BlockSpan& span, std::size_t field) {
  const MergedDictionary& dictionary = (*dictionaries_)[field];
  if (dictionary.empty()) return;
  const auto& from = span.block->codes[field];
  const auto& narrow = span.block->type_codes;
  std::vector<std::uint32_t>& to = codes_[field];
  const std::size_t before = to.size();
  to.resize(before + (span.end - span.begin));
  std::uint32_t* next = to.data() + before;
  const bool is_narrow = static_cast<Field>(field) == Field::kEventType && !narrow.empty();
  if (dictionary.shared()) {
    const std::uint32_t* const codes = dictionary.NewCodes(span.input).data();
    if (is_narrow) {
      for (std::uint32_t row = span.begin; row < span.end; ++row) *next++ = codes[narrow[row]];
    } else if (!from.empty()) {
      for (std::uint32_t row = span.begin; row < span.end; ++row) *next++ = codes[from[row]];
    }
    return;
  }
  if (from.empty() && !is_narrow) return;
  std::vector<std::uint32_t>& own = (*span.own_codes)[field];
  for (std::uint32_t row = span.begin; row < span.end; ++row) {
    const std::uint32_t code = is_narrow ? narrow[row] : from[row];
    if (code != 0 && own[code] == 0) own[code] = own_[field].Intern(OwnText(span, field, code));
    *next++ = code == 0 ? 0 : own[code];
  }
}

void MergedBlock::Append(const BlockSpan& span, std::uint64_t user_hash, std::string_view user_id) {
  const SegmentBlock& block = *span.block;
  AppendUser(span.end - span.begin, user_hash, user_id);
  const std::int64_t begin_ms = std::int64_t{span.meta->key.day} * kDayMs;
  for (std::uint32_t row = span.begin; row < span.end; ++row) {
    times_.push_back(static_cast<std::uint32_t>(block.time_ms[row] - begin_ms));
  }
  AppendColumn(block.sequence, span, &sequences_);
  AppendColumn(block.flags, span, &flags_);
  AppendColumn(block.position_x, span, &position_x_);
  AppendColumn(block.position_y, span, &position_y_);
  AppendColumn(block.client_seq, span, &client_seqs_);
  AppendIds(span);
  for (std::uint32_t row = span.begin; row < span.end; ++row) {
    extra_.Add(block.extra_data.empty() ? std::string_view() : block.extra_data[row]);
  }
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    if (static_cast<Field>(f) != Field::kUserId) AppendText(span, f);
  }
}

BlockGuides MergedBlock::Guides() const {
  BlockGuides guides;
  if (!types_.empty()) guides.types = types_;
  constexpr auto kPages = static_cast<std::size_t>(Field::kPageUrl);
  if ((*dictionaries_)[kPages].shared()) guides.pages = codes_[kPages];
  return guides;
}

Status MergedBlock::FlushNumbers(std::uint32_t block, BlockEncoder* to) {
  std::uint8_t all = 0;
  Status status = to->PutFlags(block, Guides(), flags_, &all);
  if (status.ok() && (all & kHasPositionX) != 0) {
    status = to->PutPositions(block, SegmentColumn::kPositionX, flags_, position_x_);
  }
  if (status.ok() && (all & kHasPositionY) != 0) {
    status = to->PutPositions(block, SegmentColumn::kPositionY, flags_, position_y_);
  }
  if (status.ok() && (all & kHasClientSeq) != 0) {
    status = to->PutClientSeqs(block, flags_, client_seqs_);
  }
  flags_.clear();
  position_x_.clear();
  position_y_.clear();
  client_seqs_.clear();
  return status;
}

Status MergedBlock::FlushIds(std::uint32_t block, BlockEncoder* to) {
  id_texts_.View(&views_);
  Status status = to->PutIds(block, id_forms_, ids_, views_);
  if (!status.ok()) return status;
  extra_.View(&views_);
  status = to->PutExtra(block, views_);
  id_forms_.clear();
  ids_.clear();
  id_texts_.Clear();
  extra_.Clear();
  return status;
}

// In the order of columns, user ids apart.
Status MergedBlock::FlushTexts(std::uint32_t block, BlockEncoder* to) {
  Status status;
  for (std::size_t f = 0; status.ok() && f < kFieldCount; ++f) {
    const auto field = static_cast<Field>(f);
    if ((*dictionaries_)[f].empty() || field == Field::kUserId) continue;
    if ((*dictionaries_)[f].shared()) {
      status = to->PutSharedCodes(field, block, Guides(), codes_[f]);
    } else {
      views_.clear();
      for (std::uint32_t code = 1; code <= own_[f].entries(); ++code) {
        views_.push_back(own_[f].Entry(code));
      }
      status = to->PutOwnCodes(field, block, views_, codes_[f]);
      own_[f].Clear();
    }
  }
  for (auto& codes : codes_) codes.clear();
  return status;
}

Status MergedBlock::Flush(std::uint32_t block, BlockEncoder* to) {
  constexpr auto kTypes = static_cast<std::size_t>(Field::kEventType);
  types_.clear();
  if (to->has_narrow_types()) types_.assign(codes_[kTypes].begin(), codes_[kTypes].end());
  users_.View(&views_);
  Status status = to->PutUsers(block, runs_, views_);
  if (status.ok()) status = to->PutTimes(block, times_, sequences_);
  if (status.ok()) status = FlushNumbers(block, to);
  if (status.ok()) status = FlushIds(block, to);
  if (status.ok()) status = FlushTexts(block, to);
  runs_.hashes.clear();
  runs_.rows.clear();
  users_.Clear();
  times_.clear();
  sequences_.clear();
  return status;
}

}  // namespace v1
}  // namespace insightflow
