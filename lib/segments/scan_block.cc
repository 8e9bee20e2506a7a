#include "lib/segments/scan_block.h"

#include <algorithm>
#include <limits>

#include "lib/segments/block_value.h"

namespace insightflow {
inline namespace v1 {

void BlockScan::Append(std::uint64_t first, std::uint64_t last, std::uint64_t* scanned) {
  ChooseRuns(first, last);
  if (begin_ == end_) return;
  const std::size_t rows_before = rows_.rows();
  if ((masks_.words() > 1 && !context_.shape.codes) || context_.shape.client_order) {
    KeepOrHideRows(scanned);
  } else if (context_.shape.narrow_matches) {
    KeepRows(&rows_.narrow_matches, scanned);
  } else {
    KeepRows(&rows_.matches, scanned);
  }
  if (kept() == 0) return;
  if (!context_.plan.any_order) AppendRuns(rows_before);
  for (std::size_t slot = 0; slot < context_.shape.texts; ++slot) AppendText(slot);
  for (std::size_t slot = 0; slot < context_.shape.identities; ++slot) AppendIdentity(slot);
  for (std::size_t slot = 0; slot < context_.shape.numbers; ++slot) AppendNumber(slot);
  if (context_.shape.sequences) {
    std::uint64_t* to = Extend(&rows_.sequence);
    ForEachKept([&](std::uint32_t row) { *to++ = block_.sequence[row]; });
  }
  if (context_.shape.client_order) AppendClientOrder();
}

void BlockScan::ChooseRuns(std::uint64_t first, std::uint64_t last) {
  const auto& hashes = block_.run_hashes;
  if (context_.plan.any_order) {  // without the runs, unless a condition needs them
    runs_end_ = static_cast<std::uint32_t>(hashes.size());
    end_ = block_.rows;
    return;
  }
  const auto run_of = [&](auto at) { return static_cast<std::uint32_t>(at - hashes.begin()); };
  first_run_ = run_of(std::lower_bound(hashes.begin(), hashes.end(), first));
  runs_end_ = run_of(std::upper_bound(hashes.begin(), hashes.end(), last));
  if (first_run_ >= runs_end_) return;
  begin_ = first_run_ == 0 ? 0 : block_.run_ends[first_run_ - 1];
  end_ = block_.run_ends[runs_end_ - 1];
}

const std::uint64_t* BlockScan::OnlyTable() const {
  constexpr auto kType = static_cast<std::size_t>(Field::kEventType);
  if (block_.type_codes.empty() || !masks_.row_tests().empty() || !masks_.Uses(Field::kEventType)) {
    return nullptr;
  }
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    if (f != kType && masks_.Uses(static_cast<Field>(f))) return nullptr;
  }
  return segment_.mask_tables_[kType].data();
}

// scratch_.masks: words() words for each row of [begin_, end_).
void BlockScan::FillMasks() {
  const std::size_t words = masks_.words();
  PlainVector<std::uint64_t>& masks = scratch_.masks;
  masks.resize((end_ - begin_) * words);
  for (std::size_t w = 0; w < words; ++w) {
    const std::uint64_t all = masks_.all()[w];
    for (std::size_t i = w; i < masks.size(); i += words) masks[i] = all;
  }
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    const auto field = static_cast<Field>(f);
    if (!masks_.Uses(field)) continue;
    if (field == Field::kUserId) {
      AndUsers();
    } else if (segment_.meta().HasDictionary(field)) {
      AndTable(field, segment_.mask_tables_[f]);
    } else {
      masks_.FillTable(field, block_.dictionaries[f], &scratch_.table);
      AndTable(field, scratch_.table);
    }
  }
  for (const RowMasks::RowTests& tests : masks_.row_tests()) TestRows(tests);
}

void BlockScan::AndTable(Field field, const std::vector<std::uint64_t>& table) {
  const std::size_t words = masks_.words();
  const std::size_t count = end_ - begin_;
  std::uint64_t* const masks = scratch_.masks.data();
  const auto use = [&](const auto* codes) {
    if (words == 1) {
      for (std::size_t i = 0; i < count; ++i) masks[i] &= table[codes[i]];
      return;
    }
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t w = 0; w < words; ++w) masks[i * words + w] &= table[codes[i] * words + w];
    }
  };
  const auto& codes = block_.codes[static_cast<std::size_t>(field)];
  if (field == Field::kEventType && !block_.type_codes.empty()) {
    use(block_.type_codes.data() + begin_);
  } else if (!codes.empty()) {
    use(codes.data() + begin_);
  } else {
    for (std::size_t i = 0; i < count * words; ++i) masks[i] &= table[i % words];
  }
}

void BlockScan::AndUsers() {
  const std::size_t words = masks_.words();
  std::uint32_t row = begin_;
  for (std::uint32_t run = first_run_; run < runs_end_; ++run) {
    const Mask mask = masks_.MaskOf(Field::kUserId, block_.user_ids.Entry(run + 1));
    for (; row < block_.run_ends[run]; ++row) {
      for (std::size_t w = 0; w < words; ++w) scratch_.masks[(row - begin_) * words + w] &= mask[w];
    }
  }
}

void BlockScan::TestRows(const RowMasks::RowTests& tests) {
  const std::size_t words = masks_.words();
  for (std::uint32_t row = begin_; row < end_; ++row) {
    std::uint64_t* const mask = &scratch_.masks[(row - begin_) * words];
    std::uint64_t needed = 0;
    for (std::size_t w = 0; w < words; ++w) needed |= mask[w] & tests.needed_by[w];
    if (needed == 0) continue;
    const EventValue value = ValueAt(tests.field, row);
    for (const RowMasks::RowTests::Test& test : tests.tests) {
      if (test.predicate->Matches(value)) continue;
      for (std::size_t w = 0; w < words; ++w) mask[w] &= ~test.bits[w];
    }
  }
}

// The masks of the rows of [begin, end).
template <typename Match>
void BlockScan::WriteMasks(Match* to) {
  const std::size_t count = end_ - begin_;
  if (const std::uint64_t* const table = OnlyTable()) {
    const std::uint8_t* const types = block_.type_codes.data() + begin_;
    if constexpr (sizeof(Match) == 1) {
      const auto& entries = segment_.mask_tables_[static_cast<std::size_t>(Field::kEventType)];
      return LookUpBytes({types, count}, segment_.type_masks_, entries.size() / masks_.words(), to);
    }
    for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<Match>(table[types[i]]);
    return;
  }
  FillMasks();
  const std::uint64_t* const masks = scratch_.masks.data();
  if (context_.shape.codes) {
    for (std::size_t i = 0; i < count; ++i) to[i] = masks_.CodeOf(masks + i * masks_.words());
    return;
  }
  for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<Match>(masks[i]);
}

// How many of the masks hold the filter, and how many have other bits.
template <typename Match>
MaskCounts BlockScan::Count(const Match* masks, Match filter) const {
  const std::size_t count = end_ - begin_;
  if constexpr (sizeof(Match) == 1) return CountMasks({masks, count}, filter);
  MaskCounts counts;
  for (std::size_t i = 0; i < count; ++i) {
    counts.held += (masks[i] & filter) != 0 ? 1 : 0;
    counts.matched += (masks[i] & (filter - 1)) != 0 ? 1 : 0;
  }
  return counts;
}

// Rows stay that are in range, hold the filter and, if that is asked, match a selector. Where few
// do not match, leaving them out costs more than it saves.
template <typename Match>
void BlockScan::KeepRows(PlainVector<Match>* column, std::uint64_t* scanned) {
  const std::size_t before = rows_.rows();
  const std::uint32_t count = end_ - begin_;
  column->resize(before + count);
  Match* const masks = column->data() + before;
  WriteMasks(masks);
  const auto [least, most] = segment_.TimesOf(scratch_.block_number);
  const bool in_range = least >= context_.plan.from_ms && most < context_.plan.to_ms;
  const auto filter = Filter<Match>();
  const MaskCounts counts = Count(masks, filter);
  const bool few_fail = !context_.plan.only_matches || counts.matched >= count - count / 4;
  keeps_all_ = in_range && counts.held == count && few_fail;
  rows_.time.resize(before + count);
  std::uint32_t* const times = rows_.time.data() + before;
  if (!keeps_all_) {
    scratch_.kept.resize(count);
    scratch_.kept_to.resize(count);
    const std::uint32_t kept =
        in_range ? Compress<true>(times, masks, scanned) : Compress<false>(times, masks, scanned);
    scratch_.kept.resize(kept);
    rows_.time.resize(before + kept);
    column->resize(before + kept);
    return;
  }
  *scanned += count;
  std::copy_n(block_.day_time.data() + begin_, count, times);
  for (std::uint32_t i = 0; i < count; ++i) masks[i] = static_cast<Match>(masks[i] & (filter - 1));
}

// Moves the rows that stay together; `masks` become what they match.
template <bool kAllInRange, typename Match>
std::uint32_t BlockScan::Compress(std::uint32_t* times, Match* masks, std::uint64_t* scanned) {
  const auto filter = Filter<Match>();
  const auto wanted = static_cast<Match>(context_.plan.only_matches ? filter - 1 : filter);
  const std::int64_t from = context_.plan.from_ms;
  const std::int64_t to = context_.plan.to_ms;
  const std::int64_t day_ms = segment_.meta().key.day * kDayMs;
  const std::uint32_t* const time_of = block_.day_time.data();
  std::uint32_t* const kept = scratch_.kept.data();
  std::uint32_t* const kept_to = scratch_.kept_to.data();
  std::uint64_t in_range = 0;
  std::uint32_t count = 0;
  for (std::uint32_t row = begin_; row < end_; ++row) {
    const std::uint32_t time = time_of[row];
    const Match mask = masks[row - begin_];
    bool stays = ((mask & filter) != 0) & ((mask & wanted) != 0);
    if constexpr (!kAllInRange) {
      const bool inside = (day_ms + time >= from) & (day_ms + time < to);
      in_range += inside ? 1 : 0;
      stays &= inside;
    }
    times[count] = time;
    masks[count] = static_cast<Match>(mask & ~filter);
    kept[count] = row;
    count += stays ? 1 : 0;
    kept_to[row - begin_] = count;
  }
  *scanned += kAllInRange ? end_ - begin_ : in_range;
  return count;
}

// For the clients' order all rows in range stay, and those that should not are hidden.
void BlockScan::KeepOrHideRows(std::uint64_t* scanned) {
  FillMasks();
  const std::size_t words = masks_.words();
  const std::size_t filter_word = masks_.filter_bit() / 64;
  const std::uint64_t filter = std::uint64_t{1} << masks_.filter_bit() % 64;
  const bool hide = context_.shape.client_order;
  const std::int64_t day_ms = segment_.meta().key.day * kDayMs;
  scratch_.kept.clear();
  scratch_.kept_to.resize(end_ - begin_);
  scratch_.hidden.clear();
  for (std::uint32_t row = begin_; row < end_; ++row) {
    const std::int64_t time = day_ms + block_.day_time[row];
    if (time >= context_.plan.from_ms && time < context_.plan.to_ms) {
      ++*scanned;
      std::uint64_t* const mask = &scratch_.masks[(row - begin_) * words];
      bool stays = (mask[filter_word] & filter) != 0;
      mask[filter_word] &= ~filter;
      std::uint64_t any = mask[0];
      for (std::size_t w = 1; w < words; ++w) any |= mask[w];
      if (context_.plan.only_matches && any == 0) stays = false;
      if (stays || hide) {
        scratch_.kept.push_back(row);
        rows_.time.push_back(block_.day_time[row]);
        if (context_.shape.codes) {
          rows_.narrow_matches.push_back(masks_.CodeOf(mask));
        } else if (context_.shape.narrow_matches) {
          rows_.narrow_matches.push_back(static_cast<std::uint8_t>(mask[0]));
        } else {
          rows_.matches.push_back(mask[0]);
        }
        if (context_.shape.more_matches) rows_.more_matches.push_back(mask[1]);
        if (hide) scratch_.hidden.push_back(stays ? 0 : 1);
      }
    }
    scratch_.kept_to[row - begin_] = static_cast<std::uint32_t>(scratch_.kept.size());
  }
}

void BlockScan::AppendRuns(std::size_t rows_before) {
  const auto before = static_cast<std::uint32_t>(rows_before);
  std::uint32_t last = 0;
  for (std::uint32_t run = first_run_; run < runs_end_; ++run) {
    const std::uint32_t rows = block_.run_ends[run] - begin_;
    const std::uint32_t to = keeps_all_ ? rows : scratch_.kept_to[rows - 1];
    if (to == last) continue;
    last = to;
    const std::uint64_t hash = block_.run_hashes[run];
    // The user of the block before, or of an equal hash.
    if (!rows_.runs.empty() && rows_.runs.back().hash == hash) {
      rows_.runs.back().end = before + to;
      continue;
    }
    if (context_.shape.user_ids) {
      const std::string_view id = block_.user_ids.Entry(run + 1);
      rows_.id_bytes.insert(rows_.id_bytes.end(), id.begin(), id.end());
    }
    rows_.runs.push_back({hash, before + to, static_cast<std::uint32_t>(rows_.id_bytes.size())});
  }
}

template <typename Use>
void BlockScan::ForEachCode(Field field, Use use) const {
  const std::uint32_t* const codes = block_.codes[static_cast<std::size_t>(field)].data();
  const std::uint8_t* const types = block_.type_codes.data();
  if (field == Field::kEventType && !block_.type_codes.empty()) {
    ForEachKept([&](std::uint32_t row) { use(types[row]); });
  } else if (!block_.codes[static_cast<std::size_t>(field)].empty()) {
    ForEachKept([&](std::uint32_t row) { use(codes[row]); });
  } else {
    for (std::uint32_t i = 0; i < kept(); ++i) use(0);
  }
}

template <typename Value>
void BlockScan::AppendCoded(Field field, const std::vector<Value>& values,
                            PlainVector<Value>* column) const {
  const Value* const value_of = values.data();
  Value* to = Extend(column);
  ForEachCode(field, [&](std::uint32_t code) { *to++ = value_of[code]; });
}

// The block's own dictionary of a field that has none for the segment; nullptr when codes are not
// what the field has.
const SegmentTexts* BlockScan::OwnTexts(const FieldRef& field) const {
  if (field.kind != FieldRef::Kind::kText || field.field == Field::kUserId) return nullptr;
  return &block_.dictionaries[static_cast<std::size_t>(field.field)];
}

void BlockScan::AppendLateText(std::size_t slot) {
  std::uint16_t* to = Extend(&rows_.late_texts[slot]);
  ForEachCode(context_.plan.texts[slot].field,
              [&](std::uint32_t code) { *to++ = static_cast<std::uint16_t>(code); });
}

bool BlockScan::Matches(std::size_t row, std::size_t selector) const {
  if (context_.shape.codes) return rows_.narrow_matches[row] == selector + 1;
  if (context_.shape.narrow_matches) return (rows_.narrow_matches[row] >> selector & 1) != 0;
  const std::uint64_t word = selector < 64 ? rows_.matches[row] : rows_.more_matches[row];
  return (word >> selector % 64 & 1) != 0;
}

void BlockScan::AppendText(std::size_t slot) {
  const FieldRef& field = context_.plan.texts[slot];
  if (context_.shape.late_texts) return AppendLateText(slot);
  PlainVector<std::uint32_t>& to = rows_.texts[slot];
  std::vector<std::string_view>& entries = scratch_.entries;
  entries.clear();
  if (!segment_.text_codes_[slot].empty()) {
    AppendCoded(field.field, segment_.text_codes_[slot], &to);
    return;
  }
  if (const SegmentTexts* const texts = OwnTexts(field)) {
    for (std::uint32_t code = 0; code <= texts->entries(); ++code) {
      entries.push_back(texts->Entry(code));
    }
    scratch_.codes.resize(entries.size());
    context_.values->Intern(entries, scratch_.codes.data());
    AppendCoded(field.field, scratch_.codes, &to);
    return;
  }
  // Values without a dictionary get one first, so that the shared table is asked once for each.
  DictColumn& column = scratch_.column;
  column.Clear();
  const std::size_t before = to.size();
  const std::size_t selector = context_.plan.text_selectors[slot];
  ForEachKept([&](std::uint32_t row) {
    if (selector != ScanPlan::kEveryRow && !Matches(to.size(), selector)) return to.push_back(0);
    const EventValue value = ValueAt(field, row);
    to.push_back(column.Intern(SpelledValue(value, &scratch_.text)));
  });
  for (std::uint32_t code = 0; code <= column.entries(); ++code) {
    entries.push_back(column.Entry(code));
  }
  scratch_.codes.resize(entries.size());
  context_.values->Intern(entries, scratch_.codes.data());
  for (std::size_t i = before; i < to.size(); ++i) to[i] = scratch_.codes[to[i]];
}

void BlockScan::AppendIdentity(std::size_t slot) {
  const FieldRef& field = context_.plan.identities[slot];
  PlainVector<std::uint64_t>& to = rows_.identities[slot];
  if (!segment_.identity_hashes_[slot].empty()) {
    AppendCoded(field.field, segment_.identity_hashes_[slot], &to);
    return;
  }
  if (const SegmentTexts* const texts = OwnTexts(field)) {
    std::vector<std::uint64_t>& hashes = scratch_.hashes;
    hashes.clear();
    for (std::uint32_t code = 0; code <= texts->entries(); ++code) {
      hashes.push_back(IdentityHash(texts->Entry(code)));
    }
    AppendCoded(field.field, hashes, &to);
    return;
  }
  ForEachKept([&](std::uint32_t row) {
    const EventValue value = ValueAt(field, row);
    to.push_back(IdentityHash(SpelledValue(value, &scratch_.text)));
  });
}

void BlockScan::AppendNumber(std::size_t slot) {
  const FieldRef& field = context_.plan.numbers[slot];
  ForEachKept([&](std::uint32_t row) {
    const EventValue value = ValueAt(field, row);
    rows_.numbers[slot].push_back(value.is_number() ? value.real
                                                    : std::numeric_limits<double>::quiet_NaN());
  });
}

void BlockScan::AppendClientOrder() {
  ForEachKept([&](std::uint32_t row) {
    const bool has_seq = !block_.client_seq.empty() && (block_.flags[row] & kHasClientSeq) != 0;
    const std::uint64_t tab = has_seq ? IdentityHash(TextAt(Field::kTabId, row)) : 0;
    rows_.tab.push_back(tab);
    rows_.seq.push_back(tab != 0 ? block_.client_seq[row] : 0);
  });
  rows_.hidden.insert(rows_.hidden.end(), scratch_.hidden.begin(), scratch_.hidden.end());
}

std::string_view BlockScan::TextAt(Field field, std::uint32_t row) const {
  // Only fields that have no dictionary for the segment: kTabId, or user ids.
  if (field == Field::kUserId) {
    const auto& ends = block_.run_ends;
    const auto run = std::upper_bound(ends.begin(), ends.end(), row) - ends.begin();
    return block_.user_ids.Entry(static_cast<std::uint32_t>(run) + 1);
  }
  const auto f = static_cast<std::size_t>(field);
  return block_.codes[f].empty() ? std::string_view()
                                 : block_.dictionaries[f].Entry(block_.codes[f][row]);
}

EventValue BlockScan::ValueAt(const FieldRef& field, std::uint32_t row) {
  if (field.kind == FieldRef::Kind::kText) return EventValue::Text(TextAt(field.field, row));
  if (field.kind == FieldRef::Kind::kTimestamp) {
    return EventValue::Integer(segment_.meta().key.day * kDayMs + block_.day_time[row]);
  }
  return BlockValue(block_, field, row, &scratch_.text);
}

}  // namespace v1
}  // namespace insightflow
