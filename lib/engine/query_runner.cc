#include "lib/engine/query_runner.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "lib/engine/thread.h"
#include "lib/segments/timeline_scan.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Fewer rows are not worth a second thread.
constexpr std::uint64_t kRowsPerThreadMin = 100'000;
constexpr std::size_t kThreadsMax = 64;
// More parts than threads, so that one that is slow does not make all others wait.
constexpr std::size_t kPartsPerThread = 2;

std::size_t ThreadsFor(const QueryOptions& options, const std::vector<ScanInput>& inputs,
                       const ScanPlan& plan) {
  std::uint64_t rows = 0;
  for (const ScanInput& input : inputs) {
    const SegmentMeta& meta = input.reader->meta();
    if (meta.max_time_ms >= plan.from_ms && meta.min_time_ms < plan.to_ms) rows += meta.rows;
  }
  const std::size_t wanted =
      options.threads != 0 ? options.threads : std::thread::hardware_concurrency();
  return std::clamp<std::size_t>(std::min<std::uint64_t>(wanted, rows / kRowsPerThreadMin), 1,
                                 kThreadsMax);
}

std::optional<std::pair<std::int64_t, std::int64_t>> TimesOf(const std::vector<ScanInput>& inputs) {
  std::optional<std::pair<std::int64_t, std::int64_t>> times;
  for (const ScanInput& input : inputs) {
    const SegmentMeta& meta = input.reader->meta();
    if (!times) times = {meta.min_time_ms, meta.max_time_ms};
    times->first = std::min(times->first, meta.min_time_ms);
    times->second = std::max(times->second, meta.max_time_ms);
  }
  return times;
}

class Runner {
 public:
  Runner(const Analysis& analysis, const QueryOptions& options, const std::function<bool()>* ended,
         std::vector<ScanInput> inputs, const ScanEnd& end)
      : analysis_(analysis),
        end_(end),
        options_(options),
        ended_elsewhere_(ended),
        deadline_(std::chrono::steady_clock::now() + options.deadline),
        threads_(ThreadsFor(options, inputs, analysis.plan())),
        scan_(analysis.plan(), std::move(inputs), &values_, ScanOptionsOf()),
        workers_(threads_) {}

  Status Run();
  Result<AnswerBody> Finish(bool* exact);
  const TimelineScan& scan() const { return scan_; }

 private:
  // What one thread works with, and the memory that it takes at most until it tells of it again.
  struct Worker {
    AnalysisState* state = nullptr;
    std::function<bool()> has_ended;
    std::atomic<std::size_t> row_bytes = 0;    // under way
    std::atomic<std::size_t> state_bytes = 0;  // and what its work takes for itself
  };

  // Looks at the budget before a state grows.
  class Metered final : public TimelineVisitor {
   public:
    Metered(Runner* runner, Worker* worker) : runner_(runner), worker_(worker) {}
    Status Visit(const Timelines& timelines) override {
      worker_->state_bytes = worker_->state->bytes(timelines.rows());
      if (Status status = runner_->CheckMemory(); !status.ok()) return status;
      Status status = worker_->state->Visit(timelines);
      worker_->state_bytes = worker_->state->bytes(0);
      return status;
    }

   private:
    Runner* const runner_;
    Worker* const worker_;
  };

  ScanOptions ScanOptionsOf() {
    ScanOptions options;
    options.parts = threads_ == 1 ? 1 : threads_ * kPartsPerThread;
    return options;
  }
  // Whether somebody still waits for the answer.
  Status CheckWanted();
  Status CheckMemory();
  // The first error is everybody's from then on: who was told to stop leaves its work half done.
  void Fail(Status status);
  bool HasEnded(Worker* worker);
  // Of what states do among themselves: why they stopped, rather than that they did.
  Status Reason(const Status& status) const { return failed_ ? error_ : status; }
  void Work(std::size_t thread);
  // Calls call(thread) for each thread, on threads of their own but for one.
  template <typename Call>
  void OnThreads(const Call& call);

  const Analysis& analysis_;
  const ScanEnd& end_;
  const QueryOptions& options_;
  const std::function<bool()>* const ended_elsewhere_;
  const std::chrono::steady_clock::time_point deadline_;
  const std::size_t threads_;
  ValueTable values_;
  TimelineScan scan_;
  std::vector<std::unique_ptr<AnalysisState>> states_;
  std::vector<Worker> workers_;
  std::atomic<std::size_t> next_part_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  Status error_;
};

Status Runner::CheckWanted() {
  if (failed_.load(std::memory_order_relaxed)) {
    const std::lock_guard lock(mutex_);
    return error_;
  }
  const bool cancelled =
      options_.cancelled != nullptr && options_.cancelled->load(std::memory_order_relaxed);
  if (cancelled || (ended_elsewhere_ != nullptr && (*ended_elsewhere_)())) {
    return Status(StatusCode::kCancelled, "the query was cancelled");
  }
  if (std::chrono::steady_clock::now() >= deadline_) {
    return Status(StatusCode::kDeadlineExceeded, "the query took longer than " +
                                                     std::to_string(options_.deadline.count()) +
                                                     " ms; ask about a shorter range");
  }
  return Status::Ok();
}

// The rows of one user that has very many events are told apart from too many values: another
// question would help.
Status Runner::CheckMemory() {
  std::size_t rows = scan_.table_bytes();
  std::size_t bytes = values_.bytes();
  for (const Worker& worker : workers_) {
    rows += worker.row_bytes;
    bytes += worker.state_bytes;
  }
  if (rows + bytes <= options_.memory_bytes_max) return Status::Ok();
  const std::string most =
      std::to_string(options_.memory_bytes_max >> 20) + " MiB of memory that it may use";
  return ResourceExhausted(rows > bytes
                               ? "the query needs more than the " + most +
                                     " for the events of one user, or for many parts of the store "
                                     "at a time; ask about a shorter range or fewer events"
                               : "the query needs more than the " + most +
                                     "; ask about fewer values or a shorter range");
}

void Runner::Work(std::size_t thread) {
  Worker& worker = workers_[thread];
  Metered visitor(this, &worker);
  const ScanCheck check = [&](std::size_t bytes) {
    worker.row_bytes = bytes;
    Status status = CheckWanted();
    return status.ok() ? CheckMemory() : status;
  };
  for (std::size_t part = next_part_++; part < scan_.parts(); part = next_part_++) {
    Status status = scan_.Run(part, &visitor, check);
    worker.row_bytes = 0;
    if (!status.ok()) return Fail(std::move(status));
  }
}

void Runner::Fail(Status status) {
  const std::lock_guard lock(mutex_);
  if (error_.ok()) error_ = std::move(status);
  failed_ = true;
}

// A state asks in the midst of its work: what it takes by now counts, too.
bool Runner::HasEnded(Worker* worker) {
  Status status = CheckWanted();
  if (status.ok()) {
    worker->state_bytes =
        worker->state->bytes(Stop::kStepsPerQuestion) + worker->state->stop()->taken();
    status = CheckMemory();
  }
  if (status.ok()) return false;
  Fail(std::move(status));
  return true;
}

template <typename Call>
void Runner::OnThreads(const Call& call) {
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < threads_; ++i) {
    others.push_back(StartThread("if-query", [&call, i] { call(i); }));
  }
  call(0);
  for (std::thread& other : others) other.join();
}

Status Runner::Run() {
  for (Worker& worker : workers_) {
    worker.state = states_.emplace_back(analysis_.NewState(&values_)).get();
    worker.has_ended = [this, &worker] { return HasEnded(&worker); };
    worker.state->Watch(&worker.has_ended);
    worker.state->KnowEnd(end_);
  }
  OnThreads([this](std::size_t thread) { Work(thread); });
  if (!error_.ok()) return error_;
  if (Status status = CheckWanted(); !status.ok()) return status;
  if (analysis_.Agree(states_)) {
    OnThreads([this](std::size_t thread) { states_[thread]->Settle(); });
  }
  for (std::size_t i = 1; i < threads_; ++i) {
    Status status = states_[0]->Merge(states_[i].get());
    if (!status.ok()) return Reason(status);
    workers_[i].state_bytes = 0;
  }
  return Reason(Status::Ok());
}

Result<AnswerBody> Runner::Finish(bool* exact) {
  Result<AnswerBody> body = analysis_.Finish(states_[0].get(), end_, exact);
  if (body.ok()) return body;
  return Reason(body.status());
}

}  // namespace

Result<Answer> RunQuery(const Query& query, const QueryOptions& options,
                        const std::function<bool()>* ended, std::vector<ScanInput> inputs,
                        std::span<const UnreadableSegment> unreadable, std::int64_t now_ms) {
  const auto begin = std::chrono::steady_clock::now();
  const Result<std::unique_ptr<Analysis>> analysis = CreateAnalysis(query);
  if (!analysis.ok()) return analysis.status();
  const ScanEnd end = EndOfData(ScopeOf(query), TimesOf(inputs), now_ms);
  Runner runner(**analysis, options, ended, std::move(inputs), end);
  if (Status status = runner.Run(); !status.ok()) return status;
  Answer answer;
  Result<AnswerBody> body = runner.Finish(&answer.meta.exact);
  if (!body.ok()) return body.status();
  answer.body = std::move(*body);
  answer.meta.events_scanned = runner.scan().events_scanned();
  const ScanPlan& plan = (*analysis)->plan();
  for (const UnreadableSegment& segment : unreadable) {
    if (!segment.Touches(plan.from_ms, plan.to_ms)) continue;
    answer.meta.incomplete.push_back(segment.damage.message());
  }
  for (std::string& part : runner.scan().incomplete()) {
    answer.meta.incomplete.push_back(std::move(part));
  }
  if (!answer.meta.incomplete.empty()) answer.meta.exact = false;
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  answer.meta.query_ms = took.count();
  return answer;
}

}  // namespace v1
}  // namespace insightflow
