// Funnel answers equal their naive twin's, over random logs, queries, batch sizes and splits.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/reference/funnel_answer_twin.h"
#include "tests/support/analysis_cases.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using testing::Random;

EventSelector RandomSelector(Random* random) {
  static const std::vector<std::string> kTypes = {"view", "click", "scroll", "purchase"};
  EventSelector selector;
  selector.types = {random->Of(kTypes)};
  if (random->OneIn(4)) selector.types.push_back("click");
  if (random->OneIn(4)) {
    selector.filters = {{.field = "page_url", .values = {std::string("/a")}}};
  }
  return selector;
}

void AddOptions(Random* random, FunnelQuery* query) {
  const std::size_t steps = query->steps.size();
  const bool unordered = query->order == FunnelOrder::kUnordered;
  if (!unordered && random->OneIn(3)) {
    for (std::size_t k = 1; k + 1 < steps; ++k) query->steps[k].optional = random->OneIn(2);
  }
  if (!unordered && query->order != FunnelOrder::kStrict && steps > 1 && random->OneIn(3)) {
    const auto after = static_cast<std::size_t>(random->Between(1, static_cast<int>(steps) - 1));
    const auto before = static_cast<std::size_t>(
        random->Between(static_cast<int>(after) + 1, static_cast<int>(steps)));
    query->exclusions = {{RandomSelector(random), after, before}};
  }
  if (random->OneIn(4)) query->hold_constant = {"extra_data.os"};
  if (random->OneIn(6)) query->hold_constant.push_back("session_id");
}

FunnelQuery RandomQuery(Random* random, const testing::LogShape& shape) {
  FunnelQuery query;
  for (std::int64_t k = random->Between(1, 4); k > 0; --k) {
    query.steps.push_back({.event = RandomSelector(random)});
  }
  query.order = static_cast<FunnelOrder>(random->Below(4));
  if (!random->OneIn(4)) query.window = Duration(random->Of(std::vector<int>{0, 1, 1000, 3000}));
  if (random->OneIn(3)) {
    query.per = FunnelUnit::kSession;
    query.session_rules.timeout = Duration(random->Of(std::vector<int>{1, 999, 1000, 2000}));
    query.session_rules.max_duration = Duration(random->Of(std::vector<int>{1000, 5000}));
  }
  AddOptions(random, &query);
  if (random->OneIn(3)) {
    query.breakdown = FunnelBreakdown{.field = random->OneIn(2) ? "page_url" : "extra_data.os"};
    query.breakdown->attribution = static_cast<Attribution>(random->Below(3));
    query.breakdown->step =
        static_cast<std::size_t>(random->Between(1, static_cast<int>(query.steps.size())));
    if (random->OneIn(2)) query.breakdown->limit = random->Between(1, 3);
  }
  if (random->OneIn(2)) {
    query.users_at = FunnelUsersAt{};
    query.users_at->step =
        static_cast<std::size_t>(random->Between(1, static_cast<int>(query.steps.size())));
    query.users_at->outcome = static_cast<FunnelOutcome>(random->Below(3));
    query.users_at->limit = static_cast<std::size_t>(random->Between(1, 4));
  }
  if (random->OneIn(4)) query.scope.from = FromMillis(shape.start_ms + random->Between(0, 4000));
  if (random->OneIn(4)) query.scope.to = FromMillis(shape.start_ms + random->Between(4000, 9000));
  if (random->OneIn(5)) {
    query.scope.filters = {
        {.field = "element", .op = FilterOp::kNe, .values = {std::string("buy")}}};
  }
  return query;
}

std::string Print(const FunnelCounts& counts) {
  std::string text = std::to_string(counts.total_users);
  for (const FunnelStepAnswer& step : counts.steps) {
    text += " | users " + std::to_string(step.users) + " drop " + std::to_string(step.drop_off) +
            " pending " + std::to_string(step.pending);
  }
  return text;
}

TEST(FunnelProperty, AnswersEqualTheTwin) {
  Random random(testing::RandomSeed());
  const int cases = testing::RandomCases(20'000);
  // Timelines are short: the twin tries every chain.
  const testing::LogShape shape = {.steps_ms = {0, 0, 1, 999, 1000}, .events_max = 36};
  std::uint64_t converted = 0;
  std::uint64_t pending = 0;
  for (int i = 0; i < cases; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    std::vector<Event> events = testing::RandomLog(&random, shape);
    // The twin leaves the clients' order to tests of its own.
    for (Event& event : events) event.seq.reset();
    const FunnelQuery query = RandomQuery(&random, shape);
    bool exact = true;
    const Result<AnswerBody> body = testing::RunInParts(query, events, &random, &exact);
    ASSERT_TRUE(body.ok()) << body.status().ToString();
    EXPECT_TRUE(exact);
    const auto& found = std::get<FunnelAnswer>(*body);
    const ScanEnd end = testing::EndOfLog(query.scope, events);
    const FunnelAnswer expected = reference::FunnelAnswerTwin(query, events, end).Answer();
    ASSERT_EQ(found.counts, expected.counts)
        << Print(found.counts) << "\ntwin: " << Print(expected.counts);
    ASSERT_EQ(found.time_to_convert, expected.time_to_convert);
    ASSERT_EQ(found.breakdown.size(), expected.breakdown.size());
    for (std::size_t v = 0; v < found.breakdown.size(); ++v) {
      ASSERT_EQ(found.breakdown[v].first, expected.breakdown[v].first);
      ASSERT_EQ(found.breakdown[v].second, expected.breakdown[v].second)
          << Print(found.breakdown[v].second) << "\ntwin: " << Print(expected.breakdown[v].second);
    }
    ASSERT_EQ(found.users, expected.users);
    converted += found.counts.steps.back().users;
    pending += found.counts.pending_users;
  }
  EXPECT_GT(converted, 0u);
  EXPECT_GT(pending, 0u);
}

}  // namespace
}  // namespace insightflow
