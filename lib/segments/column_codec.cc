#include "lib/segments/column_codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>

#include "lib/model/packed_texts.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint8_t kEveryRow = 0;  // a code a row
constexpr std::uint8_t kChanges = 1;   // a bit a row where the code changes, and those codes

constexpr std::size_t kPackedLengthMax = kPackedPrefixMax + kPackedDigitsMax;

// What follows a list's ending: the lengths of its texts, then their bytes.
bool GetPlainTexts(ByteReader* in, std::size_t entries, ColumnScratch* scratch,
                   SegmentTexts* texts) {
  std::vector<std::uint32_t>& lengths = scratch->values32;
  lengths.resize(entries);
  if (!GetPatched<std::uint32_t>(in, lengths, &scratch->patch)) return false;
  texts->ends.resize(entries + 1);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < entries; ++i) {
    sum += lengths[i];
    if (sum > in->remaining()) return false;
    texts->ends[i + 1] = static_cast<std::uint32_t>(sum);
  }
  std::string_view bytes;
  if (!in->GetRaw(static_cast<std::size_t>(sum), &bytes)) return false;
  texts->bytes.assign(bytes);
  return true;
}

bool GetPackedTexts(ByteReader* in, std::size_t entries, std::uint8_t ending, SegmentTexts* texts) {
  std::string_view prefix;
  std::string_view packed;
  if (!in->GetBytes(&prefix) || prefix.size() > kPackedPrefixMax ||
      !in->GetRaw(entries * EndingPackedBytes(ending), &packed) ||
      !UnpackTexts(prefix, ending, packed, &texts->bytes)) {
    return false;
  }
  const std::size_t length = prefix.size() + EndingTextBytes(ending);
  texts->ends.resize(entries + 1);
  for (std::size_t i = 0; i <= entries; ++i) {
    texts->ends[i] = static_cast<std::uint32_t>(i * length);
  }
  return true;
}

// Leaves the code of each row that differs from the one before in scratch.values32, and a 1 at such
// a row in scratch.marks.
void FindChanges(std::span<const std::uint32_t> codes, ColumnScratch* scratch) {
  scratch->marks.resize(codes.size());
  scratch->values32.resize(codes.size());
  std::uint32_t before = 0;
  std::size_t changes = 0;
  for (std::size_t row = 0; row < codes.size(); ++row) {
    const bool change = codes[row] != before;
    scratch->marks[row] = change ? 1 : 0;
    scratch->values32[changes] = codes[row];
    changes += change ? 1 : 0;
    before = codes[row];
  }
  scratch->values32.resize(changes);
}

// Codes of first use as 0 for absent, 1 for a new one, 2 for the newest, 3 for the one before, …
void ToRecent(std::span<std::uint32_t> codes) {
  std::uint32_t seen = 0;
  for (std::uint32_t& code : codes) {
    const std::uint32_t recent = code == 0 ? 0 : seen + 2 - code;
    seen = std::max(seen, code);
    code = recent;
  }
}

bool FromRecent(std::uint32_t entries, std::span<std::uint32_t> codes) {
  std::uint32_t seen = 0;
  for (std::uint32_t& code : codes) {
    if (code > seen + 1) return false;
    code = code == 0 ? 0 : seen + 2 - code;
    seen = std::max(seen, code);
  }
  return seen == entries;
}

bool AreWithin(std::span<const std::uint32_t> codes, std::uint32_t entries) {
  std::uint32_t greatest = 0;
  for (const std::uint32_t code : codes) greatest = std::max(greatest, code);
  return greatest <= entries;
}

void PutCodesAs(std::span<const std::uint32_t> codes, bool recent, ColumnScratch* scratch,
                std::string* out) {
  FindChanges(codes, scratch);
  std::vector<std::uint32_t>& values = scratch->values32;
  std::uint32_t greatest = 0;
  for (const std::uint32_t code : values) greatest = std::max(greatest, code);
  const std::size_t bits = recent ? 4 : IntWidthOf(greatest).total_bits();
  const bool changes = codes.size() + values.size() * bits < codes.size() * bits;
  PutFixed(out, changes ? kChanges : kEveryRow);
  if (changes) {
    const std::uint8_t* const marks = scratch->marks.data();
    PutBitPlane(out, codes.size(), 1, [marks](std::size_t row) { return marks[row]; });
  } else {
    values.assign(codes.begin(), codes.end());
  }
  if (recent) ToRecent(values);
  PutPatched<std::uint32_t>(out, values, &scratch->patch);
}

bool GetCodesAs(ByteReader* in, bool recent, std::uint32_t entries, ColumnScratch* scratch,
                std::span<std::uint32_t> codes) {
  std::uint8_t form;
  std::string_view marks;
  if (!in->GetFixed(&form) || form > kChanges) return false;
  const bool changes = form == kChanges;
  std::size_t count = codes.size();
  if (changes) {
    if (!in->GetRaw(BitPlaneBytes(1, codes.size()), &marks)) return false;
    count = CountBits(marks);
    if (count > codes.size()) return false;
  }
  // Before the first change every row is absent.
  std::vector<std::uint32_t>& values = scratch->values32;
  values.resize(count + 1);
  values[0] = 0;
  const std::span<std::uint32_t> read =
      changes ? std::span(values).subspan(1) : codes.subspan(0, count);
  if (!GetPatched(in, read, &scratch->patch)) return false;
  if (recent ? !FromRecent(entries, read) : !AreWithin(read, entries)) return false;
  if (!changes) return true;
  const std::uint32_t* from = values.data();
  std::uint32_t* const to = codes.data();
  return TakeBitPlane(marks, codes.size(), 1, [&from, to](std::size_t row, std::uint8_t change) {
    from += change;
    to[row] = *from;
  });
}

}  // namespace

void SegmentBlock::Clear() {
  rows = 0;
  continues = false;
  run_hashes.clear();
  run_ends.clear();
  user_ids.Clear();
  time_ms.clear();
  day_time.clear();
  sequence.clear();
  flags.clear();
  type_codes.clear();
  for (auto& column : codes) column.clear();
  for (SegmentTexts& texts : dictionaries) texts.Clear();
  position_x.clear();
  position_y.clear();
  client_seq.clear();
  event_id.clear();
  keys.clear();
  id_forms.clear();
  packed_ids.clear();
  extra_data.clear();
  shaped_extra.Clear();
  id_bytes.clear();
  extra_bytes.clear();
}

std::size_t SegmentBlock::memory() const {
  std::size_t sum = CapacityBytes(run_hashes) + CapacityBytes(run_ends) + user_ids.memory() +
                    CapacityBytes(time_ms) + CapacityBytes(day_time) + CapacityBytes(sequence) +
                    CapacityBytes(flags) + CapacityBytes(type_codes) + CapacityBytes(position_x) +
                    CapacityBytes(position_y) + CapacityBytes(client_seq) +
                    CapacityBytes(event_id) + CapacityBytes(keys) + CapacityBytes(id_forms) +
                    CapacityBytes(packed_ids) + CapacityBytes(extra_data) + id_bytes.capacity() +
                    extra_bytes.capacity();
  for (const auto& column : codes) sum += CapacityBytes(column);
  for (const SegmentTexts& texts : dictionaries) sum += texts.memory();
  return sum;
}

void PutUserRuns(const UserRuns& runs, ColumnScratch* scratch, std::string* out) {
  PutFixed<std::uint8_t>(out, runs.continues ? 1 : 0);
  PutVarint(out, runs.hashes.size());
  PutInts<std::uint64_t>(out, runs.hashes, true);
  PutPatched<std::uint32_t>(out, runs.rows, &scratch->patch);
}

bool GetUserRuns(ByteReader* in, ColumnScratch* scratch, SegmentBlock* block) {
  std::uint8_t continues;
  std::uint64_t runs;
  if (!in->GetFixed(&continues) || continues > 1 || !in->GetVarint(&runs) || runs == 0 ||
      runs > block->rows || !GetInts(in, static_cast<std::size_t>(runs), &block->run_hashes)) {
    return false;
  }
  std::vector<std::uint32_t>& rows = scratch->values32;
  rows.resize(static_cast<std::size_t>(runs));
  if (!GetPatched<std::uint32_t>(in, rows, &scratch->patch)) return false;
  block->continues = continues == 1;
  block->run_ends.resize(rows.size());
  std::uint64_t end = 0;
  for (std::size_t run = 0; run < rows.size(); ++run) {
    end += rows[run];
    if (rows[run] == 0 || end > block->rows) return false;
    block->run_ends[run] = static_cast<std::uint32_t>(end);
  }
  return end == block->rows && std::is_sorted(block->run_hashes.begin(), block->run_hashes.end());
}

void PutTextList(std::span<const std::string_view> texts, ColumnScratch* scratch,
                 std::string* out) {
  std::string& bytes = scratch->texts;
  bytes.clear();
  scratch->packed.clear();
  scratch->values32.clear();
  for (const std::string_view text : texts) {
    bytes.append(text);
    scratch->values32.push_back(static_cast<std::uint32_t>(text.size()));
  }
  const std::size_t length = texts.front().size();
  const bool equal = std::all_of(texts.begin(), texts.end(),
                                 [=](std::string_view text) { return text.size() == length; });
  const std::uint8_t ending =
      equal ? PackTexts(texts.size(), length, &bytes, &scratch->packed) : std::uint8_t{0};
  PutVarint(out, texts.size());
  PutFixed(out, ending);
  if (ending == 0) {
    PutPatched<std::uint32_t>(out, scratch->values32, &scratch->patch);
    out->append(bytes);
  } else {
    PutBytes(out, bytes);
    out->append(scratch->packed);
  }
}

bool GetTextList(ByteReader* in, std::size_t entries_max, ColumnScratch* scratch,
                 SegmentTexts* texts) {
  static_assert(kSegmentTextsMax * kPackedLengthMax <= UINT32_MAX);
  std::uint64_t entries;
  std::uint8_t ending;
  if (!in->GetVarint(&entries) || entries == 0 || entries > entries_max || !in->GetFixed(&ending)) {
    return false;
  }
  const auto count = static_cast<std::size_t>(entries);
  return ending == 0 ? GetPlainTexts(in, count, scratch, texts)
                     : GetPackedTexts(in, count, ending, texts);
}

void PutCodes(std::span<const std::uint32_t> codes, ColumnScratch* scratch, std::string* out) {
  PutCodesAs(codes, false, scratch, out);
}

bool GetCodes(ByteReader* in, std::uint32_t entries, ColumnScratch* scratch,
              std::span<std::uint32_t> codes) {
  return GetCodesAs(in, false, entries, scratch, codes);
}

void PutRecentCodes(std::span<const std::uint32_t> codes, ColumnScratch* scratch,
                    std::string* out) {
  PutCodesAs(codes, true, scratch, out);
}

bool GetRecentCodes(ByteReader* in, std::uint32_t entries, ColumnScratch* scratch,
                    std::span<std::uint32_t> codes) {
  return GetCodesAs(in, true, entries, scratch, codes);
}

void PutEventIds(std::span<const std::uint8_t> forms, std::span<const Hash128> packed,
                 std::span<const std::string_view> texts, ColumnScratch* scratch,
                 std::string* out) {
  static_assert(sizeof(Hash128) == kPackedIdBytes);
  PutPatched<std::uint8_t>(out, forms, &scratch->patch);
  const std::size_t begin = out->size();
  out->resize(begin + packed.size() * kPackedIdBytes);
  char* to = out->data() + begin;
  for (std::size_t row = 0; row < forms.size(); ++row) {
    const auto form = static_cast<EventIdForm>(forms[row]);
    if (form == EventIdForm::kNone || form == EventIdForm::kText) continue;
    std::memcpy(to, &packed[row], kPackedIdBytes);
    to += kPackedIdBytes;
  }
  out->resize(static_cast<std::size_t>(to - out->data()));
  scratch->values32.clear();
  for (const std::string_view text : texts) {
    scratch->values32.push_back(static_cast<std::uint32_t>(text.size()));
  }
  PutPatched<std::uint32_t>(out, scratch->values32, &scratch->patch);
  for (const std::string_view text : texts) out->append(text);
}

}  // namespace v1
}  // namespace insightflow
