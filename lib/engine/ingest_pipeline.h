// From decoded batches to durable, visible events: dedupe, group commit, live numbers, answers.
//
//   caller threads          commit thread                apply thread
//   decode ─► Sequence ─►   merge small batches,    ─►   live numbers, then the callbacks
//             Publish       one synced write
//
// Sequence is the one serial step of callers: it looks the keys up and fixes the batch's place, so
// a duplicate is only answered after the batch it repeats is on the disk. Batches are committed in
// that order. A failed write stops the pipeline for good: its outcome is unknown.
//
// Batches of sync_later (those of an import, which is acknowledged as a whole) are synced with
// whatever is answered next, and by Sync; else what is written of them is on its way to the disk
// within a second. Many of them in a row do without the write-ahead log.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "insightflow/engine.h"
#include "insightflow/ingest.h"
#include "lib/decode/decoder.h"
#include "lib/engine/batch_pool.h"
#include "lib/live/live_state.h"
#include "lib/log/dedupe.h"
#include "lib/log/event_log.h"

namespace insightflow {
inline namespace v1 {

class IngestPipeline {
 public:
  struct Options {
    Durability durability = Durability::kFsync;
    std::size_t in_flight_bytes_max = 0;
    // So much is logged of what may be synced later, before it goes on unlogged.
    std::size_t unlogged_from_bytes = SIZE_MAX;
    // Called on the apply thread when events pause, and at the latest after so many events.
    std::function<void()> save_live = [] {};
    std::uint64_t save_events = UINT64_MAX;
    // Called on the apply thread with where the visible log ends.
    std::function<void(std::uint64_t end)> applied = [](std::uint64_t) {};
  };
  enum class WhenFull { kWait, kRefuse };

  // All must outlive the pipeline; `log` and `dedupe` are used by it alone from now on, `live` is
  // applied to by it alone. `log` is at `last`.
  IngestPipeline(const Options& options, EventLog* log, DedupeWindow* dedupe, LiveState* live);
  ~IngestPipeline();

  // A batch to decode into; Sequence takes it back.
  std::unique_ptr<PendingBatch> Take() { return pool_.Take(); }
  void GiveBack(std::unique_ptr<PendingBatch> pending) { pool_.Give(std::move(pending)); }

  // Makes room for the batch. Errors: kResourceExhausted (in-flight bytes with kRefuse; disk nearly
  // full), kUnavailable (stopped), kFailedPrecondition (closed). After OK, Sequence must follow.
  Status Admit(PendingBatch* pending, WhenFull when_full);
  // Fixes the batch's place in the log. Thread-safe; the order of calls is the order of the log.
  void Sequence(PendingBatch* pending);
  // Hands the batch over to the commit thread. pending->done is called once.
  void Publish(PendingBatch* pending);

  // Waits until every batch that was answered is as durable as the options say. Returns why batches
  // are refused when a write failed. Thread-safe.
  Status Sync();

  // Keys are forgotten by the dedupe window: their events may come again.
  void ForgetKeys(std::span<const Hash128> keys);

  // Runs `task` on the apply thread, between two log entries, and waits for what it returns.
  // kFailedPrecondition once the pipeline is closed. Not to be called on the apply thread.
  Status RunApplied(const std::function<Status()>& task);

  // Waits for everything published, then stops both threads. Idempotent.
  void Close();

  // Whether every key of the dedupe window is that of an event in the log. Once it is closed.
  bool is_all_logged() const;
  // OK, or why batches are refused.
  Status Health() const;
  void FillMetrics(EngineMetrics* metrics) const;
  // Every key since this server time is remembered; INT64_MIN: all of the window.
  std::int64_t dedupe_reach_ms() const {
    return counters_.dedupe_reach_ms.load(std::memory_order_relaxed);
  }

 private:
  // One log entry and the batches whose rows it holds.
  struct Entry {
    LogEntryHeader header;
    PendingBatch* own = nullptr;           // a large batch is an entry of its own
    std::unique_ptr<PendingBatch> merged;  // several small ones
  };
  struct Group {
    std::vector<std::unique_ptr<PendingBatch>> batches;
    std::vector<Entry> entries;
    std::size_t bytes = 0;
    std::uint64_t syncs_asked = 0;
    std::function<void()> task;  // then there are no batches
  };

  void CommitLoop();
  void ApplyLoop();
  bool CollectGroup(Group* group);
  void BuildEntries(Group* group);
  void CloseEntry(Group* group, Entry entry);
  Status Write(const Group& group);
  bool MustSync(const Group& group) const;
  bool MayGoUnlogged(const Group& group);
  void NoteWritten(const Group& group, bool unlogged, bool sync);
  void SyncIfDue();
  void SyncUnsynced();
  void AnswerSyncs(std::uint64_t asked);
  void PrepareDedupe();
  bool NextGroup(Group* group);
  void SaveLive();
  void Fail(const Status& cause, Group* group);
  void Answer(Group* group);
  void Release(std::size_t bytes);
  Status RefusalLocked() const;

  const Options options_;
  EventLog* const log_;
  DedupeWindow* const dedupe_;
  LiveState* const live_;
  BatchPool pool_;

  std::mutex sequence_mutex_;  // guards dedupe_ and last_received_ms_; taken before mutex_
  std::int64_t last_received_ms_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable ready_;     // the head of the queue is published, a sync, or closing
  std::condition_variable admitted_;  // in-flight bytes went down
  std::condition_variable synced_;    // syncs_done_ went up
  std::deque<std::unique_ptr<PendingBatch>> queue_;  // in the order of the log
  std::size_t in_flight_bytes_ = 0;
  std::size_t admitted_batches_ = 0;  // admitted and not yet answered
  std::uint64_t syncs_asked_ = 0;
  std::uint64_t syncs_done_ = 0;  // changed by the commit thread alone
  bool closing_ = false;
  Status stopped_;  // the write error that stopped the pipeline

  std::mutex apply_mutex_;
  std::condition_variable apply_ready_;
  std::deque<Group> apply_queue_;
  bool commit_done_ = false;

  // The commit thread's own.
  std::uint64_t next_sequence_ = 1;
  std::int64_t max_time_ms_ = INT64_MIN;
  std::int64_t entry_received_ms_ = 0;
  // When the first write that is not synced, but is to be, was made; or, of unlogged ones, when
  // they were last sent to the disk.
  std::optional<std::chrono::steady_clock::time_point> unsynced_since_;
  enum class Unsynced : std::uint8_t { kLogged, kUnlogged, kUnloggedAndSent };
  Unsynced unsynced_ = Unsynced::kLogged;  // the last of it
  std::size_t later_bytes_ = 0;  // of batches of sync_later, since anything else was written

  std::uint64_t unsaved_events_ = 0;  // the apply thread's own

  struct Counters {
    std::atomic<std::uint64_t> accepted{0}, duplicates{0}, rejected{0}, truncated{0}, batches{0};
    std::atomic<std::uint64_t> commits{0}, commit_micros{0}, next_sequence{1};
    std::atomic<std::uint64_t> dedupe_ids{0}, dedupe_bytes{0}, dedupe_wanted{0};
    std::atomic<std::int64_t> dedupe_reach_ms{INT64_MIN};
  } counters_;

  std::thread committer_;
  std::thread applier_;
};

}  // namespace v1
}  // namespace insightflow
