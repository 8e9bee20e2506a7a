#include "lib/model/query_check.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "lib/model/field.h"

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

// Every field with every operator and a value of every kind: refused exactly where no event, or
// every event, would pass for its kind alone.
TEST(QueryCheck, ComparesFieldsOfTheEventWithWhatTheyCanBe) {
  enum Kind : std::uint8_t { kText, kWhole, kFraction, kBool };
  const std::array<FilterValue, 4> values = {std::string("a"), 7.0, 1.5, true};
  const auto allowed = [](FilterOp op, Kind kind, bool text, bool number) {
    if (op == FilterOp::kExists) return kind == kBool;
    const bool of_texts =
        op == FilterOp::kContains || op == FilterOp::kStartsWith || op == FilterOp::kGlob;
    const bool orders = op >= FilterOp::kGt && op <= FilterOp::kLte;
    if (of_texts) return kind == kText && !number;
    if (orders && kind == kBool) return false;
    if (text) return kind == kText;
    if (number) return kind == kWhole || (kind == kFraction && orders);
    return true;
  };
  const auto check = [&](const std::string& field, bool text, bool number) {
    for (std::uint8_t op = 0; op <= static_cast<std::uint8_t>(FilterOp::kExists); ++op) {
      for (std::uint8_t kind = 0; kind < values.size(); ++kind) {
        const Filter filter{field, static_cast<FilterOp>(op), {values[kind]}};
        EXPECT_EQ(CheckFilters({filter}).ok(),
                  allowed(filter.op, static_cast<Kind>(kind), text, number))
            << field << ", operator " << int{op} << ", kind " << int{kind} << ": "
            << CheckFilters({filter}).ToString();
      }
    }
  };
  for (const FieldRule& rule : kFieldRules) check(std::string(rule.name), true, false);
  check("event_id", true, false);
  for (const char* field : {"timestamp", "position_x", "position_y", "seq"}) {
    check(field, false, true);
  }
  check("extra_data.amount", false, false);
}

TEST(QueryCheck, NamesThePlaceOfAnImpossibleFilter) {
  FunnelQuery funnel = TwoSteps();
  funnel.steps[1].event.filters = {{"seq", FilterOp::kGlob, {std::string("1*")}}};
  ExpectRefused(funnel, "steps[1].filters[0].op: glob goes with texts, and seq is a number: eq, ");
  TopQuery top;
  top.scope.filters = {{"page_url", FilterOp::kIn, {}}};
  ExpectRefused(top, "filters[0].value: needs at least one value");
  top.scope.filters = {{"timestamp", FilterOp::kGt, {std::string("2026-01-01T00:00:00Z")}}};
  ExpectRefused(top, "filters[0].value: must be a time: milliseconds since 1970");
  // What an erased user leaves in a stored funnel.
  top.scope.filters = {{"user_id", FilterOp::kIn, {std::string()}}};
  EXPECT_TRUE(CheckQuery(top).ok());
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
