// extra_data: limits, lifting, unknown members, white space.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/base/limits.h"
#include "tests/support/decoding.h"

namespace insightflow::testing {
namespace {

std::string Extra(std::string_view object) {
  return EventWith("\"extra_data\":" + std::string(object));
}

// An object that is `levels` deep.
std::string Nested(std::size_t levels, bool arrays) {
  const std::string open = arrays ? "[" : "{\"a\":";
  const std::string close = arrays ? "]" : "}";
  return "{\"a\":" + Repeat(open, levels - 1) + "1" + Repeat(close, levels - 1) + "}";
}

TEST(ExtraDataTest, IsKeptAsWrittenWithoutWhiteSpace) {
  const std::string compact = R"({"a":1.50,"b":[true,null,"x y\u00e9\n"],"c":{},"d":[],"e":-0e1})";
  EXPECT_EQ(DecodeJson(Extra(compact)).Extra(), compact);
  EXPECT_EQ(DecodeJson(Extra(compact + " ")).Extra(), compact);
  EXPECT_EQ(DecodeJson(Extra("{ \"a\" :\t1.50 ,\n\"b\": [true, null ,\"x y\\u00e9\\n\" ],"
                             "\"c\":{ }, \"d\":[\r\n],\"e\":-0e1 }"))
                .Extra(),
            compact);
  EXPECT_EQ(DecodeJson(Extra("{}")).Extra(), "{}");
}

TEST(ExtraDataTest, MayBeSixteenLevelsDeep) {
  for (const bool arrays : {false, true}) {
    EXPECT_EQ(DecodeJson(Extra(Nested(16, arrays))).Verdict(), "accepted");
    EXPECT_EQ(DecodeJson(Extra(Nested(17, arrays))).Verdict(), "too_deep extra_data");
    const Decoded d = DecodeJson("[" + EventWith("") + "," + Extra(Nested(100'000, arrays)) + "," +
                                 EventWith("") + "]");
    EXPECT_EQ(d.out.batch.rows, 2u);
    EXPECT_EQ(d.Verdict(), "too_deep extra_data");
  }
  // An unknown member is a level of extra_data too.
  EXPECT_EQ(DecodeJson(EventWith("\"x\":" + Nested(15, false))).Verdict(), "accepted");
  EXPECT_EQ(DecodeJson(EventWith("\"x\":" + Nested(16, false))).Verdict(), "too_deep extra_data");
}

TEST(ExtraDataTest, MayHave16KiB) {
  const std::string frame = R"({"a":""})";
  const std::string full =
      R"({"a":")" + std::string(kExtraDataBytesMax - frame.size(), 'x') + "\"}";
  EXPECT_EQ(DecodeJson(Extra(full)).Extra(), full);
  const std::string past =
      R"({"a":")" + std::string(kExtraDataBytesMax - frame.size() + 1, 'x') + "\"}";
  EXPECT_EQ(DecodeJson(Extra(past)).Verdict(), "too_long extra_data");
  EXPECT_EQ(DecodeJson(EventWith("\"x\":" + past)).Verdict(), "too_long extra_data");
  EXPECT_EQ(DecodeJson(EventWith("\"extra_data\":" + full + ",\"x\":1")).Verdict(),
            "too_long extra_data");
}

TEST(ExtraDataTest, NumbersMustFit) {
  for (const char* number : {"9223372036854775807", "-9223372036854775808", "1e308", "1e-999",
                             "0.1234567890123456789012345678901234567890", "-0"}) {
    const std::string object = R"({"n":[)" + std::string(number) + "]}";
    EXPECT_EQ(DecodeJson(Extra(object)).Extra(), object);
  }
  for (const char* number : {"9223372036854775808", "-9223372036854775809", "1e309",
                             "18446744073709551616", "100000000000000000000000000000000"}) {
    EXPECT_EQ(DecodeJson(Extra(R"({"n":[)" + std::string(number) + "]}")).Verdict(),
              "int_range extra_data")
        << number;
    EXPECT_EQ(DecodeJson(EventWith("\"n\":" + std::string(number))).Verdict(),
              "int_range extra_data")
        << number;
  }
  EXPECT_EQ(DecodeJson(Extra(R"({"position_x":9223372036854775808})")).Verdict(),
            "int_range extra_data");
}

TEST(ExtraDataTest, FieldsAreLiftedFromItWhenAbsent) {
  const std::string object =
      R"({"page_title":"T","referrer":"R","element":"E","element_id":"I","element_class":"C",)"
      R"("element_text":"X\t","user_agent":"A","position_x":1.5,"position_y":-2,)"
      R"("user_id":"not","tab_id":"not","seq":9,"timestamp":1,"page_url":"not"})";
  const Decoded d = DecodeJson(Extra(object));
  EXPECT_EQ(d.Text(Field::kPageTitle), "T");
  EXPECT_EQ(d.Text(Field::kReferrer), "R");
  EXPECT_EQ(d.Text(Field::kElement), "E");
  EXPECT_EQ(d.Text(Field::kElementId), "I");
  EXPECT_EQ(d.Text(Field::kElementClass), "C");
  EXPECT_EQ(d.Text(Field::kElementText), "X\t");
  EXPECT_EQ(d.Text(Field::kUserAgent), "A");
  EXPECT_EQ(d.out.batch.position_x.at(0), 2);
  EXPECT_EQ(d.out.batch.position_y.at(0), -2);
  EXPECT_EQ(d.Text(Field::kUserId), "u");
  EXPECT_EQ(d.Text(Field::kPageUrl), "/p");
  EXPECT_EQ(d.Text(Field::kTabId), "");
  EXPECT_EQ(d.out.batch.flags[0] & kHasClientSeq, 0);
  EXPECT_EQ(d.Extra(), object);
}

TEST(ExtraDataTest, TheTopLevelWinsOverWhatWouldBeLifted) {
  for (const char* members :
       {R"("element":"top","position_x":1,"extra_data":{"element":"low","position_x":2})",
        R"("extra_data":{"element":"low","position_x":2},"element":"top","position_x":1)"}) {
    const Decoded d = DecodeJson(EventWith(members));
    EXPECT_EQ(d.Text(Field::kElement), "top");
    EXPECT_EQ(d.out.batch.position_x.at(0), 1);
  }
  const Decoded first = DecodeJson(Extra(R"({"element":"one","element":"two"})"));
  EXPECT_EQ(first.Text(Field::kElement), "one");
}

TEST(ExtraDataTest, WhatCannotBeLiftedStaysWhereItIs) {
  for (const char* object :
       {R"({"element":5,"position_x":"a"})", R"({"position_x":1e10})", R"({"element":null})",
        R"({"element":{"element":"deep"}})", R"({"a":{"page_title":"deep"}})"}) {
    const Decoded d = DecodeJson(Extra(object));
    ASSERT_EQ(d.Verdict(), "accepted") << object;
    EXPECT_EQ(d.Text(Field::kElement), "");
    EXPECT_EQ(d.Text(Field::kPageTitle), "");
    EXPECT_EQ(d.out.batch.flags[0], 0);
    EXPECT_EQ(d.Extra(), object);
  }
  const Decoded cut = DecodeJson(Extra(R"({"element":")" + std::string(200, 'x') + "\"}"));
  EXPECT_EQ(cut.Text(Field::kElement).size(), kElementBytesMax);
  EXPECT_EQ(cut.out.truncated, 1u);
}

TEST(ExtraDataTest, TheReferrersSecretsAreNotKept) {
  struct Case {
    const char* sent;
    const char* kept;
  };
  const Case cases[] = {
      {R"({"referrer":"/?token=t&a=1"})", R"({"referrer":"/?token=redacted&a=1"})"},
      {R"({ "a" : [ 1 ] , "referrer" : "/?q=\"&email=\u0061@b" , "b" : { } })",
       R"({"a":[1],"referrer":"/?q=\"&email=redacted","b":{}})"},
      {R"({"referrer":"/?a=1","b":"/?token=t"})", R"({"referrer":"/?a=1","b":"/?token=t"})"},
      {R"({"a":{"referrer":"/?token=t"},"referrer":null})",
       R"({"a":{"referrer":"/?token=t"},"referrer":null})"},
      {R"({"referrer":"/?key=k","z":1},"more":2,"referrer":"/top?pwd=p")",
       R"({"referrer":"/?key=redacted","z":1,"more":2})"},
  };
  for (const Case& c : cases) {
    const Decoded d = DecodeJson(Extra(c.sent));
    ASSERT_EQ(d.Verdict(), "accepted") << c.sent;
    EXPECT_EQ(d.Extra(), c.kept) << c.sent;
  }
  // The next event is its own.
  const Decoded two = DecodeJson("[" + Extra(R"({"referrer":"/?key=k"})") + "," +
                                 Extra(R"({"a":1,"referrer":5})") + "]");
  EXPECT_EQ(two.Extra(0), R"({"referrer":"/?key=redacted"})");
  EXPECT_EQ(two.Extra(1), R"({"a":1,"referrer":5})");
}

TEST(ExtraDataTest, NothingLiftedLeaksIntoTheNextEvent) {
  const Decoded d =
      DecodeJson("[" + Extra(R"({"element":"E","position_x":1})") + "," + EventWith("") + "," +
                 EventWith(R"("x":1)") + "," + EventWith("") + "]");
  EXPECT_EQ(d.Text(Field::kElement, 1), "");
  EXPECT_EQ(d.out.batch.flags[1], 0);
  EXPECT_EQ(d.Extra(1), "");
  EXPECT_EQ(d.Extra(3), "");
}

TEST(ExtraDataTest, UnknownMembersAreKept) {
  EXPECT_EQ(DecodeJson(EventWith(R"("b": [1, 2] ,"a":"x","":null)")).Extra(),
            R"({"b":[1,2],"a":"x","":null})");
  for (const char* members : {R"("z":1,"extra_data":{"a":2},"y":"\u0041")",
                              R"("extra_data": { "a" : 2 },"z":1,"y":"\u0041")"}) {
    EXPECT_EQ(DecodeJson(EventWith(members)).Extra(), R"({"a":2,"z":1,"y":"\u0041"})") << members;
  }
  EXPECT_EQ(DecodeJson(EventWith(R"("extra_data":{},"z":1)")).Extra(), R"({"z":1})");
  EXPECT_EQ(DecodeJson(EventWith(R"("extra_data":null,"z":1)")).Extra(), R"({"z":1})");
  EXPECT_EQ(DecodeJson(EventWith(R"("User_id":"x")")).Extra(), R"({"User_id":"x"})");
}

TEST(ExtraDataTest, ItsOwnKeyWinsOverAnUnknownMember) {
  for (const char* members :
       {R"("a":1,"b":2,"extra_data":{"a":3})", R"("extra_data":{"\u0061":3},"a":1,"b":2)"}) {
    const Decoded d = DecodeJson(EventWith(members));
    EXPECT_TRUE(d.Extra() == R"({"a":3,"b":2})" || d.Extra() == R"({"\u0061":3,"b":2})")
        << d.Extra();
  }
}

TEST(ExtraDataTest, ManyUnknownMembersStayLinear) {
  std::string members = "\"k0\":0";
  for (int i = 1; i < 100'000; ++i) {
    members += ",\"k" + std::to_string(i % 5000) + "\":" + std::to_string(i);
  }
  EXPECT_EQ(DecodeJson(EventWith(members)).Verdict(), "too_long extra_data");
}

}  // namespace
}  // namespace insightflow::testing
