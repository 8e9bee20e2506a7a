#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "insightflow/wire.h"
#include "lib/wire/text_table.h"
#include "tests/reference/sample_answers.h"
#include "tests/support/golden.h"

namespace insightflow {
namespace {

using ::testing::HasSubstr;

TEST(WriteTable, GivesTheGoldenTables) {
  std::string all;
  for (const auto& [name, answer] : ::insightflow::testing::SampleAnswers()) {
    const auto text = ::insightflow::testing::ReadSource("schema/examples/" + name + ".query.json");
    const Result<Query> query = ParseQuery(text);
    ASSERT_TRUE(query.ok());
    all += "== " + name + "\n" + WriteTable(*query, answer);
  }
  EXPECT_EQ(all, ::insightflow::testing::ReadSource("tests/golden/tables.txt")) << all;
}

TEST(WriteTable, StandsAnEmptyAnswerOfEveryKind) {
  const auto lines = [](const Query& query, const AnswerBody& body) {
    return WriteTable(query, Answer{body, {}});
  };
  EXPECT_THAT(lines(TrendsQuery(), TrendsAnswer()), HasSubstr("0 events in 0.0 ms"));
  EXPECT_THAT(lines(TopQuery(), TopAnswer()), HasSubstr("page_url  count"));
  EXPECT_THAT(lines(SessionsQuery(), SessionsAnswer()), HasSubstr("all"));
  EXPECT_THAT(lines(FunnelQuery(), FunnelAnswer()), HasSubstr("0 began"));
  EXPECT_THAT(lines(RetentionQuery(), RetentionAnswer()), HasSubstr("cohort"));
  EXPECT_THAT(lines(PathsQuery(), PathsAnswer()), HasSubstr("depth"));
  EXPECT_THAT(lines(LifecycleQuery(), LifecycleAnswer()), HasSubstr("dormant"));
  EXPECT_THAT(lines(HeatmapQuery(), HeatmapAnswer()), HasSubstr("0 clicks"));
  EXPECT_THAT(lines(UsersQuery(), UsersAnswer()), HasSubstr("last visit"));
}

TEST(WriteTable, StoredTextCannotSteerTheTerminal) {
  TopAnswer body;
  body.rows = {{"\x1b[2J\r\n\t\x7f\xc2\x9b\xe2\x80\xae!", 1, 0}};
  const std::string table = WriteTable(TopQuery(), Answer{body, {}});
  EXPECT_THAT(table, HasSubstr(R"(\x1b[2J\r\n\t\x7f\x9b\u202e!)"));
  for (const char c : table) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
}

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(DisplayWidth(""), 0u);
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("é"), 1u);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1u);
  EXPECT_EQ(DisplayWidth("漢字"), 4u);
  EXPECT_EQ(DisplayWidth("한글"), 4u);
  EXPECT_EQ(DisplayWidth("\xf0\x9f\x98\x80"), 2u);
  EXPECT_EQ(DisplayWidth("\xff\xe6"), 2u);  // not UTF-8: a column a byte
}

TEST(DisplayText, CutsToColumns) {
  EXPECT_EQ(DisplayText("abcdef", 6), "abcdef");
  EXPECT_EQ(DisplayText("abcdefg", 6), "abcde…");
  EXPECT_EQ(DisplayText("漢字漢字", 8), "漢字漢字");
  EXPECT_EQ(DisplayText("漢字漢字", 7), "漢字漢…");
  EXPECT_EQ(DisplayText("漢字漢字", 6), "漢字…");
  EXPECT_EQ(DisplayText("ab\n", 3), "ab…");
}

TEST(TextTable, AlignsWideCharacters) {
  TextTable table({{"page"}, {"views", TextTable::kRight}});
  table.Add({"/漢字", "1"});
  table.Add({"/a", "1,000"});
  std::string text;
  table.Write(&text);
  EXPECT_EQ(text, "page   views\n/漢字      1\n/a     1,000\n");
}

}  // namespace
}  // namespace insightflow
