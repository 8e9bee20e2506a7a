// How an engine that opens gets the live numbers and the dedupe window to where the store ends.

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "lib/engine/engine_impl.h"
#include "lib/engine/segment_replay.h"
#include "lib/log/codec.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

}  // namespace

// What a saved state has not seen is in the log, which is trimmed only up to one. Without a state
// that can be read, the folded part comes from segments.
Status Engine::Impl::RecoverLive(const SegmentSnapshot& snapshot) {
  const auto saved = log_->LoadFollower(kLiveFollower);
  if (saved.ok() && saved->has_value() && live_->Load((*saved)->state).ok()) {
    saved_sequence_ = live_->applied_sequence();
  }
  if (live_->applied_sequence() + 1 >= log_->begin()) return Status::Ok();
  return ReplaySegments(*segments_, snapshot,
                        [this](const EventBatch& batch, std::uint64_t first_sequence) {
                          live_->Apply(batch, first_sequence);
                        });
}

// The keys of the window that are in segments. `*from`: the first sequence in the window.
Status Engine::Impl::RecoverIds(const SegmentSnapshot& snapshot, std::uint64_t* from) {
  const std::int64_t window_from = NowMs() - options_.dedupe_window.count();
  *from = kNever;
  Status status = segments_->ForReceipts(1, [&](const Receipt& receipt, std::uint64_t) {
    if (receipt.received_ms < window_from) return true;
    *from = receipt.first_sequence;
    return false;
  });
  if (!status.ok()) return status;
  if (*from != kNever) {
    std::vector<std::uint8_t> fresh;
    return ReplayKeys(*segments_, snapshot, *from, hash_seed_,
                      [&](std::span<const Hash128> keys, std::int64_t received_ms) {
                        dedupe_->Insert(keys, received_ms, &fresh);
                      });
  }
  const auto reader = log_->ReadReceivedSince(window_from);
  if (reader->Valid()) *from = reader->entry().header.first_sequence;
  return reader->status();
}

Status Engine::Impl::Recover() {
  const auto snapshot = segments_->Snapshot();
  if (Status status = RecoverLive(*snapshot); !status.ok()) return status;
  std::uint64_t ids_from = kNever;
  if (Status status = RecoverIds(*snapshot, &ids_from); !status.ok()) return status;
  if (ids_from != kNever) ids_from = std::max(ids_from, snapshot->folded_sequence + 1);
  std::uint64_t live_from = live_->applied_sequence() + 1;
  if (live_from < log_->begin()) live_from = snapshot->folded_sequence + 1;  // as segments begin
  const auto reader = log_->ReadFrom(std::min(ids_from, live_from));
  EventBatch batch;
  std::vector<std::uint8_t> fresh;
  for (; reader->Valid(); reader->Next()) {
    const LogEntryHeader& header = reader->entry().header;
    RecordParts parts;
    parts.core = header.first_sequence >= live_from;
    parts.ids = header.first_sequence >= ids_from;
    parts.extra_data = false;
    if (!parts.core && !parts.ids) continue;
    Status status = DecodeRecord(reader->entry().record, parts, log_->hash_seed(), &batch);
    if (!status.ok()) return status;
    batch.received_ms = header.received_ms;
    if (parts.ids) dedupe_->Insert(batch.keys, header.received_ms, &fresh);
    if (parts.core) live_->Apply(batch, header.first_sequence);
  }
  return reader->status();
}

}  // namespace v1
}  // namespace insightflow
