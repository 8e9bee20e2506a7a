// "trends" equals its twin over random events, queries, batches and merges.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/reference/trends_twin.h"
#include "tests/support/random_events.h"
#include "tests/support/split_run.h"

namespace insightflow {
namespace {

using testing::Random;

TrendSeries RandomSeries(Random* random) {
  TrendSeries series;
  series.event = testing::RandomSelector(random);
  series.event.name = "series " + std::to_string(random->Below(100));
  series.measure = static_cast<Measure>(random->Below(10));
  const std::vector<std::string> numbers = {"extra_data.n", "extra_data.n", "position_x",
                                            "timestamp"};
  if (series.measure >= Measure::kSum) series.property = random->Of(numbers);
  return series;
}

TrendsQuery RandomQuery(const testing::EventsShape& shape, Random* random) {
  const std::vector<Interval> intervals = {Interval::kHour, Interval::kHour, Interval::kDay,
                                           Interval::kDay,  Interval::kWeek, Interval::kMonth,
                                           Interval::kTotal};
  const std::vector<std::string> fields = {"page_url",     "event_type", "extra_data.plan.tier",
                                           "extra_data.n", "user_id",    "timestamp"};
  TrendsQuery query;
  query.scope = testing::RandomScope(shape, random);
  for (std::int64_t i = random->Between(1, 3); i > 0; --i) {
    query.series.push_back(RandomSeries(random));
  }
  query.interval = random->OneIn(40) ? Interval::kMinute : random->Of(intervals);
  if (random->OneIn(2)) {
    query.breakdown = Breakdown{random->Of(fields), std::nullopt};
    if (random->OneIn(2)) query.breakdown->limit = random->Between(1, 4);
  }
  const bool has_range = query.scope.from && query.scope.to;
  if (has_range && random->OneIn(3)) {
    // Local days.
    const absl::TimeZone zone = *LoadZone(query.scope.timezone);
    const auto midnight = [&](Timestamp time, int days) {
      const auto day = absl::ToCivilDay(absl::FromUnixMillis(ToMillis(time)), zone);
      return FromMillis(absl::ToUnixMillis(absl::FromCivil(day + days, zone)));
    };
    query.scope.from = midnight(*query.scope.from, 0);
    query.scope.to = midnight(*query.scope.to, 1);
  }
  query.compare_previous = has_range && random->OneIn(2);
  return query;
}

std::string Print(const TrendLine& line) {
  const auto print = [](const std::optional<double>& value) {
    return value ? std::to_string(*value) : "null";
  };
  std::string text = print(line.total) + ":";
  for (const TrendPoint& point : line.points) {
    text += " " + std::to_string(ToMillis(point.time)) + "=" + print(point.value);
  }
  return text;
}

std::string Print(const TrendsAnswer& answer) {
  std::string text;
  for (const TrendSeriesAnswer& series : answer.series) {
    text += series.name + " " + series.breakdown.value_or("null") + " " + Print(series.line) + "\n";
    if (series.previous) text += "  before " + Print(*series.previous) + "\n";
  }
  return text;
}

TEST(TrendsPropertyTest, EqualsItsTwin) {
  Random random(testing::RandomSeed());
  reference::Calendar calendar;
  // Around changes of the clock in Berlin, on Lord Howe Island and in New York.
  const std::vector<std::int64_t> starts = {1'711'800'000'000, 1'712'361'600'000, 1'729'944'000'000,
                                            1'730'500'200'000};
  const int cases = testing::RandomCases(3'000);
  for (int i = 0; i < cases; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    testing::EventsShape shape;
    shape.start_ms = random.Of(starts);
    if (random.OneIn(20)) shape.events_max = 400;  // more than 64 values
    const std::vector<Event> events = testing::RandomEvents(shape, &random);
    const TrendsQuery query = RandomQuery(shape, &random);
    const Result<Answer> answer = testing::RunSplit(query, events, 0, &random);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    const auto& trends = std::get<TrendsAnswer>(answer->body);
    const std::string& zone = query.scope.timezone;
    const reference::EventTable table(events);
    const TrendsAnswer twin =
        reference::TrendsTwin(query, table, calendar.Of(query.interval, zone, shape.start_ms),
                              calendar.Of(Interval::kDay, zone, shape.start_ms))
            .Answer();
    ASSERT_EQ(trends, twin) << "interval " << static_cast<int>(query.interval) << " " << zone
                            << (query.compare_previous ? " compared\n" : "\n") << Print(trends)
                            << "twin:\n"
                            << Print(twin);
    ASSERT_TRUE(answer->meta.exact);
  }
}

// Spans of hundreds of rows, of which some match, with few values and with many.
TEST(TrendsPropertyTest, LongSpansAreCountedRowByRow) {
  Random random(testing::RandomSeed());
  const int cases = testing::RandomCases(200);
  for (int i = 0; i < cases; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    constexpr std::int64_t kDay = 86'400'000;
    const std::int64_t pages = random.OneIn(2) ? random.Between(1, 4) : 200;
    std::map<std::string, std::map<std::int64_t, double>> expected;
    std::vector<Event> events;
    const std::int64_t rows = random.Between(1, 900);
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t day = random.OneIn(50) ? random.Below(3) : 3 * row / rows;
      const std::string page = "/" + std::to_string(random.Below(pages));
      const bool is_view = !random.OneIn(3);
      events.push_back({.user_id = "u",
                        .event_type = is_view ? "view" : "click",
                        .page_url = page,
                        .timestamp = FromMillis(kDay * (19'000 + day) + random.Below(kDay))});
      if (is_view) ++expected[page][day];
    }
    TrendsQuery query;
    query.series = {{.event = {.types = {"view"}}, .measure = Measure::kCount, .property = {}}};
    query.scope.from = FromMillis(kDay * 19'000);
    query.scope.to = FromMillis(kDay * 19'003);
    query.breakdown = Breakdown{"page_url", 1'000};
    const Result<Answer> answer = testing::RunSplit(query, events, 0, &random);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    std::map<std::string, std::map<std::int64_t, double>> got;
    for (const TrendSeriesAnswer& series : std::get<TrendsAnswer>(answer->body).series) {
      for (std::size_t day = 0; day < series.line.points.size(); ++day) {
        const double count = *series.line.points[day].value;
        if (count != 0) got[*series.breakdown][static_cast<std::int64_t>(day)] = count;
      }
    }
    ASSERT_EQ(got, expected);
  }
}

}  // namespace
}  // namespace insightflow
