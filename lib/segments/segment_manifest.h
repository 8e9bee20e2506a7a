// What the store keeps beside the chunks of segments: which segments there are, and when the events
// in them were received. docs/formats.md has the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/status.h"
#include "lib/segments/erased_users.h"
#include "lib/segments/segment_format.h"

namespace insightflow {
inline namespace v1 {

struct SegmentEntry {
  SegmentKey key;
  std::uint32_t rows = 0;
  std::uint64_t bytes = 0;  // of all chunks
  std::uint64_t min_sequence = 0;
  std::uint64_t max_sequence = 0;
  std::int64_t min_time_ms = 0;
  std::int64_t max_time_ms = 0;

  friend bool operator==(const SegmentEntry&, const SegmentEntry&) = default;
};

SegmentEntry EntryOf(const SegmentMeta& meta, std::uint64_t bytes);

struct SegmentManifest {
  std::uint64_t next_id = 1;
  // Every row of the log up to here is in exactly one segment, unless it was erased or has expired,
  // and no row behind it is in any.
  std::uint64_t folded_sequence = 0;
  std::vector<SegmentEntry> segments;  // by day, then id
  std::uint64_t last_erasure = 0;      // its number
  std::vector<Erasure> erasures;       // those that are not finished, by number

  friend bool operator==(const SegmentManifest&, const SegmentManifest&) = default;
};

std::string EncodeManifest(const SegmentManifest& manifest);
// kDataLoss when it is damaged, kFailedPrecondition when a newer version wrote it.
Status DecodeManifest(std::string_view bytes, SegmentManifest* manifest);

// Events from first_sequence on, up to the next receipt, were received then.
struct Receipt {
  std::uint64_t first_sequence = 0;
  std::int64_t received_ms = 0;

  friend bool operator==(const Receipt&, const Receipt&) = default;
};

// The receipts of the rows of one fold: log entries have them, segments have not.
struct Receipts {
  std::uint64_t end_sequence = 0;  // behind the last row
  std::vector<Receipt> list;       // rising in both

  // Takes the next log entry. One that was received with the entry before adds nothing.
  void Add(std::uint64_t first_sequence, std::uint32_t rows, std::int64_t received_ms);

  friend bool operator==(const Receipts&, const Receipts&) = default;
};

// There must be receipts.
std::string EncodeReceipts(const Receipts& receipts);
// Errors as DecodeManifest.
Status DecodeReceipts(std::string_view bytes, Receipts* receipts);

}  // namespace v1
}  // namespace insightflow
