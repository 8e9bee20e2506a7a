// Random logs with small alphabets and many ties, and random ways to run an analysis over them.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "insightflow/event.h"
#include "lib/analytics/analysis.h"
#include "lib/model/event_rows.h"
#include "lib/model/memory_timelines.h"
#include "tests/support/random_cases.h"

namespace insightflow::testing {

struct LogShape {
  std::int64_t start_ms = 1'700'000'000'000;
  std::vector<std::int64_t> steps_ms = {0, 1, 1000};  // between an event and the one before
  std::size_t events_max = 60;
};

inline Event RandomEvent(Random* random, std::int64_t time_ms) {
  static const std::vector<std::string> kTypes = {"view",   "view",     "click",        "click",
                                                  "scroll", "purchase", "session_start"};
  static const std::vector<std::string> kPages = {
      "/a", "/b", "/c", "/d", "/a?utm_campaign=one", "/b?utm_campaign=two"};
  static const std::vector<std::string> kExtra = {"",
                                                  "",
                                                  R"({"os":"ios"})",
                                                  R"({"os":"web"})",
                                                  R"({"os":"tv","utm_campaign":"one"})",
                                                  R"({"utm_campaign":"three"})"};
  static const std::vector<std::string> kElements = {"", "buy", "nav", "img"};
  Event event{.user_id = "u" + std::to_string(random->Below(6)), .timestamp = FromMillis(time_ms)};
  event.event_type = random->Of(kTypes);
  if (!random->OneIn(6)) event.page_url = random->Of(kPages);
  if (!random->OneIn(5)) event.session_id = "s" + std::to_string(random->Below(3));
  event.extra_data = random->Of(kExtra);
  event.element = random->Of(kElements);
  if (random->OneIn(3)) event.tab_id = "t" + std::to_string(random->Below(2));
  if (random->OneIn(2)) event.seq = static_cast<std::uint64_t>(random->Below(5));
  if (!random->OneIn(5)) event.position_x = static_cast<std::int32_t>(random->Between(-3, 20));
  if (!random->OneIn(5)) event.position_y = static_cast<std::int32_t>(random->Between(-3, 9));
  return event;
}

// In the order of the log, which is not that of time.
inline std::vector<Event> RandomLog(Random* random, const LogShape& shape) {
  std::vector<Event> events;
  std::int64_t time_ms = shape.start_ms;
  const std::int64_t size = random->Below(static_cast<std::int64_t>(shape.events_max));
  for (std::int64_t i = 0; i < size; ++i) {
    time_ms += random->Of(shape.steps_ms);
    events.push_back(RandomEvent(random, time_ms));
  }
  if (random->OneIn(2)) std::shuffle(events.begin(), events.end(), random->engine());
  return events;
}

// It is asked when the log ends, on the way to `to`, then, or later.
inline ScanEnd EndOfLog(const QueryScope& scope, const std::vector<Event>& events) {
  std::optional<std::pair<std::int64_t, std::int64_t>> data;
  for (const Event& event : events) {
    const std::int64_t time = ToMillis(event.timestamp);
    if (!data) data = {time, time};
    data = {std::min(data->first, time), std::max(data->second, time)};
  }
  std::int64_t now_ms = data ? data->second : 0;
  if (scope.to) {
    now_ms += (ToMillis(*scope.to) - now_ms) / 2 * static_cast<std::int64_t>(events.size() % 4);
  }
  return EndOfData(scope, data, now_ms);
}

// The answer by up to four states, each with some of the users in batches of some size, who know
// the end or not, settled or not, merged in some order.
inline Result<AnswerBody> RunInParts(const Analysis& analysis, const QueryScope& scope,
                                     const std::vector<Event>& events, Random* random,
                                     bool* exact) {
  ValueTable values;
  const auto parts = static_cast<std::size_t>(random->Between(1, 4));
  std::vector<std::vector<Event>> shares(parts);
  std::vector<std::size_t> share_of(100);
  for (std::size_t& share : share_of) share = static_cast<std::size_t>(random->Below(4)) % parts;
  for (const Event& event : events) {
    shares[share_of[std::stoul(event.user_id.substr(1))]].push_back(event);
  }
  const ScanEnd end = EndOfLog(scope, events);
  const bool knows_end = random->OneIn(2);
  std::vector<std::unique_ptr<AnalysisState>> states;
  for (const std::vector<Event>& share : shares) {
    states.push_back(analysis.NewState(&values));
    if (knows_end) states.back()->KnowEnd(end);
    EventBatch batch;
    AppendEvents(share, &batch);
    const auto rows_max = static_cast<std::size_t>(random->Between(1, 80));
    Status status = VisitTimelines(batch, analysis.plan(), &values, rows_max, states.back().get());
    if (!status.ok()) return status;
  }
  if (random->OneIn(2) && analysis.Agree(states)) {
    // Whether all settle or some is all the same.
    for (const auto& state : states) {
      if (!random->OneIn(8)) state->Settle();
    }
  }
  while (states.size() > 1) {
    std::shuffle(states.begin(), states.end(), random->engine());
    if (Status status = states[0]->Merge(states.back().get()); !status.ok()) return status;
    states.pop_back();
  }
  return analysis.Finish(states[0].get(), end, exact);
}

inline Result<AnswerBody> RunInParts(const Query& query, const std::vector<Event>& events,
                                     Random* random, bool* exact) {
  const Result<std::unique_ptr<Analysis>> analysis = CreateAnalysis(query);
  if (!analysis.ok()) return analysis.status();
  return RunInParts(**analysis, ScopeOf(query), events, random, exact);
}

}  // namespace insightflow::testing
