// What stands behind Engine: the parts, in the order they are made, and what the importer shares.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "insightflow/engine.h"
#include "lib/decode/decoder.h"
#include "lib/engine/folder.h"
#include "lib/engine/funnel_store.h"
#include "lib/engine/ingest_pipeline.h"
#include "lib/engine/tail_segments.h"
#include "lib/engine/tuned_engine.h"
#include "lib/live/live_erasure.h"
#include "lib/live/live_state.h"
#include "lib/log/dedupe.h"
#include "lib/log/dedupe_file.h"
#include "lib/log/event_log.h"
#include "lib/segments/segment_store.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::string_view kLiveFollower = "live";

class Engine::Impl {
 public:
  static Result<std::unique_ptr<Impl>> Open(const EngineOptions& options,
                                            const EngineTuning& tuning);
  ~Impl();

  Status Close();

  // Decoders are kept for the next call: their buffers are worth more than themselves.
  std::unique_ptr<Decoder> TakeDecoder();
  void GiveBack(std::unique_ptr<Decoder> decoder);

  std::int64_t NowMs() const { return ToMillis(clock().Now()); }
  const Clock& clock() const { return *options_.clock; }
  const EngineOptions& options() const { return options_; }
  IngestPipeline& pipeline() { return *pipeline_; }
  const IngestPipeline& pipeline() const { return *pipeline_; }
  const LiveState& live() const { return *live_; }
  // Kept open within WithLog.
  SegmentStore& segments() const { return *segments_; }
  const Status& ids_status() const { return ids_status_; }
  const Status& live_status() const { return live_status_; }
  FunnelStore& funnels() const { return *funnels_; }
  Folder& folder() const { return *folder_; }
  std::uint64_t hash_seed() const { return hash_seed_; }
  // Calls `use(log)` while the log is kept open; kFailedPrecondition once the engine is closed.
  template <typename Use>
  auto WithLog(Use use) const -> decltype(use(std::declval<EventLog&>())) {
    std::shared_lock lock(log_use_);
    if (closed_) return FailedPrecondition("the engine is closed");
    return use(*log_);
  }
  // What a decoder needs to know of this engine and this call.
  DecodeContext ContextOf(const IngestOptions& options) const;

  // JSON into the pipeline. `done` is called once.
  void IngestJson(std::string_view json, const IngestOptions& options,
                  IngestPipeline::WhenFull when_full, IngestCallback done);
  // All events that were acknowledged before the call, each in one of the segments, as of sequence
  // `last`, but for those that cannot be read.
  struct StoredRows {
    std::vector<ScanInput> inputs;
    std::uint64_t last = 0;
    std::vector<UnreadableSegment> unreadable = {};
  };
  Result<StoredRows> Rows() const;
  // Folds all, and gives the disk of the log back.
  Status Fold();
  Result<Answer> Query(const insightflow::Query& query, const QueryOptions& options);
  // As Engine::EraseUser.
  Result<std::uint64_t> EraseUser(std::string_view user_id);
  // The first day whose events are kept, since 1970-01-01.
  std::uint32_t FirstDay() const;
  Result<IngestResult> IngestEvents(std::span<const Event> events, const IngestOptions& options);

 private:
  Impl(const EngineOptions& options, const EngineTuning& tuning)
      : options_(options), tuning_(tuning) {}

  Status Recover();
  Status RecoverLive(const SegmentSnapshot& snapshot);
  Status EraseFromLoaded(const SegmentSnapshot& snapshot);
  Status RecoverIds(const SegmentSnapshot& snapshot, std::uint64_t* from);
  // The window as it was saved. Returns up to where the log's ids are in it, 0: it is empty.
  std::uint64_t LoadIds(const SegmentSnapshot& snapshot);
  void SaveIds();
  bool IdsAreWorthSaving(std::uint64_t last_sequence) const;
  void ForgetSavedIds();
  Result<std::int64_t> ReceivedMs(std::uint64_t sequence) const;
  Result<StoredRows> RowsOf(const EventLog& log) const;
  // Folds what would be too much to read from the log.
  Status FoldLongTail() const;
  bool FoldedAlmostAll() const;
  Status SaveLive();
  // On the apply thread, or before there is one: what the live numbers have of the events that an
  // erasure erases, as far as those before it left them, and the events' keys.
  Result<LiveErasure> CollectErased(const Erasure& erasure,
                                    std::shared_ptr<const ErasedUsers> before,
                                    std::vector<Hash128>* keys) const;
  Result<bool> IsKnownOtherwise(std::string_view user_id) const;
  Result<std::uint64_t> EraseApplied(std::string_view user_id);
  // What the folder asks for around the erasing of rows.
  Status SaveErasures();
  Status FinishErasures(std::uint64_t number);
  // What is in segments, and applied to a saved state, the log need not hold.
  std::uint64_t TrimPoint() const;
  void TrimSometimes();
  void Submit(std::unique_ptr<PendingBatch> pending, IngestPipeline::WhenFull when_full);

  EngineOptions options_;
  const EngineTuning tuning_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<SegmentStore> segments_;
  std::unique_ptr<FunnelStore> funnels_;
  std::unique_ptr<Folder> folder_;
  std::unique_ptr<DedupeWindow> dedupe_;
  std::unique_ptr<LiveState> live_;
  std::unique_ptr<IngestPipeline> pipeline_;
  std::unique_ptr<TailSegments> tail_;

  std::mutex decoders_mutex_;
  std::vector<std::unique_ptr<Decoder>> decoders_;

  std::uint64_t hash_seed_ = 0;
  Status ids_status_;   // written while it opens
  Status live_status_;  // so is this

  std::mutex close_mutex_;
  mutable std::shared_mutex log_use_;
  bool closed_ = false;  // guarded by log_use_
  Status close_status_;
  std::atomic<std::uint64_t> saved_sequence_ = 0;  // of the live numbers
  std::atomic<std::uint64_t> saved_erasures_ = 0;  // the last that the saved live numbers know
  // What is saved of the dedupe window. Of the thread that opens, then the apply thread, then the
  // one that closes.
  DedupeMark saved_ids_;
  std::mutex trim_mutex_;
};

}  // namespace v1
}  // namespace insightflow
