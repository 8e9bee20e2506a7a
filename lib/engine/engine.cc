#include "insightflow/engine.h"

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <string>
#include <utility>

#include "lib/engine/engine_impl.h"
#include "lib/engine/timeline.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kDecodersMax = 64;
constexpr std::size_t kTimelineMax = 1000;
constexpr std::uint64_t kTailSegmentRows = 262'144;
// So many events are trimmed together: each time costs a synced write.
constexpr std::uint64_t kTrimRows = 1'000'000;

Status CheckOptions(const EngineOptions& options) {
  if (options.dedupe_bytes_max < (1u << 20)) {
    return InvalidArgument("dedupe_bytes_max must be at least 1 MiB");
  }
  if (options.dedupe_window.count() <= 0) return InvalidArgument("dedupe_window must be positive");
  if (options.in_flight_bytes_max < (1u << 20)) {
    return InvalidArgument("in_flight_bytes_max must be at least 1 MiB");
  }
  if (options.live_save_events < 1) return InvalidArgument("live_save_events must be at least 1");
  if (options.fold_rows < 1) return InvalidArgument("fold_rows must be at least 1");
  const LiveLimits& live = options.live;
  if (live.event_types_max < 1 || live.event_types_max > 255) {
    return InvalidArgument("live.event_types_max must be 1 to 255");
  }
  if (live.pages_max < 1 || live.elements_max < 1 || live.users_max < 1) {
    return InvalidArgument("live.pages_max, elements_max and users_max must be at least 1");
  }
  return Status::Ok();
}

// Lets a caller wait for the answer of an asynchronous call.
class Waiter {
 public:
  IngestCallback Callback() {
    return [this](Result<IngestResult> result) {
      std::lock_guard lock(mutex_);
      result_ = std::move(result);
      answered_ = true;
      condition_.notify_one();
    };
  }
  Result<IngestResult> Wait() {
    std::unique_lock lock(mutex_);
    condition_.wait(lock, [&] { return answered_; });
    return std::move(result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool answered_ = false;
  Result<IngestResult> result_ = IngestResult();
};

}  // namespace

Result<std::unique_ptr<Engine::Impl>> Engine::Impl::Open(const EngineOptions& options,
                                                         const EngineTuning& tuning) {
  if (Status status = CheckOptions(options); !status.ok()) return status;
  std::unique_ptr<Impl> impl(new Impl(options, tuning));
  if (impl->options_.clock == nullptr) impl->options_.clock = &Clock::System();
  EventLogOptions log_options;
  log_options.dir = options.data_dir;
  log_options.create_if_missing = options.create_if_missing;
  log_options.disk_free_min = options.disk_free_min;
  log_options.failed_events_max = options.failed_events_max;
  log_options.failed_bytes_max = options.failed_bytes_max;
  log_options.env = tuning.env;
  log_options.probe = SegmentStore::CheckVersion;
  Result<std::unique_ptr<EventLog>> log = EventLog::Open(log_options);
  if (!log.ok()) return log.status();
  impl->log_ = std::move(*log);
  impl->hash_seed_ = impl->log_->hash_seed();
  Result<std::unique_ptr<SegmentStore>> segments = SegmentStore::Open(&impl->log_->store());
  if (!segments.ok()) return segments.status();
  impl->segments_ = std::move(*segments);
  impl->funnels_ = std::make_unique<FunnelStore>(&impl->log_->store());
  impl->dedupe_ =
      std::make_unique<DedupeWindow>(options.dedupe_bytes_max, options.dedupe_window.count());
  impl->live_ = std::make_unique<LiveState>(options.live, impl->hash_seed_);
  impl->tail_ = std::make_unique<TailSegments>(kTailSegmentRows);
  if (Status status = impl->Recover(); !status.ok()) return status;
  Folder::Options folding{options.fold, options.fold_rows};
  folding.folded = [raw = impl.get()] { raw->TrimSometimes(); };
  folding.before_erasing = [raw = impl.get()] { return raw->SaveErasures(); };
  folding.erased = [raw = impl.get()](std::uint64_t last) { return raw->FinishErasures(last); };
  if (options.retention_days != 0) {
    folding.first_day = [raw = impl.get()] { return raw->FirstDay(); };
  }
  impl->folder_ = std::make_unique<Folder>(folding, impl->log_.get(), impl->segments_.get());
  IngestPipeline::Options ingest{options.durability, options.in_flight_bytes_max,
                                 tuning.unlogged_from_bytes};
  // A save that fails costs time at the next opening only.
  ingest.save_live = [raw = impl.get()] { static_cast<void>(raw->SaveLive()); };
  ingest.save_events = options.live_save_events;
  ingest.applied = [raw = impl.get()](std::uint64_t end) { raw->folder_->Notice(end); };
  impl->pipeline_ = std::make_unique<IngestPipeline>(ingest, impl->log_.get(), impl->dedupe_.get(),
                                                     impl->live_.get());
  impl->folder_->Start();
  return impl;
}

Engine::Impl::~Impl() { static_cast<void>(Close()); }

Status Engine::Impl::SaveLive() {
  const std::uint64_t applied = live_->applied_sequence();
  const std::uint64_t erasures = live_->erasures_applied();
  if (applied == saved_sequence_ && erasures == saved_erasures_) return Status::Ok();
  Status status = log_->SaveFollower(kLiveFollower, applied,
                                     [this](const TakePiece& take) { return live_->Save(take); });
  if (!status.ok()) return status;
  saved_sequence_ = applied;
  saved_erasures_ = erasures;
  return status;
}

std::uint64_t Engine::Impl::TrimPoint() const {
  return std::min(segments_->Snapshot()->folded_sequence, saved_sequence_.load()) + 1;
}

// What cannot be trimmed now is trimmed later.
void Engine::Impl::TrimSometimes() {
  const std::lock_guard lock(trim_mutex_);
  const std::uint64_t point = TrimPoint();
  if (point >= log_->begin() + kTrimRows) static_cast<void>(log_->Trim(point));
}

Status Engine::Impl::Fold() {
  if (Status status = folder_->Fold(); !status.ok()) return status;
  Status status = pipeline_->RunApplied([this] { return SaveLive(); });
  if (!status.ok()) return status;
  return WithLog([this](EventLog& log) {
    const std::lock_guard lock(trim_mutex_);
    const std::uint64_t point = TrimPoint();
    return point > log.begin() ? log.TrimNow(point) : Status::Ok();
  });
}

Status Engine::Impl::Close() {
  std::lock_guard closing(close_mutex_);
  if (closed_) return close_status_;
  if (pipeline_ != nullptr) pipeline_->Close();
  if (folder_ != nullptr) folder_->Close();
  std::unique_lock lock(log_use_);
  closed_ = true;
  if (pipeline_ != nullptr) {
    // A stopped log takes no state either; the next opening replays it.
    if (log_->Health().code() != StatusCode::kUnavailable) {
      log_->BeginSync();
      close_status_ = SaveLive();
      SaveIds();
      TrimSometimes();
    }
  }
  if (segments_ != nullptr) segments_->Close();
  if (log_ != nullptr) {
    Status status = log_->Close();
    if (close_status_.ok()) close_status_ = std::move(status);
  }
  return close_status_;
}

std::unique_ptr<Decoder> Engine::Impl::TakeDecoder() {
  {
    std::lock_guard lock(decoders_mutex_);
    if (!decoders_.empty()) {
      auto decoder = std::move(decoders_.back());
      decoders_.pop_back();
      return decoder;
    }
  }
  return std::make_unique<Decoder>();
}

void Engine::Impl::GiveBack(std::unique_ptr<Decoder> decoder) {
  std::lock_guard lock(decoders_mutex_);
  if (decoders_.size() < kDecodersMax) decoders_.push_back(std::move(decoder));
}

DecodeContext Engine::Impl::ContextOf(const IngestOptions& options) const {
  DecodeContext context;
  context.received_ms = options.received ? ToMillis(*options.received) : NowMs();
  context.hash_seed = hash_seed_;
  context.rules = options_.rules;
  context.client_address = options.client_address;
  context.user_agent = options.user_agent;
  context.events_max = options.events_max;
  context.anonymous = options.anonymous;
  return context;
}

void Engine::Impl::Submit(std::unique_ptr<PendingBatch> pending,
                          IngestPipeline::WhenFull when_full) {
  if (Status status = pipeline_->Admit(pending.get(), when_full); !status.ok()) {
    pending->done(std::move(status));
    return;
  }
  PendingBatch* batch = pending.release();  // owned by the pipeline from Sequence on
  pipeline_->Sequence(batch);
  pipeline_->Publish(batch);
}

void Engine::Impl::IngestJson(std::string_view json, const IngestOptions& options,
                              IngestPipeline::WhenFull when_full, IngestCallback done) {
  if (options.bytes_max != 0 && json.size() > options.bytes_max) {
    done(OutOfRange("the batch has " + std::to_string(json.size()) + " bytes; the limit is " +
                    std::to_string(options.bytes_max)));
    return;
  }
  std::unique_ptr<PendingBatch> pending = pipeline_->Take();
  std::unique_ptr<Decoder> decoder = TakeDecoder();
  const DecodeContext context = ContextOf(options);
  const Status status = decoder->DecodeJson(json, context, &pending->decoded);
  GiveBack(std::move(decoder));
  if (!status.ok()) {
    pipeline_->GiveBack(std::move(pending));
    done(status);
    return;
  }
  pending->decoded.batch.received_ms = context.received_ms;
  pending->done = std::move(done);
  Submit(std::move(pending), when_full);
}

Result<IngestResult> Engine::Impl::IngestEvents(std::span<const Event> events,
                                                const IngestOptions& options) {
  if (options.events_max != 0 && events.size() > options.events_max) {
    return OutOfRange("the batch has " + std::to_string(events.size()) + " events; the limit is " +
                      std::to_string(options.events_max));
  }
  std::unique_ptr<PendingBatch> pending = pipeline_->Take();
  const DecodeContext context = ContextOf(options);
  DecodeEvents(events.data(), events.size(), context, &pending->decoded);
  pending->decoded.batch.received_ms = context.received_ms;
  Waiter waiter;
  pending->done = waiter.Callback();
  Submit(std::move(pending), IngestPipeline::WhenFull::kWait);
  return waiter.Wait();
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options) {
  return TunedEngine::Open(options, EngineTuning());
}

Result<std::unique_ptr<Engine>> TunedEngine::Open(const EngineOptions& options,
                                                  const EngineTuning& tuning) {
  auto impl = Engine::Impl::Open(options, tuning);
  if (!impl.ok()) return impl.status();
  return std::unique_ptr<Engine>(new Engine(std::move(*impl)));
}

Status Engine::Close() { return impl_->Close(); }

Result<IngestResult> Engine::Ingest(std::string_view json, const IngestOptions& options) {
  Waiter waiter;
  impl_->IngestJson(json, options, IngestPipeline::WhenFull::kWait, waiter.Callback());
  return waiter.Wait();
}

Result<IngestResult> Engine::Ingest(std::span<const Event> events, const IngestOptions& options) {
  return impl_->IngestEvents(events, options);
}

void Engine::IngestAsync(std::string_view json, const IngestOptions& options, IngestCallback done) {
  impl_->IngestJson(json, options, IngestPipeline::WhenFull::kRefuse, std::move(done));
}

OnlineUsers Engine::Online() const { return impl_->live().Online(impl_->NowMs()); }
EventTotals Engine::Totals() const { return impl_->live().Totals(); }
EventRates Engine::Rates() const { return impl_->live().Rates(impl_->NowMs()); }
Conversion Engine::ConversionRate() const { return impl_->live().ConversionRate(); }

Ranking Engine::HotPages(Window window, std::size_t limit) const {
  return impl_->live().HotPages(window, limit, impl_->NowMs());
}

Ranking Engine::HotElements(Window window, std::size_t limit) const {
  return impl_->live().HotElements(window, limit, impl_->NowMs());
}

Dashboard Engine::GetDashboard(std::size_t hot_pages_limit) const {
  return impl_->live().GetDashboard(hot_pages_limit, impl_->NowMs());
}

Result<UserProfile> Engine::User(std::string_view user_id) const {
  std::optional<UserProfile> profile = impl_->live().User(user_id, impl_->NowMs());
  if (!profile) return NotFound("no such user");
  return *std::move(profile);
}

Result<std::vector<StoredEvent>> Engine::UserEvents(std::string_view user_id, std::size_t limit,
                                                    std::optional<Timestamp> before,
                                                    std::uint64_t before_sequence) const {
  if (limit < 1 || limit > kTimelineMax) return InvalidArgument("limit must be 1 to 1000");
  TimelineRange range;
  range.limit = limit;
  if (before) range.before_ms = ToMillis(*before);
  if (before) range.before_sequence = before_sequence;
  if (impl_->options().retention_days != 0) range.from_ms = impl_->FirstDay() * kDayMs;
  return impl_->WithLog([&](EventLog& log) {
    return ReadUserEvents(log, impl_->live(), impl_->segments(), user_id, range);
  });
}

Result<std::vector<FailedEvent>> Engine::FailedEvents(std::uint64_t after,
                                                      std::size_t limit) const {
  return impl_->WithLog([&](EventLog& log) { return log.Failed(after, limit); });
}

Status Engine::Fold() { return impl_->Fold(); }

Result<std::uint64_t> Engine::EraseUser(std::string_view user_id) {
  return impl_->EraseUser(user_id);
}

Status Engine::Backup(const std::string& dir) {
  return impl_->WithLog([&](EventLog& log) {
    const auto held = impl_->segments().HoldCommits();
    return log.Backup(dir);
  });
}

Result<CheckReport> Engine::Check() const {
  return impl_->WithLog([this](EventLog& log) {
    Result<CheckReport> report = log.Check();
    const auto last = log.last();
    const std::uint64_t log_end = last ? last->first_sequence + last->rows : 1;
    if (report.ok()) {
      impl_->segments().Check(log_end, &*report);
      CheckFunnels(log.store(), &*report);
    }
    return report;
  });
}

Status Engine::Health() const { return impl_->pipeline().Health(); }

EngineMetrics Engine::Metrics() const {
  EngineMetrics metrics;
  impl_->pipeline().FillMetrics(&metrics);
  const std::int64_t reach_ms = impl_->pipeline().dedupe_reach_ms();
  metrics.dedupe_reach = impl_->options().dedupe_window;
  if (reach_ms != std::numeric_limits<std::int64_t>::min()) {
    metrics.dedupe_reach =
        std::min(metrics.dedupe_reach,
                 std::chrono::milliseconds(std::max<std::int64_t>(0, impl_->NowMs() - reach_ms)));
  }
  metrics.ids_status = impl_->ids_status();
  metrics.live_status = impl_->live_status();
  const LiveState& live = impl_->live();
  metrics.live_bytes = live.bytes();
  metrics.live_users = live.users();
  metrics.users_overflow_events = live.users_overflow_events();
  metrics.types_overflow_events = live.types_overflow_events();
  static_cast<void>(impl_->WithLog([&](EventLog& log) {
    metrics.log_bytes = log.disk_bytes();
    metrics.failed_events = log.failed_events();
    metrics.failed_dropped = log.failed_dropped();
    impl_->folder().FillMetrics(&metrics);
    metrics.erasures_pending = impl_->segments().Snapshot()->erasures.size();
    // Folding may have passed the log's end of a moment ago.
    const std::uint64_t logged = metrics.next_sequence - 1;
    metrics.fold_lag_events = logged - std::min(logged, metrics.folded_sequence);
    return Status::Ok();
  }));
  return metrics;
}

Result<CheckReport> CheckStore(const std::string& data_dir) {
  return EventLog::CheckDir(data_dir,
                            [](const Store& store, std::uint64_t log_end, CheckReport* report) {
                              CheckSegments(store, log_end, report);
                              CheckFunnels(store, report);
                            });
}

}  // namespace v1
}  // namespace insightflow
