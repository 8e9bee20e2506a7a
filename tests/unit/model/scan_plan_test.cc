#include "lib/model/scan_plan.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace insightflow {
namespace {

TEST(ScanPlanTest, TakesRangeAndFiltersOfAScope) {
  ScanPlan plan;
  ASSERT_TRUE(plan.SetScope({}).ok());
  EXPECT_EQ(plan.from_ms, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(plan.to_ms, std::numeric_limits<std::int64_t>::max());
  QueryScope scope;
  scope.from = FromMillis(5);
  scope.to = FromMillis(9);
  scope.filters = {{"page_url", FilterOp::kEq, {"/"}}};
  ASSERT_TRUE(plan.SetScope(scope).ok());
  EXPECT_EQ(plan.from_ms, 5);
  EXPECT_EQ(plan.to_ms, 9);
  ASSERT_EQ(plan.filters.size(), 1u);
  EXPECT_EQ(FieldRefName(plan.filters[0].field()), "page_url");
  scope.filters[0].field = "page";
  EXPECT_EQ(plan.SetScope(scope).code(), StatusCode::kInvalidArgument);
}

TEST(ScanPlanTest, EqualSelectorsShareABit) {
  ScanPlan plan;
  const Filter filter = {"page_url", FilterOp::kEq, {"/"}};
  EXPECT_EQ(*plan.AddSelector({{"view", "click"}, {}, "a"}), 0u);
  EXPECT_EQ(*plan.AddSelector({{"view"}, {}, ""}), 1u);
  EXPECT_EQ(*plan.AddSelector({{"click", "view", "click"}, {}, "another name"}), 0u);
  EXPECT_EQ(*plan.AddSelector({{"view"}, {filter}, ""}), 2u);
  EXPECT_EQ(*plan.AddSelector({{"view"}, {filter}, ""}), 2u);
  EXPECT_EQ(*plan.AddSelector({}), 3u);
  EXPECT_EQ(plan.selectors.size(), 4u);
  const auto bad = plan.AddSelector({{}, {{"page_url", FilterOp::kEq, {}}}, ""});
  EXPECT_EQ(bad.status().code(), StatusCode::kInvalidArgument);
}

TEST(ScanPlanTest, HasALimitOfSelectors) {
  ScanPlan plan;
  for (std::size_t i = 0; i < kSelectorsMax; ++i) {
    ASSERT_EQ(*plan.AddSelector({{std::to_string(i)}, {}, ""}), i);
  }
  EXPECT_EQ(*plan.AddSelector({{"0"}, {}, ""}), 0u);
  const auto more = plan.AddSelector({{"one more"}, {}, ""});
  EXPECT_EQ(more.status().code(), StatusCode::kOutOfRange);
  EXPECT_NE(more.status().message().find("128"), std::string::npos);
}

TEST(ScanPlanTest, EqualFieldsShareASlot) {
  ScanPlan plan;
  EXPECT_EQ(*plan.AddText("page_url"), 0u);
  EXPECT_EQ(*plan.AddText("extra_data.a"), 1u);
  EXPECT_EQ(*plan.AddText("page_url"), 0u);
  EXPECT_EQ(*plan.AddIdentity("page_url"), 0u);
  EXPECT_EQ(*plan.AddNumber("extra_data.a"), 0u);
  EXPECT_EQ(*plan.AddNumber("position_x"), 1u);
  EXPECT_EQ(*plan.AddNumber("extra_data.a"), 0u);
  EXPECT_FALSE(plan.AddText("page").ok());
  EXPECT_FALSE(plan.AddIdentity("page").ok());
  const auto text = plan.AddNumber("page_url");
  EXPECT_EQ(text.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(text.status().message().find("position_x"), std::string::npos);
  EXPECT_EQ(plan.texts.size(), 2u);
  EXPECT_EQ(plan.numbers.size(), 2u);
}

}  // namespace
}  // namespace insightflow
