#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "insightflow/wire.h"
#include "tests/support/golden.h"

namespace insightflow {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Result<FunnelQuery> StoredFunnel(std::string_view id) {
  if (id != "default") return NotFound("there is no funnel " + std::string(id));
  FunnelQuery funnel;
  funnel.steps = {{.event = {{"view"}}}, {.event = {{"purchase"}}}};
  funnel.window = std::chrono::days(7);
  funnel.order = FunnelOrder::kStrict;
  funnel.scope.timezone = "Asia/Tehran";
  return funnel;
}

template <typename Kind>
Kind Parse(std::string_view json) {
  const Result<Query> query = ParseQuery(json, StoredFunnel);
  EXPECT_TRUE(query.ok()) << query.status().ToString() << "\n" << json;
  const Kind* kind = query.ok() ? std::get_if<Kind>(&*query) : nullptr;
  EXPECT_NE(kind, nullptr);
  return kind == nullptr ? Kind() : *kind;
}

Status Refusal(std::string_view json) { return ParseQuery(json).status(); }

// Each line: who refuses it (both: parser and schema), a part of the message, the query.
TEST(ParseQuery, RefusesEveryBadQueryAndSaysWhy) {
  std::istringstream lines(::insightflow::testing::ReadSource("tests/golden/bad_queries.txt"));
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const std::size_t first = line.find('\t');
    const std::size_t second = line.find('\t', first + 1);
    ASSERT_NE(second, std::string::npos) << line;
    const Status status = Refusal(line.substr(second + 1));
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(status.message(), HasSubstr(line.substr(first + 1, second - first - 1)));
  }
  EXPECT_GE(count, 100u);
}

TEST(ParseQuery, TakesEveryExample) {
  const auto names = ::insightflow::testing::NamesIn("schema/examples", ".query.json");
  EXPECT_GE(names.size(), 9u);
  for (const std::string& name : names) {
    const auto text = ::insightflow::testing::ReadSource("schema/examples/" + name + ".query.json");
    const Result<Query> query = ParseQuery(text, StoredFunnel);
    ASSERT_TRUE(query.ok()) << name << ": " << query.status().ToString();
    const Result<Query> again = ParseQuery(WriteQuery(*query));
    ASSERT_TRUE(again.ok()) << name << ": " << again.status().ToString();
    EXPECT_TRUE(*again == *query) << WriteQuery(*query);
  }
}

TEST(ParseQuery, ReadsEveryFieldOfAFunnel) {
  const auto funnel =
      Parse<FunnelQuery>(::insightflow::testing::ReadSource("schema/examples/funnel.query.json"));
  FunnelQuery expected;
  expected.window = std::chrono::days(7);
  expected.steps = {{.event = {{"view"}}},
                    {.event = {{"click"}, {{"element", FilterOp::kEq, {std::string("add_cart")}}}}},
                    {.event = {{"coupon"}}, .optional = true},
                    {.event = {{"purchase"}, {}, "bought"}}};
  expected.exclusions = {{.event = {{"logout"}}, .after_step = 1, .before_step = 2}};
  expected.hold_constant = {"extra_data.cart_id"};
  expected.breakdown = FunnelBreakdown{.field = "extra_data.platform", .limit = 20};
  expected.users_at = FunnelUsersAt{.step = 2, .outcome = FunnelOutcome::kDropped, .limit = 100};
  EXPECT_TRUE(funnel == expected);
}

TEST(ParseQuery, DefaultsAreThoseOfTheStructs) {
  EXPECT_TRUE(Parse<TopQuery>(R"({"kind":"top"})") == TopQuery());
  EXPECT_TRUE(Parse<SessionsQuery>(R"({"kind":"sessions"})") == SessionsQuery());
  EXPECT_TRUE(Parse<RetentionQuery>(R"({"kind":"retention"})") == RetentionQuery());
  EXPECT_TRUE(Parse<LifecycleQuery>(R"({"kind":"lifecycle"})") == LifecycleQuery());
  EXPECT_TRUE(Parse<UsersQuery>(R"({"kind":"users"})") == UsersQuery());
  EXPECT_TRUE(Parse<PathsQuery>(R"({"kind":"paths","start":"*"})") == PathsQuery());
  EXPECT_TRUE(Parse<HeatmapQuery>(R"({"kind":"heatmap","page_url":"/"})") ==
              HeatmapQuery{.page_url = "/"});
  EXPECT_TRUE(Parse<TrendsQuery>(R"({"kind":"trends","series":[{}]})") ==
              TrendsQuery{.series = {TrendSeries()}});
}

// A filter on the time of events takes what from and to take.
TEST(ParseQuery, ReadsTimesInFilters) {
  const auto filters = [](const std::string& rest) {
    return Parse<UsersQuery>(R"({"kind":"users","filters":[{"field":"timestamp",)" + rest + "}]}")
        .scope.filters;
  };
  constexpr std::int64_t kBegin = 1'767'225'600'000;
  EXPECT_EQ(filters(R"("op":"gte","value":"2026-01-01T03:30:00+03:30")"),
            (std::vector<Filter>{{"timestamp", FilterOp::kGte, {kBegin}}}));
  EXPECT_EQ(filters(R"("op":"not_in","value":["2026-01-01T00:00:00.001Z",7])"),
            (std::vector<Filter>{{"timestamp", FilterOp::kNotIn, {kBegin + 1, std::int64_t{7}}}}));
  EXPECT_EQ(filters(R"("op":"lt","value":1.5)"),
            (std::vector<Filter>{{"timestamp", FilterOp::kLt, {1.5}}}));
  // Of a property, and of a field of another name, a text is a text.
  const auto property =
      Parse<UsersQuery>(R"({"kind":"users","filters":[{"field":"extra_data.timestamp","op":"eq",)"
                        R"("value":"2026-01-01T00:00:00Z"}]})");
  EXPECT_EQ(property.scope.filters[0].values[0], FilterValue(std::string("2026-01-01T00:00:00Z")));
}

TEST(ParseQuery, ReadsTimesAndDurations) {
  const auto users = Parse<UsersQuery>(
      R"({"kind":"users","from":1767225600000,"to":"2026-01-01T03:30:00.001+03:30"})");
  EXPECT_EQ(users.scope.from, FromMillis(1'767'225'600'000));
  EXPECT_EQ(users.scope.to, FromMillis(1'767'225'600'001));
  const std::pair<const char*, std::int64_t> durations[] = {
      {"\"1500ms\"", 1'500}, {"\"10s\"", 10'000},     {"\"30m\"", 1'800'000},
      {"\"1h\"", 3'600'000}, {"\"7d\"", 604'800'000}, {"\"2w\"", 1'209'600'000},
      {"1500", 1'500},       {"\"0090s\"", 90'000}};
  for (const auto& [text, ms] : durations) {
    const std::string json = R"({"kind":"sessions","timeout":)" + std::string(text) + "}";
    EXPECT_EQ(Parse<SessionsQuery>(json).rules.timeout.count(), ms) << text;
  }
  for (const char* text : {"\"\"", "\"m\"", "\"1\"", "\"-1m\"", "\"1M\"", "\"1m \"", "\"1h30m\"",
                           "\"99999999999999999999s\"", "true", "1e3", "[]"}) {
    const std::string json = R"({"kind":"sessions","timeout":)" + std::string(text) + "}";
    EXPECT_THAT(Refusal(json).message(), StartsWith("timeout: ")) << text;
  }
}

TEST(ParseQuery, ReadsSelectorsInEveryForm) {
  const auto events = [](std::string_view form) {
    return Parse<TopQuery>(R"({"kind":"top","events":)" + std::string(form) + "}").events;
  };
  const EventSelector any;
  EXPECT_EQ(events(R"("*")"), any);
  EXPECT_EQ(events(R"({"event":"*"})"), any);
  EXPECT_EQ(events(R"({})"), any);
  EXPECT_EQ(events(R"("view")"), EventSelector{{"view"}});
  const EventSelector two{{"view", "click"}};
  EXPECT_EQ(events(R"(["view","click"])"), two);
  EXPECT_EQ(events(R"({"event":["view","click"]})"), two);
  EXPECT_EQ(Parse<HeatmapQuery>(R"({"kind":"heatmap","page_url":"/","event":"*"})").event, any);
}

TEST(ParseQuery, KeepsTheTypesOfFilterValues) {
  const auto users = Parse<UsersQuery>(
      R"({"kind":"users","filters":[{"field":"extra_data.a","op":"in",
          "value":["1",1,1.0,true,-9223372036854775808,2.5]},{"field":"seq","op":"exists"},
          {"field":"seq","op":"exists","value":false}]})");
  const std::vector<FilterValue> expected = {
      std::string("1"), std::int64_t{1}, 1.0, true, std::numeric_limits<std::int64_t>::min(), 2.5};
  ASSERT_EQ(users.scope.filters.size(), 3u);
  EXPECT_TRUE(users.scope.filters[0].values == expected);
  EXPECT_TRUE(users.scope.filters[1].values.empty());
  EXPECT_TRUE(users.scope.filters[2].values == std::vector<FilterValue>{false});
}

TEST(ParseQuery, AStoredFunnelMayBeAskedAnew) {
  const auto funnel = Parse<FunnelQuery>(
      R"({"kind":"funnel","funnel_id":"default","from":5,"order":"unordered","per":"session"})");
  FunnelQuery expected = *StoredFunnel("default");
  expected.scope.from = FromMillis(5);
  expected.order = FunnelOrder::kUnordered;
  expected.per = FunnelUnit::kSession;
  EXPECT_TRUE(funnel == expected);
  const Status unknown = ParseQuery(R"({"kind":"funnel","funnel_id":"x"})", StoredFunnel).status();
  EXPECT_EQ(unknown, NotFound("funnel_id: there is no funnel x"));
  const Status none = Refusal(R"({"kind":"funnel","funnel_id":"default"})");
  EXPECT_EQ(none.code(), StatusCode::kNotFound);
  EXPECT_THAT(none.message(), StartsWith("funnel_id: "));
}

TEST(ParseQuery, HasLimits) {
  std::string deep = R"({"kind":"users","filters":)";
  deep += std::string(32, '[') + std::string(32, ']') + "}";
  EXPECT_THAT(Refusal(deep).message(), HasSubstr("32 levels"));
  EXPECT_THAT(Refusal(std::string(1'000'000, '[')).message(), HasSubstr("32 levels"));
  EXPECT_THAT(
      Refusal(R"({"kind":"users","search":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"["})").code(),
      StatusCode::kOk);

  std::string large(kQueryBytesMax + 1, ' ');
  EXPECT_EQ(Refusal(large).code(), StatusCode::kOutOfRange);
  std::string query = R"({"kind":"users"})";
  query.resize(kQueryBytesMax, ' ');
  EXPECT_TRUE(ParseQuery(query).ok());

  const auto filters = [](std::size_t count) {
    std::string json = R"({"kind":"users","filters":[)";
    for (std::size_t i = 0; i < count; ++i) {
      json += std::string(i > 0 ? "," : "") + R"({"field":"seq","op":"exists"})";
    }
    return json + "]}";
  };
  EXPECT_TRUE(ParseQuery(filters(100)).ok());
  EXPECT_EQ(Refusal(filters(101)).message(), "filters: has more than 100 filters");

  const auto values = [](std::size_t count) {
    std::string json = R"({"kind":"users","filters":[{"field":"seq","op":"in","value":[0)";
    for (std::size_t i = 1; i < count; ++i) json += "," + std::to_string(i);
    return json + "]}]}";
  };
  EXPECT_TRUE(ParseQuery(values(10'000)).ok());
  EXPECT_EQ(Refusal(values(10'001)).message(), "filters[0].value: has more than 10000 values");

  const auto steps = [](std::size_t count) {
    std::string json = R"({"kind":"funnel","steps":[{})";
    for (std::size_t i = 1; i < count; ++i) json += ",{}";
    return json + "]}";
  };
  EXPECT_TRUE(ParseQuery(steps(64)).ok());
  EXPECT_THAT(Refusal(steps(65)).message(), StartsWith("steps: must be 1 to 64 steps"));
}

TEST(ParseQuery, TakesAByteOrderMarkAndNoZeroByte) {
  EXPECT_TRUE(ParseQuery("\xef\xbb\xbf{\"kind\":\"users\"}").ok());
  EXPECT_FALSE(ParseQuery(std::string_view("{\"kind\":\"users\"}\0x", 18)).ok());
  EXPECT_FALSE(ParseQuery("{\"kind\":\"users\",\"search\":\"\xff\"}").ok());
}

// A hostile name must not reach a log or a terminal as it is.
TEST(ParseQuery, ShowsForeignNamesSafely) {
  const Status status = Refusal(R"({"kind":"users","\u001b[31m\n":1})");
  EXPECT_THAT(status.message(), StartsWith("?[31m?: is no field here"));
  const std::string longer = R"({"kind":"users",")" + std::string(10'000, 'x') + R"(":1})";
  EXPECT_LT(Refusal(longer).message().size(), 300u);
}

TEST(WriteQuery, LeavesOutWhatIsUsual) {
  EXPECT_EQ(WriteQuery(TopQuery()), R"({"kind":"top"})");
  EXPECT_EQ(WriteQuery(TrendsQuery{.series = {TrendSeries()}}),
            R"({"kind":"trends","series":[{"event":"*"}]})");
  FunnelQuery funnel = *StoredFunnel("default");
  EXPECT_EQ(WriteQuery(funnel),
            R"({"kind":"funnel","steps":[{"event":"view"},{"event":"purchase"}],"window":"7d",)"
            R"("order":"strict","timezone":"Asia/Tehran"})");
}

TEST(WriteQuery, GivesOneTextForOneMeaning) {
  const auto canonical = [](std::string_view json) {
    const Result<Query> query = ParseQuery(json);
    return query.ok() ? WriteQuery(*query) : query.status().ToString();
  };
  EXPECT_EQ(canonical(R"({"limit":20,"timeout":1800000,"kind":"sessions","split":[]})"),
            canonical(R"({"kind":"sessions","timeout":"30m"})"));
  EXPECT_EQ(canonical(R"({"kind":"sessions","split":["session_id","midnight"]})"),
            canonical(R"({"kind":"sessions","split":["midnight","session_id","midnight"]})"));
}

}  // namespace
}  // namespace insightflow
