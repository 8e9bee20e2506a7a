// The columns with a text of its own in each row: event ids and extra_data.

#include <algorithm>
#include <array>
#include <cstring>

#include "lib/segments/column_codec.h"
#include "lib/segments/column_encoding.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint8_t kTerminated = 0;  // every row's bytes end in a 0, and have none inside
constexpr std::uint8_t kLengths = 1;     // the lengths of all rows come first

// Counts of forms, and what the ids are unpacked from.
struct IdInput {
  std::array<std::size_t, kEventIdForms> counts = {};
  std::string_view packed;
  std::string_view texts;

  std::size_t count(EventIdForm form) const { return counts[static_cast<std::size_t>(form)]; }
};

// Fills `ids`, scratch.bytes with the forms and scratch.values32 with the lengths of texts.
bool SplitIds(ByteReader* in, std::size_t rows, ColumnScratch* scratch, IdInput* ids) {
  std::vector<std::uint8_t>& forms = scratch->bytes;
  forms.resize(rows);
  if (!GetPatched<std::uint8_t>(in, forms, &scratch->patch)) return false;
  for (const std::uint8_t form : forms) {
    if (form >= kEventIdForms) return false;
    ++ids->counts[form];
  }
  const std::size_t packed = rows - ids->count(EventIdForm::kNone) - ids->count(EventIdForm::kText);
  if (!in->GetRaw(packed * kPackedIdBytes, &ids->packed)) return false;
  std::vector<std::uint32_t>& lengths = scratch->values32;
  lengths.resize(ids->count(EventIdForm::kText));
  if (!GetPatched<std::uint32_t>(in, lengths, &scratch->patch)) return false;
  std::uint64_t bytes = 0;
  for (const std::uint32_t length : lengths) {
    bytes += length;
    if (length == 0) return false;
  }
  return bytes <= in->remaining() && in->GetRaw(static_cast<std::size_t>(bytes), &ids->texts);
}

}  // namespace

bool GetEventIds(ByteReader* in, ColumnScratch* scratch, SegmentBlock* block) {
  IdInput ids;
  if (!SplitIds(in, block->rows, scratch, &ids)) return false;
  block->keys.assign(block->rows, Hash128{});
  block->event_id.resize(block->rows);
  block->id_bytes.clear();
  char* to = block->id_bytes.Extend(ids.count(EventIdForm::kHex) * kHexIdBytes +
                                    ids.count(EventIdForm::kUuid) * kUuidBytes + ids.texts.size());
  const auto* packed = reinterpret_cast<const std::uint8_t*>(ids.packed.data());
  const char* text = ids.texts.data();
  const std::uint32_t* length = scratch->values32.data();
  for (std::size_t row = 0; row < block->rows; ++row) {
    std::size_t size = 0;
    switch (static_cast<EventIdForm>(scratch->bytes[row])) {
      case EventIdForm::kNone: break;
      case EventIdForm::kKey:
        std::memcpy(&block->keys[row], packed, kPackedIdBytes);
        packed += kPackedIdBytes;
        break;
      case EventIdForm::kHex:
        UnpackHexId(packed, to);
        packed += kPackedIdBytes;
        size = kHexIdBytes;
        break;
      case EventIdForm::kUuid:
        UnpackUuid(packed, to);
        packed += kPackedIdBytes;
        size = kUuidBytes;
        break;
      case EventIdForm::kText:
        size = *length++;
        std::memcpy(to, text, size);
        text += size;
        break;
    }
    block->event_id[row] = {to, size};
    to += size;
  }
  return true;
}

namespace {

bool PutShapedRows(std::span<const std::string_view> rows, ColumnScratch* scratch,
                   std::string* out) {
  std::string& bytes = scratch->texts;
  std::vector<std::uint32_t>& ends = scratch->values32;
  std::string& numbers = scratch->packed;
  bytes.clear();
  ends.clear();
  numbers.clear();
  for (const std::string_view row : rows) {
    if (bytes.size() + row.size() > kShapedBytesMax) return false;
    bytes.append(row);
    ends.push_back(static_cast<std::uint32_t>(bytes.size()));
  }
  if (!scratch->shaper.Put(bytes, ends, rows.size(), out, &numbers, ShapeNumbers::kDivided)) {
    return false;
  }
  out->append(numbers);
  return true;
}

bool GetShapedRows(ByteReader* in, ShapeNumbers form, ColumnScratch* scratch, SegmentBlock* block) {
  std::vector<std::uint32_t>& ends = scratch->values32;
  if (!scratch->unshaper.Get(in, in, block->rows, &block->extra_bytes, &ends, form)) return false;
  const std::string_view bytes = block->extra_bytes.view();
  block->extra_data.resize(block->rows);
  std::uint32_t begin = 0;
  for (std::size_t row = 0; row < block->rows; ++row) {
    block->extra_data[row] = {bytes.data() + begin, ends[row] - begin};
    begin = ends[row];
  }
  return true;
}

}  // namespace

std::uint8_t PutExtraData(std::span<const std::string_view> rows, ColumnScratch* scratch,
                          std::string* out) {
  if (PutShapedRows(rows, scratch, out)) return kShapedQuotients;
  const bool terminated = std::all_of(rows.begin(), rows.end(), [](std::string_view row) {
    return row.empty() || std::memchr(row.data(), 0, row.size()) == nullptr;
  });
  PutFixed(out, terminated ? kTerminated : kLengths);
  if (!terminated) {
    scratch->values32.clear();
    for (const std::string_view row : rows) {
      scratch->values32.push_back(static_cast<std::uint32_t>(row.size()));
    }
    PutPatched<std::uint32_t>(out, scratch->values32, &scratch->patch);
  }
  for (const std::string_view row : rows) {
    out->append(row);
    if (terminated) out->push_back('\0');
  }
  return kFirstEncoding;
}

bool GetExtraData(ByteReader* in, std::uint8_t encoding, ColumnScratch* scratch,
                  SegmentBlock* block) {
  if (encoding != kFirstEncoding) {
    const bool divided = encoding == kShapedQuotients;
    return GetShapedRows(in, divided ? ShapeNumbers::kDivided : ShapeNumbers::kPlain, scratch,
                         block);
  }
  std::uint8_t form;
  if (!in->GetFixed(&form) || form > kLengths) return false;
  std::vector<std::uint32_t>& lengths = scratch->values32;
  lengths.resize(block->rows);
  if (form == kLengths && !GetPatched<std::uint32_t>(in, lengths, &scratch->patch)) return false;
  std::string_view bytes;
  if (!in->GetRaw(in->remaining(), &bytes)) return false;
  block->extra_bytes.clear();
  block->extra_bytes.Append(bytes);
  bytes = block->extra_bytes.view();
  block->extra_data.resize(block->rows);
  for (std::size_t row = 0; row < block->rows; ++row) {
    const std::size_t end = form == kLengths ? lengths[row] : bytes.find('\0');
    const std::size_t next = form == kLengths ? end : end + 1;
    if (end == std::string_view::npos || next > bytes.size()) return false;
    block->extra_data[row] = bytes.substr(0, end);
    bytes.remove_prefix(next);
  }
  return bytes.empty();
}

}  // namespace v1
}  // namespace insightflow
