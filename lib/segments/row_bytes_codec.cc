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

// Leaves ids as they are stored.
void TakePackedIds(const IdInput& ids, const ColumnScratch& scratch, SegmentBlock* block) {
  block->id_forms.assign(scratch.bytes.begin(), scratch.bytes.end());
  block->packed_ids.resize(block->rows);
  if (ids.packed.size() == block->rows * kPackedIdBytes) {
    std::memcpy(block->packed_ids.data(), ids.packed.data(), ids.packed.size());
    return;
  }
  block->id_bytes.clear();
  block->id_bytes.Append(ids.texts);
  const char* packed = ids.packed.data();
  const char* text = block->id_bytes.data();
  const std::uint32_t* length = scratch.values32.data();
  if (ids.count(EventIdForm::kText) != 0) block->event_id.assign(block->rows, {});
  for (std::size_t row = 0; row < block->rows; ++row) {
    const auto form = static_cast<EventIdForm>(block->id_forms[row]);
    block->packed_ids[row] = {};
    if (form == EventIdForm::kNone) continue;
    if (form == EventIdForm::kText) {
      block->event_id[row] = {text, *length};
      text += *length++;
    } else {
      std::memcpy(&block->packed_ids[row], packed, kPackedIdBytes);
      packed += kPackedIdBytes;
    }
  }
}

}  // namespace

bool GetEventIds(ByteReader* in, ColumnScratch* scratch, SegmentBlock* block) {
  IdInput ids;
  if (!SplitIds(in, block->rows, scratch, &ids)) return false;
  if (block->wants_packed_ids) {
    TakePackedIds(ids, *scratch, block);
    return true;
  }
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

bool PutShapedRows(ExtraRows* rows, ColumnScratch* scratch, std::string* out) {
  std::string& numbers = scratch->packed;
  numbers.clear();
  if (!rows->PutShaped(out, &numbers)) {
    const TextPile& texts = rows->AsTexts();
    if (!scratch->shaper.Put(texts.bytes.view(), texts.ends, texts.size(), out, &numbers,
                             ShapeNumbers::kDivided)) {
      return false;
    }
  }
  out->append(numbers);
  return true;
}

bool GetShapedRows(ByteReader* in, ShapeNumbers form, ColumnScratch* scratch, SegmentBlock* block) {
  if (block->wants_shaped_extra) {
    return scratch->unshaper.Get(in, in, block->rows, &block->shaped_extra, form);
  }
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

std::uint8_t PutExtraData(ExtraRows* extra, ColumnScratch* scratch, std::string* out) {
  if (PutShapedRows(extra, scratch, out)) return kShapedQuotients;
  const TextPile& rows = extra->AsTexts();
  const bool terminated = rows.bytes.view().find('\0') == std::string_view::npos;
  PutFixed(out, terminated ? kTerminated : kLengths);
  if (!terminated) {
    scratch->values32.clear();
    for (std::size_t row = 0; row < rows.size(); ++row) {
      scratch->values32.push_back(static_cast<std::uint32_t>(rows.At(row).size()));
    }
    PutPatched<std::uint32_t>(out, scratch->values32, &scratch->patch);
    out->append(rows.bytes.view());
    return kFirstEncoding;
  }
  for (std::size_t row = 0; row < rows.size(); ++row) {
    out->append(rows.At(row));
    out->push_back('\0');
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
