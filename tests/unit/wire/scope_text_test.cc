// Filters and times that stand alone, in URLs and on command lines.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "insightflow/wire.h"

namespace insightflow {
namespace {

TEST(ParseFilters, TakesAListOrOne) {
  const std::vector<Filter> expected = {
      {"page_url", FilterOp::kIn, {std::string("/a"), std::int64_t{2}}}};
  const std::string one = R"({"field":"page_url","op":"in","value":["/a",2]})";
  for (const std::string& text : {one, "[" + one + "]"}) {
    const auto filters = ParseFilters(text);
    ASSERT_TRUE(filters.ok()) << filters.status().ToString();
    EXPECT_EQ(*filters, expected);
  }
  EXPECT_EQ(ParseFilters("[]")->size(), 0U);
}

TEST(ParseFilters, NamesWhatIsWrong) {
  const auto message = [](const std::string& text) {
    return ParseFilters(text).status().message();
  };
  EXPECT_EQ(
      message(R"([{"field":"a","op":"exists"},{"field":"a","op":"is"}])").find("filters[1].op"),
      0U);
  EXPECT_EQ(message("7").find("filters"), 0U);
  EXPECT_EQ(message("[").find("filters: not JSON"), 0U);
  EXPECT_EQ(message(R"([],"limit":1)").find("filters: not JSON"), 0U);
  EXPECT_EQ(ParseFilters(std::string(kQueryBytesMax + 1, ' ')).status().code(),
            StatusCode::kOutOfRange);
}

TEST(ParseTime, TakesMillisecondsIsoTimesAndDates) {
  EXPECT_EQ(*ParseTime("0"), FromMillis(0));
  EXPECT_EQ(*ParseTime("1769817600000"), FromMillis(1'769'817'600'000));
  EXPECT_EQ(*ParseTime("2026-01-31"), FromMillis(1'769'817'600'000));
  EXPECT_EQ(*ParseTime("2026-01-31T03:30:00.5+03:30"), FromMillis(1'769'817'600'500));
  for (const char* text :
       {"", "x", "2026-01-31T00:00:00", "2026-13-01", "1.5", "1 ", "9e9", "99999999999999999999"}) {
    EXPECT_EQ(ParseTime(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
  // The message goes into an answer of JSON.
  EXPECT_EQ(ParseTime("\xff").status().message().find("what is not UTF-8 is no time: "), 0U);
  EXPECT_EQ(ParseTime("a\nb").status().message().find("\"a?b\" is no time: "), 0U);
  EXPECT_LT(ParseTime(std::string(8'000, 'x')).status().message().size(), 300U);
}

}  // namespace
}  // namespace insightflow
