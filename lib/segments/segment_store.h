// The segments of a store: what the manifest names, read through snapshots, replaced by commits.
//
//   auto segments = SegmentStore::Open(&store);
//   auto writer = (*segments)->NewSegment(day, ChunkOrder::kAny);
//   builder.Finish(writer->get(), &meta);
//   SegmentChange change;
//   change.added.push_back(std::move(*writer));
//   change.receipts = …;                       // up to where the log is folded
//   Status status = (*segments)->Commit(std::move(change));
//
//   const auto snapshot = (*segments)->Snapshot();
//   for (const auto& segment : snapshot->segments) {
//     auto source = segment->NewSource();
//     segment->reader().ReadBlock(0, columns, source.get(), &scratch, &block);
//   }
//   // Rows behind snapshot->folded_sequence are in the log only.
//
// Chunks go to table files past the write-ahead log and are durable before the manifest names them,
// in one synced write. What a crash leaves unnamed the next Open removes.
//
// Thread safety: every method may be called from any thread, commits from one at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "insightflow/status.h"
#include "insightflow/store.h"
#include "lib/segments/erased_users.h"
#include "lib/segments/segment_builder.h"
#include "lib/segments/segment_manifest.h"
#include "lib/segments/segment_reader.h"
#include "lib/segments/segment_writer.h"
#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {

class SegmentDisposal;

// A segment of the store. Immutable; threads may share it, each with a source of its own.
class StoredSegment : public std::enable_shared_from_this<StoredSegment> {
 public:
  StoredSegment(std::shared_ptr<SegmentDisposal> disposal, SegmentReader reader,
                std::uint64_t bytes);
  ~StoredSegment();
  StoredSegment(const StoredSegment&) = delete;
  StoredSegment& operator=(const StoredSegment&) = delete;

  const SegmentKey& key() const { return reader_.meta().key; }
  const SegmentMeta& meta() const { return reader_.meta(); }
  const SegmentReader& reader() const { return reader_; }
  std::uint64_t bytes() const { return bytes_; }  // of all chunks

  // Keeps the segment. Must not be used after SegmentStore::Close.
  std::unique_ptr<ChunkSource> NewSource() const;

 private:
  friend class SegmentStore;

  const std::shared_ptr<SegmentDisposal> disposal_;
  const SegmentReader reader_;
  const std::uint64_t bytes_;
  // Set once the manifest names it no more: the last holder then removes the chunks.
  mutable std::atomic<bool> dropped_ = false;
};

// A segment whose meta cannot be read, so that nothing of it can. It stays until its day expires:
// the manifest says what is missing, and the file may be mended.
struct UnreadableSegment {
  SegmentEntry entry;
  Status damage;  // names the day and the segment

  bool Touches(std::int64_t from_ms, std::int64_t to_ms) const {
    return entry.max_time_ms >= from_ms && entry.min_time_ms < to_ms;
  }
};

// What there was at one moment. A segment that a merge or a drop has replaced since stays readable.
struct SegmentSnapshot {
  std::vector<std::shared_ptr<const StoredSegment>> segments;  // by day, then id
  std::vector<UnreadableSegment> unreadable;                   // by day, then id
  // Every row of the log up to here is in exactly one of the segments, unless it was erased or has
  // expired, and no other row is.
  std::uint64_t folded_sequence = 0;
  // Of what is erased, though segments may still hold it; `erased` is never null.
  std::vector<Erasure> erasures;
  std::shared_ptr<const ErasedUsers> erased = std::make_shared<ErasedUsers>();
  std::uint64_t last_erasure = 0;

  std::uint64_t rows() const;   // that can be read
  std::uint64_t bytes() const;  // of all segments
};

// What a commit does, all or nothing.
struct SegmentChange {
  std::vector<std::unique_ptr<SegmentWriter>> added;  // all chunks written, the meta's last
  std::vector<SegmentKey> removed;                    // which the manifest names
  // Of the log entries whose rows are in `added`: they begin behind folded_sequence and move it to
  // their end. Empty when no row of the log was folded.
  Receipts receipts;
  // A new erasure; its number is last_erasure + 1.
  std::optional<Erasure> erasure;
  // Erasures up to this number are finished: nothing holds what they erased.
  std::uint64_t finished_erasure = 0;
};

class SegmentStore {
 public:
  // Reads the manifest and the meta of every segment and removes what a crash left. A damaged meta
  // makes its segment unreadable. `store` must outlive Close. Errors: kDataLoss when the manifest
  // is damaged; kFailedPrecondition when a newer version wrote it or a meta. O(segments), a few
  // reads each.
  static Result<std::unique_ptr<SegmentStore>> Open(Store* store);
  // Whether this build can read the manifest: for StoreOptions::probe, before anything changes.
  static Status CheckVersion(const Store& store);
  ~SegmentStore() { Close(); }

  // Never null. O(1).
  std::shared_ptr<const SegmentSnapshot> Snapshot() const;

  // A new segment of the day, to be filled and committed. kResourceExhausted when the disk is
  // nearly full, kUnavailable when the store is stopped.
  Result<std::unique_ptr<SegmentWriter>> NewSegment(std::uint32_t day, ChunkOrder order);

  // Makes the change durable, then visible to later snapshots. kResourceExhausted: everything is as
  // it was, except that the writers are gone; try again later. Any other error stops the store.
  Status Commit(SegmentChange change);

  // While the result is held, chunks of dropped segments that this thread lets go stay; then all go
  // at once. A removal costs O(segments there are), so who may be the last to hold many of them
  // holds it longer than these. To be let go by the same thread, the last one first.
  std::shared_ptr<const void> DropTogether();

  // While the result is held no commit begins. For a copy of the store: RocksDB's checkpoint takes
  // the write-ahead log after the table files, so the manifest in it could name segments that the
  // copy lacks.
  std::unique_lock<std::mutex> HoldCommits() { return std::unique_lock(commit_mutex_); }

  // When the event of a folded sequence was received. kNotFound for others. O(log folds).
  Result<std::int64_t> ReceivedMs(std::uint64_t sequence) const;
  // Calls `take` for the receipts from the one that holds `first_sequence` on, rising, until it
  // returns false. With each goes the end of its events.
  Status ForReceipts(std::uint64_t first_sequence,
                     const std::function<bool(const Receipt&, std::uint64_t end)>& take) const;

  // Reads every chunk of every segment, while commits go on. `report` has the log's events, which
  // end before `log_end`; afterwards those of segments too, each once.
  void Check(std::uint64_t log_end, CheckReport* report) const;

  // From now on nothing is read or removed; snapshots may still be held. Idempotent.
  void Close();

 private:
  explicit SegmentStore(Store* store);
  Status Load();
  Status RemoveLeftovers();

  Store* const store_;
  const std::shared_ptr<SegmentDisposal> disposal_;
  std::atomic<std::uint64_t> next_id_ = 1;
  std::mutex commit_mutex_;

  mutable std::mutex mutex_;
  std::shared_ptr<const SegmentSnapshot> snapshot_;
};

// Reads every chunk of every segment of a store that nobody changes, also one opened read-only, and
// compares the manifest with what is there and with `log_end`, the sequence behind the log's last.
void CheckSegments(const Store& store, std::uint64_t log_end, CheckReport* report);

}  // namespace v1
}  // namespace insightflow
