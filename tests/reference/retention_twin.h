// The naive twin of retention: every user, every cohort, every period and every event.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "insightflow/result.h"
#include "lib/analytics/analysis.h"
#include "lib/analytics/time_buckets.h"
#include "lib/model/time_zone.h"
#include "tests/reference/timeline_twin.h"

namespace insightflow::reference {

class RetentionTwin {
 public:
  RetentionTwin(const RetentionQuery& query, const std::vector<Event>& events, const ScanEnd& end)
      : query_(query), events_(events), end_(end) {}

  RetentionAnswer Answer() {
    MakePeriods();
    for (const auto& [user, timeline] : TimelinesOf(events_, query_.scope, FirstTime())) {
      Count(timeline);
    }
    RetentionAnswer answer;
    for (std::size_t k = 0; k < query_.periods; ++k) {
      answer.totals.size.push_back(0);
      answer.totals.returned.push_back(0);
    }
    for (const auto& [period, cohort] : cohorts_) {
      RetentionCohortAnswer row{.time = FromMillis(periods_.Begin(period)), .size = cohort.size};
      for (std::size_t k = 0; k < query_.periods; ++k) {
        row.returned.push_back(Cell(period, cohort, k));
        if (!row.returned.back()) continue;
        answer.totals.size[k] += cohort.size;
        answer.totals.returned[k] += *row.returned.back();
        if (EndOfCell(period, cohort, k) > Behind()) answer.incomplete.emplace_back(row.time, k);
      }
      answer.cohorts.push_back(row);
    }
    for (std::size_t k = 0; k < query_.periods; ++k) {
      std::optional<double> rate;
      const auto size = static_cast<double>(answer.totals.size[k]);
      if (size > 0) rate = 100.0 * static_cast<double>(answer.totals.returned[k]) / size;
      answer.totals.rate.push_back(rate);
    }
    return answer;
  }

 private:
  struct Cohort {
    std::uint64_t size = 0;
    std::map<std::size_t, std::uint64_t> returned;
    std::set<std::int64_t> starts;
  };

  bool FirstTime() const { return query_.cohort == RetentionCohort::kFirstTime; }
  bool Rolling() const { return query_.bucket == RetentionBucket::kRolling; }
  // The first moment of which the data knows nothing: `to`, unless that is still to come.
  std::int64_t Behind() const {
    if (!query_.scope.to) return end_.data_end_ms + 1;
    std::int64_t known_ms = end_.now_ms;
    for (const Event& event : events_) known_ms = std::max(known_ms, ToMillis(event.timestamp));
    return std::min(ToMillis(*query_.scope.to), known_ms + 1);
  }
  std::int64_t LengthMs() const {
    const std::map<RetentionPeriod, std::int64_t> hours = {{RetentionPeriod::kHour, 1},
                                                           {RetentionPeriod::kDay, 24},
                                                           {RetentionPeriod::kWeek, 7 * 24},
                                                           {RetentionPeriod::kMonth, 30 * 24}};
    return hours.at(query_.period) * 3'600'000;
  }
  void MakePeriods() {
    const std::map<RetentionPeriod, Interval> intervals = {
        {RetentionPeriod::kHour, Interval::kHour},
        {RetentionPeriod::kDay, Interval::kDay},
        {RetentionPeriod::kWeek, Interval::kWeek},
        {RetentionPeriod::kMonth, Interval::kMonth}};
    std::int64_t least = 1'700'000'000'000, most = least;
    for (const Event& event : events_) {
      least = std::min(least, ToMillis(event.timestamp));
      most = std::max(most, ToMillis(event.timestamp));
    }
    const std::int64_t more = static_cast<std::int64_t>(query_.periods + 2) * 32 * 86'400'000;
    const std::int64_t behind = query_.period == RetentionPeriod::kHour ? more / 600 : more;
    periods_ = *TimeBuckets::Create(intervals.at(query_.period), *LoadZone(query_.scope.timezone),
                                    least, most + behind);
  }

  void Count(const Timeline& timeline) {
    std::set<std::size_t> seen;  // cohorts of this user
    bool started = false;
    for (std::size_t i = 0; i < timeline.size(); ++i) {
      if (!Selects(query_.start, timeline[i])) continue;
      const bool first = !started;
      started = true;
      if (FirstTime() && !first) continue;
      if (query_.scope.from && timeline[i].timestamp < *query_.scope.from) continue;
      const std::size_t period = periods_.IndexOf(ToMillis(timeline[i].timestamp));
      if (seen.insert(period).second) CountCohort(timeline, i, period);
    }
  }

  void CountCohort(const Timeline& timeline, std::size_t start, std::size_t period) {
    Cohort& cohort = cohorts_[period];
    const std::int64_t start_ms = ToMillis(timeline[start].timestamp);
    ++cohort.size;
    cohort.starts.insert(start_ms);
    std::set<std::size_t> returned;
    for (std::size_t i = start + 1; i < timeline.size(); ++i) {
      if (!Selects(query_.return_event, timeline[i])) continue;
      const std::int64_t time_ms = ToMillis(timeline[i].timestamp);
      const std::size_t k = Rolling() ? static_cast<std::size_t>((time_ms - start_ms) / LengthMs())
                                      : periods_.IndexOf(time_ms) - period;
      returned.insert(k);
      if (query_.return_on == RetentionReturn::kOnOrAfter) {
        for (std::size_t earlier = 0; earlier < k; ++earlier) returned.insert(earlier);
      }
    }
    for (const std::size_t k : returned) ++cohort.returned[k];
  }

  std::optional<std::uint64_t> Cell(std::size_t period, const Cohort& cohort, std::size_t k) {
    const std::int64_t begin =
        Rolling() ? *cohort.starts.begin() + static_cast<std::int64_t>(k) * LengthMs()
                  : periods_.Begin(period + k);
    if (begin >= Behind()) return std::nullopt;
    const auto found = cohort.returned.find(k);
    return found == cohort.returned.end() ? 0 : found->second;
  }
  std::int64_t EndOfCell(std::size_t period, const Cohort& cohort, std::size_t k) {
    return Rolling() ? *cohort.starts.rbegin() + static_cast<std::int64_t>(k + 1) * LengthMs()
                     : periods_.End(period + k);
  }

  const RetentionQuery& query_;
  const std::vector<Event>& events_;
  const ScanEnd end_;
  TimeBuckets periods_;
  std::map<std::size_t, Cohort> cohorts_;
};

}  // namespace insightflow::reference
