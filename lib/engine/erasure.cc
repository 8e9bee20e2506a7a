// Engine::EraseUser: a user's events are taken back at once from all answers, and in time from the
// disk.
//
// On the apply thread, between two log entries: a synced note in the manifest of segments hides the
// user's rows up to that sequence from every reader; live numbers, dedupe window, rejected events
// and filters of stored funnels forget them. Then the folder, when it is asked or within an hour:
// the live numbers are saved without the user, all of the log is folded, segments are rewritten
// without the rows, the log is trimmed and every file that held them replaced; last, the note goes.

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/engine/engine_impl.h"
#include "lib/engine/timeline.h"

namespace insightflow {
inline namespace v1 {
namespace {

// The columns that the live numbers take back, in batches of what was received together.
void AddTo(LiveErasure* erasure, std::span<const KeyedEvent> events) {
  EventBatch batch;
  for (const KeyedEvent& keyed : events) {
    const Event& event = keyed.event.event;
    const std::int64_t received_ms = ToMillis(keyed.event.received);
    if (batch.rows != 0 && batch.received_ms != received_ms) {
      erasure->Add(batch);
      batch.Clear();
    }
    batch.received_ms = received_ms;
    const std::size_t row = batch.PushRow(ToMillis(event.timestamp));
    batch.column(Field::kUserId).Set(row, event.user_id);
    batch.column(Field::kEventType).Set(row, event.event_type);
    batch.column(Field::kPageUrl).Set(row, event.page_url);
    batch.column(Field::kElement).Set(row, event.element);
  }
  if (batch.rows != 0) erasure->Add(batch);
}

}  // namespace

Result<LiveErasure> Engine::Impl::CollectErased(const Erasure& erasure,
                                                std::shared_ptr<const ErasedUsers> before,
                                                std::vector<Hash128>* keys) const {
  LiveErasure collected(erasure.user_id);
  const std::uint64_t last = std::min(erasure.last_sequence, live_->applied_sequence());
  Status status = ForEventsOfUser(*log_, *live_, *segments_, std::move(before), erasure.user_id,
                                  last, [&](std::span<const KeyedEvent> events) {
                                    AddTo(&collected, events);
                                    for (const KeyedEvent& event : events) {
                                      keys->push_back(event.key);
                                    }
                                  });
  if (!status.ok()) return status;
  return collected;
}

// Whoever has no events left may have a profile, of days that have expired, and rejected events,
// or be named by the filter of a stored funnel.
Result<bool> Engine::Impl::IsKnownOtherwise(std::string_view user_id) const {
  if (live_->User(user_id, NowMs())) return true;
  Result<bool> is_in_funnels = funnels_->NamesUser(user_id);
  if (!is_in_funnels.ok() || *is_in_funnels) return is_in_funnels;
  return log_->HasFailedOf(user_id);
}

Result<std::uint64_t> Engine::Impl::EraseApplied(std::string_view user_id) {
  Erasure erasure;
  erasure.user_hash = HashBytes(user_id, hash_seed_);
  erasure.last_sequence = live_->applied_sequence();
  erasure.user_id = user_id;
  // What is read here must not be trimmed meanwhile.
  const std::lock_guard lock(trim_mutex_);
  std::vector<Hash128> keys;
  const auto collected = CollectErased(erasure, segments_->Snapshot()->erased, &keys);
  if (!collected.ok()) return collected.status();
  if (collected->events() == 0) {
    const Result<bool> is_known = IsKnownOtherwise(user_id);
    if (!is_known.ok()) return is_known.status();
    // What cannot be read may hold events of anybody.
    if (!*is_known && segments_->Snapshot()->unreadable.empty()) return std::uint64_t{0};
  }
  // The note comes first: as long as it stands, bytes are left that the folder must rewrite.
  SegmentChange change;
  change.erasure = erasure;
  if (Status status = segments_->Commit(std::move(change)); !status.ok()) return status;
  ForgetSavedIds();
  live_->Erase(*collected, segments_->Snapshot()->last_erasure);
  pipeline_->ForgetKeys(keys);
  if (Status status = log_->EraseFailed(user_id); !status.ok()) return status;
  if (Status status = funnels_->ForgetUser(user_id); !status.ok()) return status;
  return collected->events();
}

Result<std::uint64_t> Engine::Impl::EraseUser(std::string_view user_id) {
  if (user_id.empty() || user_id.size() > kUserIdBytesMax) {
    return InvalidArgument("user_id has 1 to " + std::to_string(kUserIdBytesMax) + " bytes");
  }
  Result<std::uint64_t> removed = std::uint64_t{0};
  Status status = pipeline_->RunApplied([&] {
    removed = EraseApplied(user_id);
    return removed.status();
  });
  if (!status.ok()) return status;
  folder_->NoticeErasure();
  return removed;
}

Status Engine::Impl::SaveErasures() {
  if (saved_erasures_ >= segments_->Snapshot()->last_erasure) return Status::Ok();
  return pipeline_->RunApplied([this] { return SaveLive(); });
}

Status Engine::Impl::FinishErasures(std::uint64_t number) {
  {
    const std::lock_guard lock(trim_mutex_);
    if (Status status = log_->TrimNow(TrimPoint()); !status.ok()) return status;
  }
  SegmentChange change;
  change.finished_erasure = number;
  if (Status status = segments_->Commit(std::move(change)); !status.ok()) return status;
  return log_->store().Purge();
}

std::uint32_t Engine::Impl::FirstDay() const {
  const std::int64_t today = NowMs() / kDayMs;
  return static_cast<std::uint32_t>(
      std::max<std::int64_t>(0, today - std::int64_t{options_.retention_days}));
}

}  // namespace v1
}  // namespace insightflow
