// The dedupe window from one opening to the next: made again from all ids, or, where that would
// take long, saved when the engine closes and taken up again, so that only the ids of later events
// are read.
//
// A file is right for a store as long as the events that it holds are the store's first ones and no
// other, so one of an earlier closing serves as well, after a crash for instance. It must not know
// erased events, whose rows tell no more which keys to forget once they are gone: it goes with the
// first erasure since, and counts as damaged if it comes back.

#include <algorithm>

#include "lib/engine/engine_impl.h"

namespace insightflow {
inline namespace v1 {
namespace {

// How many ids of segments are read again in the time of one of the log: 0.1 µs.
constexpr std::uint64_t kLogWeight = 3;

}  // namespace

// When the event of a sequence was received; kNotFound when there is no such event.
Result<std::int64_t> Engine::Impl::ReceivedMs(std::uint64_t sequence) const {
  if (sequence < log_->begin()) return segments_->ReceivedMs(sequence);
  const auto reader = log_->ReadFrom(sequence);
  if (!reader->status().ok()) return reader->status();
  if (!reader->Valid()) return NotFound("no such event");
  return reader->entry().header.received_ms;
}

std::uint64_t Engine::Impl::LoadIds(const SegmentSnapshot& snapshot) {
  if (options_.data_dir.empty()) return 0;
  const std::int64_t now_ms = NowMs();
  // Of a folder whose newest events were lost, or that was put together from two stores, events of
  // the file may be missing or others.
  const auto accept = [&](const DedupeMark& mark) {
    if (mark.erasures != snapshot.last_erasure) return false;
    if (mark.received_ms < now_ms - options_.dedupe_window.count()) return false;
    const auto received_ms = ReceivedMs(mark.sequence);
    return received_ms.ok() && *received_ms == mark.received_ms;
  };
  const auto mark = ReadDedupeFile(options_.data_dir, hash_seed_, accept, dedupe_.get());
  if (mark) {
    saved_ids_ = *mark;
    return mark->sequence;
  }
  ForgetSavedIds();
  return 0;
}

// A file that is still there is judged again by the next opening.
void Engine::Impl::ForgetSavedIds() {
  saved_ids_ = {};
  if (!options_.data_dir.empty()) static_cast<void>(RemoveDedupeFile(options_.data_dir));
}

// Whether an opening without the file would take long.
bool Engine::Impl::IdsAreWorthSaving(std::uint64_t last_sequence) const {
  const std::uint64_t ids = dedupe_->size();
  const std::uint64_t in_log = last_sequence - segments_->Snapshot()->folded_sequence;
  return ids + std::min(ids, in_log) * (kLogWeight - 1) >= tuning_.saved_ids_min;
}

// What fails costs time at the next opening only.
void Engine::Impl::SaveIds() {
  const auto last = log_->last();
  if (options_.data_dir.empty() || !last || !pipeline_->is_all_logged()) return;
  const DedupeMark mark = {last->first_sequence + last->rows - 1, last->received_ms,
                           segments_->Snapshot()->last_erasure};
  if (!IdsAreWorthSaving(mark.sequence)) {
    ForgetSavedIds();
    return;
  }
  if (mark == saved_ids_) return;
  if (!log_->store().CheckFreeSpace(dedupe_->bytes()).ok()) {
    ForgetSavedIds();
    return;
  }
  if (!log_->Sync().ok()) return;  // no id without its event
  static_cast<void>(WriteDedupeFile(options_.data_dir, hash_seed_, mark, *dedupe_));
}

}  // namespace v1
}  // namespace insightflow
