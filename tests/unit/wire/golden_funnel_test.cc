// What is answered over the wire about funnels is what was worked out by hand.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/golden_sessions.h"

namespace insightflow {
namespace {

TEST(GoldenFunnelTest, AnswersWhatWasWorkedOutByHand) {
  int files = 0;
  for (const std::string& name : testing::NamesIn("tests/golden/queries", ".test")) {
    if (!name.starts_with("funnel_")) continue;
    SCOPED_TRACE(name);
    ++files;
    const testing::GoldenQuery golden = testing::ReadGoldenQuery(name);
    EXPECT_EQ(testing::AnswerGoldenQuery(golden), testing::Compact(golden.answer));
  }
  EXPECT_GE(files, 60);
}

}  // namespace
}  // namespace insightflow
