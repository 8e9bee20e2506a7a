#include <lz4.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/base/coding.h"
#include "lib/base/packed_ints.h"
#include "lib/log/codec.h"
#include "lib/log/record_format.h"
#include "lib/model/event_id_form.h"
#include "lib/model/packed_texts.h"
#include "lib/model/text_shapes.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Smaller sections rarely shrink, and preparing LZ4's table costs more than storing them.
constexpr std::size_t kCompressBytesMin = 512;
constexpr int kLz4Acceleration = 4;
// What a thread keeps between calls; a giant batch gives its memory back.
constexpr std::size_t kScratchBytesMax = std::size_t{16} << 20;

using Values32 = std::vector<std::uint32_t>;

struct Scratch {
  std::string packed;  // of the section under way: what LZ4 would not shrink, and the rest
  std::string raw;
  std::string texts;  // the dictionaries' entries, which end the core section
  std::string block;  // room for LZ4
  Values32 codes;
  Values32 new_codes;
  Values32 lengths;
  std::vector<std::uint64_t> values;
  std::vector<std::uint8_t> bytes;
  std::string text;
  TextShaper shaper;
  std::unique_ptr<LZ4_stream_t> lz4 = std::make_unique<LZ4_stream_t>();

  std::size_t capacity() const {
    return packed.capacity() + raw.capacity() + texts.capacity() + block.capacity() +
           shaper.memory();
  }
};

// How many of the entries rows use when these are numbered by first use already, else -1.
std::int64_t EntriesInOrder(std::span<const std::uint32_t> codes, std::uint32_t entries) {
  std::uint32_t seen = 0;
  bool jumps = false;
  for (const std::uint32_t code : codes) {
    if (seen == entries) break;  // in most columns soon
    jumps |= code > seen + 1;
    seen = std::max(seen, code);
  }
  return jumps ? -1 : std::int64_t{seen};
}

void PutCodes(std::span<const std::uint32_t> codes, std::size_t entries, Scratch* scratch) {
  if (!MarksNewEntries(codes.size(), entries)) {
    PutInts(&scratch->raw, codes, false);
    return;
  }
  scratch->bytes.resize(codes.size());
  scratch->new_codes.resize(codes.size());
  std::uint8_t* const is_new = scratch->bytes.data();
  std::uint32_t* const others = scratch->new_codes.data();
  std::uint32_t seen = 0;
  for (std::size_t row = 0; row < codes.size(); ++row) {
    others[row - seen] = codes[row];
    is_new[row] = codes[row] > seen ? 1 : 0;  // then it is seen + 1
    seen = std::max(seen, codes[row]);
  }
  PutBitPlane(&scratch->raw, codes.size(), 1, [is_new](std::size_t row) { return is_new[row]; });
  PutInts<std::uint32_t>(&scratch->raw, {others, codes.size() - seen}, false);
}

// Appends a column whose texts, of scratch.lengths, were appended to scratch.texts just now.
void PutColumn(std::span<const std::uint32_t> codes, Scratch* scratch) {
  const Values32& lengths = scratch->lengths;
  const std::uint32_t length = lengths.front();
  std::uint8_t ending = 0;
  if (std::all_of(lengths.begin(), lengths.end(), [=](auto other) { return other == length; })) {
    ending = PackTexts(lengths.size(), length, &scratch->texts, &scratch->packed);
  }
  PutVarint(&scratch->raw, lengths.size());
  PutFixed(&scratch->raw, ending);
  if (ending == 0) {
    PutInts<std::uint32_t>(&scratch->raw, lengths, false);
  } else {
    PutVarint(&scratch->raw, length - EndingTextBytes(ending));
  }
  PutCodes(codes, lengths.size(), scratch);
}

// Numbers the entries by first use and drops those that no row uses.
void Renumber(const DictColumn& column, Scratch* scratch) {
  Values32& new_codes = scratch->new_codes;
  new_codes.assign(column.entries() + 1, 0);
  scratch->lengths.clear();
  for (std::uint32_t& code : scratch->codes) {
    if (code == 0) continue;
    std::uint32_t& new_code = new_codes[code];
    if (new_code == 0) {
      const std::string_view entry = column.Entry(code);
      scratch->texts.append(entry);
      scratch->lengths.push_back(static_cast<std::uint32_t>(entry.size()));
      new_code = static_cast<std::uint32_t>(scratch->lengths.size());
    }
    code = new_code;
  }
}

// Appends a column unless no row has a value; says whether it did.
bool PutTextColumn(const DictColumn& column, std::size_t rows, Scratch* scratch) {
  if (column.empty()) return false;
  std::span<const std::uint32_t> codes = column.codes();
  const std::int64_t in_order = EntriesInOrder(codes, column.entries());
  if (in_order == 0) return false;
  if (codes.size() != rows || in_order < 0) {
    scratch->codes.assign(codes.begin(), codes.end());
    scratch->codes.resize(rows);
    codes = scratch->codes;
  }
  if (in_order < 0) {
    Renumber(column, scratch);
  } else {
    const std::vector<std::uint32_t>& ends = column.ends();
    scratch->lengths.resize(static_cast<std::size_t>(in_order));
    for (std::size_t i = 0; i < scratch->lengths.size(); ++i) {
      scratch->lengths[i] = ends[i + 1] - ends[i];
    }
    scratch->texts.append(column.data().substr(0, ends[scratch->lengths.size()]));
  }
  PutColumn(codes, scratch);
  return true;
}

void PutTimes(const EventBatch& batch, Scratch* scratch) {
  const auto base = *std::min_element(batch.time_ms.begin(), batch.time_ms.end());
  scratch->values.resize(batch.rows);
  for (std::size_t row = 0; row < batch.rows; ++row) {
    scratch->values[row] =
        static_cast<std::uint64_t>(batch.time_ms[row]) - static_cast<std::uint64_t>(base);
  }
  PutFixed(&scratch->raw, base);
  PutInts<std::uint64_t>(&scratch->raw, scratch->values, true);
}

// Collects of `column` the values of the rows that have one. Without a branch: which rows do is
// not foreseen.
template <typename Value, typename Stored>
void KeepFlagged(const EventBatch& batch, std::uint8_t flag, const std::vector<Value>& column,
                 std::vector<Stored>* kept) {
  kept->resize(column.size());
  Stored* const to = kept->data();
  std::size_t next = 0;
  for (std::size_t row = 0; row < column.size(); ++row) {
    to[next] = static_cast<Stored>(column[row]);
    next += (batch.flags[row] & flag) != 0 ? 1 : 0;
  }
  kept->resize(next);
}

void PutPositions(const EventBatch& batch, std::uint8_t flag,
                  const std::vector<std::int32_t>& positions, Scratch* scratch) {
  Values32& values = scratch->codes;
  KeepFlagged(batch, flag, positions, &values);
  for (std::uint32_t& value : values) value ^= 0x80000000u;  // keeps the order
  PutInts<std::uint32_t>(&scratch->raw, values, false);
}

void PutClientSeqs(const EventBatch& batch, Scratch* scratch) {
  KeepFlagged(batch, kHasClientSeq, batch.client_seq, &scratch->values);
  PutInts<std::uint64_t>(&scratch->raw, scratch->values, true);
}

void PutFlags(const EventBatch& batch, Scratch* scratch) {
  std::uint8_t all = 0;
  for (const std::uint8_t flags : batch.flags) all |= flags;
  const std::uint8_t bits = FlagBits(all & kStoredFlags);
  PutFixed(&scratch->raw, bits);
  PutBitPlane(&scratch->raw, batch.rows, bits,
              [&](std::size_t row) { return batch.flags[row] & kStoredFlags; });
}

void PutCore(const EventBatch& batch, Scratch* scratch) {
  std::string& raw = scratch->raw;
  std::uint16_t present = 0;  // bit f: field f has a column
  std::uint32_t text_bytes = 0;
  raw.resize(sizeof present + sizeof text_bytes);
  PutTimes(batch, scratch);
  PutFlags(batch, scratch);
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    if (PutTextColumn(batch.text[f], batch.rows, scratch)) {
      present = static_cast<std::uint16_t>(present | 1u << f);
    }
  }
  PutPositions(batch, kHasPositionX, batch.position_x, scratch);
  PutPositions(batch, kHasPositionY, batch.position_y, scratch);
  PutClientSeqs(batch, scratch);
  text_bytes = static_cast<std::uint32_t>(scratch->texts.size());
  std::memcpy(raw.data(), &present, sizeof present);
  std::memcpy(raw.data() + sizeof present, &text_bytes, sizeof text_bytes);
  raw.append(scratch->texts);
  scratch->texts.clear();
}

// Packs the id or key of every row into `packed`, other text into scratch; returns the end.
std::uint8_t* PackIds(const EventBatch& batch, Scratch* scratch, std::uint8_t* packed) {
  for (std::size_t row = 0; row < batch.rows; ++row) {
    const std::string_view id = batch.event_id.At(row);
    EventIdForm form;
    if (id.empty()) {
      const Hash128& key = batch.keys[row];
      form = key == Hash128{} ? EventIdForm::kNone : EventIdForm::kKey;
      std::memcpy(packed, &key, kPackedIdBytes);
    } else {
      form = PackEventId(id, packed);
      if (form == EventIdForm::kText) {
        scratch->lengths.push_back(static_cast<std::uint32_t>(id.size()));
        scratch->text.append(id);
      }
    }
    scratch->bytes[row] = static_cast<std::uint8_t>(form);
    if (form != EventIdForm::kNone && form != EventIdForm::kText) packed += kPackedIdBytes;
  }
  return packed;
}

void PutIds(const EventBatch& batch, Scratch* scratch) {
  static_assert(sizeof(Hash128) == kPackedIdBytes);
  scratch->lengths.clear();
  scratch->text.clear();
  scratch->bytes.resize(batch.rows);
  // Room for an id a row, of which the end is given back.
  std::string& packed = scratch->packed;
  packed.resize(batch.rows * kPackedIdBytes);
  auto* const begin = reinterpret_cast<std::uint8_t*>(packed.data());
  packed.resize(static_cast<std::size_t>(PackIds(batch, scratch, begin) - begin));
  const std::vector<std::uint8_t>& forms = scratch->bytes;
  if (std::all_of(forms.begin(), forms.end(), [&](auto form) { return form == forms[0]; })) {
    PutFixed(&scratch->raw, forms[0]);
  } else {
    PutFixed(&scratch->raw, kMixedForms);
    scratch->raw.append(forms.begin(), forms.end());
  }
  PutInts<std::uint32_t>(&scratch->raw, scratch->lengths, false);
  scratch->raw.append(scratch->text);
}

void PutExtraData(const EventBatch& batch, Scratch* scratch) {
  if (batch.extra_data.empty()) return;
  const std::vector<std::uint32_t>& ends = batch.extra_data.ends();
  PutFixed(&scratch->raw, kShapedTexts);
  if (scratch->shaper.Put(batch.extra_data.bytes(), ends, batch.rows, &scratch->raw,
                          &scratch->packed)) {
    return;
  }
  scratch->raw.clear();
  PutFixed(&scratch->raw, kWholeTexts);
  scratch->lengths.assign(batch.rows, 0);
  std::uint32_t begin = 0;
  for (std::size_t row = 0; row < ends.size(); ++row) {
    scratch->lengths[row] = ends[row] - begin;
    begin = ends[row];
  }
  PutInts<std::uint32_t>(&scratch->raw, scratch->lengths, false);
  scratch->raw.append(batch.extra_data.bytes());
}

// Appends scratch.packed and, compressed when that makes it smaller, scratch.raw as the section,
// and empties both.
void FinishSection(std::size_t section, RecordHeader* header, Scratch* scratch, std::string* out) {
  std::string& raw = scratch->raw;
  std::string& packed = scratch->packed;
  const std::size_t begin = out->size();
  if (!raw.empty()) PutBytes(out, packed);
  std::size_t size = 0;
  if (raw.size() >= kCompressBytesMin && raw.size() <= LZ4_MAX_INPUT_SIZE) {
    if (scratch->block.size() < raw.size()) scratch->block.resize(raw.size());
    size = static_cast<std::size_t>(LZ4_compress_fast_extState(
        scratch->lz4.get(), raw.data(), scratch->block.data(), static_cast<int>(raw.size()),
        static_cast<int>(raw.size() - 1), kLz4Acceleration));
  }
  if (size != 0) {
    header->compressed = static_cast<std::uint8_t>(header->compressed | 1u << section);
    out->append(scratch->block, 0, size);
  } else {
    out->append(raw);
  }
  const std::string_view stored = std::string_view(*out).substr(begin);
  header->sections[section] = {static_cast<std::uint32_t>(raw.size()),
                               static_cast<std::uint32_t>(stored.size()),
                               HashBytes(stored, kRecordChecksumSeed)};
  raw.clear();
  packed.clear();
}

}  // namespace

void EncodeRecord(const EventBatch& batch, std::string* out) {
  assert(batch.rows >= 1 && batch.rows <= kRecordRowsMax);
  assert(batch.time_ms.size() == batch.rows && batch.flags.size() == batch.rows &&
         batch.keys.size() == batch.rows);
  thread_local Scratch scratch;
  RecordHeader header;
  header.rows = static_cast<std::uint32_t>(batch.rows);
  const std::size_t begin = out->size();
  out->resize(begin + sizeof header);

  PutCore(batch, &scratch);
  FinishSection(kCoreSection, &header, &scratch, out);
  PutIds(batch, &scratch);
  FinishSection(kIdsSection, &header, &scratch, out);
  PutExtraData(batch, &scratch);
  FinishSection(kExtraSection, &header, &scratch, out);

  const std::string_view head(reinterpret_cast<const char*>(&header),
                              offsetof(RecordHeader, checksum));
  header.checksum = HashBytes(head, kRecordChecksumSeed);
  std::memcpy(out->data() + begin, &header, sizeof header);
  if (scratch.capacity() > kScratchBytesMax) scratch = Scratch();
}

}  // namespace v1
}  // namespace insightflow
