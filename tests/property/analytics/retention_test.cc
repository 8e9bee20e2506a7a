// Retention equals that of the twin, whatever the query, the batches and the way states merge.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/reference/retention_twin.h"
#include "tests/support/analysis_cases.h"

namespace insightflow {
namespace {

using testing::Random;

RetentionQuery RandomQuery(Random* random, std::int64_t start_ms, std::int64_t step_ms) {
  static const std::vector<std::string> kZones = {"UTC", "Europe/Berlin", "+05:45"};
  static const std::vector<EventSelector> kEvents = {
      {},
      {.types = {"view"}},
      {.types = {"click", "purchase"}},
      {.types = {"click"}, .filters = {{.field = "element", .values = {std::string("buy")}}}}};
  RetentionQuery query;
  const auto some_time = [&] { return FromMillis(start_ms + step_ms * random->Between(0, 40)); };
  if (random->OneIn(3)) query.scope.from = some_time();
  if (random->OneIn(3)) query.scope.to = some_time();
  if (query.scope.from && query.scope.to && *query.scope.from > *query.scope.to) {
    std::swap(query.scope.from, query.scope.to);
  }
  if (query.scope.from == query.scope.to) query.scope.from = std::nullopt;
  query.scope.timezone = random->Of(kZones);
  if (random->OneIn(4)) {
    query.scope.filters = {
        {.field = "event_type", .op = FilterOp::kNe, .values = {std::string("scroll")}}};
  }
  query.start = random->Of(kEvents);
  query.return_event = random->Of(kEvents);
  query.period = static_cast<RetentionPeriod>(random->Below(4));
  query.periods = static_cast<std::size_t>(random->Between(1, 6));
  query.cohort = static_cast<RetentionCohort>(random->Below(2));
  query.return_on = static_cast<RetentionReturn>(random->Below(2));
  query.bucket = static_cast<RetentionBucket>(random->Below(2));
  return query;
}

TEST(RetentionPropertyTest, EqualsTheTwin) {
  const std::uint64_t seed = testing::RandomSeed();
  const int cases = testing::RandomCases(4'000);
  for (int i = 0; i < cases && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("INSIGHTFLOW_SEED=" + std::to_string(seed) + " case " + std::to_string(i));
    Random random(seed + static_cast<std::uint64_t>(i));
    constexpr std::int64_t kHour = 3'600'000;
    const std::int64_t step =
        random.Of(std::vector<std::int64_t>{kHour / 2, 8 * kHour, 72 * kHour});
    testing::LogShape shape;
    // A week before Berlin's clock goes forward, at its midnight, or any time.
    shape.start_ms = random.OneIn(2) ? 1'711'839'600'000 - 7 * 24 * kHour : 1'700'000'000'000;
    shape.steps_ms = {0, 0, 1, step, 2 * step};
    const std::vector<Event> events = testing::RandomLog(&random, shape);
    const RetentionQuery query = RandomQuery(&random, shape.start_ms, step);
    bool exact = true;
    const Result<AnswerBody> got = testing::RunInParts(query, events, &random, &exact);
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    EXPECT_TRUE(exact);
    const auto& ours = std::get<RetentionAnswer>(*got);
    const ScanEnd end = testing::EndOfLog(query.scope, events);
    const RetentionAnswer twin = reference::RetentionTwin(query, events, end).Answer();
    EXPECT_EQ(ours.cohorts, twin.cohorts);
    EXPECT_EQ(ours.totals.size, twin.totals.size);
    EXPECT_EQ(ours.totals.returned, twin.totals.returned);
    EXPECT_EQ(ours.totals.rate, twin.totals.rate);
    EXPECT_EQ(ours.incomplete, twin.incomplete);
  }
}

}  // namespace
}  // namespace insightflow
