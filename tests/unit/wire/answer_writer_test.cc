#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "insightflow/wire.h"
#include "lib/wire/json_writer.h"
#include "lib/wire/zone_time.h"
#include "tests/reference/sample_answers.h"
#include "tests/support/golden.h"

namespace insightflow {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

// Without the spaces between a document's tokens.
std::string Minified(const std::string& json) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (!quoted && (c == ' ' || c == '\n')) continue;
    out += c;
    if (quoted && c == '\\') out += json[++i];
    if (c == '"') quoted = !quoted;
  }
  return out;
}

Query ExampleQuery(const std::string& name) {
  const auto text = ::insightflow::testing::ReadSource("schema/examples/" + name + ".query.json");
  const Result<Query> query = ParseQuery(text);
  EXPECT_TRUE(query.ok()) << query.status().ToString();
  return query.ok() ? *query : Query();
}

TEST(WriteAnswer, GivesTheExamplesToTheByte) {
  std::vector<std::string> names;
  for (const auto& [name, answer] : ::insightflow::testing::SampleAnswers()) {
    names.push_back(name);
    const auto expected =
        ::insightflow::testing::ReadSource("schema/examples/" + name + ".answer.json");
    EXPECT_EQ(WriteAnswer(ExampleQuery(name), answer), Minified(expected)) << name;
  }
  EXPECT_THAT(::insightflow::testing::NamesIn("schema/examples", ".answer.json"),
              ElementsAreArray(names));
}

// Members that a query did not ask for are not there, even when the answer has them.
TEST(WriteAnswer, LeavesOutWhatWasNotAsked) {
  Query query = ExampleQuery("funnel");
  std::get<FunnelQuery>(query).breakdown.reset();
  std::get<FunnelQuery>(query).users_at.reset();
  const std::string json = WriteAnswer(query, ::insightflow::testing::SampleFunnel());
  EXPECT_EQ(json.find("\"breakdown\""), std::string::npos);
  EXPECT_EQ(json.find("\"users\":["), std::string::npos);
}

TEST(WriteAnswer, EscapesWhatWasStored) {
  TopAnswer body;
  body.rows = {{"a\"\\\n\x01 é", 1, 0}};
  EXPECT_THAT(WriteAnswer(TopQuery(), Answer{body, {}}),
              HasSubstr(R"({"value":"a\"\\\n\u0001 é","count":1})"));
}

TEST(RealText, IsShortAndReadsBack) {
  const std::pair<double, const char*> cases[] = {{100, "100"},
                                                  {59.5, "59.5"},
                                                  {0.1, "0.1"},
                                                  {1.0 / 3, "0.3333333333333333"},
                                                  {-0.0, "0"},
                                                  {1e20, "100000000000000000000"},
                                                  {0.000001, "0.000001"},
                                                  {1e21, "1e+21"},
                                                  {1e-7, "1e-07"},
                                                  {5e-324, "5e-324"},
                                                  {9007199254740993.0, "9007199254740992"}};
  for (const auto& [value, text] : cases) {
    EXPECT_EQ(RealText(value), text);
    EXPECT_EQ(std::strtod(RealText(value).c_str(), nullptr), value);
  }
  EXPECT_EQ(RealText(std::nan("")), "null");
  EXPECT_EQ(RealText(std::numeric_limits<double>::infinity()), "null");
}

TEST(ZoneTime, WritesTheZonesOffset) {
  const Timestamp winter = FromMillis(1'767'225'600'123);
  const Timestamp summer = FromMillis(1'782'864'000'000);
  EXPECT_EQ(ZoneTime("UTC").Iso(winter), "2026-01-01T00:00:00.123Z");
  EXPECT_EQ(ZoneTime("+00:00").Iso(winter), "2026-01-01T00:00:00.123Z");
  EXPECT_EQ(ZoneTime("Europe/London").Iso(winter), "2026-01-01T00:00:00.123+00:00");
  EXPECT_EQ(ZoneTime("Europe/London").Iso(summer), "2026-07-01T01:00:00.000+01:00");
  EXPECT_EQ(ZoneTime("-05:30").Iso(winter), "2025-12-31T18:30:00.123-05:30");
  EXPECT_EQ(ZoneTime("Asia/Tehran").Iso(winter), "2026-01-01T03:30:00.123+03:30");
  EXPECT_EQ(ZoneTime("UTC").Iso(FromMillis(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(ZoneTime, OffsetsWithSecondsStillNameTheInstant) {
  // Berlin was at +00:53:28 until 1893.
  EXPECT_EQ(ZoneTime("Europe/Berlin").Iso(FromMillis(-2'500'000'000'000)),
            "1890-10-11T20:26:20.000+00:53");
}

TEST(ZoneTime, ClampsWhatHasNoYear) {
  for (const char* zone : {"UTC", "Europe/Berlin", "-18:00", "+18:00"}) {
    EXPECT_THAT(ZoneTime(zone).Iso(Timestamp::max()), ::testing::StartsWith("9999-12-31T"));
    EXPECT_THAT(ZoneTime(zone).Iso(Timestamp::min()), ::testing::StartsWith("0000-01-01T"));
  }
}

}  // namespace
}  // namespace insightflow
