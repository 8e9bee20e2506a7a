#include "lib/model/event_value.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace insightflow {
namespace {

using Kind = EventValue::Kind;
using Path = std::vector<std::string>;

// The value with its text copied.
struct Found {
  Kind kind;
  std::string text;
  std::int64_t integer;
  double real;
};

Found Find(std::string_view object, const Path& path) {
  std::string scratch;
  const EventValue value = FindJsonValue(object, path, &scratch);
  return {value.kind, std::string(value.text), value.integer, value.real};
}

TEST(EventValueTest, FindsEveryKind) {
  const std::string object =
      R"( { "t" : "x" , "i":-7,"r":2.50,"yes":true,"no":false,"nil":null,"o":{},"l":[1,{"t":2}]} )";
  EXPECT_EQ(Find(object, {"t"}).kind, Kind::kText);
  EXPECT_EQ(Find(object, {"t"}).text, "x");
  EXPECT_EQ(Find(object, {"i"}).kind, Kind::kInteger);
  EXPECT_EQ(Find(object, {"i"}).integer, -7);
  EXPECT_EQ(Find(object, {"i"}).real, -7.0);
  EXPECT_EQ(Find(object, {"i"}).text, "-7");
  EXPECT_EQ(Find(object, {"r"}).kind, Kind::kReal);
  EXPECT_EQ(Find(object, {"r"}).real, 2.5);
  EXPECT_EQ(Find(object, {"r"}).text, "2.50");
  EXPECT_EQ(Find(object, {"yes"}).kind, Kind::kBool);
  EXPECT_EQ(Find(object, {"yes"}).integer, 1);
  EXPECT_EQ(Find(object, {"no"}).text, "false");
  EXPECT_EQ(Find(object, {"no"}).integer, 0);
  EXPECT_EQ(Find(object, {"nil"}).kind, Kind::kAbsent);
  EXPECT_EQ(Find(object, {"o"}).kind, Kind::kOther);
  EXPECT_EQ(Find(object, {"l"}).kind, Kind::kOther);
  EXPECT_EQ(Find(object, {"nothing"}).kind, Kind::kAbsent);
  EXPECT_EQ(Find(object, {"t", "x"}).kind, Kind::kAbsent);
  EXPECT_EQ(Find(object, {"l", "t"}).kind, Kind::kAbsent);
  EXPECT_EQ(Find("", {"t"}).kind, Kind::kAbsent);
  EXPECT_EQ(Find("{}", {"t"}).kind, Kind::kAbsent);
}

TEST(EventValueTest, FollowsPathsAndTakesTheFirstOfEqualKeys) {
  const std::string object =
      R"({"x":{"b":1},"a":{"c":{"b":0},"b":{"c":2}},"a":{"b":{"c":3}},"d":4})";
  EXPECT_EQ(Find(object, {"a", "b", "c"}).integer, 2);
  EXPECT_EQ(Find(object, {"a", "c", "b"}).integer, 0);
  EXPECT_EQ(Find(object, {"d"}).integer, 4);
  EXPECT_EQ(Find(R"({"a":1,"a":{"b":2}})", {"a", "b"}).kind, Kind::kAbsent);
  EXPECT_EQ(Find(R"({"a":"first","a":"second"})", {"a"}).text, "first");
}

TEST(EventValueTest, DecodesEscapesOfKeysAndTexts) {
  const std::string object =
      R"({"a\"}":"q\"\\\/\b\f\n\r\t","\u0061b":"\u00e9\u20ac\ud83d\ude00","c":"","e":"\u0000"})";
  EXPECT_EQ(Find(object, {"a\"}"}).text, "q\"\\/\b\f\n\r\t");
  EXPECT_EQ(Find(object, {"ab"}).text, "é€😀");
  EXPECT_EQ(Find(object, {"c"}).kind, Kind::kText);
  EXPECT_EQ(Find(object, {"e"}).text, std::string(1, '\0'));
}

TEST(EventValueTest, NumbersBeyondIntegersAreReal) {
  EXPECT_EQ(Find(R"({"a":9223372036854775807})", {"a"}).integer, INT64_MAX);
  EXPECT_EQ(Find(R"({"a":-9223372036854775808})", {"a"}).integer, INT64_MIN);
  EXPECT_EQ(Find(R"({"a":9223372036854775808})", {"a"}).kind, Kind::kReal);
  EXPECT_EQ(Find(R"({"a":9223372036854775808})", {"a"}).real, 9223372036854775808.0);
  EXPECT_EQ(Find(R"({"a":1e3})", {"a"}).kind, Kind::kReal);
  EXPECT_EQ(Find(R"({"a":-1.5E-2})", {"a"}).real, -0.015);
  EXPECT_EQ(Find(R"({"a":-0})", {"a"}).kind, Kind::kInteger);
  EXPECT_EQ(Find(R"({"a":1e400})", {"a"}).kind, Kind::kOther);
  EXPECT_EQ(Find(R"({"a":1e400})", {"a"}).text, "1e400");
}

TEST(EventValueTest, ShowsTextsAsTheyAreAndNumbersInOneSpelling) {
  std::string scratch, spelled;
  const auto shown = [&](const EventValue& value) {
    return std::string(SpelledValue(value, &spelled));
  };
  const std::string object =
      R"({"a":1.50,"b":true,"c":"x","d":[],"e":null,"f":7,"g":7e0,"h":"7.0","i":-0,"j":1e400})";
  EXPECT_EQ(shown(FindJsonValue(object, Path{"a"}, &scratch)), "1.5");
  EXPECT_EQ(shown(FindJsonValue(object, Path{"f"}, &scratch)), "7");
  EXPECT_EQ(shown(FindJsonValue(object, Path{"g"}, &scratch)), "7");
  EXPECT_EQ(shown(FindJsonValue(object, Path{"h"}, &scratch)), "7.0");
  EXPECT_EQ(shown(FindJsonValue(object, Path{"i"}, &scratch)), "0");
  EXPECT_EQ(shown(FindJsonValue(object, Path{"j"}, &scratch)), "1e400");
  EXPECT_EQ(shown(FindJsonValue(object, Path{"b"}, &scratch)), "true");
  EXPECT_EQ(shown(FindJsonValue(object, Path{"c"}, &scratch)), "x");
  EXPECT_EQ(shown(FindJsonValue(object, Path{"d"}, &scratch)), "");
  EXPECT_EQ(shown(FindJsonValue(object, Path{"e"}, &scratch)), "");
  EXPECT_EQ(shown(EventValue::Integer(-12)), "-12");
  EXPECT_EQ(shown(EventValue::Text("t")), "t");
  EXPECT_EQ(shown(EventValue::Text("")), "");
}

}  // namespace
}  // namespace insightflow
