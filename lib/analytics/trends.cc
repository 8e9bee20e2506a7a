// Series over time. A state cuts each run's rows into spans that lie in one interval, by the
// boundaries of the interval that the row before fell into, and hands them to a tally a series;
// see tally.h. Only users are counted by whole timelines: without them rows come in any order. The
// previous period, when asked for, has intervals and tallies of its own.

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "lib/analytics/analysis.h"
#include "lib/analytics/interval_book.h"
#include "lib/analytics/query_checks.h"
#include "lib/analytics/ranking.h"
#include "lib/analytics/tally.h"
#include "lib/base/growth.h"
#include "lib/model/query_check.h"
#include "lib/model/time_zone.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kAnswerPointsMax = 1'000'000;

struct Range {
  std::int64_t from_ms = std::numeric_limits<std::int64_t>::min();
  std::int64_t to_ms = std::numeric_limits<std::int64_t>::max();
};

struct TrendsConfig {
  std::vector<TallyConfig> tallies;  // by series
  std::vector<std::string> names;
  Interval interval = Interval::kDay;
  absl::TimeZone zone;
  std::size_t breakdown_limit = 0;
  bool has_breakdown = false;
  bool grows = false;  // with the values or sessions that there are, not only with the intervals
  // The periods: the range, and the one before it when that is compared. `known` has intervals when
  // both ends are given.
  std::vector<Range> ranges;
  std::vector<TimeBuckets> known;
};

class TrendsState final : public AnalysisState {
 public:
  TrendsState(const TrendsConfig* config, const ValueTable* values)
      : config_(config), values_(values) {
    for (const TimeBuckets& known : config->known) {
      Period& period = periods_.emplace_back(Period{{config->interval, config->zone, known}});
      period.tallies = MakeTallies(config->tallies);
    }
  }

  Status Visit(const Timelines& timelines) override;
  Status DoMerge(AnalysisState* other) override;
  std::size_t bytes(std::size_t more) const override;

  struct Period {
    IntervalBook book;
    IntervalBook::Slot slot = {};  // of the last row
    std::vector<std::unique_ptr<Tally>> tallies = {};
    std::vector<TimeSpan> spans = {};
  };
  const Period& period(std::size_t i) const { return periods_[i]; }
  const ValueTable& values() const { return *values_; }

 private:
  static std::size_t SomeOf(std::span<const TimeSpan> spans);
  Status CutRun(const Timelines& timelines, std::uint32_t run);

  const TrendsConfig* const config_;
  const ValueTable* const values_;
  std::vector<Period> periods_;
};

Status TrendsState::CutRun(const Timelines& timelines, std::uint32_t run) {
  const std::int64_t* const times = timelines.time_ms.data();
  const std::uint64_t* const matches = timelines.matches.data();
  const std::int64_t begin_ms = config_->ranges[0].from_ms;
  const std::uint32_t end = timelines.run_ends[run];
  for (auto row = static_cast<std::uint32_t>(timelines.RunBegin(run)); row < end;) {
    const bool is_previous = periods_.size() == 2 && times[row] < begin_ms;
    Period& period = periods_[is_previous ? 1 : 0];
    if (!period.slot.Has(times[row])) {
      if (Status status = period.book.Find(times[row], &period.slot); !status.ok()) return status;
    }
    const std::int64_t low =
        is_previous ? period.slot.begin_ms : std::max(period.slot.begin_ms, begin_ms);
    const std::int64_t stop =
        is_previous ? std::min(period.slot.end_ms, begin_ms) : period.slot.end_ms;
    const std::uint32_t begin = row;
    std::uint64_t any = 0;
    do {
      any |= matches[row++];
    } while (row < end && times[row] >= low && times[row] < stop);
    period.spans.push_back({begin, row, run, period.slot.id, any});
  }
  return Status::Ok();
}

Status TrendsState::Visit(const Timelines& timelines) {
  for (Period& period : periods_) period.spans.clear();
  for (std::uint32_t run = 0; run < timelines.runs(); ++run) {
    if (Status status = CutRun(timelines, run); !status.ok()) return status;
  }
  for (Period& period : periods_) {
    for (std::span<const TimeSpan> spans = period.spans; !spans.empty();) {
      const std::size_t some = config_->grows ? SomeOf(spans) : spans.size();
      const std::size_t codes = values_->size() + std::size_t{1};
      for (const auto& tally : period.tallies) tally->Add(timelines, spans.first(some), codes);
      spans = spans.subspan(some);
      if (config_->grows && stop()->Worked(Stop::kStepsPerQuestion)) return stop()->status();
    }
  }
  return Status::Ok();
}

// How many of the spans, which are not none, to take before memory is looked at again: some
// thousand rows, of whole users.
std::size_t TrendsState::SomeOf(std::span<const TimeSpan> spans) {
  constexpr std::size_t kRows = 4'096;
  std::size_t rows = 0;
  std::size_t some = 0;
  while (some < spans.size() && (rows < kRows || spans[some].run == spans[some - 1].run)) {
    rows += spans[some].end - spans[some].begin;
    ++some;
  }
  return some;
}

Status TrendsState::DoMerge(AnalysisState* other) {
  auto* const from = dynamic_cast<TrendsState*>(other);
  if (from == nullptr || from->config_ != config_ || from->values_ != values_) {
    return InvalidArgument("a state of another analysis cannot be merged into one of \"trends\"");
  }
  for (std::size_t p = 0; p < periods_.size(); ++p) {
    std::vector<std::uint32_t> numbers;
    Status status = periods_[p].book.Take(from->periods_[p].book, &numbers);
    if (!status.ok()) return status;
    for (std::size_t s = 0; s < periods_[p].tallies.size(); ++s) {
      periods_[p].tallies[s]->Take(from->periods_[p].tallies[s].get(), numbers, stop());
    }
    from->periods_[p].book = IntervalBook(config_->interval, config_->zone, config_->known[p]);
    from->periods_[p].slot = {};
  }
  return Status::Ok();
}

std::size_t TrendsState::bytes(std::size_t more) const {
  const std::size_t codes = values_->size() + std::size_t{1};
  std::size_t bytes = 0;
  for (const Period& period : periods_) {
    bytes += period.book.bytes() + BytesWith(period.spans, more);
    // However many rows there are, no more cells than this come of them.
    const std::size_t cells = std::min(more, (2 * period.book.intervals() + 64) * codes);
    for (const auto& tally : period.tallies) bytes += tally->bytes(cells, codes);
  }
  return bytes;
}

class TrendsAnalysis final : public Analysis {
 public:
  static Result<std::unique_ptr<Analysis>> Create(const TrendsQuery& query);

  std::unique_ptr<AnalysisState> NewState(const ValueTable* values) const override {
    return std::make_unique<TrendsState>(&config_, values);
  }
  Result<AnswerBody> DoFinish(AnalysisState* state, const ScanEnd& end, bool* exact) const override;

 private:
  Status AddSeries(const TrendSeries& series, const std::string& where);
  Status AddPrevious(const QueryScope& scope);
  Status AddLines(std::size_t s, TrendsState* trends, const TimeBuckets& buckets,
                  TrendsAnswer* answer, bool* exact) const;

  TrendsConfig config_;
};

std::string NameOf(const EventSelector& selector) {
  if (!selector.name.empty()) return selector.name;
  if (selector.types.empty()) return "*";
  std::string name;
  for (const std::string& type : selector.types) name += (name.empty() ? "" : ", ") + type;
  return name;
}

Status TrendsAnalysis::AddSeries(const TrendSeries& series, const std::string& where) {
  TallyConfig tally;
  tally.measure = series.measure;
  const Result<std::size_t> selector = plan_.AddSelector(series.event);
  if (!selector.ok()) return selector.status();
  tally.selector = *selector;
  if (IsOfNumber(series.measure)) {
    if (series.property.empty()) {
      return InvalidArgument(where + ".property must name the number that is measured");
    }
    const Result<std::size_t> slot = plan_.AddNumber(series.property);
    if (!slot.ok()) return slot.status();
    tally.value = *slot;
  } else if (!series.property.empty()) {
    return InvalidArgument(where +
                           ".property is for the measures sum, avg, min, max, p50, p90 "
                           "and p99 only");
  }
  if (series.measure == Measure::kSessions) tally.value = *plan_.AddIdentity("session_id");
  config_.tallies.push_back(tally);
  config_.names.push_back(NameOf(series.event));
  return Status::Ok();
}

// The range of equal length just before. A range from one local midnight to another is as many
// days long, whatever a change of the clock made of their hours.
Status TrendsAnalysis::AddPrevious(const QueryScope& scope) {
  if (!scope.from || !scope.to) {
    return InvalidArgument("compare needs from and to: they say how long the period before is");
  }
  const Range range = config_.ranges[0];
  Range previous = {range.from_ms, range.from_ms};
  std::int64_t length = 0;
  if (__builtin_sub_overflow(range.to_ms, range.from_ms, &length) ||
      __builtin_sub_overflow(range.from_ms, length, &previous.from_ms)) {
    return InvalidArgument("from and to must lie in the years 1 to 9999");
  }
  const auto midnight = [&](std::int64_t ms) {
    const absl::CivilDay day = absl::ToCivilDay(absl::FromUnixMillis(ms), config_.zone);
    return std::pair(day, absl::ToUnixMillis(absl::FromCivil(day, config_.zone)) == ms);
  };
  const auto [from_day, from_is_midnight] = midnight(range.from_ms);
  const auto [to_day, to_is_midnight] = midnight(range.to_ms);
  if (from_is_midnight && to_is_midnight) {
    const absl::CivilDay day = from_day - (to_day - from_day);
    previous.from_ms = absl::ToUnixMillis(absl::FromCivil(day, config_.zone));
  }
  Result<TimeBuckets> buckets =
      TimeBuckets::Create(config_.interval, config_.zone, previous.from_ms, previous.to_ms);
  if (!buckets.ok()) return buckets.status();
  config_.ranges.push_back(previous);
  config_.known.push_back(std::move(*buckets));
  plan_.from_ms = previous.from_ms;
  return Status::Ok();
}

Result<std::unique_ptr<Analysis>> TrendsAnalysis::Create(const TrendsQuery& query) {
  auto analysis = std::make_unique<TrendsAnalysis>();
  TrendsConfig& config = analysis->config_;
  ScanPlan& plan = analysis->plan_;
  if (Status status = CheckScope(query.scope); !status.ok()) return status;
  const Result<absl::TimeZone> zone = LoadZone(query.scope.timezone);
  if (!zone.ok()) return zone.status();
  config.zone = *zone;
  config.interval = query.interval;
  if (query.series.empty() || query.series.size() > kTrendSeriesMax) {
    return InvalidArgument("series must have 1 to " + std::to_string(kTrendSeriesMax) + " entries");
  }
  if (Status status = plan.SetScope(query.scope); !status.ok()) return status;
  for (std::size_t i = 0; i < query.series.size(); ++i) {
    const std::string where = "series[" + std::to_string(i) + "]";
    Status status = analysis->AddSeries(query.series[i], where);
    if (!status.ok()) return status;
  }
  plan.only_matches = true;
  plan.any_order = std::none_of(query.series.begin(), query.series.end(), [](const auto& series) {
    return series.measure == Measure::kUsers;
  });
  if (query.breakdown) {
    config.has_breakdown = true;
    config.breakdown_limit = query.breakdown->limit.value_or(query.scope.limit);
    Status status = CheckLimit(config.breakdown_limit, "breakdown.limit");
    if (!status.ok()) return status;
    const Result<std::size_t> slot = plan.AddText(query.breakdown->field);
    if (!slot.ok()) return slot.status();
    for (TallyConfig& tally : config.tallies) tally.breakdown = *slot;
  }
  config.grows =
      query.breakdown || std::any_of(query.series.begin(), query.series.end(),
                                     [](auto& s) { return s.measure == Measure::kSessions; });
  config.ranges.push_back({plan.from_ms, plan.to_ms});
  config.known.emplace_back();
  if (query.scope.from && query.scope.to) {
    Result<TimeBuckets> buckets =
        TimeBuckets::Create(config.interval, config.zone, plan.from_ms, plan.to_ms);
    if (!buckets.ok()) return buckets.status();
    config.known[0] = std::move(*buckets);
  }
  if (query.compare_previous) {
    if (Status status = analysis->AddPrevious(query.scope); !status.ok()) return status;
  }
  return std::unique_ptr<Analysis>(std::move(analysis));
}

// The values of a breakdown that are shown, most first, and what is put together with them.
struct Ranked {
  std::vector<std::uint32_t> codes;
  TallyGroups groups;
};

// By `tally`; `before`, which may be null, adds values that only the period before has.
Ranked RankValues(const Tally& tally, const Tally* before, const TrendsConfig& config,
                  Measure measure, const ValueTable& values, bool* exact, Stop* stop) {
  struct Row {
    std::optional<double> total;
    std::string_view value;  // of an absent one: before any text
    std::uint32_t code;
  };
  const auto is_before = [](const Row& a, const Row& b) {
    return a.total != b.total ? a.total > b.total : a.value < b.value;
  };
  FirstFew<Row, decltype(is_before)> first(config.breakdown_limit, is_before, stop);
  bool has_rest = false;
  const auto add = [&](std::uint32_t code, std::optional<double> total) {
    const std::string_view value = values.Text(code);
    if (value == kOtherValue) {
      has_rest = true;
    } else {
      first.Add({total, value, code});
    }
  };
  if (before == nullptr) {
    tally.ForEachTotal(add, exact, stop);
  } else {
    std::vector<bool> had(values.size() + std::size_t{1});
    tally.ForEachTotal(
        [&](std::uint32_t code, std::optional<double> total) {
          had[code] = true;
          add(code, total);
        },
        exact, stop);
    before->ForEachTotal(
        [&](std::uint32_t code, std::optional<double>) {
          if (!had[code]) add(code, MeasureOfNothing(measure));
        },
        exact, stop);
  }
  Ranked ranked;
  for (const Row& row : first.InOrder()) {
    ranked.groups.of_code.emplace(row.code, static_cast<std::uint32_t>(ranked.codes.size()));
    ranked.codes.push_back(row.code);
  }
  ranked.groups.size = static_cast<std::uint32_t>(ranked.codes.size());
  if (has_rest || first.left_out() != 0) ranked.groups.rest = ranked.groups.size++;
  return ranked;
}

// Writes lines that a tally counted over the intervals of an answer.
class LineWriter {
 public:
  LineWriter(const TrendsConfig& config, const IntervalBook& book, const TimeBuckets& buckets)
      : config_(config), buckets_(buckets) {
    if (config.interval == Interval::kTotal) return;
    for (std::uint32_t id = 0; id < book.size(); ++id) {
      index_of_.push_back(buckets.IndexOf(book.Begin(id)));
    }
  }

  TrendLine Write(const TallyLine& from, Measure measure, Stop* stop) const {
    TrendLine line;
    line.total = from.total;
    if (config_.interval == Interval::kTotal || stop->Worked(buckets_.size())) return line;
    line.points.resize(buckets_.size());
    for (std::size_t i = 0; i < line.points.size(); ++i) {
      line.points[i] = {FromMillis(buckets_.Begin(i)), MeasureOfNothing(measure)};
    }
    for (std::size_t id = 0; id < index_of_.size(); ++id) {
      line.points[index_of_[id]].value = from.buckets[id];
    }
    return line;
  }

 private:
  const TrendsConfig& config_;
  const TimeBuckets& buckets_;
  std::vector<std::size_t> index_of_;  // by number in the book
};

Result<TimeBuckets> FinalBuckets(const TrendsConfig& config, const IntervalBook& book,
                                 const ScanEnd& end) {
  if (config.known[0].size() != 0) return config.known[0];
  if (config.interval == Interval::kTotal) return TimeBuckets();
  return book.Whole(end, config.ranges[0].from_ms);
}

// The lines of one series, which are written behind those that the answer has.
Status TrendsAnalysis::AddLines(std::size_t s, TrendsState* trends, const TimeBuckets& buckets,
                                TrendsAnswer* answer, bool* exact) const {
  Stop* const stop = trends->stop();
  const Measure measure = config_.tallies[s].measure;
  const bool compares = config_.ranges.size() == 2;
  const TrendsState::Period& now = trends->period(0);
  const Tally& tally = *now.tallies[s];
  const Tally* const before = compares ? trends->period(1).tallies[s].get() : nullptr;
  Ranked ranked = {{0}, {{{0, 0}}, {}, 1}};
  if (config_.has_breakdown) {
    ranked = RankValues(tally, before, config_, measure, trends->values(), exact, stop);
  }
  if (stop->over()) return stop->status();
  const std::size_t lines = ranked.groups.size * (compares ? 2 : 1);
  if ((answer->series.size() + lines) * buckets.size() > kAnswerPointsMax) {
    return InvalidArgument(
        "the answer has more than " + std::to_string(kAnswerPointsMax) +
        " points in all; ask for a smaller breakdown.limit or a longer interval");
  }
  // The lines on their way; the points of all series before stay.
  const Taken taken(ranked.groups.size * buckets.size() * sizeof(std::optional<double>) +
                        (answer->series.size() + lines) * buckets.size() * sizeof(TrendPoint),
                    stop);
  if (stop->over()) return stop->status();
  const std::size_t first = answer->series.size();
  const LineWriter writer(config_, now.book, buckets);
  for (const TallyLine& line : tally.Lines(ranked.groups, now.book.size(), exact, stop)) {
    if (stop->over()) return stop->status();
    TrendSeriesAnswer& series = answer->series.emplace_back();
    series.name = config_.names[s];
    series.has_breakdown = config_.has_breakdown;
    const std::size_t group = answer->series.size() - 1 - first;
    if (group >= ranked.codes.size()) {
      series.breakdown = kOtherValue;
    } else if (ranked.codes[group] != 0) {
      series.breakdown = std::string(trends->values().Text(ranked.codes[group]));
    }
    series.line = writer.Write(line, measure, stop);
  }
  if (before == nullptr) return stop->status();
  const IntervalBook& book = trends->period(1).book;
  const LineWriter previous(config_, book, config_.known[1]);
  std::size_t at = first;
  for (const TallyLine& line : before->Lines(ranked.groups, book.size(), exact, stop)) {
    if (stop->over()) return stop->status();
    answer->series[at++].previous = previous.Write(line, measure, stop);
  }
  return stop->status();
}

Result<AnswerBody> TrendsAnalysis::DoFinish(AnalysisState* state, const ScanEnd& end,
                                            bool* exact) const {
  auto& trends = static_cast<TrendsState&>(*state);
  const Result<TimeBuckets> buckets = FinalBuckets(config_, trends.period(0).book, end);
  if (!buckets.ok()) return buckets.status();
  TrendsAnswer answer;
  for (std::size_t s = 0; s < config_.tallies.size(); ++s) {
    Status status = AddLines(s, &trends, *buckets, &answer, exact);
    if (!status.ok()) return status;
  }
  return AnswerBody(std::move(answer));
}

}  // namespace

Result<std::unique_ptr<Analysis>> CreateTrends(const TrendsQuery& query) {
  return TrendsAnalysis::Create(query);
}

}  // namespace v1
}  // namespace insightflow
