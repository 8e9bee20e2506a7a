#include <lz4.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "lib/base/coding.h"
#include "lib/base/packed_ints.h"
#include "lib/log/codec.h"
#include "lib/log/record_format.h"
#include "lib/model/event_id_form.h"
#include "lib/model/key.h"
#include "lib/model/packed_texts.h"
#include "lib/model/text_shapes.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kScratchBytesMax = std::size_t{16} << 20;

struct Scratch {
  std::string raw;
  std::vector<std::uint32_t> values;
  std::vector<std::uint32_t> codes;
  std::vector<std::uint32_t> ends;
  std::vector<std::uint64_t> wide_values;
  std::string text;
  ByteBuffer bytes;
  TextUnshaper texts;
};

// What a section holds: what was packed outside of LZ4 (in version 1 nothing), and the rest.
struct SectionBytes {
  std::uint8_t version = 0;
  std::string_view packed;
  std::string_view raw;
};

Status Damaged(const char* what) { return DataLoss(std::string("log record: ") + what); }

std::string_view Head(std::string_view record) {
  return record.substr(0, offsetof(RecordHeader, checksum));
}

Status ReadHeader(std::string_view record, RecordHeader* header) {
  if (record.empty()) return Damaged("empty");
  if (record.front() < 1 || record.front() > kRecordVersion) return Damaged("unknown version");
  if (record.size() < sizeof *header) return Damaged("cut off in its header");
  std::memcpy(header, record.data(), sizeof *header);
  if (HashBytes(Head(record), kRecordChecksumSeed) != header->checksum) {
    return Damaged("wrong checksum of its header");
  }
  if (header->rows == 0 || header->rows > kRecordRowsMax || header->reserved != 0 ||
      header->compressed >> kRecordSections != 0) {
    return Damaged("impossible header");
  }
  std::uint64_t stored = sizeof *header;
  for (std::size_t s = 0; s < kRecordSections; ++s) {
    const RecordSection& section = header->sections[s];
    stored += section.stored_bytes;
    const bool compressed = (header->compressed >> s & 1) != 0;
    const std::uint64_t raw_max =
        compressed
            ? std::min<std::uint64_t>(section.stored_bytes * kLz4RatioMax, LZ4_MAX_INPUT_SIZE)
            : section.stored_bytes;
    if (section.raw_bytes > raw_max) return Damaged("impossible size of a section");
  }
  if (stored != record.size()) return Damaged("size does not match its header");
  // Every row has flags: so the row count is backed by bytes that are there.
  const std::uint32_t rows_a_byte = header->version == 1 ? 1 : 8;
  if (header->sections[kCoreSection].raw_bytes < header->rows / rows_a_byte) {
    return Damaged("too many rows");
  }
  return Status::Ok();
}

// The verified, decompressed bytes of a section; they live until the next call.
Status ReadSection(std::string_view record, const RecordHeader& header, std::size_t s,
                   Scratch* scratch, SectionBytes* bytes) {
  std::size_t begin = sizeof header;
  for (std::size_t i = 0; i < s; ++i) begin += header.sections[i].stored_bytes;
  const RecordSection& section = header.sections[s];
  std::string_view stored = record.substr(begin, section.stored_bytes);
  if (HashBytes(stored, kRecordChecksumSeed) != section.checksum) {
    return Damaged("wrong checksum of a section");
  }
  *bytes = {header.version, {}, {}};
  if (header.version > 1 && !stored.empty()) {
    ByteReader in(stored);
    if (!in.GetBytes(&bytes->packed)) return Damaged("impossible size of a section");
    stored = stored.substr(stored.size() - in.remaining());
  }
  if ((header.compressed >> s & 1) == 0) {
    if (stored.size() != section.raw_bytes) return Damaged("impossible size of a section");
    bytes->raw = stored;
    return Status::Ok();
  }
  if (scratch->raw.size() < section.raw_bytes) scratch->raw.resize(section.raw_bytes);
  const int size =
      LZ4_decompress_safe(stored.data(), scratch->raw.data(), static_cast<int>(stored.size()),
                          static_cast<int>(section.raw_bytes));
  if (size < 0 || static_cast<std::uint32_t>(size) != section.raw_bytes) {
    return Damaged("a section does not decompress");
  }
  bytes->raw = std::string_view(scratch->raw).substr(0, section.raw_bytes);
  return Status::Ok();
}

// Turns lengths into ends, after a 0 when `from_zero`. Returns the sum, or UINT64_MAX when one of
// them is 0 and must not be. Lengths are checked against the bytes there before they are used.
std::uint64_t SumLengths(const std::vector<std::uint32_t>& lengths, bool zero_allowed,
                         bool from_zero, std::vector<std::uint32_t>* ends) {
  ends->resize(lengths.size() + (from_zero ? 1 : 0));
  std::uint32_t* to = ends->data();
  if (from_zero) *to++ = 0;
  std::uint64_t sum = 0;
  bool zero = false;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    zero |= lengths[i] == 0;
    sum += lengths[i];
    to[i] = static_cast<std::uint32_t>(sum);
  }
  return zero && !zero_allowed ? UINT64_MAX : sum;
}

// Where the parts of the core section are read.
struct CoreReader {
  bool version_1;
  ByteReader* in;
  ByteReader* texts;
  ByteReader* packed;
};

bool GetTimes(ByteReader* in, Scratch* scratch, EventBatch* batch) {
  std::uint64_t base;
  if (!in->GetFixed(&base) || !GetInts(in, batch->rows, &scratch->wide_values)) return false;
  batch->time_ms.resize(batch->rows);
  for (std::size_t row = 0; row < batch->rows; ++row) {
    batch->time_ms[row] = static_cast<std::int64_t>(base + scratch->wide_values[row]);
  }
  return true;
}

bool GetFlags(const CoreReader& core, EventBatch* batch) {
  std::string_view bytes;
  std::uint8_t all = 0;
  if (core.version_1) {
    if (!core.in->GetRaw(batch->rows, &bytes)) return false;
    batch->flags.assign(bytes.begin(), bytes.end());
    for (const std::uint8_t flags : batch->flags) all |= flags;
    return (all & ~kStoredFlags) == 0;
  }
  std::uint8_t bits;
  if (!core.in->GetFixed(&bits) || (bits != 1 && bits != 2 && bits != 4) ||
      !core.in->GetRaw(BitPlaneBytes(bits, batch->rows), &bytes)) {
    return false;
  }
  batch->flags.resize(batch->rows);
  std::uint8_t* const to = batch->flags.data();
  return TakeBitPlane(bytes, batch->rows, bits,
                      [to](std::size_t row, std::uint8_t flags) { to[row] = flags; });
}

// Leaves the entries' ends in scratch.ends and returns their bytes, of which packed ones live in
// scratch.text.
bool GetEntries(std::size_t entries, const CoreReader& core, Scratch* scratch,
                std::string_view* data) {
  std::uint8_t ending = 0;
  if (!core.version_1 && !core.in->GetFixed(&ending)) return false;
  if (ending == 0) {
    if (!GetInts(core.in, entries, &scratch->values)) return false;
    const std::uint64_t bytes = SumLengths(scratch->values, false, true, &scratch->ends);
    return bytes <= core.texts->remaining() &&
           core.texts->GetRaw(static_cast<std::size_t>(bytes), data);
  }
  std::uint64_t prefix_bytes;
  std::string_view prefix;
  std::string_view packed;
  if (!core.in->GetVarint(&prefix_bytes) || prefix_bytes > kPackedPrefixMax ||
      !core.texts->GetRaw(static_cast<std::size_t>(prefix_bytes), &prefix) ||
      !core.packed->GetRaw(entries * EndingPackedBytes(ending), &packed)) {
    return false;
  }
  scratch->text.clear();
  if (!UnpackTexts(prefix, ending, packed, &scratch->text)) return false;
  *data = scratch->text;
  const std::size_t length = prefix.size() + EndingTextBytes(ending);
  scratch->ends.resize(entries + 1);
  for (std::size_t i = 0; i <= entries; ++i) {
    scratch->ends[i] = static_cast<std::uint32_t>(i * length);
  }
  return true;
}

bool AreWithin(const std::vector<std::uint32_t>& codes, std::size_t entries) {
  std::uint32_t greatest = 0;
  for (const std::uint32_t code : codes) greatest = std::max(greatest, code);
  return greatest <= entries;
}

// Reads the rows' codes into scratch.codes.
bool GetCodes(std::size_t rows, std::size_t entries, const CoreReader& core, Scratch* scratch) {
  std::vector<std::uint32_t>& codes = scratch->codes;
  if (core.version_1 || !MarksNewEntries(rows, entries)) {
    return GetInts(core.in, rows, &codes) && AreWithin(codes, entries);
  }
  std::string_view marks;
  if (!core.in->GetRaw(BitPlaneBytes(1, rows), &marks)) return false;
  std::size_t marked = 0;
  for (const char byte : marks) {
    marked += static_cast<std::size_t>(std::popcount(static_cast<std::uint8_t>(byte)));
  }
  std::vector<std::uint32_t>& others = scratch->values;
  if (marked != entries || !GetInts(core.in, rows - entries, &others)) return false;
  if (!AreWithin(others, entries)) return false;
  others.push_back(0);  // is read, and not used, behind the last
  codes.resize(rows);
  std::uint32_t* const to = codes.data();
  const std::uint32_t* const other = others.data();
  std::uint32_t seen = 0;
  return TakeBitPlane(marks, rows, 1, [=, &seen](std::size_t row, std::uint8_t is_new) {
    const std::uint32_t mask = 0u - is_new;  // not a branch: that could not be foreseen
    to[row] = other[row - seen] & ~mask;
    seen += is_new;
    to[row] |= seen & mask;
  });
}

bool GetTextColumn(std::size_t rows, const CoreReader& core, Scratch* scratch, DictColumn* column) {
  std::uint64_t entries;
  std::string_view data;
  if (!core.in->GetVarint(&entries) || entries == 0 || entries > rows) return false;
  if (!GetEntries(static_cast<std::size_t>(entries), core, scratch, &data)) return false;
  if (!GetCodes(rows, static_cast<std::size_t>(entries), core, scratch)) return false;
  column->Load(scratch->codes, scratch->ends, data);
  return true;
}

// Reads a value for each row with the flag and spreads them over the rows. `values` is scratch.
template <typename Stored, typename Value, typename Convert>
bool GetSparse(ByteReader* in, std::uint8_t flag, const EventBatch& batch,
               std::vector<Stored>* values, std::vector<Value>* column, Convert convert) {
  std::size_t count = 0;
  for (const std::uint8_t flags : batch.flags) count += (flags & flag) != 0 ? 1 : 0;
  if (!GetInts(in, count, values)) return false;
  if (count == 0) return true;
  column->assign(batch.rows, Value{});
  std::size_t next = 0;
  for (std::size_t row = 0; row < batch.rows; ++row) {
    if ((batch.flags[row] & flag) != 0) (*column)[row] = convert((*values)[next++]);
  }
  return true;
}

bool GetCore(const SectionBytes& section, Scratch* scratch, EventBatch* batch) {
  const std::string_view raw = section.raw;
  ByteReader in(raw);
  std::uint16_t present;
  std::uint32_t text_bytes;
  if (!in.GetFixed(&present) || present >> kFieldCount != 0 || !in.GetFixed(&text_bytes) ||
      text_bytes > in.remaining()) {
    return false;
  }
  ByteReader texts(raw.substr(raw.size() - text_bytes));
  ByteReader packed(section.packed);
  in = ByteReader(raw.substr(raw.size() - in.remaining(), in.remaining() - text_bytes));
  const CoreReader core = {section.version == 1, &in, &texts, &packed};
  if (!GetTimes(&in, scratch, batch) || !GetFlags(core, batch)) return false;
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    if ((present >> f & 1) == 0) continue;
    if (!GetTextColumn(batch->rows, core, scratch, &batch->text[f])) return false;
  }
  const auto to_position = [](std::uint32_t v) {
    return static_cast<std::int32_t>(v ^ 0x80000000u);
  };
  const auto to_seq = [](std::uint64_t v) { return v; };
  return GetSparse(&in, kHasPositionX, *batch, &scratch->values, &batch->position_x, to_position) &&
         GetSparse(&in, kHasPositionY, *batch, &scratch->values, &batch->position_y, to_position) &&
         GetSparse(&in, kHasClientSeq, *batch, &scratch->wide_values, &batch->client_seq, to_seq) &&
         in.empty() && texts.empty() && packed.empty();
}

// The ids section, cut into its parts and checked against its size.
struct IdParts {
  std::uint8_t form = 0;   // of all rows, or kMixedForms
  std::string_view forms;  // a byte a row when mixed
  std::string_view packed;
  std::string_view text;
  std::size_t id_bytes = 0;  // of all ids as text

  EventIdForm FormOf(std::size_t row) const {
    return static_cast<EventIdForm>(form == kMixedForms ? static_cast<std::uint8_t>(forms[row])
                                                        : form);
  }
};

// Fills `parts`, and scratch.values with the lengths of ids in text form.
bool SplitIds(const SectionBytes& section, std::size_t rows, Scratch* scratch, IdParts* parts) {
  ByteReader in(section.raw);
  ByteReader outside(section.packed);
  if (!in.GetFixed(&parts->form)) return false;
  std::array<std::size_t, 256> counts = {};
  if (parts->form == kMixedForms) {
    if (!in.GetRaw(rows, &parts->forms)) return false;
    for (const char form : parts->forms) ++counts[static_cast<std::uint8_t>(form)];
  } else {
    counts[parts->form] = rows;
  }
  const auto count = [&](EventIdForm form) { return counts[static_cast<std::size_t>(form)]; };
  const std::size_t hex = count(EventIdForm::kHex);
  const std::size_t uuid = count(EventIdForm::kUuid);
  const std::size_t packed = hex + uuid + count(EventIdForm::kKey);
  const std::size_t text = count(EventIdForm::kText);
  if (packed + text + count(EventIdForm::kNone) != rows) return false;
  ByteReader* const packed_in = section.version == 1 ? &in : &outside;
  if (!packed_in->GetRaw(packed * kPackedIdBytes, &parts->packed) || !outside.empty()) return false;
  if (!GetInts(&in, text, &scratch->values)) return false;
  const std::uint64_t bytes = SumLengths(scratch->values, false, false, &scratch->ends);
  if (bytes != in.remaining() || !in.GetRaw(in.remaining(), &parts->text)) return false;
  parts->id_bytes = hex * kHexIdBytes + uuid * kUuidBytes + parts->text.size();
  return parts->id_bytes <= UINT32_MAX;
}

bool GetIds(const SectionBytes& section, std::uint64_t hash_seed, Scratch* scratch,
            EventBatch* batch) {
  IdParts parts;
  if (!SplitIds(section, batch->rows, scratch, &parts)) return false;
  std::string& ids = scratch->text;
  if (ids.size() < parts.id_bytes) ids.resize(parts.id_bytes);
  scratch->ends.resize(batch->rows);
  batch->keys.resize(batch->rows);
  const auto* packed = reinterpret_cast<const std::uint8_t*>(parts.packed.data());
  const char* text = parts.text.data();
  const std::uint32_t* length = scratch->values.data();
  char* const begin = ids.data();
  char* to = begin;
  for (std::size_t row = 0; row < batch->rows; ++row) {
    char* const id = to;
    switch (parts.FormOf(row)) {
      case EventIdForm::kNone: break;
      case EventIdForm::kKey:
        std::memcpy(&batch->keys[row], packed, kPackedIdBytes);
        packed += kPackedIdBytes;
        break;
      case EventIdForm::kHex:
        UnpackHexId(packed, to);
        packed += kPackedIdBytes;
        to += kHexIdBytes;
        break;
      case EventIdForm::kUuid:
        UnpackUuid(packed, to);
        packed += kPackedIdBytes;
        to += kUuidBytes;
        break;
      case EventIdForm::kText:
        std::memcpy(to, text, *length);
        text += *length;
        to += *length++;
        break;
    }
    if (to != id) {
      batch->keys[row] = EventIdKey({id, static_cast<std::size_t>(to - id)}, hash_seed);
    }
    scratch->ends[row] = static_cast<std::uint32_t>(to - begin);
  }
  if (to != begin) batch->event_id.Load(scratch->ends, {begin, parts.id_bytes});
  return true;
}

// Leaves ids as they are stored.
bool TakeIds(const SectionBytes& section, Scratch* scratch, EventBatch* batch,
             StoredTexts* stored) {
  IdParts parts;
  if (!SplitIds(section, batch->rows, scratch, &parts)) return false;
  stored->id_forms.resize(batch->rows);
  stored->packed_ids.assign(batch->rows, Hash128());
  const char* packed = parts.packed.data();
  const std::uint32_t* length = scratch->values.data();
  scratch->ends.resize(batch->rows);
  std::uint32_t end = 0;
  for (std::size_t row = 0; row < batch->rows; ++row) {
    const EventIdForm form = parts.FormOf(row);
    stored->id_forms[row] = static_cast<std::uint8_t>(form);
    if (form == EventIdForm::kText) {
      end += *length++;
    } else if (form != EventIdForm::kNone) {
      std::memcpy(&stored->packed_ids[row], packed, kPackedIdBytes);
      packed += kPackedIdBytes;
    }
    scratch->ends[row] = end;
  }
  if (end != 0) batch->event_id.Load(scratch->ends, parts.text);
  return true;
}

// `stored`: where shapes stay shapes; may be null.
bool GetExtraData(const SectionBytes& section, Scratch* scratch, EventBatch* batch,
                  StoredTexts* stored) {
  const std::string_view raw = section.raw;
  ByteReader packed(section.packed);
  if (raw.empty()) return packed.empty();
  ByteReader in(raw);
  std::uint8_t form = kWholeTexts;
  if (section.version > 2 && !in.GetFixed(&form)) return false;
  if (form == kShapedTexts && stored != nullptr) {
    return scratch->texts.Get(&in, &packed, batch->rows, &stored->extra_data) && in.empty() &&
           packed.empty();
  }
  if (form == kShapedTexts) {
    if (!scratch->texts.Get(&in, &packed, batch->rows, &scratch->bytes, &scratch->ends)) {
      return false;
    }
    batch->extra_data.Swap(&scratch->ends, &scratch->bytes);
    return in.empty() && packed.empty();
  }
  if (form != kWholeTexts || !packed.empty()) return false;
  if (!GetInts(&in, batch->rows, &scratch->values)) return false;
  if (SumLengths(scratch->values, true, false, &scratch->ends) != in.remaining()) return false;
  batch->extra_data.Load(scratch->ends, raw.substr(raw.size() - in.remaining()));
  return true;
}

// `stored` may be null.
Status DecodeParts(std::string_view record, const RecordParts& parts, std::uint64_t hash_seed,
                   Scratch* scratch, EventBatch* batch, StoredTexts* stored) {
  RecordHeader header;
  Status status = ReadHeader(record, &header);
  if (!status.ok()) return status;
  batch->rows = header.rows;
  batch->time_ms.assign(batch->rows, 0);
  batch->flags.assign(batch->rows, 0);
  batch->keys.assign(batch->rows, Hash128{});
  SectionBytes section;
  if (parts.core) {
    status = ReadSection(record, header, kCoreSection, scratch, &section);
    if (!status.ok()) return status;
    if (!GetCore(section, scratch, batch)) return Damaged("impossible columns");
  }
  if (parts.ids) {
    status = ReadSection(record, header, kIdsSection, scratch, &section);
    if (!status.ok()) return status;
    const bool read = stored != nullptr ? TakeIds(section, scratch, batch, stored)
                                        : GetIds(section, hash_seed, scratch, batch);
    if (!read) return Damaged("impossible event ids");
  }
  if (parts.extra_data) {
    status = ReadSection(record, header, kExtraSection, scratch, &section);
    if (!status.ok()) return status;
    if (!GetExtraData(section, scratch, batch, stored)) return Damaged("impossible extra_data");
  }
  return Status::Ok();
}

Status DecodeWith(std::string_view record, const RecordParts& parts, std::uint64_t hash_seed,
                  EventBatch* batch, StoredTexts* stored) {
  thread_local Scratch scratch;
  batch->Clear();
  Status status = DecodeParts(record, parts, hash_seed, &scratch, batch, stored);
  if (!status.ok()) batch->Clear();
  if (scratch.raw.capacity() + scratch.text.capacity() + scratch.texts.memory() >
      kScratchBytesMax) {
    scratch = Scratch();
  }
  return status;
}

}  // namespace

Status DecodeRecord(std::string_view record, const RecordParts& parts, std::uint64_t hash_seed,
                    EventBatch* batch) {
  return DecodeWith(record, parts, hash_seed, batch, nullptr);
}

Status DecodeRecord(std::string_view record, EventBatch* batch, StoredTexts* stored) {
  stored->Clear();
  Status status = DecodeWith(record, RecordParts(), 0, batch, stored);
  if (!status.ok()) stored->Clear();
  return status;
}

Result<std::uint32_t> RecordRows(std::string_view record) {
  RecordHeader header;
  Status status = ReadHeader(record, &header);
  if (!status.ok()) return status;
  return header.rows;
}

Status VerifyRecord(std::string_view record) {
  EventBatch batch;
  return DecodeRecord(record, RecordParts(), 0, &batch);
}

}  // namespace v1
}  // namespace insightflow
