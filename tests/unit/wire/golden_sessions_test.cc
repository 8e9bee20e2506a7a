// What is answered over the wire about sessions, retention, paths and heatmaps is what was worked
// out by hand.
#include "tests/support/golden_sessions.h"

#include <gtest/gtest.h>

#include <string>

namespace insightflow {
namespace {

TEST(GoldenQueryTest, AnswersWhatWasWorkedOutByHand) {
  int files = 0;
  for (const std::string& name : testing::NamesIn("tests/golden/queries", ".test")) {
    const std::string kind = name.substr(0, name.find('_'));
    if (kind != "sessions" && kind != "retention" && kind != "paths" && kind != "heatmap") continue;
    SCOPED_TRACE(name);
    ++files;
    const testing::GoldenQuery golden = testing::ReadGoldenQuery(name);
    EXPECT_EQ(testing::AnswerGoldenQuery(golden), testing::Compact(golden.answer));
  }
  EXPECT_GE(files, 7);
}

}  // namespace
}  // namespace insightflow
