#include "lib/model/field_ref.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace insightflow {
namespace {

TEST(FieldRefTest, EveryWireFieldHasItsNameBack) {
  std::vector<std::string> names = {
      "event_id", "timestamp",    "position_x",           "position_y",
      "seq",      "extra_data.a", "extra_data.plan.tier", "extra_data.ä.0"};
  for (const FieldRule& rule : kFieldRules) names.emplace_back(rule.name);
  for (const std::string& name : names) {
    const Result<FieldRef> ref = ParseFieldRef(name);
    ASSERT_TRUE(ref.ok()) << name;
    EXPECT_EQ(FieldRefName(*ref), name);
    for (const std::string& other : names) {
      EXPECT_EQ(*ref == *ParseFieldRef(other), name == other) << name << " and " << other;
    }
  }
}

TEST(FieldRefTest, APathIsItsKeys) {
  const Result<FieldRef> ref = ParseFieldRef("extra_data.plan.tier");
  ASSERT_TRUE(ref.ok());
  EXPECT_EQ(ref->kind, FieldRef::Kind::kExtra);
  EXPECT_EQ(ref->path, (std::vector<std::string>{"plan", "tier"}));
  EXPECT_EQ(ParseFieldRef("page_url")->field, Field::kPageUrl);
}

TEST(FieldRefTest, NamesWhatIsAllowedForAnythingElse) {
  for (const std::string name : {"", "page", "PAGE_URL", "page_url ", "extra_data", "extra_data.",
                                 "extra_data..a", "extra_data.a.", "extra_data.a..b", "extra.a"}) {
    const Result<FieldRef> ref = ParseFieldRef(name);
    ASSERT_FALSE(ref.ok()) << name;
    EXPECT_EQ(ref.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(ref.status().message().find("page_url"), std::string::npos);
    EXPECT_NE(ref.status().message().find("extra_data.<path>"), std::string::npos);
  }
}

TEST(FieldRefTest, TextIsNoNumber) {
  EXPECT_FALSE(MayBeNumber(ParseFieldRef("page_url")->kind));
  EXPECT_FALSE(MayBeNumber(ParseFieldRef("event_id")->kind));
  for (const std::string name : {"timestamp", "position_x", "position_y", "seq", "extra_data.n"}) {
    EXPECT_TRUE(MayBeNumber(ParseFieldRef(name)->kind)) << name;
  }
}

}  // namespace
}  // namespace insightflow
