// Runs an analysis as a store with many parts and threads would: users are dealt to some states at
// random, each is fed in batches of a random size, and the states are merged in a random order.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "lib/analytics/analysis.h"
#include "lib/model/event_rows.h"
#include "lib/model/memory_timelines.h"
#include "tests/support/random_cases.h"

namespace insightflow::testing {

inline Result<Answer> RunSplit(const Query& query, std::span<const Event> events,
                               std::int64_t now_ms, Random* random) {
  const auto analysis = CreateAnalysis(query);
  if (!analysis.ok()) return analysis.status();
  const auto parts = static_cast<std::size_t>(random->Between(1, 4));
  std::map<std::string, std::size_t> part_of;
  std::vector<std::vector<Event>> dealt(parts);
  for (const Event& event : events) {
    const auto part = static_cast<std::size_t>(random->Below(static_cast<std::int64_t>(parts)));
    dealt[part_of.try_emplace(event.user_id, part).first->second].push_back(event);
  }
  ValueTable values;
  for (std::int64_t i = random->Below(3); i > 0; --i) {
    values.Intern("a value of nobody " + std::to_string(i));
  }
  std::vector<std::unique_ptr<AnalysisState>> states;
  for (const std::vector<Event>& part : dealt) {
    EventBatch batch;
    AppendEvents(part, &batch);
    states.push_back((*analysis)->NewState(&values));
    const auto rows_max = static_cast<std::size_t>(random->Between(1, 1 + events.size()));
    Status status =
        VisitTimelines(batch, (*analysis)->plan(), &values, rows_max, states.back().get());
    if (!status.ok()) return status;
  }
  while (states.size() > 1) {
    std::shuffle(states.begin(), states.end(), random->engine());
    if (Status status = states[0]->Merge(states.back().get()); !status.ok()) return status;
    states.pop_back();
  }
  std::optional<std::pair<std::int64_t, std::int64_t>> data;
  for (const Event& event : events) {
    const std::int64_t time = ToMillis(event.timestamp);
    if (!data) data = {time, time};
    data = {std::min(data->first, time), std::max(data->second, time)};
  }
  Answer answer;
  const ScanEnd end = EndOfData(ScopeOf(query), data, now_ms);
  Result<AnswerBody> body = (*analysis)->Finish(states[0].get(), end, &answer.meta.exact);
  if (!body.ok()) return body.status();
  answer.body = std::move(*body);
  return answer;
}

}  // namespace insightflow::testing
