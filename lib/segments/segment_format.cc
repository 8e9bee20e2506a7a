#include "lib/segments/segment_format.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "lib/base/coding.h"
#include "lib/base/packed_ints.h"
#include "lib/segments/chunk.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint8_t kMetaEncoding = 1;
constexpr std::uint32_t kSharedFilterBits = 256;

std::string DayText(std::uint32_t day) {
  // Past the years that the calendar has, the number says as much.
  constexpr std::uint32_t kCalendarDays = 10'000'000;
  if (day > kCalendarDays) return std::to_string(day);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  const auto two = [](unsigned value) { return (value < 10 ? "-0" : "-") + std::to_string(value); };
  return std::to_string(static_cast<int>(date.year())) + two(static_cast<unsigned>(date.month())) +
         two(static_cast<unsigned>(date.day()));
}

std::int64_t DayBegin(const SegmentKey& key) { return std::int64_t{key.day} * kDayMs; }

// A value of each block as a column of integers.
template <typename T, typename ValueOf>
void PutOfBlocks(const SegmentMeta& meta, bool rising, ValueOf value_of, std::string* out) {
  std::vector<T> values;
  values.reserve(meta.blocks.size());
  for (const BlockMeta& block : meta.blocks) values.push_back(value_of(block));
  PutInts<T>(out, values, rising);
}

template <typename T, typename Take>
bool TakeOfBlocks(ByteReader* in, SegmentMeta* meta, Take take) {
  std::vector<T> values;
  if (!GetInts(in, meta->blocks.size(), &values)) return false;
  for (std::size_t i = 0; i < values.size(); ++i) take(&meta->blocks[i], values[i]);
  return true;
}

std::uint32_t InDay(const SegmentMeta& meta, std::int64_t time_ms) {
  return static_cast<std::uint32_t>(time_ms - DayBegin(meta.key));
}

bool GetDictionaries(ByteReader* in, SegmentMeta* meta) {
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    if (!GetVarintOf(in, &meta->dictionary_entries[f])) return false;
    if (meta->dictionary_entries[f] > kSegmentDictEntriesMax) return false;
  }
  return !meta->HasDictionary(Field::kUserId);
}

bool GetBlocks(ByteReader* in, SegmentMeta* meta) {
  const std::int64_t begin = DayBegin(meta->key);
  std::uint32_t columns = 0;
  const bool complete =
      TakeOfBlocks<std::uint32_t>(in, meta, [](BlockMeta* b, auto v) { b->rows = v; }) &&
      TakeOfBlocks<std::uint64_t>(in, meta, [](BlockMeta* b, auto v) { b->first_user_hash = v; }) &&
      TakeOfBlocks<std::uint64_t>(in, meta, [](BlockMeta* b, auto v) { b->last_user_hash = v; }) &&
      TakeOfBlocks<std::uint32_t>(in, meta,
                                  [=](BlockMeta* b, auto v) { b->min_time_ms = begin + v; }) &&
      TakeOfBlocks<std::uint32_t>(in, meta,
                                  [=](BlockMeta* b, auto v) { b->max_time_ms = begin + v; }) &&
      TakeOfBlocks<std::uint32_t>(in, meta, [&columns](BlockMeta* b, auto v) {
        b->columns = ColumnSet(v);
        columns |= v;
      });
  if (!complete || !ColumnSet::IsValid(columns)) return false;
  std::string_view filters;
  if (!in->GetRaw(meta->filter_bytes() * meta->blocks.size(), &filters)) return false;
  meta->type_filters.assign(filters.begin(), filters.end());
  return true;
}

// Whether the parts fit each other.
bool IsPossible(const SegmentMeta& meta) {
  constexpr ColumnSet kAlways = {SegmentColumn::kUserRuns, SegmentColumn::kTime,
                                 SegmentColumn::kSequence, ColumnOf(Field::kUserId)};
  const std::int64_t begin = DayBegin(meta.key);
  std::uint64_t rows = 0;
  std::uint64_t hash = 0;
  for (const BlockMeta& block : meta.blocks) {
    if (block.rows == 0 || block.rows > kSegmentBlockRowsMax) return false;
    if (block.first_user_hash < hash || block.last_user_hash < block.first_user_hash) return false;
    if (block.min_time_ms < meta.min_time_ms || block.max_time_ms > meta.max_time_ms ||
        block.max_time_ms < block.min_time_ms) {
      return false;
    }
    if ((block.columns.bits() & kAlways.bits()) != kAlways.bits()) return false;
    constexpr ColumnSet kFlagged = {SegmentColumn::kPositionX, SegmentColumn::kPositionY,
                                    SegmentColumn::kClientSeq};
    if ((block.columns.bits() & kFlagged.bits()) != 0 &&
        !block.columns.Has(SegmentColumn::kFlags)) {
      return false;
    }
    rows += block.rows;
    hash = block.last_user_hash;
  }
  return rows == meta.rows && meta.users >= 1 && meta.users <= meta.rows &&
         meta.min_time_ms >= begin && meta.max_time_ms < begin + kDayMs &&
         meta.min_sequence <= meta.max_sequence;
}

bool GetMeta(std::string_view values, SegmentMeta* meta) {
  ByteReader in(values);
  SegmentKey key;
  std::uint32_t blocks;
  std::uint32_t min_time;
  std::uint32_t max_time;
  if (!in.GetFixed(&key.day) || !in.GetFixed(&key.id) || !(key == meta->key) ||
      !GetVarintOf(&in, &meta->rows) || meta->rows > kSegmentRowsMax ||
      !GetVarintOf(&in, &blocks) || blocks == 0 || blocks > kSegmentBlocksMax ||
      !GetVarintOf(&in, &meta->users) || !GetVarintOf(&in, &min_time) ||
      !GetVarintOf(&in, &max_time) || !in.GetVarint(&meta->min_sequence) ||
      !in.GetVarint(&meta->max_sequence) || !GetDictionaries(&in, meta)) {
    return false;
  }
  meta->min_time_ms = DayBegin(key) + min_time;
  meta->max_time_ms = DayBegin(key) + max_time;
  meta->blocks.resize(blocks);
  return GetBlocks(&in, meta) && in.empty() && IsPossible(*meta);
}

}  // namespace

std::string_view ColumnName(SegmentColumn column) {
  constexpr std::array<std::string_view, 10> kNames = {
      "meta",       "user_runs",  "time",       "sequence", "flags",
      "position_x", "position_y", "client_seq", "event_id", "extra_data"};
  const auto number = static_cast<std::size_t>(column);
  if (number < kNames.size()) return kNames[number];
  const auto first = static_cast<std::size_t>(SegmentColumn::kFirstText);
  const bool is_text = number >= first && number - first < kFieldCount;
  return is_text ? kFieldRules[number - first].name : "unknown";
}

Status DamagedChunk(const SegmentKey& key, SegmentColumn column, std::uint32_t block,
                    std::string_view what) {
  const std::string where = block == kDictionaryBlock ? "the dictionary"
                            : block == kTitlesBlock   ? "the titles of pages"
                                                      : "block " + std::to_string(block);
  std::string message = "day " + DayText(key.day) + ", segment " + std::to_string(key.id);
  message.append(", column ").append(ColumnName(column)).append(", ");
  message.append(where).append(": ").append(what);
  return DataLoss(std::move(message));
}

ColumnSet SegmentMeta::columns() const {
  std::uint32_t bits = 0;
  for (const BlockMeta& block : blocks) bits |= block.columns.bits();
  return ColumnSet(bits);
}

std::uint32_t SegmentMeta::filter_bits() const {
  return std::min(dictionary_entries[static_cast<std::size_t>(Field::kEventType)],
                  kSharedFilterBits);
}

bool SegmentMeta::MayHaveType(std::uint32_t block, std::uint32_t type_code) const {
  const std::uint32_t bits = filter_bits();
  if (bits == 0 || type_code == 0) return true;
  const std::uint32_t bit = (type_code - 1) % bits;
  return (type_filters[block * filter_bytes() + bit / 8] >> (bit % 8) & 1) != 0;
}

std::string EncodeMeta(const SegmentMeta& meta) {
  std::string values;
  PutFixed(&values, meta.key.day);
  PutFixed(&values, meta.key.id);
  PutVarint(&values, meta.rows);
  PutVarint(&values, meta.blocks.size());
  PutVarint(&values, meta.users);
  PutVarint(&values, InDay(meta, meta.min_time_ms));
  PutVarint(&values, InDay(meta, meta.max_time_ms));
  PutVarint(&values, meta.min_sequence);
  PutVarint(&values, meta.max_sequence);
  for (const std::uint32_t entries : meta.dictionary_entries) PutVarint(&values, entries);
  PutOfBlocks<std::uint32_t>(
      meta, false, [](const BlockMeta& b) { return b.rows; }, &values);
  PutOfBlocks<std::uint64_t>(
      meta, true, [](const BlockMeta& b) { return b.first_user_hash; }, &values);
  PutOfBlocks<std::uint64_t>(
      meta, true, [](const BlockMeta& b) { return b.last_user_hash; }, &values);
  PutOfBlocks<std::uint32_t>(
      meta, false, [&](const BlockMeta& b) { return InDay(meta, b.min_time_ms); }, &values);
  PutOfBlocks<std::uint32_t>(
      meta, false, [&](const BlockMeta& b) { return InDay(meta, b.max_time_ms); }, &values);
  PutOfBlocks<std::uint32_t>(
      meta, false, [](const BlockMeta& b) { return b.columns.bits(); }, &values);
  values.append(meta.type_filters.begin(), meta.type_filters.end());
  std::string chunk;
  // Small by kSegmentBlocksMax, so it cannot be refused.
  static_cast<void>(SealChunk({meta.key}, kMetaEncoding, values, false, &chunk));
  return chunk;
}

Status DecodeMeta(const SegmentKey& key, std::string_view chunk, SegmentMeta* meta) {
  *meta = SegmentMeta();
  meta->key = key;
  ByteBuffer scratch;
  ChunkValues values;
  Status status = OpenChunk({key}, chunk, &scratch, &values);
  if (!status.ok()) return status;
  const auto damaged = [&](std::string_view what) {
    return DamagedChunk(key, SegmentColumn::kMeta, kMetaBlock, what);
  };
  if (values.encoding != kMetaEncoding) {
    const Status newer = damaged("written by a newer version, which is needed to read it");
    return FailedPrecondition(newer.message());
  }
  return GetMeta(values.bytes, meta) ? Status::Ok() : damaged("impossible values");
}

}  // namespace v1
}  // namespace insightflow
