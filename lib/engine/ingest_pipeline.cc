#include "lib/engine/ingest_pipeline.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <future>
#include <new>
#include <utility>

#include "lib/engine/thread.h"
#include "lib/log/codec.h"

namespace insightflow {
inline namespace v1 {
namespace {

// From this many rows a batch is encoded by its caller and becomes a log entry of its own; smaller
// ones are merged by the commit thread up to kMergedRowsMax.
constexpr std::size_t kOwnEntryRows = 256;
constexpr std::size_t kMergedRowsMax = 1024;
// Bounds one synced write, so that the first of its batches does not wait for too many others.
constexpr std::size_t kGroupBytesMax = std::size_t{4} << 20;
// The commit thread runs ahead of the live numbers by this many groups at most.
constexpr std::size_t kApplyQueueMax = 8;
// How often a full disk is looked at again, and for how long batches wait for space.
constexpr auto kDiskFullPoll = std::chrono::milliseconds(50);
constexpr auto kDiskFullWaitMax = std::chrono::seconds(5);
constexpr auto kSyncInterval = std::chrono::seconds(1);
// Events pause when none comes for this long; fewer than these are not worth a save.
constexpr auto kPause = std::chrono::seconds(5);
constexpr std::uint64_t kPauseEventsMin = 100'000;

void Count(std::atomic<std::uint64_t>* counter, std::uint64_t by) {
  counter->fetch_add(by, std::memory_order_relaxed);
}

}  // namespace

IngestPipeline::IngestPipeline(const Options& options, EventLog* log, DedupeWindow* dedupe,
                               LiveState* live)
    : options_(options), log_(log), dedupe_(dedupe), live_(live) {
  if (const auto last = log_->last()) {
    next_sequence_ = last->first_sequence + last->rows;
    max_time_ms_ = last->max_time_ms;
    entry_received_ms_ = last_received_ms_ = last->received_ms;
  }
  counters_.next_sequence = next_sequence_;
  counters_.dedupe_ids = dedupe_->size();
  counters_.dedupe_bytes = dedupe_->bytes();
  counters_.dedupe_reach_ms = dedupe_->reach_ms();
  committer_ = StartThread("if-commit", [this] { CommitLoop(); });
  applier_ = StartThread("if-apply", [this] { ApplyLoop(); });
}

IngestPipeline::~IngestPipeline() { Close(); }

Status IngestPipeline::RefusalLocked() const {
  if (!stopped_.ok()) return stopped_;
  if (closing_) return FailedPrecondition("the engine is closed");
  return Status::Ok();
}

Status IngestPipeline::Admit(PendingBatch* pending, WhenFull when_full) {
  if (Status health = Health(); !health.ok()) return health;
  pending->bytes = pending->decoded.batch.bytes();
  std::unique_lock lock(mutex_);
  const auto fits = [&] {
    return in_flight_bytes_ == 0 ||
           in_flight_bytes_ + pending->bytes <= options_.in_flight_bytes_max;
  };
  if (when_full == WhenFull::kWait) {
    admitted_.wait(lock, [&] { return fits() || !RefusalLocked().ok(); });
  }
  if (Status refusal = RefusalLocked(); !refusal.ok()) return refusal;
  if (!fits()) return ResourceExhausted("too many batches wait for the disk; send again later");
  in_flight_bytes_ += pending->bytes;
  ++admitted_batches_;
  return Status::Ok();
}

void IngestPipeline::Sequence(PendingBatch* pending) {
  EventBatch& batch = pending->decoded.batch;
  std::lock_guard order(sequence_mutex_);
  last_received_ms_ = std::max(last_received_ms_, batch.received_ms);
  batch.received_ms = last_received_ms_;
  pending->result.accepted = dedupe_->Insert(batch.keys, batch.received_ms, &pending->fresh);
  pending->result.duplicates = batch.rows - pending->result.accepted;
  counters_.dedupe_ids.store(dedupe_->size(), std::memory_order_relaxed);
  counters_.dedupe_bytes.store(dedupe_->bytes(), std::memory_order_relaxed);
  counters_.dedupe_reach_ms.store(dedupe_->reach_ms(), std::memory_order_relaxed);
  counters_.dedupe_wanted.store(dedupe_->memory_wanted(), std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  queue_.emplace_back(pending);
}

void IngestPipeline::Publish(PendingBatch* pending) {
  EventBatch& batch = pending->decoded.batch;
  if (pending->result.duplicates != 0) batch.Filter(pending->fresh);
  if (batch.rows >= kOwnEntryRows) EncodeRecord(batch, &pending->record);
  std::lock_guard lock(mutex_);
  pending->published = true;
  if (queue_.front().get() == pending) ready_.notify_one();
}

bool IngestPipeline::CollectGroup(Group* group) {
  std::unique_lock lock(mutex_);
  const auto at_end = [&] { return queue_.empty() && closing_ && admitted_batches_ == 0; };
  const auto ready = [&] {
    return syncs_asked_ != syncs_done_ || at_end() ||
           (!queue_.empty() && queue_.front()->published);
  };
  if (unsynced_since_) {
    ready_.wait_until(lock, *unsynced_since_ + kSyncInterval, ready);
  } else {
    ready_.wait(lock, ready);
  }
  while (!queue_.empty() && queue_.front()->published && group->bytes < kGroupBytesMax) {
    group->bytes += queue_.front()->bytes;
    group->batches.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  group->syncs_asked = syncs_asked_;
  return !group->batches.empty() || !at_end();
}

void IngestPipeline::CloseEntry(Group* group, Entry entry) {
  PendingBatch* holder = entry.own != nullptr ? entry.own : entry.merged.get();
  EventBatch& batch = holder->decoded.batch;
  if (holder->record.empty()) EncodeRecord(batch, &holder->record);
  entry_received_ms_ = std::max(entry_received_ms_, batch.received_ms);
  for (const std::int64_t time : batch.time_ms) max_time_ms_ = std::max(max_time_ms_, time);
  entry.header = {next_sequence_, static_cast<std::uint32_t>(batch.rows), entry_received_ms_,
                  max_time_ms_};
  next_sequence_ += batch.rows;
  group->entries.push_back(std::move(entry));
}

void IngestPipeline::BuildEntries(Group* group) {
  std::unique_ptr<PendingBatch> merged;
  std::size_t merged_batches = 0;
  PendingBatch* first = nullptr;
  const auto close_merged = [&] {
    if (merged_batches == 1) CloseEntry(group, Entry{{}, first, nullptr});
    if (merged_batches > 1) CloseEntry(group, Entry{{}, nullptr, std::move(merged)});
    merged = nullptr;
    merged_batches = 0;
  };
  for (const auto& pending : group->batches) {
    const EventBatch& batch = pending->decoded.batch;
    if (batch.rows == 0) continue;
    if (!pending->record.empty()) {
      close_merged();
      CloseEntry(group, Entry{{}, pending.get(), nullptr});
      continue;
    }
    if (merged_batches == 0) first = pending.get();
    if (merged_batches == 1) {
      merged = pool_.Take();
      merged->decoded.batch.Append(first->decoded.batch);
    }
    if (merged_batches >= 1) merged->decoded.batch.Append(batch);
    ++merged_batches;
    if (merged != nullptr) {
      EventBatch& all = merged->decoded.batch;
      all.received_ms = std::max(all.received_ms, batch.received_ms);
      if (all.rows >= kMergedRowsMax) close_merged();
    }
  }
  close_merged();
}

namespace {

template <typename Append>
Status AppendWaitingForSpace(Append append) {
  const auto give_up = std::chrono::steady_clock::now() + kDiskFullWaitMax;
  while (true) {
    Status status = append();
    if (status.code() != StatusCode::kResourceExhausted) return status;
    if (std::chrono::steady_clock::now() >= give_up) {
      return Unavailable("stopped: " + status.message());
    }
    std::this_thread::sleep_for(kDiskFullPoll);
  }
}

}  // namespace

// An answer also vouches for what it repeats, and for what was written before it.
bool IngestPipeline::MustSync(const Group& group) const {
  return options_.durability == Durability::kFsync && (unsynced_since_ || !group.entries.empty()) &&
         std::any_of(group.batches.begin(), group.batches.end(),
                     [](const auto& pending) { return !pending->sync_later; });
}

// An entry that goes unlogged is written once instead of twice. But whatever is logged after it has
// its file written first, so this is for long stretches of such entries.
bool IngestPipeline::MayGoUnlogged(const Group& group) {
  const bool later = std::all_of(
      group.batches.begin(), group.batches.end(),
      [](const auto& pending) { return pending->sync_later && pending->decoded.rejected.empty(); });
  later_bytes_ = later ? later_bytes_ + group.bytes : 0;
  return options_.durability != Durability::kNone && !group.entries.empty() &&
         later_bytes_ > options_.unlogged_from_bytes;
}

void IngestPipeline::NoteWritten(const Group& group, bool unlogged, bool sync) {
  const auto now = std::chrono::steady_clock::now();
  if (sync) return unsynced_since_.reset();
  if (options_.durability == Durability::kNone || group.entries.empty()) return;
  unsynced_ = unlogged ? Unsynced::kUnlogged : Unsynced::kLogged;
  if (!unsynced_since_) unsynced_since_ = now;
}

Status IngestPipeline::Write(const Group& group) {
  const bool unlogged = MayGoUnlogged(group);
  std::vector<LogAppend> appends;
  appends.reserve(group.entries.size());
  for (const Entry& entry : group.entries) {
    const PendingBatch* holder = entry.own != nullptr ? entry.own : entry.merged.get();
    appends.push_back({entry.header, holder->record});
  }
  std::vector<RejectedEvent> rejected;
  std::int64_t received = entry_received_ms_;
  for (const auto& pending : group.batches) {
    received = std::max(received, pending->decoded.batch.received_ms);
    for (RejectedEvent& event : pending->decoded.rejected) {
      pending->result.errors.push_back(event.why);
      rejected.push_back(std::move(event));
    }
  }
  const bool sync = MustSync(group);
  if (appends.empty() && rejected.empty() && !sync) return Status::Ok();
  const auto begin = std::chrono::steady_clock::now();
  Status status = AppendWaitingForSpace([&] {
    return unlogged ? log_->AppendUnlogged(appends)
                    : log_->Append(appends, rejected, received, sync);
  });
  const auto end = std::chrono::steady_clock::now();
  NoteWritten(group, unlogged, sync);
  Count(&counters_.commits, 1);
  Count(&counters_.commit_micros,
        std::chrono::floor<std::chrono::microseconds>(end - begin).count());
  return status;
}

// Unlogged entries are sent to the disk first: nobody waits for it while more of them come.
void IngestPipeline::SyncIfDue() {
  const auto now = std::chrono::steady_clock::now();
  if (!unsynced_since_ || now - *unsynced_since_ < kSyncInterval) return;
  if (unsynced_ != Unsynced::kUnlogged) return SyncUnsynced();
  log_->BeginSync();
  unsynced_ = Unsynced::kUnloggedAndSent;
  unsynced_since_ = now;
}

void IngestPipeline::SyncUnsynced() {
  later_bytes_ = 0;
  if (!std::exchange(unsynced_since_, std::nullopt)) return;
  if (Status status = log_->Sync(); !status.ok()) {
    std::lock_guard lock(mutex_);
    stopped_ = Unavailable(status.message());
    admitted_.notify_all();
  }
}

void IngestPipeline::AnswerSyncs(std::uint64_t asked) {
  if (asked == syncs_done_) return;
  std::lock_guard lock(mutex_);
  syncs_done_ = asked;
  synced_.notify_all();
}

Status IngestPipeline::Sync() {
  std::unique_lock lock(mutex_);
  const std::uint64_t asked = ++syncs_asked_;
  ready_.notify_one();
  synced_.wait(lock, [&] { return syncs_done_ >= asked; });
  return stopped_;
}

// Gets memory for the dedupe window from the system here, where callers do not wait for each other.
void IngestPipeline::PrepareDedupe() {
  const std::size_t bytes = counters_.dedupe_wanted.load(std::memory_order_relaxed);
  if (bytes == 0) return;
  TableMemory memory;
  try {
    memory = TableMemory(bytes);
  } catch (const std::bad_alloc&) {
    return;
  }
  const std::lock_guard order(sequence_mutex_);
  dedupe_->GiveMemory(std::move(memory));
  counters_.dedupe_wanted.store(0, std::memory_order_relaxed);
}

void IngestPipeline::CommitLoop() {
  while (true) {
    Group group;
    if (!CollectGroup(&group)) break;
    Status stopped;
    {
      std::lock_guard lock(mutex_);
      stopped = stopped_;
    }
    if (stopped.ok()) {
      BuildEntries(&group);
      stopped = Write(group);
    }
    if (!stopped.ok()) {
      unsynced_since_.reset();
      Fail(stopped, &group);
      AnswerSyncs(group.syncs_asked);
      continue;
    }
    counters_.next_sequence.store(next_sequence_, std::memory_order_relaxed);
    if (group.syncs_asked != syncs_done_) {
      SyncUnsynced();
    } else {
      SyncIfDue();
    }
    AnswerSyncs(group.syncs_asked);
    if (group.batches.empty()) continue;
    std::unique_lock lock(apply_mutex_);
    apply_ready_.wait(lock, [&] { return apply_queue_.size() < kApplyQueueMax; });
    apply_queue_.push_back(std::move(group));
    apply_ready_.notify_all();
    lock.unlock();
    PrepareDedupe();
  }
  SyncUnsynced();
  AnswerSyncs(UINT64_MAX);
  std::lock_guard lock(apply_mutex_);
  commit_done_ = true;
  apply_ready_.notify_all();
}

void IngestPipeline::Fail(const Status& cause, Group* group) {
  Status answer;
  {
    std::lock_guard lock(mutex_);
    if (stopped_.ok()) {
      stopped_ = cause.code() == StatusCode::kUnavailable ? cause : Unavailable(cause.message());
    }
    answer = stopped_;
    admitted_.notify_all();
  }
  for (const auto& pending : group->batches) {
    if (pending->done) pending->done(answer);
  }
  Release(group->bytes);
  std::lock_guard lock(mutex_);
  admitted_batches_ -= group->batches.size();
}

// Waits for work, and saves when there is none for a while. False at the end.
bool IngestPipeline::NextGroup(Group* group) {
  std::unique_lock lock(apply_mutex_);
  const auto ready = [&] { return !apply_queue_.empty() || commit_done_; };
  if (unsaved_events_ >= kPauseEventsMin && !apply_ready_.wait_for(lock, kPause, ready)) {
    lock.unlock();
    SaveLive();
    lock.lock();
  }
  apply_ready_.wait(lock, ready);
  if (apply_queue_.empty()) return false;
  *group = std::move(apply_queue_.front());
  apply_queue_.pop_front();
  apply_ready_.notify_all();
  return true;
}

void IngestPipeline::ForgetKeys(std::span<const Hash128> keys) {
  const std::lock_guard order(sequence_mutex_);
  dedupe_->Erase(keys);
  counters_.dedupe_ids.store(dedupe_->size(), std::memory_order_relaxed);
}

Status IngestPipeline::RunApplied(const std::function<Status()>& task) {
  // Shared, for the other thread may still be in set_value when this one returns.
  const auto result = std::make_shared<std::promise<Status>>();
  std::future<Status> future = result->get_future();
  {
    const std::lock_guard lock(apply_mutex_);
    if (commit_done_) return FailedPrecondition("the engine is closed");
    Group group;
    group.task = [result, &task] { result->set_value(task()); };
    apply_queue_.push_back(std::move(group));
    apply_ready_.notify_all();
  }
  return future.get();
}

void IngestPipeline::SaveLive() {
  unsaved_events_ = 0;
  options_.save_live();
}

void IngestPipeline::ApplyLoop() {
  Group group;
  while (NextGroup(&group)) {
    if (group.task) {
      std::exchange(group, Group()).task();
      continue;
    }
    for (const Entry& entry : group.entries) {
      PendingBatch* holder = entry.own != nullptr ? entry.own : entry.merged.get();
      holder->decoded.batch.received_ms = entry.header.received_ms;
      live_->Apply(holder->decoded.batch, entry.header.first_sequence);
      unsaved_events_ += entry.header.rows;
      options_.applied(entry.header.first_sequence + entry.header.rows);
    }
    Answer(&group);
    group = Group();
    if (unsaved_events_ >= options_.save_events) SaveLive();
  }
}

void IngestPipeline::Answer(Group* group) {
  std::uint64_t accepted = 0, duplicates = 0, rejected = 0, truncated = 0;
  for (const auto& pending : group->batches) {
    IngestResult& result = pending->result;
    result.received = pending->decoded.received;
    result.rejected = result.errors.size();
    result.truncated = pending->decoded.truncated;
    result.durability = options_.durability;
    assert(result.accepted + result.duplicates + result.rejected == result.received);
    accepted += result.accepted;
    duplicates += result.duplicates;
    rejected += result.rejected;
    truncated += result.truncated;
  }
  Count(&counters_.accepted, accepted);
  Count(&counters_.duplicates, duplicates);
  Count(&counters_.rejected, rejected);
  Count(&counters_.truncated, truncated);
  Count(&counters_.batches, group->batches.size());
  for (const auto& pending : group->batches) {
    if (pending->done) pending->done(std::move(pending->result));
  }
  const std::size_t answered = group->batches.size();
  Release(group->bytes);
  for (auto& pending : group->batches) pool_.Give(std::move(pending));
  for (Entry& entry : group->entries) {
    if (entry.merged != nullptr) pool_.Give(std::move(entry.merged));
  }
  std::lock_guard lock(mutex_);
  admitted_batches_ -= answered;
  if (closing_ && admitted_batches_ == 0) ready_.notify_all();
}

void IngestPipeline::Release(std::size_t bytes) {
  std::lock_guard lock(mutex_);
  in_flight_bytes_ -= bytes;
  admitted_.notify_all();
}

void IngestPipeline::Close() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    ready_.notify_all();
    admitted_.notify_all();
  }
  if (committer_.joinable()) committer_.join();
  if (applier_.joinable()) applier_.join();
}

bool IngestPipeline::is_all_logged() const {
  const std::lock_guard lock(mutex_);
  return stopped_.ok();
}

Status IngestPipeline::Health() const {
  {
    std::lock_guard lock(mutex_);
    if (Status refusal = RefusalLocked(); !refusal.ok()) return refusal;
  }
  return log_->Health();
}

void IngestPipeline::FillMetrics(EngineMetrics* metrics) const {
  const auto load = [](const auto& counter) { return counter.load(std::memory_order_relaxed); };
  metrics->events_accepted = load(counters_.accepted);
  metrics->events_duplicate = load(counters_.duplicates);
  metrics->events_rejected = load(counters_.rejected);
  metrics->events_truncated = load(counters_.truncated);
  metrics->batches = load(counters_.batches);
  metrics->commits = load(counters_.commits);
  metrics->commit_micros = load(counters_.commit_micros);
  metrics->next_sequence = load(counters_.next_sequence);
  metrics->dedupe_ids = load(counters_.dedupe_ids);
  metrics->dedupe_bytes = load(counters_.dedupe_bytes);
  std::lock_guard lock(mutex_);
  metrics->in_flight_bytes = in_flight_bytes_;
}

}  // namespace v1
}  // namespace insightflow
