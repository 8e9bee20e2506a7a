// The naive twin of "lifecycle": for each user and period, the definition.
#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <string>

#include "insightflow/result.h"
#include "tests/reference/trends_twin.h"

namespace insightflow::reference {

// `periods` is of the query's zone and interval, and reaches beyond all events.
inline LifecycleAnswer LifecycleTwin(const LifecycleQuery& query, const EventTable& events,
                                     const IntervalsTwin& periods) {
  const QueryScope& scope = query.scope;
  LifecycleAnswer answer;
  if (!events.FirstTime() && !(scope.from && scope.to)) return answer;
  const std::int64_t from = scope.from ? ToMillis(*scope.from) : *events.FirstTime();
  const std::int64_t to = scope.to ? ToMillis(*scope.to) : *events.LastTime() + 1;
  const auto users = events.ByUser(
      events.Find(std::numeric_limits<std::int64_t>::min(), to, scope.filters, query.event));
  std::map<std::string, std::size_t> periods_active;
  for (const auto& [begin, end] : periods.In(from, to)) {
    LifecyclePeriod& period = answer.periods.emplace_back();
    period.time = FromMillis(begin);
    const std::int64_t before = periods.In(begin - 1, begin).front().first;
    for (const auto& [user, its_rows] : users) {
      const auto& rows = its_rows;  // clang 14 captures no structured binding
      const auto active = [&](std::int64_t low, std::int64_t high) {
        return std::any_of(rows.begin(), rows.end(), [&](std::size_t row) {
          return events.Time(row) >= low && events.Time(row) < high;
        });
      };
      const std::int64_t low = std::max(begin, from), high = std::min(end, to);
      const bool now = active(low, high), was = active(before, begin);
      const std::int64_t first = events.Time(rows.front());
      const bool is_new = first >= low && first < high;
      period.new_users += now && is_new;
      period.returning += now && !is_new && was;
      period.resurrecting += now && !is_new && !was;
      period.dormant += !now && was;
      if (now) ++periods_active[user];
    }
  }
  std::map<std::size_t, std::uint64_t> sticky;
  for (const auto& [user, count] : periods_active) ++sticky[count];
  for (const auto& [count, own] : sticky) answer.stickiness.push_back({count, own});
  return answer;
}

}  // namespace insightflow::reference
