// The naive twin of "trends": for each number of the answer, the events that it is of.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "insightflow/result.h"
#include "lib/model/time_zone.h"
#include "tests/reference/bucket_twin.h"
#include "tests/reference/event_table.h"
#include "tests/reference/top_twin.h"

namespace insightflow::reference {

// The begins of a zone's intervals over some weeks, walked once.
class IntervalsTwin {
 public:
  IntervalsTwin(Interval interval, const std::string& zone, std::int64_t low, std::int64_t high,
                std::int64_t step_ms)
      : begins_(IntervalBegins(interval, *LoadZone(zone), low, high, step_ms)) {}

  // (begin, end) of those with an instant in [from, to).
  std::vector<std::pair<std::int64_t, std::int64_t>> In(std::int64_t from, std::int64_t to) const {
    std::vector<std::pair<std::int64_t, std::int64_t>> found;
    for (std::size_t i = 0; i + 1 < begins_.size(); ++i) {
      if (begins_[i] < to && begins_[i + 1] > from && from < to) {
        found.emplace_back(begins_[i], begins_[i + 1]);
      }
    }
    return found;
  }
  const std::vector<std::int64_t>& begins() const { return begins_; }

 private:
  std::vector<std::int64_t> begins_;
};

inline constexpr std::int64_t kTwinDayMs = 86'400'000;

// Begins of intervals around a start, kept from case to case.
class Calendar {
 public:
  const IntervalsTwin& Of(Interval interval, const std::string& zone, std::int64_t start_ms) {
    auto& known = known_[{interval, zone, start_ms}];
    if (!known) {
      const Interval walked = interval == Interval::kTotal ? Interval::kDay : interval;
      // The zones of these tests change their dates and their clocks at half hours.
      const std::int64_t step = walked == Interval::kMinute ? 60'000 : 1'800'000;
      const std::int64_t reach = (walked == Interval::kMonth ? 64 : 22) * kTwinDayMs;
      known =
          std::make_unique<IntervalsTwin>(walked, zone, start_ms - reach, start_ms + reach, step);
    }
    return *known;
  }

 private:
  std::map<std::tuple<Interval, std::string, std::int64_t>, std::unique_ptr<IntervalsTwin>> known_;
};

class TrendsTwin {
 public:
  // `intervals` and `days` are of the query's zone, and reach beyond all events.
  TrendsTwin(const TrendsQuery& query, const EventTable& events, const IntervalsTwin& intervals,
             const IntervalsTwin& days)
      : query_(query), events_(events), intervals_(intervals) {
    from_ = query.scope.from ? ToMillis(*query.scope.from) : events.FirstTime().value_or(0);
    to_ = query.scope.to ? ToMillis(*query.scope.to) : events.LastTime().value_or(-1) + 1;
    has_range_ = events.FirstTime() || (query.scope.from && query.scope.to);
    before_ = from_ - (to_ - from_);
    // Whole days: as many days before.
    const auto& begins = days.begins();
    const auto first = std::find(begins.begin(), begins.end(), from_);
    const auto last = std::find(begins.begin(), begins.end(), to_);
    if (first != begins.end() && last != begins.end()) before_ = *(first - (last - first));
  }

  TrendsAnswer Answer() const {
    TrendsAnswer answer;
    for (const TrendSeries& series : query_.series) AddSeries(series, &answer);
    return answer;
  }

 private:
  using Rows = EventTable::Rows;
  using Value = std::optional<std::string>;

  // Events that the measure counts.
  Rows Measured(const TrendSeries& series, std::int64_t from, std::int64_t to) const {
    Rows rows;
    for (const std::size_t row : events_.Find(from, to, query_.scope.filters, series.event)) {
      if (series.measure == Measure::kSessions && events_.at(row).session_id.empty()) continue;
      if (!series.property.empty() && !events_.Number(row, series.property)) continue;
      rows.push_back(row);
    }
    return rows;
  }

  static std::optional<double> Percentile(std::vector<double> numbers, std::size_t percent) {
    if (numbers.empty()) return std::nullopt;
    std::sort(numbers.begin(), numbers.end());
    const std::size_t hundredths = percent * (numbers.size() - 1);
    const double low = numbers[hundredths / 100];
    if (hundredths % 100 == 0) return low;
    const double high = numbers[hundredths / 100 + 1];
    return low + (high - low) * (static_cast<double>(hundredths % 100) / 100);
  }

  std::optional<double> Measured(const TrendSeries& series, const Rows& rows) const {
    __extension__ using Quad = __float128;  // wide enough for an exact sum of these numbers
    std::set<std::string> users, sessions;
    std::vector<double> numbers;
    Quad sum = 0;
    for (const std::size_t row : rows) {
      users.insert(events_.at(row).user_id);
      sessions.insert(events_.at(row).session_id);
      if (series.property.empty()) continue;
      numbers.push_back(*events_.Number(row, series.property));
      sum += numbers.back();
    }
    std::sort(numbers.begin(), numbers.end());
    switch (series.measure) {
      case Measure::kCount: return rows.size();
      case Measure::kUsers: return users.size();
      case Measure::kSessions: return sessions.size();
      case Measure::kSum: return static_cast<double>(sum);
      case Measure::kP50: return Percentile(numbers, 50);
      case Measure::kP90: return Percentile(numbers, 90);
      case Measure::kP99: return Percentile(numbers, 99);
      default: break;
    }
    if (numbers.empty()) return std::nullopt;
    if (series.measure == Measure::kMin) return numbers.front();
    if (series.measure == Measure::kMax) return numbers.back();
    return static_cast<double>(sum) / static_cast<double>(numbers.size());
  }

  TrendLine Line(const TrendSeries& series, const Rows& rows, std::int64_t from,
                 std::int64_t to) const {
    TrendLine line;
    line.total = Measured(series, rows);
    if (query_.interval == Interval::kTotal || !has_range_) return line;
    for (const auto& [begin, end] : intervals_.In(from, to)) {
      Rows within;
      for (const std::size_t row : rows) {
        if (events_.Time(row) >= begin && events_.Time(row) < end) within.push_back(row);
      }
      line.points.push_back({FromMillis(begin), Measured(series, within)});
    }
    return line;
  }

  // Rows of each value, and of the rest; the shown ones first.
  std::vector<std::pair<Value, Rows>> Groups(const TrendSeries& series, const Rows& rows,
                                             const Rows& before) const {
    std::map<Value, Rows> of_value;
    for (const std::size_t row : rows) {
      of_value[events_.Shown(row, query_.breakdown->field)].push_back(row);
    }
    for (const std::size_t row : before) of_value[events_.Shown(row, query_.breakdown->field)];
    std::vector<std::pair<Value, Rows>> groups(of_value.begin(), of_value.end());
    std::stable_sort(groups.begin(), groups.end(), [&](const auto& a, const auto& b) {
      const bool a_is_rest = a.first == "__other__", b_is_rest = b.first == "__other__";
      if (a_is_rest || b_is_rest) return !a_is_rest && b_is_rest;
      return Measured(series, a.second) > Measured(series, b.second);
    });
    const std::size_t limit = query_.breakdown->limit.value_or(query_.scope.limit);
    while (groups.size() > limit + 1) {
      Rows last = std::move(groups.back().second);
      groups.pop_back();
      groups.back().second.insert(groups.back().second.end(), last.begin(), last.end());
      groups.back().first = "__other__";
    }
    if (groups.size() == limit + 1) groups.back().first = "__other__";
    return groups;
  }

  void AddSeries(const TrendSeries& series, TrendsAnswer* answer) const {
    const Rows rows = Measured(series, FromOf(query_.scope), ToOf(query_.scope));
    const Rows before = query_.compare_previous ? Measured(series, before_, from_) : Rows();
    std::vector<std::pair<Value, Rows>> groups = {{std::nullopt, rows}};
    if (query_.breakdown) groups = Groups(series, rows, before);
    std::set<Value> shown;
    for (const auto& [value, own] : groups) shown.insert(value);
    for (const auto& [value, own] : groups) {
      TrendSeriesAnswer& added = answer->series.emplace_back();
      added.name = series.event.name;
      added.has_breakdown = query_.breakdown.has_value();
      added.breakdown = value;
      added.line = Line(series, own, from_, to_);
      if (!query_.compare_previous) continue;
      Rows own_before;
      for (const std::size_t row : before) {
        Value its = query_.breakdown ? events_.Shown(row, query_.breakdown->field) : value;
        if (shown.count(its) == 0) its = "__other__";
        if (its == value) own_before.push_back(row);
      }
      added.previous = Line(series, own_before, before_, from_);
    }
  }

  const TrendsQuery& query_;
  const EventTable& events_;
  const IntervalsTwin& intervals_;
  std::int64_t from_ = 0;
  std::int64_t to_ = 0;
  std::int64_t before_ = 0;
  bool has_range_ = false;
};

}  // namespace insightflow::reference
