// What a file looks like, from its first lines.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "insightflow/importer.h"

namespace insightflow {
namespace {

constexpr char kLogLine[] =
    R"(1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a,b HTTP/1.1" 200 5 "-" "x")";

std::optional<ImportFormat> Guess(std::string_view start) { return Importer::GuessFormat(start); }

TEST(FormatGuessTest, KnowsEachFormatByItsLines) {
  EXPECT_EQ(Guess(R"({"user_id":"u"})"), ImportFormat::kNdjson);
  EXPECT_EQ(Guess("\xef\xbb\xbf {\n"), ImportFormat::kNdjson);
  EXPECT_EQ(Guess("junk, junk\njunk, junk\n{}\n"), ImportFormat::kNdjson);
  EXPECT_EQ(Guess(std::string(kLogLine) + "\n"), ImportFormat::kCombined);
  EXPECT_EQ(Guess("junk\n" + std::string(kLogLine) + "\n1.2.3.4 - - [1"), ImportFormat::kCombined);
  EXPECT_EQ(Guess("user_id,x"), ImportFormat::kCsv);
  EXPECT_EQ(Guess("\xef\xbb\xbf\"user_id\",x\n1"), ImportFormat::kCsv);
  EXPECT_EQ(Guess("a,b\n1,2"), ImportFormat::kCsv);
  EXPECT_EQ(Guess("a,b\n\"1\n1\",2\n3,4\n\"5"), ImportFormat::kCsv) << "cut in a record";
}

TEST(FormatGuessTest, DoesNotGuessWildly) {
  for (const char* text : {"", "\n\n", "hello", "hello, world", "a,b\n1,2,3\n", "a,b\n1,2\n3\n",
                           "a\nb\nc\n", "[1,2]", "a,\"b", "\x1f\x8b\x08"}) {
    EXPECT_EQ(Guess(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace insightflow
