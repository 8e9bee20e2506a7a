// "top" equals its twin over random events, queries, batches and merges.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/reference/top_twin.h"
#include "tests/support/random_events.h"
#include "tests/support/split_run.h"

namespace insightflow {
namespace {

using testing::Random;

TEST(TopPropertyTest, EqualsItsTwin) {
  Random random(testing::RandomSeed());
  const std::vector<std::string> fields = {"page_url",     "event_type",     "extra_data.plan.tier",
                                           "extra_data.n", "user_id",        "position_x",
                                           "timestamp",    "extra_data.flag"};
  const int cases = testing::RandomCases(3'000);
  for (int i = 0; i < cases; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    const testing::EventsShape shape;
    const std::vector<Event> events = testing::RandomEvents(shape, &random);
    TopQuery query;
    query.scope = testing::RandomScope(shape, &random);
    query.field = random.Of(fields);
    query.measure = random.OneIn(2) ? Measure::kUsers : Measure::kCount;
    query.events = testing::RandomSelector(&random);
    const Result<Answer> answer = testing::RunSplit(query, events, 0, &random);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    const auto& top = std::get<TopAnswer>(answer->body);
    const TopAnswer twin = reference::TopTwin(query, reference::EventTable(events));
    ASSERT_EQ(top.rows, twin.rows);
    ASSERT_EQ(top.other_values, twin.other_values);
    ASSERT_EQ(top.other_count, twin.other_count);
    ASSERT_TRUE(answer->meta.exact);
  }
}

}  // namespace
}  // namespace insightflow
