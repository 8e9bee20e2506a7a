// Sessions equal those of the twin, whatever the rules, the batches and the way states merge.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/analytics/analyze.h"
#include "tests/reference/sessions_twin.h"
#include "tests/support/analysis_cases.h"

namespace insightflow {
namespace {

using testing::Random;

SessionsQuery RandomQuery(Random* random, const std::vector<std::int64_t>& steps,
                          std::int64_t start_ms) {
  static const std::vector<std::string> kZones = {"UTC", "Europe/Berlin", "+05:45"};
  static const std::vector<std::string> kFields = {"extra_data.os", "page_url", "event_type"};
  static const std::vector<Interval> kIntervals = {Interval::kHour, Interval::kDay,
                                                   Interval::kWeek};
  SessionsQuery query;
  const auto some_time = [&] {
    return FromMillis(start_ms + random->Of(steps) * random->Between(0, 30));
  };
  if (random->OneIn(3)) query.scope.from = some_time();
  if (random->OneIn(3)) query.scope.to = some_time();
  if (query.scope.from && query.scope.to && *query.scope.from > *query.scope.to) {
    std::swap(query.scope.from, query.scope.to);
  }
  if (query.scope.from == query.scope.to) query.scope.from = std::nullopt;
  if (random->OneIn(4)) {
    query.scope.filters = {
        {.field = "event_type", .op = FilterOp::kNe, .values = {std::string("click")}}};
  }
  query.scope.timezone = random->Of(kZones);
  query.scope.limit = static_cast<std::size_t>(random->Between(1, 4));
  query.rules.timeout = Duration(std::max<std::int64_t>(1, random->Of(steps)));
  if (random->OneIn(2)) query.rules.max_duration = Duration(3 * (1 + random->Of(steps)));
  if (random->OneIn(4)) query.rules.max_duration = std::nullopt;
  query.rules.split_midnight = random->OneIn(3);
  query.rules.split_campaign = random->OneIn(3);
  query.rules.split_session_id = random->OneIn(3);
  if (random->OneIn(2)) query.interval = random->Of(kIntervals);
  if (random->OneIn(2)) query.breakdown = Breakdown{.field = random->Of(kFields)};
  if (query.breakdown && random->OneIn(2)) {
    query.breakdown->limit = static_cast<std::size_t>(random->Between(1, 3));
  }
  return query;
}

void ExpectSame(const SessionStats& got, const SessionStats& twin) {
  EXPECT_EQ(got.sessions, twin.sessions);
  EXPECT_EQ(got.users, twin.users);
  EXPECT_EQ(got.bounces, twin.bounces);
  EXPECT_DOUBLE_EQ(got.bounce_rate, twin.bounce_rate);
  EXPECT_DOUBLE_EQ(got.events_per_session, twin.events_per_session);
  EXPECT_EQ(got.duration.count, twin.duration.count);
  EXPECT_DOUBLE_EQ(got.duration.mean_ms, twin.duration.mean_ms);
  EXPECT_DOUBLE_EQ(got.duration.median_ms, twin.duration.median_ms);
  EXPECT_DOUBLE_EQ(got.duration.p90_ms, twin.duration.p90_ms);
}

void ExpectSame(const SessionsAnswer& got, const SessionsAnswer& twin) {
  ExpectSame(got.stats, twin.stats);
  EXPECT_EQ(got.split_causes, twin.split_causes);
  EXPECT_EQ(got.entry_pages, twin.entry_pages);
  EXPECT_EQ(got.exit_pages, twin.exit_pages);
  ASSERT_EQ(got.points.size(), twin.points.size());
  for (std::size_t i = 0; i < got.points.size(); ++i) {
    EXPECT_EQ(got.points[i].time, twin.points[i].time);
    EXPECT_EQ(got.points[i].sessions, twin.points[i].sessions);
    EXPECT_EQ(got.points[i].users, twin.points[i].users);
    EXPECT_EQ(got.points[i].bounces, twin.points[i].bounces);
  }
  ASSERT_EQ(got.breakdown.size(), twin.breakdown.size());
  for (std::size_t i = 0; i < got.breakdown.size(); ++i) {
    EXPECT_EQ(got.breakdown[i].first, twin.breakdown[i].first);
    ExpectSame(got.breakdown[i].second, twin.breakdown[i].second);
  }
}

TEST(SessionsPropertyTest, EqualTheTwin) {
  const std::uint64_t seed = testing::RandomSeed();
  const int cases = testing::RandomCases(3'000);
  for (int i = 0; i < cases && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("INSIGHTFLOW_SEED=" + std::to_string(seed) + " case " + std::to_string(i));
    Random random(seed + static_cast<std::uint64_t>(i));
    testing::LogShape shape;
    // Before midnight of the night on which Berlin's clock goes forward, or any time.
    shape.start_ms = random.OneIn(2) ? 1'711'837'800'000 : 1'700'000'000'000;
    shape.steps_ms = random.OneIn(2)
                         ? std::vector<std::int64_t>{0, 0, 1, 2, 7}
                         : std::vector<std::int64_t>{0, 60'000, 1'800'000, 1'800'001, 10'800'000};
    const std::vector<Event> events = testing::RandomLog(&random, shape);
    const SessionsQuery query = RandomQuery(&random, shape.steps_ms, shape.start_ms);
    bool exact = true;
    const Result<AnswerBody> got = testing::RunInParts(query, events, &random, &exact);
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    EXPECT_TRUE(exact);
    ExpectSame(std::get<SessionsAnswer>(*got),
               reference::TwinSessions(query, events, testing::EndOfLog(query.scope, events)));
  }
}

// Batches with more sessions than are looked at together, of users with none to hundreds.
TEST(SessionsPropertyTest, ManySessionsInABatchEqualTheTwin) {
  const std::uint64_t seed = testing::RandomSeed();
  const int cases = testing::RandomCases(20);
  for (int i = 0; i < cases && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("INSIGHTFLOW_SEED=" + std::to_string(seed) + " case " + std::to_string(i));
    Random random(seed + static_cast<std::uint64_t>(i));
    const std::vector<std::int64_t> steps = {0, 10, 500, 1'000, 60'000};
    const std::int64_t start_ms = 1'711'837'800'000;
    const std::int64_t users = random.Between(1, 600);
    std::vector<Event> events;
    std::int64_t time_ms = start_ms;
    for (std::int64_t rows = random.Between(4'000, 12'000); rows > 0; --rows) {
      time_ms += random.Of(steps);
      events.push_back(testing::RandomEvent(&random, time_ms));
      events.back().user_id = "u" + std::to_string(random.Below(users));
    }
    SessionsQuery query = RandomQuery(&random, steps, start_ms);
    query.scope.from = query.scope.to = std::nullopt;
    query.rules.timeout = Duration(random.Between(1, 100'000));
    const Result<Answer> got = AnalyzeEvents(query, events, FromMillis(0));
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    EXPECT_TRUE(got->meta.exact);
    ExpectSame(std::get<SessionsAnswer>(got->body),
               reference::TwinSessions(query, events, testing::EndOfLog(query.scope, events)));
  }
}

}  // namespace
}  // namespace insightflow
