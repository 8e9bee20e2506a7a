// Timelines the obvious way: a list of events for each user, in order. What the naive twins of the
// analyses begin with.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "insightflow/event.h"
#include "insightflow/query.h"
#include "lib/model/event_rows.h"
#include "lib/model/predicate.h"

namespace insightflow::reference {

using Timeline = std::vector<Event>;

// "" where the field is absent.
inline std::string ValueOfField(const Event& event, const std::string& field) {
  EventBatch batch;
  AppendEvents(std::span(&event, 1), &batch);
  std::string scratch;
  const EventValue value = ValueOf(batch, 0, *ParseFieldRef(field), &scratch);
  return std::string(SpelledValue(value, &scratch));
}

inline bool HoldAll(const Event& event, const std::vector<Filter>& filters) {
  EventBatch batch;
  AppendEvents(std::span(&event, 1), &batch);
  return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
    const Result<Predicate> predicate = Predicate::Create(filter);
    std::string scratch;
    return predicate->Matches(ValueOf(batch, 0, predicate->field(), &scratch));
  });
}

inline bool Selects(const EventSelector& selector, const Event& event) {
  const auto& types = selector.types;
  return (types.empty() || std::count(types.begin(), types.end(), event.event_type) != 0) &&
         HoldAll(event, selector.filters);
}

// The events of one tab that have equal times and a seq take the places that they have, by seq.
inline void OrderTies(Timeline* events) {
  std::map<std::pair<std::int64_t, std::string>, std::vector<std::size_t>> places;
  for (std::size_t i = 0; i < events->size(); ++i) {
    const Event& event = (*events)[i];
    if (event.tab_id.empty() || !event.seq) continue;
    places[{ToMillis(event.timestamp), event.tab_id}].push_back(i);
  }
  for (const auto& [tab, indexes] : places) {
    Timeline sorted;
    for (const std::size_t i : indexes) sorted.push_back((*events)[i]);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Event& a, const Event& b) { return *a.seq < *b.seq; });
    for (std::size_t i = 0; i < indexes.size(); ++i) (*events)[indexes[i]] = sorted[i];
  }
}

// By user; `whole_life`: also what came before `from`.
inline std::map<std::string, Timeline> TimelinesOf(const std::vector<Event>& events,
                                                   const QueryScope& scope,
                                                   bool whole_life = false) {
  std::map<std::string, Timeline> ordered, seen;
  for (const Event& event : events) ordered[event.user_id].push_back(event);
  for (auto& [user, timeline] : ordered) {
    std::stable_sort(timeline.begin(), timeline.end(),
                     [](const Event& a, const Event& b) { return a.timestamp < b.timestamp; });
    OrderTies(&timeline);
    for (const Event& event : timeline) {
      if (!whole_life && scope.from && event.timestamp < *scope.from) continue;
      if (scope.to && event.timestamp >= *scope.to) continue;
      if (HoldAll(event, scope.filters)) seen[user].push_back(event);
    }
  }
  return seen;
}

// In hundredths of a rank, which are whole numbers.
inline double PercentileOf(std::vector<double> values, std::size_t percent) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t rank = percent * (values.size() - 1);
  const std::size_t below = rank / 100;
  if (below + 1 == values.size()) return values.back();
  const double share = static_cast<double>(rank % 100) / 100;
  return values[below] + (values[below + 1] - values[below]) * share;
}

// The greatest counts, equal ones by value.
inline std::vector<TopRow> TopOf(const std::map<std::string, std::uint64_t>& counts,
                                 std::size_t limit) {
  std::vector<TopRow> rows;
  for (const auto& [value, count] : counts) rows.push_back({value, count, 0});
  std::stable_sort(rows.begin(), rows.end(),
                   [](const TopRow& a, const TopRow& b) { return a.count > b.count; });
  if (rows.size() > limit) rows.resize(limit);
  return rows;
}

}  // namespace insightflow::reference
