// Who is new, came back or stayed away, period by period, in one walk over each user's whole life.
//
// A user is active in a period by events within the range; in the period before, by any event. Then
// the dormant of a period are those active in the one before less those who returned, so only
// active users are counted. The period before the first one is counted apart: it has no answer.

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "lib/analytics/analysis.h"
#include "lib/analytics/interval_book.h"
#include "lib/analytics/query_checks.h"
#include "lib/model/time_zone.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::int64_t kLongAgo = std::numeric_limits<std::int64_t>::min();

struct LifecycleConfig {
  Interval interval = Interval::kWeek;
  absl::TimeZone zone;
  TimeBuckets known;  // the range's periods, when both ends are given
  std::int64_t from_ms = kLongAgo;
  // The period that holds `from`, and the one before it; kLongAgo when the range has no begin.
  std::int64_t first_begin_ms = kLongAgo;
  std::int64_t before_begin_ms = kLongAgo;
};

struct PeriodCounts {
  std::uint64_t active = 0;  // by any event
  std::uint64_t new_users = 0;
  std::uint64_t returning = 0;
  std::uint64_t resurrecting = 0;
};

class LifecycleState final : public AnalysisState {
 public:
  explicit LifecycleState(const LifecycleConfig* config)
      : config_(config), book_(config->interval, config->zone, config->known) {}

  Status Visit(const Timelines& timelines) override {
    for (std::size_t run = 0; run < timelines.runs(); ++run) {
      const std::size_t begin = timelines.RunBegin(run);
      Status status = AddUser(timelines, begin, timelines.run_ends[run]);
      if (!status.ok()) return status;
    }
    return Status::Ok();
  }
  Status DoMerge(AnalysisState* other) override;
  std::size_t bytes(std::size_t) const override {
    return book_.bytes() + counts_.capacity() * sizeof(PeriodCounts) +
           sticky_.capacity() * sizeof(std::uint64_t);
  }

  const IntervalBook& book() const { return book_; }
  const std::vector<PeriodCounts>& counts() const { return counts_; }
  const std::vector<std::uint64_t>& sticky() const { return sticky_; }
  std::uint64_t active_before() const { return active_before_; }

 private:
  Status AddUser(const Timelines& timelines, std::size_t begin, std::size_t end);
  void CountUser(std::size_t periods_active) {
    if (periods_active >= sticky_.size()) sticky_.resize(periods_active + 1);
    ++sticky_[periods_active];
  }

  const LifecycleConfig* const config_;
  IntervalBook book_;
  IntervalBook::Slot slot_;
  std::vector<PeriodCounts> counts_;   // by number in the book
  std::vector<std::uint64_t> sticky_;  // users by periods active
  std::uint64_t active_before_ = 0;    // in the period before the first
};

std::size_t FirstMatch(const Timelines& timelines, std::size_t row, std::size_t end) {
  while (row < end && (timelines.matches[row] & 1) == 0) ++row;
  return row;
}

Status LifecycleState::AddUser(const Timelines& timelines, std::size_t begin, std::size_t end) {
  const std::span<const std::int64_t> times = timelines.time_ms;
  const auto next = [&](std::size_t row) { return FirstMatch(timelines, row, end); };
  const std::size_t first = next(begin);
  std::size_t row = first;
  std::int64_t last_active_end = kLongAgo;
  if (config_->first_begin_ms != kLongAgo) {
    for (; row < end && times[row] < config_->first_begin_ms; row = next(row + 1)) {
      if (times[row] >= config_->before_begin_ms) last_active_end = config_->first_begin_ms;
    }
    active_before_ += last_active_end != kLongAgo;
  }
  std::size_t periods_active = 0;
  while (row < end) {
    if (!slot_.Has(times[row])) {
      if (Status status = book_.Find(times[row], &slot_); !status.ok()) return status;
      if (slot_.id >= counts_.size()) counts_.resize(slot_.id + std::size_t{1});
    }
    PeriodCounts& counts = counts_[slot_.id];
    ++counts.active;
    const bool has_first = row == first;
    while (row < end && times[row] < slot_.end_ms && times[row] < config_->from_ms) {
      row = next(row + 1);
    }
    if (row < end && times[row] < slot_.end_ms) {
      ++periods_active;
      if (has_first && row == first) {
        ++counts.new_users;
      } else if (last_active_end == slot_.begin_ms) {
        ++counts.returning;
      } else {
        ++counts.resurrecting;
      }
      while (row < end && times[row] < slot_.end_ms) row = next(row + 1);
    }
    last_active_end = slot_.end_ms;
  }
  if (periods_active != 0) CountUser(periods_active);
  return Status::Ok();
}

Status LifecycleState::DoMerge(AnalysisState* other) {
  auto* const from = dynamic_cast<LifecycleState*>(other);
  if (from == nullptr || from->config_ != config_) {
    return InvalidArgument(
        "a state of another analysis cannot be merged into one of \"lifecycle\"");
  }
  std::vector<std::uint32_t> numbers;
  if (Status status = book_.Take(from->book_, &numbers); !status.ok()) return status;
  counts_.resize(book_.size());
  for (std::size_t i = 0; i < from->counts_.size(); ++i) {
    PeriodCounts& to = counts_[numbers[i]];
    to.active += from->counts_[i].active;
    to.new_users += from->counts_[i].new_users;
    to.returning += from->counts_[i].returning;
    to.resurrecting += from->counts_[i].resurrecting;
  }
  sticky_.resize(std::max(sticky_.size(), from->sticky_.size()));
  for (std::size_t i = 0; i < from->sticky_.size(); ++i) sticky_[i] += from->sticky_[i];
  active_before_ += std::exchange(from->active_before_, 0);
  from->counts_ = {};
  from->sticky_ = {};
  from->book_ = IntervalBook(config_->interval, config_->zone, TimeBuckets());
  from->slot_ = {};
  return Status::Ok();
}

class LifecycleAnalysis final : public Analysis {
 public:
  static Result<std::unique_ptr<Analysis>> Create(const LifecycleQuery& query);

  std::unique_ptr<AnalysisState> NewState(const ValueTable*) const override {
    return std::make_unique<LifecycleState>(&config_);
  }
  Result<AnswerBody> DoFinish(AnalysisState* state, const ScanEnd& end, bool* exact) const override;

 private:
  Status SetPeriods(const QueryScope& scope);

  LifecycleConfig config_;
};

Status LifecycleAnalysis::SetPeriods(const QueryScope& scope) {
  if (!scope.from) return Status::Ok();
  config_.from_ms = ToMillis(*scope.from);
  const auto begin_of = [&](std::int64_t ms, std::int64_t* begin) {
    Result<TimeBuckets> period = TimeBuckets::Create(config_.interval, config_.zone, ms, ms + 1);
    if (period.ok()) *begin = period->Begin(0);
    return period.status();
  };
  Status status = begin_of(config_.from_ms, &config_.first_begin_ms);
  if (!status.ok()) return status;
  status = begin_of(config_.first_begin_ms - 1, &config_.before_begin_ms);
  if (!status.ok() || !scope.to) return status;
  Result<TimeBuckets> known =
      TimeBuckets::Create(config_.interval, config_.zone, config_.from_ms, ToMillis(*scope.to));
  if (!known.ok()) return known.status();
  config_.known = std::move(*known);
  return Status::Ok();
}

Result<std::unique_ptr<Analysis>> LifecycleAnalysis::Create(const LifecycleQuery& query) {
  auto analysis = std::make_unique<LifecycleAnalysis>();
  if (Status status = CheckScope(query.scope); !status.ok()) return status;
  if (query.interval == Interval::kMinute || query.interval == Interval::kTotal) {
    return InvalidArgument(
        "interval of kind \"lifecycle\" must be \"hour\", \"day\", \"week\" or \"month\"");
  }
  const Result<absl::TimeZone> zone = LoadZone(query.scope.timezone);
  if (!zone.ok()) return zone.status();
  analysis->config_.interval = query.interval;
  analysis->config_.zone = *zone;
  if (Status status = analysis->SetPeriods(query.scope); !status.ok()) return status;
  ScanPlan& plan = analysis->plan_;
  if (Status status = plan.SetScope(query.scope); !status.ok()) return status;
  if (const auto bit = plan.AddSelector(query.event); !bit.ok()) return bit.status();
  plan.from_ms = kLongAgo;  // a first event is the first of a life, not of the range
  plan.only_matches = true;
  return std::unique_ptr<Analysis>(std::move(analysis));
}

Result<AnswerBody> LifecycleAnalysis::DoFinish(AnalysisState* state, const ScanEnd& end,
                                               bool*) const {
  const auto& lifecycle = static_cast<const LifecycleState&>(*state);
  const IntervalBook& book = lifecycle.book();
  const Result<TimeBuckets> periods =
      config_.known.size() != 0 ? config_.known : book.Whole(end, config_.from_ms);
  if (!periods.ok()) return periods.status();
  std::vector<PeriodCounts> counts(periods->size());
  for (std::uint32_t id = 0; id < book.size(); ++id) {
    if (!periods->Covers(book.Begin(id))) continue;
    counts[periods->IndexOf(book.Begin(id))] = lifecycle.counts()[id];
  }
  LifecycleAnswer answer;
  std::uint64_t active_before = lifecycle.active_before();
  for (std::size_t i = 0; i < periods->size(); ++i) {
    answer.periods.push_back({FromMillis(periods->Begin(i)), counts[i].new_users,
                              counts[i].returning, counts[i].resurrecting,
                              active_before - counts[i].returning});
    active_before = counts[i].active;
  }
  for (std::size_t i = 1; i < lifecycle.sticky().size(); ++i) {
    if (lifecycle.sticky()[i] != 0) answer.stickiness.push_back({i, lifecycle.sticky()[i]});
  }
  return AnswerBody(std::move(answer));
}

}  // namespace

Result<std::unique_ptr<Analysis>> CreateLifecycle(const LifecycleQuery& query) {
  return LifecycleAnalysis::Create(query);
}

}  // namespace v1
}  // namespace insightflow
