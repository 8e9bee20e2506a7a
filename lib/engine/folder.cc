#include "lib/engine/folder.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/engine/thread.h"
#include "lib/log/codec.h"
#include "lib/segments/batch_days.h"
#include "lib/segments/segment_merger.h"

namespace insightflow {
inline namespace v1 {
namespace {

// After a full disk.
constexpr auto kRetryAfter = std::chrono::seconds(2);
// How often days are looked at, and how long an erasure may wait for others.
constexpr auto kLookEvery = std::chrono::minutes(1);
constexpr auto kEraseWithin = std::chrono::hours(1);
using TimePoint = std::chrono::steady_clock::time_point;
// What a builder takes beside its rows, about.
constexpr std::size_t kBuilderBytes = 16 << 10;

Status Closed() { return FailedPrecondition("the engine is closed"); }

// What time or space may remedy is tried again.
bool IsPassing(const Status& status) {
  return status.ok() || status.code() == StatusCode::kResourceExhausted;
}

// For reading a segment from end to end.
class NowhereSink final : public ChunkSink {
 public:
  Status Write(SegmentColumn, std::uint32_t, std::string_view) override { return Status::Ok(); }
};

// The segments of one step, a builder a day.
class DayBuilders {
 public:
  // `memory` is used, and given back when the builders finish.
  DayBuilders(SegmentStore* segments, std::uint64_t hash_seed, SegmentRows* memory)
      : segments_(segments), hash_seed_(hash_seed), memory_(memory) {}

  Status Add(const EventBatch& batch, const StoredTexts& stored, std::uint64_t first_sequence) {
    if (Status status = FindDays(batch, &found_); !status.ok()) return status;
    for (const std::uint32_t day : found_) {
      const auto at = days_.find(day);
      Result<Day*> known = at != days_.end() ? Result<Day*>(&at->second) : NewDay(day);
      if (!known.ok()) return known.status();
      Status status = (*known)->builder.Add(batch, stored, first_sequence);
      if (!status.ok()) return status;
    }
    rows_ += batch.rows;
    return Status::Ok();
  }

  std::uint64_t rows() const { return rows_; }
  std::size_t bytes() const {
    std::size_t sum = days_.size() * kBuilderBytes;
    for (const auto& [day, building] : days_) sum += building.builder.bytes();
    return sum;
  }

  // Leaves no builders.
  Status Finish(const std::atomic<bool>& closing, SegmentChange* change) {
    std::uint64_t rows = 0;
    while (!days_.empty()) {
      if (closing) return Closed();
      Day day = std::move(days_.begin()->second);
      days_.erase(days_.begin());
      SegmentMeta meta;
      Status status = day.builder.Finish(day.writer.get(), &meta);
      if (!status.ok()) return status;
      const bool is_largest = meta.rows > rows;  // about
      if (is_largest) *memory_ = day.builder.TakeMemory();
      rows += meta.rows;
      change->added.push_back(std::move(day.writer));
    }
    return rows == rows_ ? Status::Ok() : Internal("a fold has lost rows");
  }

 private:
  struct Day {
    std::unique_ptr<SegmentWriter> writer;
    SegmentBuilder builder;
  };

  Result<Day*> NewDay(std::uint32_t day) {
    auto writer = segments_->NewSegment(day, ChunkOrder::kAny);
    if (!writer.ok()) return writer.status();
    SegmentBuilder builder((*writer)->key(), hash_seed_, {}, std::exchange(*memory_, {}));
    return &days_.emplace(day, Day{*std::move(writer), std::move(builder)}).first->second;
  }

  SegmentStore* const segments_;
  const std::uint64_t hash_seed_;
  SegmentRows* const memory_;
  std::map<std::uint32_t, Day> days_;
  std::vector<std::uint32_t> found_;  // days of the batch under way
  std::uint64_t rows_ = 0;
};

}  // namespace

Folder::Folder(const Options& options, EventLog* log, SegmentStore* segments)
    : options_(options), log_(log), segments_(segments) {
  end_ = LogEnd();
  for (const UnreadableSegment& segment : segments->Snapshot()->unreadable) {
    NoteDamage(segment.entry.key, segment.damage);
  }
}

void Folder::Start() {
  const auto now = std::chrono::steady_clock::now();
  if (options_.first_day) look_at_ = now;
  if (!segments_->Snapshot()->erasures.empty()) erase_at_ = now;
  thread_ = StartThread("if-fold", [this] { Loop(); });
}

void Folder::Wake() {
  const std::lock_guard lock(mutex_);
  work_.notify_one();
}

void Folder::NoticeErasure() {
  const std::lock_guard lock(mutex_);
  erase_at_ = std::min(erase_at_, std::chrono::steady_clock::now() + kEraseWithin);
  work_.notify_one();
}

Status Folder::Fold() {
  std::unique_lock lock(mutex_);
  if (closing_) return Closed();
  const std::uint64_t ticket = ++asked_;
  work_.notify_one();
  done_.wait(lock, [&] { return answered_ >= ticket || closing_; });
  return answered_ >= ticket ? StatusLocked() : Closed();
}

void Folder::Close() {
  const std::lock_guard closing(close_mutex_);
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    work_.notify_one();
    done_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

Status Folder::status() const {
  const std::lock_guard lock(mutex_);
  return StatusLocked();
}

void Folder::FillMetrics(EngineMetrics* metrics) const {
  const auto snapshot = segments_->Snapshot();
  metrics->folded_sequence = snapshot->folded_sequence;
  metrics->segments = snapshot->segments.size() + snapshot->unreadable.size();
  metrics->segment_bytes = snapshot->bytes();
  metrics->segment_merges = merges_.load(std::memory_order_relaxed);
  metrics->fold_status = status();
}

std::uint64_t Folder::LogEnd() const {
  const auto last = log_->last();
  return last ? last->first_sequence + last->rows : 1;
}

bool Folder::StepWaits() const {
  return options_.automatic && end_.load() > segments_->Snapshot()->folded_sequence + options_.rows;
}

// False at the end. `all`: somebody waits for all of the log.
bool Folder::WaitForWork(bool* all) {
  const std::uint64_t due = segments_->Snapshot()->folded_sequence + options_.rows + 1;
  std::unique_lock lock(mutex_);
  const auto asked = [&] { return closing_ || asked_ > answered_; };
  const bool automatic = options_.automatic && IsPassing(status_);
  if (automatic && !status_.ok()) work_.wait_for(lock, kRetryAfter, asked);
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const auto is_time = [&] { return automatic && now() >= std::min(look_at_, erase_at_); };
  const auto ready = [&] { return asked() || is_time() || (automatic && end_.load() >= due); };
  wake_at_.store(automatic ? due : UINT64_MAX);
  while (!ready()) {
    const auto until = std::min(look_at_, erase_at_);
    if (!automatic || until == TimePoint::max()) {
      work_.wait(lock);
    } else {
      work_.wait_until(lock, until);
    }
  }
  wake_at_.store(UINT64_MAX);
  if (options_.first_day) look_at_ = now() + kLookEvery;
  erasing_ = asked_ > answered_ || now() >= erase_at_;
  if (erasing_) erase_at_ = TimePoint::max();
  taken_ = asked_;
  *all = asked_ > answered_;
  return !closing_;
}

void Folder::Loop() {
  StepBack();
  bool all = false;
  while (WaitForWork(&all)) {
    Status status = Round(all);
    const std::lock_guard lock(mutex_);
    if (closing_) return;
    // What was not finished is tried again like a new one.
    if (erasing_ && !(status.ok() && erased_all_))
      erase_at_ = std::chrono::steady_clock::now() + kEraseWithin;
    status_ = std::move(status);
    answered_ = taken_;
    done_.notify_all();
  }
}

Status Folder::Round(bool all) {
  Status status = FoldLog(all);
  if (status.ok()) status = DropExpired();
  ForgetExpiredDamage();
  if (status.ok() && erasing_) status = Erase();
  return status.ok() ? Merge(all, kMergeSegmentsMin) : status;
}

Status Folder::FoldLog(bool all) {
  const std::uint64_t end = LogEnd();
  SegmentRows memory;
  while (true) {
    const std::uint64_t next = segments_->Snapshot()->folded_sequence + 1;
    if (next >= end || (!all && end - next < options_.rows)) return Status::Ok();
    if (Status status = FoldStep(&memory); !status.ok()) return status;
    options_.folded();
    // Rows are better off in many segments than in the log, so while it is ahead only wide merges
    // are made, which write rows again less often.
    if (Status status = Merge(true, kMergeInputsMax, &memory); !status.ok()) return status;
  }
}

// Takes whole entries until there are enough rows, or no more entries.
Status Folder::FoldStep(SegmentRows* memory) {
  const std::uint64_t first = segments_->Snapshot()->folded_sequence + 1;
  const auto reader = log_->ReadFrom(first);
  if (reader->Valid() && reader->entry().header.first_sequence != first) {
    return DataLoss("the log does not begin an entry at event " + std::to_string(first) +
                    ", where the segments end");
  }
  DayBuilders days(segments_, log_->hash_seed(), memory);
  SegmentChange change;
  EventBatch batch;
  StoredTexts stored;
  for (; reader->Valid(); reader->Next()) {
    if (closing_) return Closed();
    const LogEntryHeader& header = reader->entry().header;
    Status status = DecodeRecord(reader->entry().record, &batch, &stored);
    if (status.ok() && batch.rows != header.rows) status = DataLoss("another number of rows");
    if (!status.ok()) {
      if (!change.receipts.list.empty()) break;  // what lies before it can be folded
      return Status(status.code(),
                    "log entry " + std::to_string(header.first_sequence) + ": " + status.message());
    }
    if (status = days.Add(batch, stored, header.first_sequence); !status.ok()) return status;
    change.receipts.Add(header.first_sequence, header.rows, header.received_ms);
    if (days.rows() >= options_.rows || days.bytes() >= options_.bytes_max) break;
  }
  if (change.receipts.list.empty()) {
    return reader->status().ok() ? DataLoss("the log ends before its end") : reader->status();
  }
  if (Status status = days.Finish(closing_, &change); !status.ok()) return status;
  return segments_->Commit(std::move(change));
}

std::vector<SegmentList> Folder::Merges(std::size_t least) const {
  const auto snapshot = segments_->Snapshot();
  return PickMerges(snapshot->segments, least, damaged_, snapshot->unreadable);
}

// Erased rows stay until Erase takes them: saved live numbers may still need them.
Status Folder::Merge(bool all, std::size_t least, SegmentRows* memory) {
  while (all || !StepWaits()) {
    const auto together = segments_->DropTogether();
    const std::vector<SegmentList> merges = Merges(least);
    if (merges.empty()) return Status::Ok();
    if (memory != nullptr) *memory = SegmentRows();
    SegmentChange change;
    for (const SegmentList& inputs : merges) {
      Status status = MergeInto(inputs, ErasedUsers(), &change);
      if (!status.ok()) status = LeaveOutDamaged(inputs, std::move(status));
      if (!status.ok()) return status;
    }
    const std::size_t made = change.added.size();
    if (made == 0) continue;
    if (Status status = segments_->Commit(std::move(change)); !status.ok()) return status;
    merges_.fetch_add(made, std::memory_order_relaxed);
  }
  return Status::Ok();
}

Status Folder::LeaveOutDamaged(const SegmentList& inputs, Status status) {
  if (status.code() != StatusCode::kDataLoss) return status;
  bool found = false;
  for (const auto& segment : inputs) {
    NowhereSink sink;
    SegmentMeta meta;
    const auto source = segment->NewSource();
    const MergeInput input = {&segment->reader(), source.get(), nullptr};
    const Status alone = MergeSegments(
        {&input, 1}, segment->key(), SegmentOptions(), [this] { return closing_.load(); }, &sink,
        &meta);
    if (closing_) return Closed();
    if (alone.code() != StatusCode::kDataLoss) continue;
    NoteDamage(segment->key(), alone);
    found = true;
  }
  return found ? Status::Ok() : status;
}

void Folder::NoteDamage(const SegmentKey& key, const Status& status) {
  if (std::find(damaged_.begin(), damaged_.end(), key) != damaged_.end()) return;
  const std::lock_guard lock(mutex_);
  if (damaged_.empty()) damage_ = status;
  damaged_.push_back(key);
}

void Folder::ForgetExpiredDamage() {
  if (damaged_.empty()) return;
  const auto snapshot = segments_->Snapshot();
  std::erase_if(damaged_, [&](const SegmentKey& key) {
    return std::none_of(snapshot->segments.begin(), snapshot->segments.end(),
                        [&](const auto& segment) { return segment->key() == key; }) &&
           std::none_of(snapshot->unreadable.begin(), snapshot->unreadable.end(),
                        [&](const auto& segment) { return segment.entry.key == key; });
  });
  const std::lock_guard lock(mutex_);
  if (damaged_.empty()) damage_ = Status::Ok();
}

// Some row must be left.
Status Folder::MergeInto(const SegmentList& inputs, const ErasedUsers& erased,
                         SegmentChange* change) {
  std::vector<std::unique_ptr<ChunkSource>> sources;
  std::vector<MergeInput> merged;
  for (const auto& segment : inputs) {
    sources.push_back(segment->NewSource());
    merged.push_back({&segment->reader(), sources.back().get(), &erased});
  }
  auto writer = segments_->NewSegment(inputs.front()->key().day, ChunkOrder::kByBlock);
  if (!writer.ok()) return writer.status();
  SegmentMeta meta;
  const SegmentKey key = (*writer)->key();
  Status status = MergeSegments(
      merged, key, SegmentOptions(), [this] { return closing_.load(); }, writer->get(), &meta);
  if (!status.ok()) return closing_ ? Closed() : status;
  for (const auto& segment : inputs) change->removed.push_back(segment->key());
  change->added.push_back(*std::move(writer));
  return Status::Ok();
}

Status Folder::DropExpired() {
  if (!options_.first_day) return Status::Ok();
  const std::uint32_t first_day = options_.first_day();
  const auto together = segments_->DropTogether();
  SegmentChange change;
  const auto snapshot = segments_->Snapshot();
  for (const auto& segment : snapshot->segments) {
    if (segment->key().day < first_day) change.removed.push_back(segment->key());
  }
  for (const UnreadableSegment& segment : snapshot->unreadable) {
    if (segment.entry.key.day < first_day) change.removed.push_back(segment.entry.key);
  }
  return change.removed.empty() ? Status::Ok() : segments_->Commit(std::move(change));
}

Status Folder::Erase() {
  std::shared_ptr<const ErasedUsers> erased;
  std::uint64_t number = 0;
  {
    const auto snapshot = segments_->Snapshot();  // not held: what is rewritten must go meanwhile
    if (snapshot->erasures.empty()) return Status::Ok();
    erased = snapshot->erased;
    number = snapshot->erasures.back().number;
  }
  if (Status status = options_.before_erasing(); !status.ok()) return status;
  if (Status status = FoldLog(true); !status.ok()) return status;
  erased_all_ = true;
  if (Status status = RewriteErased(*erased); !status.ok()) return status;
  return erased_all_ ? options_.erased(number) : Status::Ok();
}

// A commit for as many segments as merges share one: memory and disk stay small, and what was done
// stays done.
Status Folder::RewriteErased(const ErasedUsers& erased) {
  SegmentList waiting;
  {
    const auto snapshot = segments_->Snapshot();
    for (const UnreadableSegment& segment : snapshot->unreadable) {
      if (erased.MayTouchFrom(segment.entry.min_sequence)) erased_all_ = false;
    }
    for (const auto& segment : snapshot->segments) {
      if (erased.MayTouch(segment->meta())) waiting.push_back(segment);
    }
  }
  while (!waiting.empty()) {
    const auto together = segments_->DropTogether();
    SegmentList rewritten;
    SegmentChange change;
    std::uint64_t rows = 0;
    while (!waiting.empty() && rows < kRowsTogether && rewritten.size() < kSegmentsTogether) {
      if (closing_) return Closed();
      rewritten.push_back(std::move(waiting.back()));
      waiting.pop_back();
      rows += rewritten.back()->meta().rows;
      Status status = RewriteErased(rewritten.back(), erased, &change);
      if (status.code() == StatusCode::kDataLoss) {
        erased_all_ = false;
        NoteDamage(rewritten.back()->key(), status);
      } else if (!status.ok()) {
        return status;
      }
    }
    if (change.removed.empty()) continue;
    if (Status status = segments_->Commit(std::move(change)); !status.ok()) return status;
  }
  return Status::Ok();
}

Status Folder::RewriteErased(const std::shared_ptr<const StoredSegment>& segment,
                             const ErasedUsers& erased, SegmentChange* change) {
  const auto source = segment->NewSource();
  const auto left = ErasedUsers::WhatIsLeft(&erased, segment->reader(), source.get());
  if (!left.ok()) return left.status();
  if (left->rows == segment->meta().rows) return Status::Ok();
  if (left->rows != 0) return MergeInto({segment}, erased, change);
  change->removed.push_back(segment->key());
  return Status::Ok();
}

}  // namespace v1
}  // namespace insightflow
