// The folding follower: brings the log's rows into segments and merges small segments, on a thread
// of its own that steps back for others.
//
// It folds whole log entries, those behind the segments' folded_sequence, so that every row is in
// exactly one place. A step ends at a bound of rows or of memory and is one commit. It also drops
// segments of days that have expired, and rewrites those that hold rows of erased users. A damaged
// segment is left as it is, and all else is done; one that cannot be read at all is damage from the
// beginning.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "insightflow/engine.h"
#include "insightflow/status.h"
#include "lib/engine/merge_policy.h"
#include "lib/log/event_log.h"
#include "lib/segments/segment_store.h"

namespace insightflow {
inline namespace v1 {

class Folder {
 public:
  struct Options {
    bool automatic = true;  // without it only Fold folds
    std::uint64_t rows = 0;
    std::size_t bytes_max = std::size_t{48} << 20;
    // The following are called on the folder's thread.
    // After rows of the log have become segments.
    std::function<void()> folded = [] {};
    // Days before this one have expired. Null: none ever does.
    std::function<std::uint32_t()> first_day = {};
    // Before erased rows leave segments: who else knows of the erasures must not need them again.
    std::function<Status()> before_erasing = [] { return Status::Ok(); };
    // The log is folded, and no segment holds what erasures up to `number` erased.
    std::function<Status(std::uint64_t number)> erased = [](std::uint64_t) { return Status::Ok(); };
  };

  // Both must outlive the folder.
  Folder(const Options& options, EventLog* log, SegmentStore* segments);
  ~Folder() { Close(); }

  // Begins to fold. Once, before Fold.
  void Start();

  // The log reaches up to `end` now. Cheap; for the thread that applies.
  void Notice(std::uint64_t end) {
    end_.store(end);
    if (end >= wake_at_.load()) Wake();
  }

  // There is an erasure to finish, within an hour or when Fold is called.
  void NoticeErasure();

  // Waits until every event that is in the log now is in a segment, nothing is left to merge and
  // no row of an erased user or an expired day is in a segment.
  // kDataLoss when only damaged segments are left to merge or may hold such rows. Else the error
  // that kept it from that; kFailedPrecondition when the folder is closed meanwhile.
  Status Fold();

  // Gives up what is under way and ends the thread. Idempotent.
  void Close();

  // Why folding has stopped, or waits, or the first damage that it met; OK otherwise.
  Status status() const;
  void FillMetrics(EngineMetrics* metrics) const;

 private:
  void Loop();
  bool WaitForWork(bool* all);
  void Wake();
  // Up to where the log ends now; without `all` only full steps.
  Status FoldLog(bool all);
  // `memory` is used again from step to step.
  Status FoldStep(SegmentRows* memory);
  Status Round(bool all);
  // Until no `least` segments are left to merge, or, without `all`, a step of the log waits. Frees
  // `memory` of steps, which may be null, when there is something to merge.
  Status Merge(bool all, std::size_t least, SegmentRows* memory = nullptr);
  // Leaves the damaged ones among `inputs`, whose merge failed, out from now on. `status` itself
  // when none is, and when it says something else.
  Status LeaveOutDamaged(const SegmentList& inputs, Status status);
  void NoteDamage(const SegmentKey& key, const Status& status);
  // What there is to merge.
  std::vector<SegmentList> Merges(std::size_t least) const;
  void ForgetExpiredDamage();
  Status MergeInto(const SegmentList& inputs, const ErasedUsers& erased, SegmentChange* change);
  Status DropExpired();
  // Finishes the erasures there are, unless a damaged segment may hold what they erase.
  Status Erase();
  Status RewriteErased(const ErasedUsers& erased);
  Status RewriteErased(const std::shared_ptr<const StoredSegment>& segment,
                       const ErasedUsers& erased, SegmentChange* change);
  Status StatusLocked() const { return status_.ok() ? damage_ : status_; }
  std::uint64_t LogEnd() const;
  bool StepWaits() const;

  const Options options_;
  EventLog* const log_;
  SegmentStore* const segments_;

  std::atomic<std::uint64_t> end_{1};
  std::atomic<std::uint64_t> wake_at_{UINT64_MAX};
  std::atomic<bool> closing_{false};
  std::atomic<std::uint64_t> merges_{0};
  // The thread's own.
  bool erasing_ = false;             // in the round under way
  bool erased_all_ = true;           // unless damage kept it from that
  std::vector<SegmentKey> damaged_;  // segments

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  std::uint64_t asked_ = 0;  // calls of Fold
  std::uint64_t taken_ = 0;  // of those, by the round under way
  std::uint64_t answered_ = 0;
  Status status_;  // of the last round
  Status damage_;  // why the first of damaged_ is there
  // When the folder looks again without being asked: max() for never.
  std::chrono::steady_clock::time_point look_at_ = std::chrono::steady_clock::time_point::max();
  std::chrono::steady_clock::time_point erase_at_ = std::chrono::steady_clock::time_point::max();

  std::mutex close_mutex_;
  std::thread thread_;
};

}  // namespace v1
}  // namespace insightflow
