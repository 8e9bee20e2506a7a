#include "lib/model/predicate.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace insightflow {
namespace {

using Values = std::vector<FilterValue>;

constexpr std::int64_t k2To53 = std::int64_t{1} << 53;
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

EventValue Text(std::string_view text) { return EventValue::Text(text); }
EventValue Integer(std::int64_t integer) { return EventValue::Integer(integer); }
EventValue Real(double real) {
  EventValue value;
  value.kind = EventValue::Kind::kReal;
  value.real = real;
  return value;
}
EventValue Bool(bool truth) {
  EventValue value;
  value.kind = EventValue::Kind::kBool;
  value.integer = truth ? 1 : 0;
  value.text = truth ? "true" : "false";
  return value;
}
EventValue Other() {
  EventValue value;
  value.kind = EventValue::Kind::kOther;
  return value;
}

bool Holds(FilterOp op, const Values& values, const EventValue& value) {
  const Result<Predicate> predicate = Predicate::Create({"extra_data.a", op, values});
  EXPECT_TRUE(predicate.ok()) << predicate.status().ToString();
  return predicate.ok() && predicate->Matches(value);
}

FilterValue I(std::int64_t integer) { return FilterValue(integer); }
FilterValue S(const char* text) { return FilterValue(std::string(text)); }

// One value of each kind, in the order of Kind.
std::vector<EventValue> Kinds() {
  return {EventValue(), Text("1"), Integer(1), Real(1.5), Bool(true), Other()};
}

// Which of Kinds() a predicate holds for, as ones and zeros.
std::string HoldsFor(FilterOp op, const Values& values) {
  std::string holds;
  for (const EventValue& value : Kinds()) holds += Holds(op, values, value) ? '1' : '0';
  return holds;
}

TEST(PredicateTest, EveryOperatorOnEveryKind) {
  //                                       absent, "1", 1, 1.5, true, {}
  EXPECT_EQ(HoldsFor(FilterOp::kEq, {S("1")}), "010000");
  EXPECT_EQ(HoldsFor(FilterOp::kEq, {I(1)}), "001000");
  EXPECT_EQ(HoldsFor(FilterOp::kEq, {1.0}), "001000");
  EXPECT_EQ(HoldsFor(FilterOp::kEq, {1.5}), "000100");
  EXPECT_EQ(HoldsFor(FilterOp::kEq, {true}), "000010");
  EXPECT_EQ(HoldsFor(FilterOp::kEq, {false}), "000000");
  EXPECT_EQ(HoldsFor(FilterOp::kNe, {S("1")}), "101111");
  EXPECT_EQ(HoldsFor(FilterOp::kNe, {I(1)}), "110111");
  EXPECT_EQ(HoldsFor(FilterOp::kNe, {true}), "111101");
  EXPECT_EQ(HoldsFor(FilterOp::kIn, {S("1"), I(1), 1.5, true}), "011110");
  EXPECT_EQ(HoldsFor(FilterOp::kIn, {S("0"), I(1)}), "001000");
  EXPECT_EQ(HoldsFor(FilterOp::kNotIn, {S("0"), I(1)}), "110111");
  EXPECT_EQ(HoldsFor(FilterOp::kNotIn, {S("1"), 1.5, true}), "101001");
  EXPECT_EQ(HoldsFor(FilterOp::kContains, {S("1")}), "010000");
  EXPECT_EQ(HoldsFor(FilterOp::kContains, {S("")}), "010000");
  EXPECT_EQ(HoldsFor(FilterOp::kStartsWith, {S("1")}), "010000");
  EXPECT_EQ(HoldsFor(FilterOp::kGlob, {S("?")}), "010000");
  EXPECT_EQ(HoldsFor(FilterOp::kGt, {I(0)}), "001100");
  EXPECT_EQ(HoldsFor(FilterOp::kGt, {I(1)}), "000100");
  EXPECT_EQ(HoldsFor(FilterOp::kGte, {I(1)}), "001100");
  EXPECT_EQ(HoldsFor(FilterOp::kLt, {1.5}), "001000");
  EXPECT_EQ(HoldsFor(FilterOp::kLte, {1.5}), "001100");
  EXPECT_EQ(HoldsFor(FilterOp::kGt, {S("0")}), "010000");
  EXPECT_EQ(HoldsFor(FilterOp::kLte, {S("1")}), "010000");
  EXPECT_EQ(HoldsFor(FilterOp::kLt, {S("1")}), "000000");
  EXPECT_EQ(HoldsFor(FilterOp::kExists, {}), "011111");
  EXPECT_EQ(HoldsFor(FilterOp::kExists, {true}), "011111");
  EXPECT_EQ(HoldsFor(FilterOp::kExists, {false}), "100000");
}

TEST(PredicateTest, TextComparesAsBytes) {
  EXPECT_TRUE(Holds(FilterOp::kLt, {S("b")}, Text("a")));
  EXPECT_TRUE(Holds(FilterOp::kLt, {S("a")}, Text("Z")));
  EXPECT_TRUE(Holds(FilterOp::kGt, {S("z")}, Text("é")));
  EXPECT_TRUE(Holds(FilterOp::kGt, {S("9")}, Text("é")));
  EXPECT_TRUE(Holds(FilterOp::kLt, {S("9")}, Text("10")));
  EXPECT_TRUE(Holds(FilterOp::kContains, {S("nd")}, Text("index")));
  EXPECT_FALSE(Holds(FilterOp::kContains, {S("ND")}, Text("index")));
  EXPECT_FALSE(Holds(FilterOp::kStartsWith, {S("nd")}, Text("index")));
  EXPECT_TRUE(Holds(FilterOp::kIn, {S("b"), S("a"), S("c")}, Text("c")));
  EXPECT_FALSE(Holds(FilterOp::kIn, {S("b"), S("a"), S("c")}, Text("aa")));
}

TEST(PredicateTest, IntegersAreExactBeyondWhatADoubleHolds) {
  EXPECT_FALSE(Holds(FilterOp::kEq, {I(k2To53)}, Integer(k2To53 + 1)));
  EXPECT_TRUE(Holds(FilterOp::kGt, {I(k2To53)}, Integer(k2To53 + 1)));
  EXPECT_FALSE(Holds(FilterOp::kEq, {static_cast<double>(k2To53)}, Integer(k2To53 + 1)));
  EXPECT_TRUE(Holds(FilterOp::kGt, {static_cast<double>(k2To53)}, Integer(k2To53 + 1)));
  EXPECT_FALSE(Holds(FilterOp::kEq, {I(k2To53 + 1)}, Real(static_cast<double>(k2To53))));
  EXPECT_TRUE(Holds(FilterOp::kLt, {I(k2To53 + 1)}, Real(static_cast<double>(k2To53))));
}

TEST(PredicateTest, IntegersAndRealsCompareAtTheEnds) {
  EXPECT_TRUE(Holds(FilterOp::kLt, {9223372036854775808.0}, Integer(kMax)));
  EXPECT_TRUE(Holds(FilterOp::kGt, {I(kMax)}, Real(9223372036854775808.0)));
  EXPECT_TRUE(Holds(FilterOp::kEq, {-9223372036854775808.0}, Integer(kMin)));
  EXPECT_TRUE(Holds(FilterOp::kGt, {-1e300}, Integer(kMin)));
  EXPECT_TRUE(Holds(FilterOp::kLt, {1e300}, Integer(kMax)));
  EXPECT_TRUE(Holds(FilterOp::kLt, {std::numeric_limits<double>::infinity()}, Integer(kMax)));
  EXPECT_TRUE(Holds(FilterOp::kGt, {-1.5}, Integer(-1)));
  EXPECT_TRUE(Holds(FilterOp::kLt, {-1.5}, Integer(-2)));
  EXPECT_TRUE(Holds(FilterOp::kGt, {I(-2)}, Real(-1.5)));
  EXPECT_TRUE(Holds(FilterOp::kEq, {I(0)}, Real(-0.0)));
}

struct BadFilter {
  FilterOp op;
  Values values;
};

TEST(PredicateTest, ValuesThatAnOperatorDoesNotTakeAreRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<BadFilter> bad = {
      {FilterOp::kEq, {}},           {FilterOp::kEq, {I(1), I(2)}},
      {FilterOp::kNe, {}},           {FilterOp::kIn, {}},
      {FilterOp::kNotIn, {}},        {FilterOp::kContains, {I(1)}},
      {FilterOp::kContains, {}},     {FilterOp::kStartsWith, {true}},
      {FilterOp::kGlob, {1.5}},      {FilterOp::kGlob, {S("a"), S("b")}},
      {FilterOp::kGt, {true}},       {FilterOp::kGte, {}},
      {FilterOp::kLt, {I(1), I(2)}}, {FilterOp::kLte, {false}},
      {FilterOp::kExists, {S("a")}}, {FilterOp::kExists, {true, true}},
      {FilterOp::kEq, {nan}},        {FilterOp::kIn, {I(1), nan}},
      {FilterOp::kLt, {nan}},
  };
  for (const BadFilter& filter : bad) {
    const Result<Predicate> predicate =
        Predicate::Create({"extra_data.a", filter.op, filter.values});
    ASSERT_FALSE(predicate.ok()) << static_cast<int>(filter.op);
    EXPECT_EQ(predicate.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(predicate.status().message().find("extra_data.a"), std::string::npos);
  }
  EXPECT_FALSE(Predicate::Create({"nothing", FilterOp::kExists, {}}).ok());
}

TEST(GlobTest, TakesStarsMarksAndBackslashes) {
  EXPECT_TRUE(MatchesGlob("", ""));
  EXPECT_FALSE(MatchesGlob("", "a"));
  EXPECT_TRUE(MatchesGlob("*", ""));
  EXPECT_TRUE(MatchesGlob("**", "abc"));
  EXPECT_TRUE(MatchesGlob("/shop/*/cart", "/shop/shoes/red/cart"));
  EXPECT_FALSE(MatchesGlob("/shop/*/cart", "/shop/cart"));
  EXPECT_TRUE(MatchesGlob("*a*b", "xaybzab"));
  EXPECT_FALSE(MatchesGlob("*a*b", "xaybza"));
  EXPECT_TRUE(MatchesGlob("\\*", "*"));
  EXPECT_FALSE(MatchesGlob("\\*", "a"));
  EXPECT_TRUE(MatchesGlob("\\?\\\\", "?\\"));
  EXPECT_TRUE(MatchesGlob("a\\", "a\\"));
  EXPECT_TRUE(MatchesGlob("\\a", "a"));
}

TEST(GlobTest, AMarkIsOneCharacterOfUtf8) {
  EXPECT_TRUE(MatchesGlob("?", "é"));
  EXPECT_TRUE(MatchesGlob("?", "€"));
  EXPECT_TRUE(MatchesGlob("?", "😀"));
  EXPECT_FALSE(MatchesGlob("??", "é"));
  EXPECT_TRUE(MatchesGlob("*?b", "éab"));
  EXPECT_FALSE(MatchesGlob("x*??b", "xéb"));
  EXPECT_TRUE(MatchesGlob("\\é?", "éé"));
}

TEST(GlobTest, ManyStarsDoNotTakeForEver) {
  std::string pattern;
  for (int i = 0; i < 1'000; ++i) pattern += "a*";
  EXPECT_FALSE(MatchesGlob(pattern + "b", std::string(2'000, 'a')));
}

}  // namespace
}  // namespace insightflow
