// How an engine that opens gets the live numbers and the dedupe window to where the store ends.

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "lib/base/hash.h"
#include "lib/engine/engine_impl.h"
#include "lib/engine/segment_replay.h"
#include "lib/log/codec.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

}  // namespace

// What a saved state has not seen is in the log, which is trimmed only up to one. Without a state
// that can be read, the folded part comes from segments. What is damaged there is not counted, and
// the metrics name the first place: only the totals of all time and of what is missing feel it.
Status Engine::Impl::RecoverLive(const SegmentSnapshot& snapshot) {
  const auto saved = log_->LoadFollower(kLiveFollower);
  if (saved.ok() && saved->has_value() && live_->Load((*saved)->state).ok()) {
    saved_sequence_ = live_->applied_sequence();
    saved_erasures_ = live_->erasures_applied();
  }
  if (live_->applied_sequence() + 1 >= log_->begin()) return EraseFromLoaded(snapshot);
  Status status = ReplaySegments(
      *segments_, snapshot,
      [this](const EventBatch& batch, std::uint64_t first_sequence) {
        live_->Apply(batch, first_sequence);
      },
      [this](const Status& damage) {
        if (live_status_.ok()) live_status_ = damage;
      });
  live_->SkipTo(snapshot.folded_sequence);
  return status;
}

// Takes back what erasures erased that the loaded state has not seen. What is applied from now on
// lacks it.
Status Engine::Impl::EraseFromLoaded(const SegmentSnapshot& snapshot) {
  std::vector<Erasure> before;
  for (const Erasure& erasure : snapshot.erasures) {
    if (erasure.number > live_->erasures_applied()) {
      std::vector<Hash128> keys;
      const auto collected = CollectErased(erasure, std::make_shared<ErasedUsers>(before), &keys);
      if (!collected.ok()) return collected.status();
      live_->Erase(*collected, erasure.number);
    }
    before.push_back(erasure);
  }
  return Status::Ok();
}

// Damaged keys cost their events' protection against being counted again, and no answer: the window
// reaches no further back than behind them, and the metrics name the first place.
//
// The window as it was saved, and the keys behind it that are in segments. `*from`: the first
// sequence of the window's time that was not saved.
Status Engine::Impl::RecoverIds(const SegmentSnapshot& snapshot, std::uint64_t* from) {
  const std::int64_t window_from = NowMs() - options_.dedupe_window.count();
  const std::uint64_t unknown = LoadIds(snapshot) + 1;
  *from = kNever;
  Status status = segments_->ForReceipts(unknown, [&](const Receipt& receipt, std::uint64_t) {
    if (receipt.received_ms < window_from) return true;
    *from = std::max(receipt.first_sequence, unknown);
    return false;
  });
  if (!status.ok()) return status;
  if (*from != kNever) {
    std::uint64_t end = snapshot.folded_sequence + 1;
    if (const auto last = log_->last()) end = std::max(end, last->first_sequence + last->rows);
    dedupe_->Reserve(end - *from);
    return ReplayKeys(
        *segments_, snapshot, *from, hash_seed_,
        [&](std::span<const Hash128> keys, std::int64_t received_ms) {
          dedupe_->InsertMany(keys, received_ms);
        },
        [&](const Status& damage, std::int64_t received_ms) {
          if (ids_status_.ok()) ids_status_ = damage;
          dedupe_->LoseUntil(received_ms);
        });
  }
  const auto reader = log_->ReadReceivedSince(window_from);
  if (reader->Valid()) *from = std::max(reader->entry().header.first_sequence, unknown);
  return reader->status();
}

namespace {

// Which rows of a log entry are not erased.
std::vector<std::uint8_t> KeptRows(const EventBatch& batch, std::uint64_t first_sequence,
                                   const ErasedUsers& erased, std::uint64_t hash_seed) {
  const DictColumn& users = batch.column(Field::kUserId);
  std::vector<std::uint64_t> last(users.entries() + 1, 0);
  for (std::uint32_t code = 1; code <= users.entries(); ++code) {
    last[code] = erased.LastErased(HashBytes(users.Entry(code), hash_seed));
  }
  std::vector<std::uint8_t> kept(batch.rows);
  for (std::size_t row = 0; row < batch.rows; ++row) {
    kept[row] = first_sequence + row > last[users.CodeAt(row)] ? 1 : 0;
  }
  return kept;
}

// Applies the rows that are kept, each stretch of them as a batch of its own.
void ApplyKept(const EventBatch& batch, std::uint64_t first_sequence,
               const std::vector<std::uint8_t>& kept, LiveState* live) {
  for (std::size_t begin = 0; begin < batch.rows;) {
    if (kept[begin] == 0) {
      ++begin;
      continue;
    }
    std::vector<std::uint8_t> stretch(batch.rows, 0);
    std::size_t end = begin;
    for (; end < batch.rows && kept[end] != 0; ++end) stretch[end] = 1;
    EventBatch part = batch;
    part.Filter(stretch);
    live->Apply(part, first_sequence + begin);
    begin = end;
  }
  live->SkipTo(first_sequence + batch.rows - 1);
}

}  // namespace

Status Engine::Impl::Recover() {
  const auto snapshot = segments_->Snapshot();
  if (Status status = RecoverLive(*snapshot); !status.ok()) return status;
  std::uint64_t ids_from = kNever;
  if (Status status = RecoverIds(*snapshot, &ids_from); !status.ok()) return status;
  if (ids_from != kNever) ids_from = std::max(ids_from, snapshot->folded_sequence + 1);
  const std::uint64_t live_from = live_->applied_sequence() + 1;
  const ErasedUsers& erased = *snapshot->erased;
  const auto reader = log_->ReadFrom(std::min(ids_from, live_from));
  EventBatch batch;
  std::vector<std::uint8_t> fresh;
  for (; reader->Valid(); reader->Next()) {
    const LogEntryHeader& header = reader->entry().header;
    const bool for_live = header.first_sequence >= live_from;
    RecordParts parts;
    parts.ids = header.first_sequence >= ids_from;
    parts.core = for_live || !erased.empty();
    parts.extra_data = false;
    if (!for_live && !parts.ids) continue;
    Status status = DecodeRecord(reader->entry().record, parts, hash_seed_, &batch);
    if (!status.ok()) return status;
    batch.received_ms = header.received_ms;
    std::vector<std::uint8_t> kept;
    if (!erased.empty()) {
      kept = KeptRows(batch, header.first_sequence, erased, hash_seed_);
      for (std::size_t row = 0; row < batch.rows && parts.ids; ++row) {
        if (kept[row] == 0) batch.keys[row] = Hash128();  // which is never remembered
      }
    }
    if (parts.ids) dedupe_->Insert(batch.keys, header.received_ms, &fresh);
    if (!for_live) continue;
    if (kept.empty()) {
      live_->Apply(batch, header.first_sequence);
    } else {
      ApplyKept(batch, header.first_sequence, kept, live_.get());
    }
  }
  if (!snapshot->erasures.empty()) live_->Erase(LiveErasure(""), snapshot->last_erasure);
  return reader->status();
}

}  // namespace v1
}  // namespace insightflow
