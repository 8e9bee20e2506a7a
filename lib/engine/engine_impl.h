// What stands behind Engine: the parts, in the order they are made, and what the importer shares.
#pragma once

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
#include "lib/live/live_state.h"
#include "lib/log/dedupe.h"
#include "lib/log/event_log.h"
#include "lib/segments/segment_store.h"

namespace insightflow {
inline namespace v1 {

class Engine::Impl {
 public:
  static Result<std::unique_ptr<Impl>> Open(const EngineOptions& options);
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
  // `last`.
  struct StoredRows {
    std::vector<ScanInput> inputs;
    std::uint64_t last = 0;
  };
  Result<StoredRows> Rows() const;
  Result<Answer> Query(const insightflow::Query& query, const QueryOptions& options);
  Result<IngestResult> IngestEvents(std::span<const Event> events, const IngestOptions& options);

 private:
  explicit Impl(const EngineOptions& options) : options_(options) {}

  Status Recover();
  Result<StoredRows> RowsOf(const EventLog& log) const;
  // Folds what would be too much to read from the log.
  Status FoldLongTail() const;
  Status SaveLive();
  void Submit(std::unique_ptr<PendingBatch> pending, IngestPipeline::WhenFull when_full);

  EngineOptions options_;
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

  std::mutex close_mutex_;
  mutable std::shared_mutex log_use_;
  bool closed_ = false;  // guarded by log_use_
  Status close_status_;
  std::uint64_t saved_sequence_ = 0;  // of the live numbers
};

}  // namespace v1
}  // namespace insightflow
