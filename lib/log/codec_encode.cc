#include <lz4.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/base/coding.h"
#include "lib/log/codec.h"
#include "lib/log/event_id_form.h"
#include "lib/log/packed_ints.h"
#include "lib/log/record_format.h"

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
  std::string raw;    // the section under way
  std::string texts;  // the dictionaries' entries, which end the core section
  Values32 codes;
  Values32 new_codes;
  Values32 lengths;
  std::vector<std::uint64_t> values;
  std::vector<std::uint8_t> forms;
  std::string text;
  std::unique_ptr<LZ4_stream_t> lz4 = std::make_unique<LZ4_stream_t>();
};

// How many entries rows use when these are numbered by first use already, else -1.
std::int64_t EntriesInOrder(std::span<const std::uint32_t> codes) {
  std::uint32_t seen = 0;
  bool jumps = false;
  for (const std::uint32_t code : codes) {
    jumps |= code > seen + 1;
    seen = std::max(seen, code);
  }
  return jumps ? -1 : std::int64_t{seen};
}

// Appends a column's numbers: how many entries, their lengths, the rows' codes.
void PutColumn(std::span<const std::uint32_t> codes, std::span<const std::uint32_t> lengths,
               std::string* out) {
  PutVarint(out, lengths.size());
  PutInts(out, lengths, false);
  // All rows differ: codes 1, 2, 3, … take no bytes as differences.
  PutInts(out, codes, lengths.size() == codes.size());
}

// Numbers the entries by first use, drops those that no row uses, and appends the column.
void PutRenumbered(const DictColumn& column, Scratch* scratch) {
  Values32& codes = scratch->codes;
  Values32& new_codes = scratch->new_codes;
  new_codes.assign(column.entries() + 1, 0);
  scratch->lengths.clear();
  for (std::uint32_t& code : codes) {
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
  PutColumn(codes, scratch->lengths, &scratch->raw);
}

// Appends a column unless no row has a value; says whether it did.
bool PutTextColumn(const DictColumn& column, std::size_t rows, Scratch* scratch) {
  if (column.empty()) return false;
  Values32& codes = scratch->codes;
  codes.assign(column.codes().begin(), column.codes().end());
  codes.resize(rows);
  const std::int64_t in_order = EntriesInOrder(codes);
  if (in_order == 0) return false;
  if (in_order < 0) {
    PutRenumbered(column, scratch);
    return true;
  }
  const std::vector<std::uint32_t>& ends = column.ends();
  scratch->lengths.resize(static_cast<std::size_t>(in_order));
  for (std::size_t i = 0; i < scratch->lengths.size(); ++i) {
    scratch->lengths[i] = ends[i + 1] - ends[i];
  }
  scratch->texts.append(column.data().substr(0, ends[scratch->lengths.size()]));
  PutColumn(codes, scratch->lengths, &scratch->raw);
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

void PutPositions(const EventBatch& batch, std::uint8_t flag,
                  const std::vector<std::int32_t>& positions, Scratch* scratch) {
  Values32& values = scratch->codes;
  values.clear();
  for (std::size_t row = 0; row < positions.size(); ++row) {
    if ((batch.flags[row] & flag) == 0) continue;
    values.push_back(static_cast<std::uint32_t>(positions[row]) ^ 0x80000000u);  // keeps the order
  }
  PutInts<std::uint32_t>(&scratch->raw, values, false);
}

void PutClientSeqs(const EventBatch& batch, Scratch* scratch) {
  scratch->values.clear();
  for (std::size_t row = 0; row < batch.client_seq.size(); ++row) {
    if ((batch.flags[row] & kHasClientSeq) != 0) scratch->values.push_back(batch.client_seq[row]);
  }
  PutInts<std::uint64_t>(&scratch->raw, scratch->values, true);
}

void PutCore(const EventBatch& batch, Scratch* scratch) {
  std::string& raw = scratch->raw;
  std::uint16_t present = 0;  // bit f: field f has a column
  std::uint32_t text_bytes = 0;
  raw.resize(sizeof present + sizeof text_bytes);
  PutTimes(batch, scratch);
  for (const std::uint8_t flags : batch.flags) {
    raw.push_back(static_cast<char>(flags & kStoredFlags));
  }
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
    scratch->forms[row] = static_cast<std::uint8_t>(form);
    if (form != EventIdForm::kNone && form != EventIdForm::kText) packed += kPackedIdBytes;
  }
  return packed;
}

// Returns whether the section may shrink: ids in 16 bytes do not.
bool PutIds(const EventBatch& batch, Scratch* scratch) {
  static_assert(sizeof(Hash128) == kPackedIdBytes);
  std::string& raw = scratch->raw;
  scratch->lengths.clear();
  scratch->text.clear();
  scratch->forms.resize(batch.rows);
  // Room for a form and an id a row, of which the end is given back.
  raw.resize(1 + batch.rows + batch.rows * kPackedIdBytes);
  auto* const begin = reinterpret_cast<std::uint8_t*>(raw.data());
  std::uint8_t* packed = begin + 1 + batch.rows;
  const std::uint8_t* const packed_end = PackIds(batch, scratch, packed);
  const std::vector<std::uint8_t>& forms = scratch->forms;
  const auto packed_bytes = static_cast<std::size_t>(packed_end - packed);
  if (std::all_of(forms.begin(), forms.end(), [&](auto form) { return form == forms[0]; })) {
    begin[0] = forms[0];
    std::memmove(begin + 1, packed, packed_bytes);
    raw.resize(1 + packed_bytes);
  } else {
    begin[0] = kMixedForms;
    std::copy(forms.begin(), forms.end(), begin + 1);
    raw.resize(1 + batch.rows + packed_bytes);
  }
  PutInts<std::uint32_t>(&raw, scratch->lengths, false);
  raw.append(scratch->text);
  return packed_bytes < raw.size() / 2;
}

void PutExtraData(const EventBatch& batch, Scratch* scratch) {
  if (batch.extra_data.empty()) return;
  const std::vector<std::uint32_t>& ends = batch.extra_data.ends();
  scratch->lengths.assign(batch.rows, 0);
  std::uint32_t begin = 0;
  for (std::size_t row = 0; row < ends.size(); ++row) {
    scratch->lengths[row] = ends[row] - begin;
    begin = ends[row];
  }
  PutInts<std::uint32_t>(&scratch->raw, scratch->lengths, false);
  scratch->raw.append(batch.extra_data.bytes());
}

// Appends scratch.raw as the section, compressed when that makes it smaller, and empties it.
void FinishSection(std::size_t section, bool may_shrink, RecordHeader* header, Scratch* scratch,
                   std::string* out) {
  std::string& raw = scratch->raw;
  const std::size_t begin = out->size();
  std::size_t stored = 0;
  if (may_shrink && raw.size() >= kCompressBytesMin && raw.size() <= LZ4_MAX_INPUT_SIZE) {
    const std::size_t room = raw.size() - 1;
    out->resize(begin + room);
    stored = static_cast<std::size_t>(LZ4_compress_fast_extState(
        scratch->lz4.get(), raw.data(), out->data() + begin, static_cast<int>(raw.size()),
        static_cast<int>(room), kLz4Acceleration));
    out->resize(begin + stored);
  }
  if (stored != 0) {
    header->compressed = static_cast<std::uint8_t>(header->compressed | 1u << section);
  } else {
    out->append(raw);
    stored = raw.size();
  }
  header->sections[section] = {
      static_cast<std::uint32_t>(raw.size()), static_cast<std::uint32_t>(stored),
      HashBytes(std::string_view(*out).substr(begin), kRecordChecksumSeed)};
  raw.clear();
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
  FinishSection(kCoreSection, true, &header, &scratch, out);
  const bool ids_shrink = PutIds(batch, &scratch);
  FinishSection(kIdsSection, ids_shrink, &header, &scratch, out);
  PutExtraData(batch, &scratch);
  FinishSection(kExtraSection, true, &header, &scratch, out);

  const std::string_view head(reinterpret_cast<const char*>(&header),
                              offsetof(RecordHeader, checksum));
  header.checksum = HashBytes(head, kRecordChecksumSeed);
  std::memcpy(out->data() + begin, &header, sizeof header);
  if (scratch.raw.capacity() > kScratchBytesMax) scratch = Scratch();
}

}  // namespace v1
}  // namespace insightflow
