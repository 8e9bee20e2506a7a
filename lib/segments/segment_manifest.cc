#include "lib/segments/segment_manifest.h"

#include "lib/base/coding.h"
#include "lib/base/hash.h"
#include "lib/base/packed_ints.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint8_t kManifestVersion = 2;  // 1 had no erasures
constexpr std::uint8_t kReceiptsVersion = 1;
// The checksum covers the version: a damaged one does not pass for a newer one.
constexpr std::uint64_t kChecksumSeed = 1;
constexpr std::size_t kChecksumBytes = sizeof(std::uint64_t);
// The fewest bytes that an entry takes.
constexpr std::size_t kEntryBytesMin = 8;
constexpr std::size_t kErasureBytesMin = 11;

void Seal(std::string* bytes) { PutFixed(bytes, HashBytes(*bytes, kChecksumSeed)); }

// Leaves in `in` what is between the version, 1 to `newest`, and the checksum.
Status Unseal(std::string_view bytes, std::uint8_t newest, const std::string& what, ByteReader* in,
              std::uint8_t* version) {
  if (bytes.size() < 1 + kChecksumBytes) return DataLoss(what + " is cut off");
  const std::string_view checked = bytes.substr(0, bytes.size() - kChecksumBytes);
  std::uint64_t checksum = 0;
  ByteReader(bytes.substr(checked.size())).GetFixed(&checksum);
  if (checksum != HashBytes(checked, kChecksumSeed)) {
    return DataLoss("the checksum of " + what + " does not match");
  }
  *version = static_cast<std::uint8_t>(checked[0]);
  if (*version == 0 || *version > newest) {
    return FailedPrecondition(what + " has version " + std::to_string(*version) +
                              ", this build reads up to " + std::to_string(newest) +
                              "; use a newer build");
  }
  *in = ByteReader(checked.substr(1));
  return Status::Ok();
}

bool GetEntry(ByteReader* in, const SegmentEntry& before, SegmentEntry* entry) {
  std::uint32_t day = 0;
  std::uint32_t min_time = 0;
  std::uint32_t time_span = 0;
  std::uint64_t sequence_span = 0;
  if (!GetVarintOf(in, &day) || !in->GetVarint(&entry->key.id) || !GetVarintOf(in, &entry->rows) ||
      !in->GetVarint(&entry->bytes) || !in->GetVarint(&entry->min_sequence) ||
      !in->GetVarint(&sequence_span) || !GetVarintOf(in, &min_time) ||
      !GetVarintOf(in, &time_span)) {
    return false;
  }
  entry->key.day = before.key.day + day;
  entry->max_sequence = entry->min_sequence + sequence_span;
  entry->min_time_ms = std::int64_t{entry->key.day} * kDayMs + min_time;
  entry->max_time_ms = entry->min_time_ms + time_span;
  return entry->key.day >= before.key.day && entry->rows > 0 && entry->rows <= kSegmentRowsMax &&
         entry->max_sequence >= entry->min_sequence &&
         (entry->key.day > before.key.day || entry->key.id > before.key.id);
}

bool GetErasures(ByteReader* in, SegmentManifest* manifest) {
  std::uint64_t count = 0;
  if (!in->GetVarint(&manifest->last_erasure) || !in->GetVarint(&count) ||
      count > in->remaining() / kErasureBytesMin) {
    return false;
  }
  manifest->erasures.resize(static_cast<std::size_t>(count));
  std::uint64_t before = 0;
  for (Erasure& erasure : manifest->erasures) {
    std::string_view user_id;
    if (!in->GetVarint(&erasure.number) || !in->GetFixed(&erasure.user_hash) ||
        !in->GetVarint(&erasure.last_sequence) || !in->GetBytes(&user_id) ||
        erasure.number <= before || erasure.number > manifest->last_erasure) {
      return false;
    }
    erasure.user_id = user_id;
    before = erasure.number;
  }
  return true;
}

bool GetManifest(std::uint8_t version, ByteReader* in, SegmentManifest* manifest) {
  std::uint64_t count = 0;
  if (!in->GetVarint(&manifest->next_id) || !in->GetVarint(&manifest->folded_sequence) ||
      !in->GetVarint(&count) || count > in->remaining() / kEntryBytesMin) {
    return false;
  }
  manifest->segments.resize(static_cast<std::size_t>(count));
  SegmentEntry before;
  for (SegmentEntry& entry : manifest->segments) {
    if (!GetEntry(in, before, &entry) || entry.key.id >= manifest->next_id ||
        entry.max_sequence > manifest->folded_sequence) {
      return false;
    }
    before = entry;
  }
  if (version > 1 && !GetErasures(in, manifest)) return false;
  return in->empty();
}

bool GetReceipts(ByteReader* in, Receipts* receipts) {
  std::uint64_t count = 0;
  Receipt at;
  if (!in->GetVarint(&receipts->end_sequence) || !in->GetVarint(&count) || count == 0 ||
      !in->GetFixed(&at.first_sequence) || !in->GetFixed(&at.received_ms) ||
      count - 1 > in->remaining() / 2) {
    return false;
  }
  receipts->list.reserve(static_cast<std::size_t>(count));
  receipts->list.push_back(at);
  while (--count > 0) {
    std::uint64_t rows = 0;
    std::uint64_t ms = 0;
    if (!in->GetVarint(&rows) || !in->GetVarint(&ms) || rows == 0) return false;
    if (rows > receipts->end_sequence - at.first_sequence) return false;
    at.first_sequence += rows;
    at.received_ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(at.received_ms) + ms);
    receipts->list.push_back(at);
  }
  return in->empty() && at.first_sequence < receipts->end_sequence;
}

}  // namespace

SegmentEntry EntryOf(const SegmentMeta& meta, std::uint64_t bytes) {
  return {meta.key,          meta.rows,        bytes,           meta.min_sequence,
          meta.max_sequence, meta.min_time_ms, meta.max_time_ms};
}

std::string EncodeManifest(const SegmentManifest& manifest) {
  std::string bytes;
  PutFixed(&bytes, kManifestVersion);
  PutVarint(&bytes, manifest.next_id);
  PutVarint(&bytes, manifest.folded_sequence);
  PutVarint(&bytes, manifest.segments.size());
  std::uint32_t day = 0;
  for (const SegmentEntry& entry : manifest.segments) {
    PutVarint(&bytes, entry.key.day - day);
    day = entry.key.day;
    PutVarint(&bytes, entry.key.id);
    PutVarint(&bytes, entry.rows);
    PutVarint(&bytes, entry.bytes);
    PutVarint(&bytes, entry.min_sequence);
    PutVarint(&bytes, entry.max_sequence - entry.min_sequence);
    PutVarint(&bytes, static_cast<std::uint64_t>(entry.min_time_ms - std::int64_t{day} * kDayMs));
    PutVarint(&bytes, static_cast<std::uint64_t>(entry.max_time_ms - entry.min_time_ms));
  }
  PutVarint(&bytes, manifest.last_erasure);
  PutVarint(&bytes, manifest.erasures.size());
  for (const Erasure& erasure : manifest.erasures) {
    PutVarint(&bytes, erasure.number);
    PutFixed(&bytes, erasure.user_hash);
    PutVarint(&bytes, erasure.last_sequence);
    PutBytes(&bytes, erasure.user_id);
  }
  Seal(&bytes);
  return bytes;
}

Status DecodeManifest(std::string_view bytes, SegmentManifest* manifest) {
  *manifest = SegmentManifest();
  ByteReader in{std::string_view()};
  const std::string what = "the manifest of segments";
  std::uint8_t version = 0;
  Status status = Unseal(bytes, kManifestVersion, what, &in, &version);
  if (!status.ok()) return status;
  return GetManifest(version, &in, manifest) ? Status::Ok()
                                             : DataLoss(what + " has impossible values");
}

void Receipts::Add(std::uint64_t first_sequence, std::uint32_t rows, std::int64_t received_ms) {
  end_sequence = first_sequence + rows;
  if (list.empty() || list.back().received_ms != received_ms) {
    list.push_back({first_sequence, received_ms});
  }
}

std::string EncodeReceipts(const Receipts& receipts) {
  std::string bytes;
  PutFixed(&bytes, kReceiptsVersion);
  PutVarint(&bytes, receipts.end_sequence);
  PutVarint(&bytes, receipts.list.size());
  Receipt before = receipts.list.front();
  PutFixed(&bytes, before.first_sequence);
  PutFixed(&bytes, before.received_ms);
  for (std::size_t i = 1; i < receipts.list.size(); ++i) {
    const Receipt& receipt = receipts.list[i];
    PutVarint(&bytes, receipt.first_sequence - before.first_sequence);
    PutVarint(&bytes, static_cast<std::uint64_t>(receipt.received_ms - before.received_ms));
    before = receipt;
  }
  Seal(&bytes);
  return bytes;
}

Status DecodeReceipts(std::string_view bytes, Receipts* receipts) {
  *receipts = Receipts();
  ByteReader in{std::string_view()};
  const std::string what = "a list of receipts";
  std::uint8_t version = 0;
  Status status = Unseal(bytes, kReceiptsVersion, what, &in, &version);
  if (!status.ok()) return status;
  return GetReceipts(&in, receipts) ? Status::Ok() : DataLoss(what + " has impossible values");
}

}  // namespace v1
}  // namespace insightflow
