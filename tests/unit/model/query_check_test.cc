#include "lib/model/query_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace insightflow {
namespace {

void ExpectRefused(const Query& query, const std::string& message) {
  const Status status = CheckQuery(query);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << message;
  EXPECT_NE(status.message().find(message), std::string::npos) << status.message();
}

FunnelQuery TwoSteps() {
  FunnelQuery query;
  query.steps = {{.event = {{"view"}}}, {.event = {{"purchase"}}}};
  return query;
}

TEST(QueryCheck, TakesPlainQueriesOfEveryKind) {
  EXPECT_TRUE(CheckQuery(TrendsQuery{.series = {TrendSeries()}}).ok());
  EXPECT_TRUE(CheckQuery(TopQuery()).ok());
  EXPECT_TRUE(CheckQuery(SessionsQuery()).ok());
  EXPECT_TRUE(CheckQuery(TwoSteps()).ok());
  EXPECT_TRUE(CheckQuery(RetentionQuery()).ok());
  EXPECT_TRUE(CheckQuery(PathsQuery()).ok());
  EXPECT_TRUE(CheckQuery(LifecycleQuery()).ok());
  EXPECT_TRUE(CheckQuery(HeatmapQuery{.page_url = "/"}).ok());
  EXPECT_TRUE(CheckQuery(UsersQuery()).ok());
}

// What the wire cannot say, but a C++ program can.
TEST(QueryCheck, RefusesWhatOnlyProgramsCanAsk) {
  TopQuery query;
  query.scope.filters = {{.field = "seq", .op = FilterOp::kEq, .values = {}}};
  ExpectRefused(query, "filters[0].value: must be one value");
  query.scope.filters[0].values = {std::nan("")};
  ExpectRefused(query, "filters[0].value: must be a finite number");
  query.scope.filters[0].values = {std::string("\xff")};
  ExpectRefused(query, "filters[0].value: is not UTF-8");
  query = {};
  query.events.types = {"*"};
  ExpectRefused(query, "events.event: ");
  query = {};
  query.scope.from = Timestamp::min();
  ExpectRefused(query, "from: must be in the years");
  FunnelQuery funnel = TwoSteps();
  funnel.window = Duration(-1);
  ExpectRefused(funnel, "window: must not be negative");
  funnel.window = Duration::max();
  ExpectRefused(funnel, "window: must be at most");
  funnel = TwoSteps();
  funnel.clickhouse.emplace();
  funnel.order = FunnelOrder::kStrict;
  ExpectRefused(funnel, "order: ");
}

TEST(QueryCheck, CountsPointsOfARange) {
  TrendsQuery query{.series = {TrendSeries()}};
  query.scope.from = FromMillis(0);
  query.scope.to = FromMillis(10'000 * 60'000);
  query.interval = Interval::kMinute;
  EXPECT_TRUE(CheckQuery(query).ok());
  query.scope.to = FromMillis(10'000 * 60'000 + 1);
  ExpectRefused(query, "interval: gives 10001 points");
  query.interval = Interval::kTotal;
  query.scope.to = FromMillis(200'000'000'000'000);
  EXPECT_TRUE(CheckQuery(query).ok());
}

TEST(QueryCheck, NamesThePlaceOfTheFirstMistake) {
  FunnelQuery funnel = TwoSteps();
  funnel.steps[1].event.filters = {{.field = "pageurl", .values = {std::string("/")}}};
  ExpectRefused(funnel, "steps[1].filters[0].field: \"pageurl\" is not known: ");
  ExpectRefused(funnel, "seq or extra_data.<path>; did you mean page_url?");
  for (const char* field : {"extra_data", "extra_data.", "extra_data..a", "extra_data.a.", ""}) {
    ExpectRefused(TopQuery{.field = field}, "field: \"" + std::string(field) + "\" is not known");
  }
  EXPECT_TRUE(CheckQuery(TopQuery{.field = "extra_data.plan.tier"}).ok());
}

}  // namespace
}  // namespace insightflow
