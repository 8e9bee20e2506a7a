// Every golden case of a query, from its JSON to the JSON of its answer.
#include <gtest/gtest.h>

#include <string>

#include "insightflow/analytics.h"
#include "insightflow/wire.h"
#include "tests/support/golden_queries.h"

namespace insightflow {
namespace {

class GoldenQueryTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenQueryTest, IsAnsweredAsItSays) {
  const testing::GoldenQuery golden =
      testing::ReadGoldenQuery("tests/golden/queries/" + GetParam() + ".test");
  const Result<Query> query = ParseQuery(golden.query);
  ASSERT_TRUE(query.ok()) << query.status().ToString();
  const Result<Answer> answer = Analyze(*query, golden.events, golden.now);
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(testing::CanonicalJson(WriteAnswer(*query, *answer)),
            testing::CanonicalJson(golden.answer));
}

INSTANTIATE_TEST_SUITE_P(All, GoldenQueryTest,
                         ::testing::ValuesIn(testing::NamesIn("tests/golden/queries", ".test")),
                         [](const ::testing::TestParamInfo<std::string>& param) {
                           return param.param;
                         });

}  // namespace
}  // namespace insightflow
