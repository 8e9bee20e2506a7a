// What funnels refuse, and what the random tests do not reach: long funnels, the clients' order,
// states, bounds.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "insightflow/analytics.h"
#include "lib/analytics/analysis.h"
#include "lib/analytics/funnel_matcher.h"
#include "lib/model/event_rows.h"
#include "lib/model/memory_timelines.h"

namespace insightflow {
namespace {

constexpr std::int64_t kStartMs = 1'700'000'000'000;

FunnelQuery Steps(const std::vector<std::string>& types) {
  FunnelQuery query;
  for (const std::string& type : types) query.steps.push_back({.event = {{type}}});
  return query;
}

Event At(std::int64_t ms, const std::string& type, const std::string& user = "u") {
  return {.user_id = user, .event_type = type, .timestamp = FromMillis(kStartMs + ms)};
}

FunnelAnswer Ask(const FunnelQuery& query, const std::vector<Event>& events) {
  const Result<Answer> answer = Analyze(query, events, FromMillis(kStartMs));
  EXPECT_TRUE(answer.ok()) << answer.status().ToString();
  return answer.ok() ? std::get<FunnelAnswer>(answer->body) : FunnelAnswer();
}

struct Refused {
  const char* field;  // that the message names
  std::function<void(FunnelQuery*)> make;
};

void ExpectRefused(const std::vector<Refused>& all) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    FunnelQuery query = Steps({"view", "click", "purchase"});
    all[i].make(&query);
    const Result<std::unique_ptr<Analysis>> analysis = CreateAnalysis(query);
    ASSERT_FALSE(analysis.ok()) << i;
    EXPECT_EQ(analysis.status().message().find(all[i].field), 0u)
        << i << ": " << analysis.status().message();
  }
}

TEST(Funnel, RefusesStepsWithoutMeaning) {
  const std::vector<Refused> all = {
      {"steps", [](FunnelQuery* q) { q->steps.clear(); }},
      {"steps", [](FunnelQuery* q) { q->steps.resize(65); }},
      {"steps", [](FunnelQuery* q) { q->steps[0].optional = true; }},
      {"steps", [](FunnelQuery* q) { q->steps[2].optional = true; }},
      {"steps[1]", [](FunnelQuery* q) { q->steps[1].event.filters = {{.field = "nonsense"}}; }},
      {"window", [](FunnelQuery* q) { q->window = Duration(-1); }},
      {"filters", [](FunnelQuery* q) { q->scope.filters = {{.field = "nonsense"}}; }},
      {"limit", [](FunnelQuery* q) { q->scope.limit = 0; }},
      {"exclusions[0].after_step",
       [](FunnelQuery* q) {
         q->exclusions = {{{{"x"}}, 0, 2}};
       }},
      {"exclusions[0].before_step",
       [](FunnelQuery* q) {
         q->exclusions = {{{{"x"}}, 1, 4}};
       }},
      {"exclusions[0]",
       [](FunnelQuery* q) {
         q->exclusions = {{{{"x"}}, 2, 2}};
       }},
      {"exclusions",
       [](FunnelQuery* q) {
         q->exclusions.resize(65, {{{"x"}}, 1, 2});
       }},
      {"exclusions",
       [](FunnelQuery* q) {
         q->exclusions = {{{{"x"}}, 1, 2}};
         q->order = FunnelOrder::kStrict;
       }},
      {"exclusions",
       [](FunnelQuery* q) {
         q->exclusions = {{{{"x"}}, 1, 2}};
         q->order = FunnelOrder::kUnordered;
       }},
      {"steps",
       [](FunnelQuery* q) {
         q->steps[1].optional = true;
         q->order = FunnelOrder::kUnordered;
       }},
  };
  ExpectRefused(all);
}

TEST(Funnel, RefusesOptionsWithoutMeaning) {
  const std::vector<Refused> all = {
      {"hold_constant", [](FunnelQuery* q) { q->hold_constant = {"nonsense"}; }},
      {"breakdown.field", [](FunnelQuery* q) { q->breakdown = FunnelBreakdown{.field = "none"}; }},
      {"breakdown.limit",
       [](FunnelQuery* q) { q->breakdown = FunnelBreakdown{.field = "element", .limit = 0}; }},
      {"breakdown.step",
       [](FunnelQuery* q) {
         q->breakdown =
             FunnelBreakdown{.field = "element", .attribution = Attribution::kStep, .step = 4};
       }},
      {"users_at.step", [](FunnelQuery* q) { q->users_at = FunnelUsersAt{.step = 4}; }},
      {"users_at.limit", [](FunnelQuery* q) { q->users_at = FunnelUsersAt{.limit = 10'001}; }},
      {"timeout",
       [](FunnelQuery* q) {
         q->per = FunnelUnit::kSession;
         q->session_rules.timeout = Duration(0);
       }},
      {"compat_modes",
       [](FunnelQuery* q) { q->clickhouse = ClickHouseModes{.allow_reentry = true}; }},
      {"order",
       [](FunnelQuery* q) {
         q->clickhouse.emplace();
         q->order = FunnelOrder::kStrict;
       }},
      {"breakdown",
       [](FunnelQuery* q) {
         q->clickhouse.emplace();
         q->breakdown = FunnelBreakdown{.field = "element"};
       }},
      {"hold_constant",
       [](FunnelQuery* q) {
         q->clickhouse.emplace();
         q->hold_constant = {"element"};
       }},
  };
  ExpectRefused(all);
}

TEST(Funnel, HasSixtyFourSteps) {
  std::vector<std::string> types;
  std::vector<Event> events;
  for (int k = 0; k < 64; ++k) {
    types.push_back("type" + std::to_string(k));
    events.push_back(At(k, types.back()));
  }
  for (const FunnelOrder order : {FunnelOrder::kOrdered, FunnelOrder::kStrictlyIncreasing,
                                  FunnelOrder::kStrict, FunnelOrder::kUnordered}) {
    FunnelQuery query = Steps(types);
    query.order = order;
    query.window = Duration(63);
    EXPECT_EQ(Ask(query, events).counts.steps[63].users, 1u);
    query.window = Duration(62);
    EXPECT_EQ(Ask(query, events).counts.steps[63].users, 0u);
    EXPECT_EQ(Ask(query, events).counts.steps[62].users, 1u);
  }
  // Exclusions have selectors behind the first 64.
  FunnelQuery query = Steps(types);
  query.exclusions = {{{{"logout"}}, 1, 64}};
  EXPECT_EQ(Ask(query, events).counts.steps[63].users, 1u);
  for (std::size_t k = 32; k < 64; ++k) events[k].timestamp += Duration(1);
  events.push_back(At(32, "logout"));
  EXPECT_EQ(Ask(query, events).counts.steps[31].users, 1u);
  EXPECT_EQ(Ask(query, events).counts.steps[32].users, 0u);
}

// A search that begins anew at every event, for timelines without ties.
std::uint32_t NaiveLevel(const std::vector<std::int64_t>& times,
                         const std::vector<std::uint64_t>& masks, std::uint32_t steps,
                         std::int64_t window) {
  std::uint32_t best = 0;
  for (std::size_t first = 0; first < times.size(); ++first) {
    std::uint32_t level = 0;
    for (std::size_t row = first; row < times.size() && level < steps; ++row) {
      if (times[row] - times[first] > window) break;
      if ((masks[row] >> level & 1) != 0) ++level;
      if (level == 0) break;
    }
    best = std::max(best, level);
  }
  return best;
}

TEST(Funnel, LongTimelinesAgreeWithASearchFromEveryStart) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 2'000; ++i) {
    const auto steps = static_cast<std::uint32_t>(1 + random() % 64);
    FunnelRules rules;
    rules.steps = steps;
    const auto window = static_cast<std::int64_t>(random() % 400);
    rules.window_ms = static_cast<std::uint64_t>(window);
    const bool disjoint = random() % 2 == 0;
    for (std::uint32_t k = 0; disjoint && k < steps; ++k) {
      rules.alike.push_back(std::uint64_t{1} << k);
    }
    std::vector<std::int64_t> times;
    std::vector<std::uint64_t> masks;
    std::int64_t time = 1;
    for (int row = 0; row < 300; ++row) {
      time += static_cast<std::int64_t>(1 + random() % 3);
      times.push_back(time);
      const std::uint64_t all = ~std::uint64_t{0} >> (64 - steps);
      const bool near = random() % 4 != 0;
      const std::uint64_t step = near ? static_cast<std::uint64_t>(row) : random();
      masks.push_back(disjoint ? std::uint64_t{1} << step % steps : random() & all);
    }
    FunnelRows rows;
    rows.time_ms = times.data();
    rows.steps = masks.data();
    FunnelChain chain;
    FunnelMatcher(rules).Match(rows, 0, 300, &chain);
    ASSERT_EQ(chain.level, NaiveLevel(times, masks, steps, window)) << i;
  }
}

TEST(Funnel, StrictFollowsTheClientsOrder) {
  FunnelQuery query = Steps({"view", "click"});
  query.order = FunnelOrder::kStrict;
  std::vector<Event> events = {At(5, "click"), At(5, "view")};
  EXPECT_EQ(Ask(query, events).counts.steps[1].users, 0u);
  events[0].tab_id = events[1].tab_id = "t";
  events[0].seq = 2;
  events[1].seq = 1;
  EXPECT_EQ(Ask(query, events).counts.steps[1].users, 1u);
}

TEST(Funnel, NamesStepsByTheirTypes) {
  FunnelQuery query = Steps({"view", "click"});
  query.steps[0].event.name = "saw it";
  query.steps[1].event.types.push_back("tap");
  const FunnelAnswer answer = Ask(query, {});
  EXPECT_EQ(answer.counts.steps[0].name, "saw it");
  EXPECT_EQ(answer.counts.steps[1].name, "click, tap");
}

TEST(Funnel, StatesMergeOnlyWithinAnAnalysis) {
  const FunnelQuery query = Steps({"view", "click"});
  const auto one = *CreateAnalysis(query);
  const auto two = *CreateAnalysis(query);
  ValueTable values;
  const auto a = one->NewState(&values);
  const auto b = one->NewState(&values);
  const auto c = two->NewState(&values);
  EXPECT_TRUE(a->Merge(b.get()).ok());
  EXPECT_EQ(a->Merge(c.get()).code(), StatusCode::kInvalidArgument);
  bool exact = true;
  EXPECT_FALSE(one->Finish(c.get(), ScanEnd(), &exact).ok());
}

TEST(Funnel, GivesUpInTheMidstOfAUserWhenNobodyWaits) {
  FunnelQuery query = Steps({"view", "click", "purchase"});
  query.steps[1].optional = true;
  const auto analysis = *CreateAnalysis(query);
  query.hold_constant = {"extra_data.n"};
  const auto by_value = *CreateAnalysis(query);
  std::vector<Event> events;
  for (int i = 0; i < 10'000; ++i) {
    events.push_back(At(i, "view", "u"));
    events.back().extra_data = R"({"n":)" + std::to_string(i / 2) + "}";
  }
  EventBatch batch;
  AppendEvents(events, &batch);
  for (const Analysis* each : {analysis.get(), by_value.get()}) {
    for (const int patience : {0, 3, 1'000'000}) {
      int asked = 0;
      const std::function<bool()> ended = [&] { return ++asked > patience; };
      ValueTable values;
      const auto state = each->NewState(&values);
      state->Watch(&ended);
      ASSERT_TRUE(VisitTimelines(batch, each->plan(), &values, 16'384, state.get()).ok());
      if (patience < 10) {
        EXPECT_EQ(asked, patience + 1);
      } else {
        EXPECT_GE(asked, 10'000 / 64);
      }
    }
  }
}

TEST(Funnel, SaysHowMuchItHolds) {
  const FunnelQuery query = Steps({"view", "click"});
  const auto analysis = *CreateAnalysis(query);
  ValueTable values;
  const auto state = analysis->NewState(&values);
  const std::size_t empty = state->bytes(0);
  EXPECT_LT(empty, 10'000u);
  EventBatch batch;
  std::vector<Event> events;
  for (int i = 0; i < 10'000; ++i) {
    events.push_back(At(i, "view", "u" + std::to_string(i)));
    events.push_back(At(i + 5, "click", "u" + std::to_string(i)));
  }
  AppendEvents(events, &batch);
  ASSERT_TRUE(VisitTimelines(batch, analysis->plan(), &values, 100, state.get()).ok());
  // Two durations a user.
  EXPECT_GT(state->bytes(0), empty + 160'000);
  EXPECT_LT(state->bytes(0), empty + 500'000);
}

TEST(FunnelPaths, AreToldByUser) {
  const std::vector<Event> events = {At(1, "view", "b"), At(2, "click", "b"), At(3, "view", "a"),
                                     At(3, "click", "c")};
  const auto paths = FunnelPaths(Steps({"view", "click"}), events);
  ASSERT_TRUE(paths.ok());
  const std::vector<FunnelPath> expected = {
      {"a", 1, {{1, FromMillis(kStartMs + 3)}}},
      {"b", 2, {{1, FromMillis(kStartMs + 1)}, {2, FromMillis(kStartMs + 2)}}}};
  EXPECT_EQ(*paths, expected);
  FunnelQuery compat = Steps({"view"});
  compat.clickhouse.emplace();
  EXPECT_EQ(FunnelPaths(compat, events).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace insightflow
