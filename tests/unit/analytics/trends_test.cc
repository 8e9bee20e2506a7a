#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "lib/analytics/analyze.h"

namespace insightflow {
namespace {

using std::chrono::hours;

constexpr Timestamp kMonday = FromMillis(1'704'067'200'000);  // 2024-01-01, UTC

Event At(Timestamp time, const std::string& user, const std::string& type,
         const std::string& extra = "") {
  Event event;
  event.user_id = user;
  event.session_id = "s" + user;
  event.event_type = type;
  event.page_url = "/" + type;
  event.timestamp = time;
  event.extra_data = extra;
  return event;
}

// Three days: a and b on Monday, nobody on Tuesday, a on Wednesday.
std::vector<Event> ThreeDays() {
  return {At(kMonday + hours(1), "a", "view"),
          At(kMonday + hours(2), "b", "view", R"({"amount":10})"),
          At(kMonday + hours(3), "a", "buy", R"({"amount":19.99})"),
          At(kMonday + hours(50), "a", "buy", R"({"amount":0.01})")};
}

TrendsQuery Asking(std::vector<TrendSeries> series) {
  TrendsQuery query;
  query.series = std::move(series);
  return query;
}

TrendsAnswer Ask(const TrendsQuery& query, const std::vector<Event>& events) {
  Result<Answer> answer = AnalyzeEvents(query, events, kMonday);
  EXPECT_TRUE(answer.ok()) << answer.status().ToString();
  return answer.ok() ? std::get<TrendsAnswer>(answer->body) : TrendsAnswer();
}

std::vector<std::optional<double>> Values(const TrendLine& line) {
  std::vector<std::optional<double>> values;
  for (const TrendPoint& point : line.points) values.push_back(point.value);
  return values;
}

using Points = std::vector<std::optional<double>>;

TEST(TrendsTest, EmptyIntervalsAreThere) {
  const TrendsAnswer answer = Ask(Asking({{},
                                          {{}, Measure::kUsers},
                                          {{}, Measure::kSum, "extra_data.amount"},
                                          {{}, Measure::kAvg, "extra_data.amount"},
                                          {{}, Measure::kSessions}}),
                                  ThreeDays());
  ASSERT_EQ(answer.series.size(), 5u);
  const TrendLine& counts = answer.series[0].line;
  EXPECT_EQ(answer.series[0].name, "*");
  EXPECT_FALSE(answer.series[0].has_breakdown);
  EXPECT_EQ(Values(counts), (Points{3, 0, 1}));
  EXPECT_EQ(counts.points[1].time, kMonday + hours(24));
  EXPECT_EQ(counts.total, 4);
  EXPECT_EQ(Values(answer.series[1].line), (Points{2, 0, 1}));
  EXPECT_EQ(answer.series[1].line.total, 2);  // not the sum of the days
  EXPECT_EQ(Values(answer.series[2].line), (Points{29.99, 0, 0.01}));
  EXPECT_EQ(answer.series[2].line.total, 30);
  EXPECT_EQ(Values(answer.series[3].line), (Points{29.99 / 2, std::nullopt, 0.01}));
  EXPECT_EQ(answer.series[3].line.total, 10);
  EXPECT_EQ(answer.series[4].line.total, 2);
}

TEST(TrendsTest, NothingGivesNothing) {
  const TrendsAnswer answer = Ask(
      Asking(
          {{}, {{}, Measure::kSum, "extra_data.amount"}, {{}, Measure::kMax, "extra_data.amount"}}),
      {});
  EXPECT_EQ(answer.series[0].line, (TrendLine{0, {}}));
  EXPECT_EQ(answer.series[1].line, (TrendLine{0, {}}));
  EXPECT_EQ(answer.series[2].line, (TrendLine{std::nullopt, {}}));
}

TEST(TrendsTest, ABreakdownShowsTheMostAndPutsTheRestTogether) {
  TrendsQuery query = Asking({{{}, Measure::kUsers}});
  query.interval = Interval::kTotal;
  query.breakdown = Breakdown{"extra_data.plan", 2};
  std::vector<Event> events;
  const auto add = [&](const std::string& user, const std::string& plan) {
    const std::string extra = plan.empty() ? "" : R"({"plan":")" + plan + "\"}";
    events.push_back(At(kMonday, user, "view", extra));
  };
  for (const std::string user : {"1", "2", "3"}) add(user, "pro");
  for (const std::string user : {"1", "2"}) add(user, "free");
  for (const std::string user : {"4", "5"}) add(user, "");
  for (const std::string user : {"6", "7"}) add(user, "team");
  add("6", "trial");
  const TrendsAnswer answer = Ask(query, events);
  ASSERT_EQ(answer.series.size(), 3u);
  EXPECT_EQ(answer.series[0].breakdown, "pro");
  EXPECT_EQ(answer.series[0].line.total, 3);
  EXPECT_EQ(answer.series[1].breakdown, std::nullopt);  // absent goes before text of equal count
  EXPECT_TRUE(answer.series[1].has_breakdown);
  EXPECT_EQ(answer.series[1].line.total, 2);
  EXPECT_EQ(answer.series[2].breakdown, kOtherValue);
  EXPECT_EQ(answer.series[2].line.total, 4);  // 1, 2, 6 and 7, of whom 6 had two values
}

TEST(TrendsTest, ThePeriodBeforeIsAlignedByIndex) {
  TrendsQuery query = Asking({{}});
  query.scope.from = kMonday + hours(48);
  query.scope.to = kMonday + hours(96);
  query.compare_previous = true;
  const TrendsAnswer answer = Ask(query, ThreeDays());
  EXPECT_EQ(Values(answer.series[0].line), (Points{1, 0}));
  ASSERT_TRUE(answer.series[0].previous.has_value());
  EXPECT_EQ(Values(*answer.series[0].previous), (Points{3, 0}));
  EXPECT_EQ(answer.series[0].previous->points[0].time, kMonday);
  EXPECT_EQ(answer.series[0].previous->total, 3);
}

TEST(TrendsTest, LocalDaysAreComparedWithAsManyDays) {
  // The week after the clocks changed in Berlin, and the one that was an hour short.
  TrendsQuery query = Asking({{}});
  query.scope.timezone = "Europe/Berlin";
  query.scope.from = FromMillis(1'711'922'400'000);  // 2024-04-01 00:00 +02:00
  query.scope.to = *query.scope.from + hours(7 * 24);
  query.compare_previous = true;
  const TrendsAnswer answer = Ask(query, {});
  ASSERT_EQ(answer.series[0].previous->points.size(), 7u);
  EXPECT_EQ(answer.series[0].previous->points[0].time, *query.scope.from - hours(7 * 24 - 1));
}

TEST(TrendsTest, AsManySeriesAsThereMayBe) {
  TrendsQuery query;
  query.interval = Interval::kTotal;
  std::vector<Event> events;
  for (int i = 0; i < 64; ++i) {
    const std::string type = "type" + std::to_string(i);
    const std::vector<Measure> measures = {Measure::kCount, Measure::kUsers, Measure::kSessions};
    query.series.push_back({{.types = {type}}, measures[static_cast<std::size_t>(i) % 3], ""});
    for (int n = 0; n <= i; ++n) {
      events.push_back(At(kMonday, "u" + std::to_string(i) + "." + std::to_string(n), type));
    }
  }
  const TrendsAnswer answer = Ask(query, events);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(answer.series[i].line.total, i + 1) << i;
  query.breakdown = Breakdown{"event_type", std::nullopt};
  const TrendsAnswer by_type = Ask(query, events);
  ASSERT_EQ(by_type.series.size(), 64u);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(by_type.series[i].line.total, i + 1) << i;
}

TEST(TrendsTest, PastAMillionNumbersTheAnswerSaysThatItIsNotExact) {
  const auto analysis = CreateTrends(Asking({{{}, Measure::kP50, "position_x"}}));
  ASSERT_TRUE(analysis.ok());
  ValueTable values;
  const auto state = (*analysis)->NewState(&values);
  constexpr std::uint32_t kRows = 1'000'001;
  const std::vector<std::uint32_t> run_ends = {kRows};
  const std::vector<std::int64_t> times(kRows, 1);
  const std::vector<std::uint64_t> matches(kRows, 1);
  std::vector<double> numbers(kRows);
  for (std::uint32_t i = 0; i < kRows; ++i) numbers[i] = i;
  Timelines timelines;
  timelines.run_ends = run_ends;
  timelines.time_ms = times;
  timelines.matches = matches;
  timelines.numbers.emplace_back(numbers);
  ASSERT_TRUE(state->Visit(timelines).ok());
  bool exact = true;
  const auto answer = (*analysis)->Finish(state.get(), {1, 1, true, 0}, &exact);
  ASSERT_TRUE(answer.ok());
  EXPECT_FALSE(exact);
  EXPECT_NEAR(*std::get<TrendsAnswer>(*answer).series[0].line.total, 500'000, 2'000);
}

struct Bad {
  std::string says;  // a part of the message
  TrendsQuery query;
};

TEST(TrendsTest, SaysWhatIsWrongWithAQuery) {
  const TrendsQuery good = Asking({{}});
  std::vector<Bad> bad;
  const auto add = [&](const std::string& says) -> TrendsQuery& {
    bad.push_back({says, good});
    return bad.back().query;
  };
  bad.reserve(20);
  add("series").series.clear();
  add("series").series.resize(65);
  add("series[0].property").series[0].measure = Measure::kSum;
  add("series[0].property").series[0].property = "extra_data.n";
  add("page_url").series[0] = {{}, Measure::kSum, "page_url"};
  add("breakdown.field: \"page\"").breakdown = Breakdown{"page", std::nullopt};
  add("breakdown.limit").breakdown = Breakdown{"page_url", 0};
  add("breakdown.limit").breakdown = Breakdown{"page_url", 10'001};
  add("limit").scope.limit = 0;
  add("Mars").scope.timezone = "Mars/Olympus";
  add("compare").compare_previous = true;
  add("filters[0].field: \"nothing\"").scope.filters = {{"nothing", FilterOp::kExists, {}}};
  TrendsQuery& backwards = add("from: must be before to");
  backwards.scope.from = kMonday;
  backwards.scope.to = kMonday - hours(1);
  TrendsQuery& minutes = add("10080 points, at most 10000");
  minutes.interval = Interval::kMinute;
  minutes.scope.from = kMonday;
  minutes.scope.to = kMonday + hours(24 * 7);
  for (const Bad& one : bad) {
    const auto analysis = CreateAnalysis(one.query);
    ASSERT_FALSE(analysis.ok()) << one.says;
    EXPECT_TRUE(analysis.status().code() == StatusCode::kInvalidArgument ||
                analysis.status().code() == StatusCode::kOutOfRange);
    EXPECT_NE(analysis.status().message().find(one.says), std::string::npos)
        << analysis.status().message();
  }
}

TEST(TrendsTest, TooManyPointsOfAnOpenRangeAreRefusedAtTheEnd) {
  TrendsQuery query = Asking({{{.types = {"buy"}}}});
  query.interval = Interval::kMinute;
  // One event that matches; the range is that of all.
  const std::vector<Event> events = {At(kMonday, "a", "buy"),
                                     At(kMonday + std::chrono::minutes(10'000), "b", "view")};
  const Result<Answer> answer = AnalyzeEvents(query, events, kMonday);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(answer.status().message().find("10000 points"), std::string::npos);
}

TEST(TrendsTest, AStateOfAnotherAnalysisIsNotTaken) {
  ValueTable values;
  const auto a = CreateTrends(Asking({{}})), b = CreateTrends(Asking({{}}));
  const auto top = CreateTop({});
  const auto state = (*a)->NewState(&values);
  for (const auto& other :
       {(*b)->NewState(&values).release(), (*top)->NewState(&values).release()}) {
    const std::unique_ptr<AnalysisState> owned(other);
    EXPECT_EQ(state->Merge(owned.get()).code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(owned->Merge(state.get()).code(), StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(state->Merge((*a)->NewState(&values).get()).ok());
}

}  // namespace
}  // namespace insightflow
