// Cohorts of users by the period of their start event, and who of them returns in the periods
// after.
//
// Times of a user rise, so that the periods of the returns do too: one pass finds the distinct
// ones, and a cohort counts each of them once. With kOnOrAfter the last return says everything: it
// is counted under its period, and sums from the right make the answer.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "lib/analytics/analysis.h"
#include "lib/analytics/calendar.h"
#include "lib/analytics/query_checks.h"
#include "lib/base/growth.h"
#include "lib/model/time_zone.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kPeriodsMax = 400;
constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::size_t kFew = 100;  // cohorts that a batch of users adds, as far as memory matters

Interval IntervalOf(RetentionPeriod period) {
  switch (period) {
    case RetentionPeriod::kHour: return Interval::kHour;
    case RetentionPeriod::kDay: return Interval::kDay;
    case RetentionPeriod::kWeek: return Interval::kWeek;
    case RetentionPeriod::kMonth: return Interval::kMonth;
  }
  return Interval::kDay;
}

// Of a rolling period; a month is 30 days.
std::int64_t RollingMs(RetentionPeriod period) {
  switch (period) {
    case RetentionPeriod::kHour: return kHourMs;
    case RetentionPeriod::kDay: return 24 * kHourMs;
    case RetentionPeriod::kWeek: return 7 * 24 * kHourMs;
    case RetentionPeriod::kMonth: return 30 * 24 * kHourMs;
  }
  return kHourMs;
}

struct Settings {
  std::size_t start = 0;  // selectors
  std::size_t back = 0;
  std::int64_t from_ms = std::numeric_limits<std::int64_t>::min();  // of starts
  std::size_t periods = 0;
  bool first_time = true;
  bool or_after = false;
  bool rolling = false;
  std::uint64_t rolling_ms = 0;
};

struct Cohort {
  std::uint64_t size = 0;
  // With or_after: of users whose last return is in this period, or past the last period.
  std::vector<std::uint64_t> returned;
  std::int64_t first_start_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t last_start_ms = std::numeric_limits<std::int64_t>::min();
};

class RetentionState final : public AnalysisState {
 public:
  RetentionState(const Analysis* analysis, const Settings* settings, Calendar calendar)
      : analysis_(analysis), settings_(settings), calendar_(std::move(calendar)) {}

  Status Visit(const Timelines& timelines) override;
  Status DoMerge(AnalysisState* other) override;
  std::size_t bytes(std::size_t more) const override {
    const std::size_t cohorts = cohorts_.size() + MostToCome(cohorts_.size(), std::min(more, kFew));
    return TableBytesWith(cohorts_, std::min(more, kFew)) +
           cohorts * (settings_->periods * sizeof(std::uint64_t) + 16) + calendar_.bytes() +
           BytesWith(starts_, more) + BytesWith(returns_, more);
  }
  RetentionAnswer Answer(const ScanEnd& end);
  Status CheckCohorts() const {
    if (cohorts_.size() <= kPointsMax) return Status::Ok();
    return OutOfRange("there are more than " + std::to_string(kPointsMax) +
                      " cohorts; ask for a longer period, or a shorter range by from and to");
  }
  bool IsOf(const Analysis* analysis) const { return analysis_ == analysis; }

 private:
  struct Start {
    std::uint32_t row = 0;
    std::int64_t time_ms = 0;
    Calendar::Slot slot;
  };
  // All returns of a period, or one when periods roll.
  struct Return {
    std::uint32_t last_row = 0;
    std::int64_t time_ms = 0;
    std::int64_t ordinal = 0;
  };

  void FindStarts(const Timelines& timelines, std::uint32_t begin, std::uint32_t end);
  void FindReturns(const Timelines& timelines, std::uint32_t begin, std::uint32_t end);
  std::vector<std::uint64_t>* CohortOf(const Start& start);
  void CountCalendar(const Start& start);
  void CountRolling(const Start& start);
  void AnswerCohort(std::int64_t begin_ms, Cohort* cohort, std::int64_t behind_ms,
                    RetentionAnswer* answer);
  const Calendar::Slot& SlotOf(std::int64_t time_ms) {
    if (!slot_.Has(time_ms)) slot_ = calendar_.At(time_ms);
    return slot_;
  }

  const Analysis* analysis_;
  const Settings* settings_;
  Calendar calendar_;
  Calendar::Slot slot_;
  absl::flat_hash_map<std::int64_t, Cohort> cohorts_;  // by the period's begin
  // Of one user.
  std::vector<Start> starts_;
  std::vector<Return> returns_;
};

Status RetentionState::Visit(const Timelines& timelines) {
  for (std::size_t run = 0; run < timelines.runs(); ++run) {
    const auto begin = static_cast<std::uint32_t>(timelines.RunBegin(run));
    const std::uint32_t end = timelines.run_ends[run];
    FindStarts(timelines, begin, end);
    if (starts_.empty()) continue;
    FindReturns(timelines, starts_.front().row + 1, end);
    for (const Start& start : starts_) {
      // A user with many starts has many returns for each of them.
      if (stop()->Worked(settings_->periods)) return stop()->status();
      settings_->rolling ? CountRolling(start) : CountCalendar(start);
    }
    if (Status status = CheckCohorts(); !status.ok()) return status;
  }
  return Status::Ok();
}

// The first start, or the first of each period.
void RetentionState::FindStarts(const Timelines& timelines, std::uint32_t begin,
                                std::uint32_t end) {
  starts_.clear();
  for (std::uint32_t row = begin; row < end; ++row) {
    if (!timelines.Matches(row, settings_->start)) continue;
    const std::int64_t time = timelines.time_ms[row];
    if (settings_->first_time && time < settings_->from_ms) return;
    if (!starts_.empty() && starts_.back().slot.Has(time)) continue;
    starts_.push_back({row, time, SlotOf(time)});
    if (settings_->first_time) return;
  }
}

void RetentionState::FindReturns(const Timelines& timelines, std::uint32_t begin,
                                 std::uint32_t end) {
  returns_.clear();
  // No cohort of the user sees a period from here on, unless the last return is what matters.
  const std::int64_t reach =
      settings_->or_after || settings_->rolling
          ? std::numeric_limits<std::int64_t>::max()
          : starts_.back().slot.ordinal + static_cast<std::int64_t>(settings_->periods);
  for (std::uint32_t row = begin; row < end; ++row) {
    if (!timelines.Matches(row, settings_->back)) continue;
    const std::int64_t time = timelines.time_ms[row];
    if (settings_->rolling) {
      returns_.push_back({row, time, 0});
      continue;
    }
    const std::int64_t ordinal = SlotOf(time).ordinal;
    if (ordinal >= reach) return;
    if (!returns_.empty() && returns_.back().ordinal == ordinal) {
      returns_.back().last_row = row;
    } else {
      returns_.push_back({row, time, ordinal});
    }
  }
}

std::vector<std::uint64_t>* RetentionState::CohortOf(const Start& start) {
  Cohort& cohort = cohorts_[start.slot.begin_ms];
  if (cohort.returned.empty()) cohort.returned.resize(settings_->periods);
  ++cohort.size;
  cohort.first_start_ms = std::min(cohort.first_start_ms, start.time_ms);
  cohort.last_start_ms = std::max(cohort.last_start_ms, start.time_ms);
  return &cohort.returned;
}

void RetentionState::CountCalendar(const Start& start) {
  std::vector<std::uint64_t>& returned = *CohortOf(start);
  const auto last_period = static_cast<std::int64_t>(settings_->periods) - 1;
  const auto after = [&](const Return& back) { return back.last_row > start.row; };
  if (settings_->or_after) {
    if (returns_.empty() || !after(returns_.back())) return;
    const std::int64_t period = returns_.back().ordinal - start.slot.ordinal;
    ++returned[static_cast<std::size_t>(std::min(period, last_period))];
    return;
  }
  auto back = std::partition_point(returns_.begin(), returns_.end(),
                                   [&](const Return& other) { return !after(other); });
  for (; back != returns_.end(); ++back) {
    const std::int64_t period = back->ordinal - start.slot.ordinal;
    if (period > last_period) return;
    ++returned[static_cast<std::size_t>(period)];
  }
}

void RetentionState::CountRolling(const Start& start) {
  std::vector<std::uint64_t>& returned = *CohortOf(start);
  const std::uint64_t last_period = settings_->periods - 1;
  const auto since_start = [&](const Return& back) {
    return static_cast<std::uint64_t>(back.time_ms) - static_cast<std::uint64_t>(start.time_ms);
  };
  auto back = std::partition_point(returns_.begin(), returns_.end(), [&](const Return& other) {
    return other.last_row <= start.row;
  });
  if (back == returns_.end()) return;
  if (settings_->or_after) {
    ++returned[std::min(since_start(returns_.back()) / settings_->rolling_ms, last_period)];
    return;
  }
  while (back != returns_.end()) {
    const std::uint64_t period = since_start(*back) / settings_->rolling_ms;
    if (period > last_period) return;
    ++returned[period];
    const std::uint64_t behind_ms = (period + 1) * settings_->rolling_ms;
    ++back;
    if (back == returns_.end() || since_start(*back) >= behind_ms) continue;
    back = std::partition_point(
        back, returns_.end(), [&](const Return& other) { return since_start(other) < behind_ms; });
  }
}

Status RetentionState::DoMerge(AnalysisState* other) {
  auto* const from = dynamic_cast<RetentionState*>(other);
  if (from == nullptr || from == this || !from->IsOf(analysis_)) {
    return InvalidArgument("the state is that of another analysis");
  }
  for (auto& [begin, theirs] : from->cohorts_) {
    if (stop()->Worked(settings_->periods / 4)) break;
    Cohort& ours = cohorts_[begin];
    ours.returned.resize(settings_->periods);
    ours.size += theirs.size;
    for (std::size_t k = 0; k < settings_->periods; ++k) ours.returned[k] += theirs.returned[k];
    ours.first_start_ms = std::min(ours.first_start_ms, theirs.first_start_ms);
    ours.last_start_ms = std::max(ours.last_start_ms, theirs.last_start_ms);
  }
  from->cohorts_ = {};
  return Status::Ok();
}

// A period that begins at or after `behind_ms` is not in the data; one that ends after it is not
// whole. Rolling periods are as many as users: the first to begin and the last to end count.
void RetentionState::AnswerCohort(std::int64_t begin_ms, Cohort* cohort, std::int64_t behind_ms,
                                  RetentionAnswer* answer) {
  RetentionCohortAnswer row;
  row.time = FromMillis(begin_ms);
  row.size = cohort->size;
  if (settings_->or_after) {
    for (std::size_t k = settings_->periods - 1; k > 0; --k) {
      cohort->returned[k - 1] += cohort->returned[k];
    }
  }
  const Calendar::Slot first = calendar_.At(begin_ms);
  for (std::size_t k = 0; k < settings_->periods; ++k) {
    const auto number = static_cast<std::int64_t>(k);
    const auto length = static_cast<std::int64_t>(settings_->rolling_ms);
    const Calendar::Slot slot = settings_->rolling ? first : calendar_.After(first, number);
    const std::int64_t begin =
        settings_->rolling ? cohort->first_start_ms + number * length : slot.begin_ms;
    const std::int64_t end =
        settings_->rolling ? cohort->last_start_ms + (number + 1) * length : slot.end_ms;
    if (begin >= behind_ms) {
      row.returned.push_back(std::nullopt);
      continue;
    }
    row.returned.push_back(cohort->returned[k]);
    answer->totals.size[k] += cohort->size;
    answer->totals.returned[k] += cohort->returned[k];
    if (end > behind_ms) answer->incomplete.emplace_back(row.time, k);
  }
  answer->cohorts.push_back(std::move(row));
}

RetentionAnswer RetentionState::Answer(const ScanEnd& end) {
  RetentionAnswer answer;
  answer.totals.size.resize(settings_->periods);
  answer.totals.returned.resize(settings_->periods);
  std::vector<std::int64_t> begins;
  for (const auto& [begin, cohort] : cohorts_) begins.push_back(begin);
  std::sort(begins.begin(), begins.end());
  const std::int64_t behind = end.known_ms() + 1;
  for (const std::int64_t begin : begins) {
    if (stop()->Worked(settings_->periods)) break;
    AnswerCohort(begin, &cohorts_[begin], behind, &answer);
  }
  for (std::size_t k = 0; k < settings_->periods; ++k) {
    const std::uint64_t size = answer.totals.size[k];
    std::optional<double> rate;
    if (size != 0) rate = Percent(answer.totals.returned[k], size);
    answer.totals.rate.push_back(rate);
  }
  return answer;
}

class Retention final : public Analysis {
 public:
  Status Prepare(const RetentionQuery& query) {
    if (Status s = CheckScope(query.scope); !s.ok()) return s;
    if (Status s = CheckWithin(query.periods, "periods", 1, kPeriodsMax); !s.ok()) return s;
    if (Status s = plan_.SetScope(query.scope); !s.ok()) return s;
    const Result<absl::TimeZone> zone = LoadZone(query.scope.timezone);
    if (!zone.ok()) return zone.status();
    zone_ = *zone;
    interval_ = IntervalOf(query.period);
    const Result<std::size_t> start = plan_.AddSelector(query.start);
    if (!start.ok()) return start.status();
    const Result<std::size_t> back = plan_.AddSelector(query.return_event);
    if (!back.ok()) return back.status();
    settings_ = {.start = *start,
                 .back = *back,
                 .from_ms = plan_.from_ms,
                 .periods = query.periods,
                 .first_time = query.cohort == RetentionCohort::kFirstTime,
                 .or_after = query.return_on == RetentionReturn::kOnOrAfter,
                 .rolling = query.bucket == RetentionBucket::kRolling,
                 .rolling_ms = static_cast<std::uint64_t>(RollingMs(query.period))};
    // A first start is the first of the user's life.
    if (settings_.first_time) plan_.from_ms = std::numeric_limits<std::int64_t>::min();
    plan_.only_matches = true;
    plan_.needs_client_order = true;
    return Status::Ok();
  }

  std::unique_ptr<AnalysisState> NewState(const ValueTable*) const override {
    return std::make_unique<RetentionState>(this, &settings_, Calendar(interval_, zone_));
  }

  Result<AnswerBody> DoFinish(AnalysisState* state, const ScanEnd& end, bool*) const override {
    auto* const retention = dynamic_cast<RetentionState*>(state);
    if (retention == nullptr || !retention->IsOf(this)) {
      return InvalidArgument("the state is that of another analysis");
    }
    if (Status s = retention->CheckCohorts(); !s.ok()) return s;
    return AnswerBody(retention->Answer(end));
  }

 private:
  Interval interval_ = Interval::kDay;
  absl::TimeZone zone_;
  Settings settings_;
};

}  // namespace

Result<std::unique_ptr<Analysis>> CreateRetention(const RetentionQuery& query) {
  auto retention = std::make_unique<Retention>();
  if (Status status = retention->Prepare(query); !status.ok()) return status;
  return std::unique_ptr<Analysis>(std::move(retention));
}

}  // namespace v1
}  // namespace insightflow
