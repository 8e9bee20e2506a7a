// The naive twin of "top".
#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "insightflow/result.h"
#include "tests/reference/event_table.h"

namespace insightflow::reference {

inline std::int64_t FromOf(const QueryScope& scope) {
  return scope.from ? ToMillis(*scope.from) : std::numeric_limits<std::int64_t>::min();
}
inline std::int64_t ToOf(const QueryScope& scope) {
  return scope.to ? ToMillis(*scope.to) : std::numeric_limits<std::int64_t>::max();
}

inline TopAnswer TopTwin(const TopQuery& query, const EventTable& events) {
  std::map<std::string, std::uint64_t> counts;
  std::map<std::string, std::set<std::string>> users;
  for (const std::size_t row :
       events.Find(FromOf(query.scope), ToOf(query.scope), query.scope.filters, query.events)) {
    const auto value = events.Shown(row, query.field);
    if (!value) continue;
    ++counts[*value];
    users[*value].insert(events.at(row).user_id);
  }
  TopAnswer answer;
  for (const auto& [value, count] : counts) {
    answer.rows.push_back({value, query.measure == Measure::kUsers ? users[value].size() : count});
  }
  std::stable_sort(answer.rows.begin(), answer.rows.end(),
                   [](const TopRow& a, const TopRow& b) { return a.count > b.count; });
  while (answer.rows.size() > query.scope.limit) {
    ++answer.other_values;
    answer.other_count += answer.rows.back().count;
    answer.rows.pop_back();
  }
  return answer;
}

}  // namespace insightflow::reference
