#include "lib/segments/merged_block.h"

#include <algorithm>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint32_t kRowBits = 16;
constexpr std::uint32_t kRowMask = (1u << kRowBits) - 1;
static_assert(kSegmentBlockRowsMax <= kRowMask + 1 && kMergeInputsMax <= 1u << (32 - kRowBits));

// A column of an input's block. One that the block does not have is a single value under a mask
// that leads every row to it.
template <typename T>
struct Strand {
  const T* values = nullptr;
  std::uint32_t mask = 0;

  const T& operator[](std::uint32_t place) const { return values[place & mask]; }
};

}  // namespace

bool MergedBlock::AppendUser(std::uint32_t rows, std::uint64_t hash, std::string_view id) {
  const bool same = any_ && hash == last_hash_ && id == last_id_;
  if (same && !runs_.rows.empty()) {
    runs_.rows.back() += rows;
    return false;
  }
  if (runs_.rows.empty()) runs_.continues = same;
  runs_.hashes.push_back(hash);
  runs_.rows.push_back(rows);
  users_.Add(id);
  if (same) return false;
  any_ = true;
  last_hash_ = hash;
  last_id_ = id;
  return true;
}

bool MergedBlock::Append(std::size_t input, std::uint32_t begin, std::uint32_t end,
                         std::uint64_t user_hash, std::string_view user_id) {
  const auto first = static_cast<std::uint32_t>(input << kRowBits);
  for (std::uint32_t row = begin; row < end; ++row) noted_.push_back(first | row);
  return AppendUser(end - begin, user_hash, user_id);
}

// Appends the noted rows of a column; zeros where a block has none.
template <typename ColumnOf, typename To>
void MergedBlock::Gather(ColumnOf column_of, std::vector<To>* to) const {
  static const To kNone = {};
  std::array<Strand<To>, kMergeInputsMax> strands;
  bool any = false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto& column = column_of(*inputs_[i].block);
    strands[i] = column.empty() ? Strand<To>{&kNone, 0} : Strand<To>{column.data(), kRowMask};
    any |= !column.empty();
  }
  const std::size_t before = to->size();
  to->resize(before + noted_.size());
  if (!any) return;
  To* next = to->data() + before;
  for (const std::uint32_t place : noted_) *next++ = strands[place >> kRowBits][place];
}

void MergedBlock::GatherTimes() {
  const std::int64_t begin_ms = std::int64_t{inputs_.front().meta->key.day} * kDayMs;
  std::array<const std::int64_t*, kMergeInputsMax> times;
  for (std::size_t i = 0; i < inputs_.size(); ++i) times[i] = inputs_[i].block->time_ms.data();
  for (const std::uint32_t place : noted_) {
    const std::int64_t time = times[place >> kRowBits][place & kRowMask];
    times_.push_back(static_cast<std::uint32_t>(time - begin_ms));
  }
}

void MergedBlock::GatherIds() {
  Gather(
      [](const SegmentBlock& block) -> auto& { return block.id_forms; }, &id_forms_);
  Gather(
      [](const SegmentBlock& block) -> auto& { return block.packed_ids; }, &ids_);
  const bool has_texts = std::any_of(inputs_.begin(), inputs_.end(), [](const MergePlace& input) {
    return !input.block->event_id.empty();
  });
  if (!has_texts) return;
  for (const std::uint32_t place : noted_) {
    const auto& ids = inputs_[place >> kRowBits].block->event_id;
    if (!ids.empty() && !ids[place & kRowMask].empty()) id_texts_.Add(ids[place & kRowMask]);
  }
}

void MergedBlock::GatherExtra() {
  struct Shapes {
    const ShapedTexts* texts = nullptr;
    Strand<ShapedTexts::Row> rows;
    const std::uint64_t* numbers = nullptr;
    std::uint32_t* known = nullptr;
  };
  static const ShapedTexts::Row kNone;
  std::array<Shapes, kMergeInputsMax> shapes;
  bool any_texts = false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const ShapedTexts& texts = inputs_[i].block->shaped_extra;
    const bool none = texts.rows.empty();
    any_texts |= none && !inputs_[i].block->extra_data.empty();
    shapes[i] = {&texts,
                 {none ? &kNone : texts.rows.data(), none ? 0 : kRowMask},
                 texts.numbers.data(),
                 inputs_[i].known_shapes->data()};
  }
  const auto add = [&](std::uint32_t place) {
    const Shapes& input = shapes[place >> kRowBits];
    const auto [shape, numbers] = input.rows[place];
    if (shape == 0) return extra_.AddEmpty();
    extra_.Add(
        input.known + shape, [&input, code = shape] { return input.texts->Shape(code); },
        input.numbers + numbers);
  };
  if (!any_texts) {
    for (const std::uint32_t place : noted_) add(place);
    return;
  }
  for (const std::uint32_t place : noted_) {
    const auto& texts = inputs_[place >> kRowBits].block->extra_data;
    if (texts.empty()) {
      add(place);
    } else {
      extra_.Add(texts[place & kRowMask]);
    }
  }
}

void MergedBlock::GatherOwnCodes(std::size_t field) {
  for (const std::uint32_t place : noted_) {
    const MergePlace& input = inputs_[place >> kRowBits];
    const auto& codes = input.block->codes[field];
    const std::uint32_t code = codes.empty() ? 0 : codes[place & kRowMask];
    std::uint32_t& own = (*input.own_codes)[field][code];
    if (own == 0 && code != 0) {
      const bool shared = input.meta->HasDictionary(static_cast<Field>(field));
      const SegmentTexts& texts = (shared ? *input.dictionaries : input.block->dictionaries)[field];
      own = own_[field].Intern(texts.Entry(code));
    }
    codes_[field].push_back(own);
  }
}

void MergedBlock::Take() {
  if (noted_.empty()) return;
  GatherTimes();
  Gather(
      [](const SegmentBlock& block) -> auto& { return block.sequence; }, &sequences_);
  Gather(
      [](const SegmentBlock& block) -> auto& { return block.flags; }, &flags_);
  Gather(
      [](const SegmentBlock& block) -> auto& { return block.position_x; }, &position_x_);
  Gather(
      [](const SegmentBlock& block) -> auto& { return block.position_y; }, &position_y_);
  Gather(
      [](const SegmentBlock& block) -> auto& { return block.client_seq; }, &client_seqs_);
  GatherIds();
  GatherExtra();
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    if (static_cast<Field>(f) == Field::kUserId || (*dictionaries_)[f].empty()) continue;
    if ((*dictionaries_)[f].shared()) {
      Gather(
          [f](const SegmentBlock& block) -> auto& { return block.codes[f]; }, &codes_[f]);
    } else {
      GatherOwnCodes(f);
    }
  }
  noted_.clear();
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
  status = to->PutExtra(block, &extra_);
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
  Take();
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
