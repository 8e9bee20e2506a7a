// Random events from small alphabets, with many equal times, and random filters on them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "insightflow/event.h"
#include "insightflow/query.h"
#include "tests/support/random_cases.h"

namespace insightflow::testing {

struct EventsShape {
  std::int64_t start_ms = 1'711'800'000'000;  // a day before the clocks of Berlin change
  std::int64_t span_ms = 3 * 86'400'000;
  std::int64_t step_ms = 600'000;  // times are multiples of it, so that many are equal
  int users = 6;
  int events_max = 40;
};

inline std::string RandomExtra(Random* random) {
  std::string text;
  const auto add = [&](const std::string& member) { text += (text.empty() ? "{" : ",") + member; };
  switch (random->Below(6)) {
    case 0: break;
    case 1: add(R"("n":"text")"); break;
    case 2: add(R"("n":null)"); break;
    case 3: {
      static const std::vector<std::string> kSpellings = {"", ".0", "e0"};
      add(R"("n":)" + std::to_string(random->Between(-3, 3)) + random->Of(kSpellings));
      break;
    }
    default: add(R"("n":)" + std::to_string(random->Between(-300, 300)) + ".125e-1");
  }
  if (random->OneIn(2))
    add(R"("plan":{"tier":")" + std::string(1, "abc"[random->Below(3)]) + "\"}");
  if (random->OneIn(3)) add(R"("flag":)" + std::string(random->OneIn(2) ? "true" : "false"));
  return text.empty() ? text : text + "}";
}

inline Event RandomEvent(const EventsShape& shape, Random* random) {
  static const std::vector<std::string> kTypes = {"view", "view", "click", "buy", "__other__"};
  static const std::vector<std::string> kPages = {"/", "/a", "/b", "/ä", "/b/c", "", "__other__"};
  static const std::vector<std::string> kAgents = {
      "", "", "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0", "curl/8.0",
      "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile Safari/604.1"};
  Event event;
  event.user_id = "u" + std::to_string(random->Below(shape.users));
  if (random->OneIn(4)) event.user_id += "é";
  if (!random->OneIn(5)) event.session_id = "s" + std::to_string(random->Below(5));
  event.event_type = random->Of(kTypes);
  event.page_url = random->Of(kPages);
  event.user_agent = random->Of(kAgents);
  event.timestamp =
      FromMillis(shape.start_ms + random->Below(shape.span_ms / shape.step_ms) * shape.step_ms);
  if (random->OneIn(2)) event.position_x = static_cast<std::int32_t>(random->Between(-2, 5));
  event.extra_data = RandomExtra(random);
  return event;
}

inline std::vector<Event> RandomEvents(const EventsShape& shape, Random* random) {
  std::vector<Event> events;
  const std::int64_t count = random->Below(shape.events_max + 1);
  for (std::int64_t i = 0; i < count; ++i) events.push_back(RandomEvent(shape, random));
  return events;
}

inline Filter RandomFilter(Random* random) {
  using Value = FilterValue;
  static const std::vector<Filter> kFilters = {
      {"page_url", FilterOp::kEq, {Value("/a")}},
      {"page_url", FilterOp::kNotIn, {Value("/"), Value("/b")}},
      {"page_url", FilterOp::kGlob, {Value("/?")}},
      {"page_url", FilterOp::kExists, {Value(true)}},
      {"extra_data.n", FilterOp::kGte, {Value(0.5)}},
      {"extra_data.n", FilterOp::kLt, {Value(std::int64_t{2})}},
      {"extra_data.plan.tier", FilterOp::kIn, {Value("a"), Value("b")}},
      {"extra_data.flag", FilterOp::kNe, {Value(true)}},
      {"event_type", FilterOp::kContains, {Value("i")}},
      {"position_x", FilterOp::kGt, {Value(std::int64_t{0})}},
  };
  return random->Of(kFilters);
}

inline EventSelector RandomSelector(Random* random) {
  static const std::vector<std::vector<std::string>> kTypes = {
      {}, {}, {"view"}, {"click"}, {"buy", "view"}, {"nothing"}};
  EventSelector selector;
  selector.types = random->Of(kTypes);
  if (random->OneIn(4)) selector.filters.push_back(RandomFilter(random));
  return selector;
}

inline std::string RandomZone(Random* random) {
  static const std::vector<std::string> kZones = {
      "UTC", "UTC", "Europe/Berlin", "America/New_York", "+03:30", "Australia/Lord_Howe"};
  return random->Of(kZones);
}

inline QueryScope RandomScope(const EventsShape& shape, Random* random) {
  QueryScope scope;
  const auto time = [&](std::int64_t low, std::int64_t high) {
    return FromMillis(shape.start_ms + random->Between(low, high) * shape.step_ms);
  };
  const std::int64_t steps = shape.span_ms / shape.step_ms;
  if (random->OneIn(2)) scope.from = time(0, steps / 2);
  if (random->OneIn(2)) scope.to = time(steps / 2 + 1, steps);
  scope.timezone = RandomZone(random);
  if (random->OneIn(4)) scope.filters.push_back(RandomFilter(random));
  scope.limit = static_cast<std::size_t>(random->Between(1, 5));
  return scope;
}

}  // namespace insightflow::testing
