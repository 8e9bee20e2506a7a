// "lifecycle" equals its twin over random events, queries, batches and merges.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/reference/lifecycle_twin.h"
#include "tests/support/random_events.h"
#include "tests/support/split_run.h"

namespace insightflow {
namespace {

using testing::Random;

std::string Print(const LifecycleAnswer& answer) {
  std::string text;
  for (const LifecyclePeriod& p : answer.periods) {
    text += std::to_string(ToMillis(p.time)) + " new " + std::to_string(p.new_users) +
            " returning " + std::to_string(p.returning) + " resurrecting " +
            std::to_string(p.resurrecting) + " dormant " + std::to_string(p.dormant) + "\n";
  }
  for (const Stickiness& s : answer.stickiness) {
    text += std::to_string(s.periods_active) + ": " + std::to_string(s.users) + "\n";
  }
  return text;
}

TEST(LifecyclePropertyTest, EqualsItsTwin) {
  Random random(testing::RandomSeed());
  reference::Calendar calendar;
  const std::vector<Interval> intervals = {Interval::kHour, Interval::kDay, Interval::kDay,
                                           Interval::kWeek, Interval::kMonth};
  const int cases = testing::RandomCases(3'000);
  for (int i = 0; i < cases; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    LifecycleQuery query;
    query.interval = random.Of(intervals);
    testing::EventsShape shape;
    shape.users = static_cast<int>(random.Between(1, 5));
    if (query.interval == Interval::kHour) shape.span_ms = 12 * 3'600'000;
    if (query.interval == Interval::kDay) shape.span_ms = 7 * reference::kTwinDayMs;
    if (query.interval == Interval::kWeek) shape.span_ms = 14 * reference::kTwinDayMs;
    if (query.interval == Interval::kMonth) shape.span_ms = 30 * reference::kTwinDayMs;
    const std::vector<Event> events = testing::RandomEvents(shape, &random);
    query.scope = testing::RandomScope(shape, &random);
    query.event = testing::RandomSelector(&random);
    const Result<Answer> answer = testing::RunSplit(query, events, 0, &random);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    const auto& lifecycle = std::get<LifecycleAnswer>(answer->body);
    const LifecycleAnswer twin =
        reference::LifecycleTwin(query, reference::EventTable(events),
                                 calendar.Of(query.interval, query.scope.timezone, shape.start_ms));
    ASSERT_EQ(lifecycle, twin) << Print(lifecycle) << "twin:\n" << Print(twin);
  }
}

}  // namespace
}  // namespace insightflow
