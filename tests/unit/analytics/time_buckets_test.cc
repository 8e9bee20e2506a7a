#include "lib/analytics/time_buckets.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/model/time_zone.h"

namespace insightflow {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

// An instant that is written as RFC 3339 says.
std::int64_t Ms(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << ": " << error;
  return absl::ToUnixMillis(time);
}

TimeBuckets Make(Interval interval, std::string_view zone, const std::string& from,
                 const std::string& to) {
  Result<TimeBuckets> buckets = TimeBuckets::Create(interval, *LoadZone(zone), Ms(from), Ms(to));
  EXPECT_TRUE(buckets.ok()) << buckets.status().ToString();
  return buckets.ok() ? *buckets : TimeBuckets();
}

std::vector<std::int64_t> Lengths(const TimeBuckets& buckets, std::int64_t unit) {
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    lengths.push_back((buckets.End(i) - buckets.Begin(i)) / unit);
  }
  return lengths;
}

using Longs = std::vector<std::int64_t>;

TEST(TimeBucketsTest, DaysHave23Or25HoursWhereTheClockChanges) {
  const auto spring = Make(Interval::kDay, "Europe/Berlin", "2024-03-30T00:00:00+01:00",
                           "2024-04-02T00:00:00+02:00");
  EXPECT_EQ(Lengths(spring, kHour), (Longs{24, 23, 24}));
  EXPECT_EQ(spring.Begin(1), Ms("2024-03-31T00:00:00+01:00"));
  EXPECT_EQ(spring.Begin(2), Ms("2024-04-01T00:00:00+02:00"));
  const auto autumn = Make(Interval::kDay, "America/New_York", "2024-11-02T00:00:00-04:00",
                           "2024-11-05T00:00:00-05:00");
  EXPECT_EQ(Lengths(autumn, kHour), (Longs{24, 25, 24}));
}

TEST(TimeBucketsTest, ARepeatedHourIsTwoIntervals) {
  const auto hours = Make(Interval::kHour, "Europe/Berlin", "2024-10-27T00:00:00+02:00",
                          "2024-10-27T05:00:00+01:00");
  EXPECT_EQ(hours.size(), 6u);  // 0, 1, 2, 2 again, 3, 4
  EXPECT_EQ(hours.Begin(2), Ms("2024-10-27T02:00:00+02:00"));
  EXPECT_EQ(hours.Begin(3), Ms("2024-10-27T02:00:00+01:00"));
  EXPECT_EQ(hours.IndexOf(Ms("2024-10-27T02:30:00+02:00")), 2u);
  EXPECT_EQ(hours.IndexOf(Ms("2024-10-27T02:30:00+01:00")), 3u);
}

TEST(TimeBucketsTest, HoursBeginOnTheLocalClock) {
  for (const std::string zone : {"Asia/Tehran", "+03:30"}) {
    const auto hours =
        Make(Interval::kHour, zone, "2024-05-01T10:15:00+03:30", "2024-05-01T12:00:00+03:30");
    ASSERT_EQ(hours.size(), 2u);
    EXPECT_EQ(hours.Begin(0), Ms("2024-05-01T10:00:00+03:30"));
    EXPECT_EQ(hours.Begin(1), Ms("2024-05-01T11:00:00+03:30"));
  }
  const auto kolkata =
      Make(Interval::kDay, "Asia/Kolkata", "2024-05-01T00:00:00Z", "2024-05-02T00:00:00Z");
  ASSERT_EQ(kolkata.size(), 2u);
  EXPECT_EQ(kolkata.Begin(0), Ms("2024-05-01T00:00:00+05:30"));
}

TEST(TimeBucketsTest, AChangeOfHalfAnHourBeginsAnInterval) {
  const auto autumn = Make(Interval::kHour, "Australia/Lord_Howe", "2024-04-07T01:00:00+11:00",
                           "2024-04-07T03:00:00+10:30");
  EXPECT_EQ(Lengths(autumn, kMinute), (Longs{60, 30, 60}));  // 1:00, 1:30 again, 2:00
  const auto spring = Make(Interval::kHour, "Australia/Lord_Howe", "2024-10-06T01:00:00+10:30",
                           "2024-10-06T04:00:00+11:00");
  EXPECT_EQ(Lengths(spring, kMinute), (Longs{60, 30, 60}));  // 1:00, 2:30, 3:00
  const auto days = Make(Interval::kDay, "Australia/Lord_Howe", "2024-04-07T00:00:00+11:00",
                         "2024-04-08T00:00:00+10:30");
  EXPECT_EQ(Lengths(days, kMinute), (Longs{24 * 60 + 30}));
}

TEST(TimeBucketsTest, ADayThatAZoneSkippedIsNotThere) {
  const auto days = Make(Interval::kDay, "Pacific/Apia", "2011-12-29T00:00:00-10:00",
                         "2012-01-01T00:00:00+14:00");
  EXPECT_EQ(Lengths(days, kHour), (Longs{24, 24}));
  EXPECT_EQ(days.Begin(1), Ms("2011-12-31T00:00:00+14:00"));
}

TEST(TimeBucketsTest, ADayWithoutMidnightBeginsWithItsFirstInstant) {
  const auto days = Make(Interval::kDay, "America/Sao_Paulo", "2018-11-03T00:00:00-03:00",
                         "2018-11-05T00:00:00-02:00");
  EXPECT_EQ(Lengths(days, kHour), (Longs{24, 23}));
  EXPECT_EQ(days.Begin(1), Ms("2018-11-04T01:00:00-02:00"));
}

TEST(TimeBucketsTest, WeeksBeginOnMondayAndMonthsOnTheFirst) {
  const auto weeks = Make(Interval::kWeek, "UTC", "2024-01-03T12:00:00Z", "2024-01-15T00:00:01Z");
  ASSERT_EQ(weeks.size(), 3u);
  EXPECT_EQ(weeks.Begin(0), Ms("2024-01-01T00:00:00Z"));
  EXPECT_EQ(weeks.Begin(2), Ms("2024-01-15T00:00:00Z"));
  const auto sunday = Make(Interval::kWeek, "UTC", "2024-01-07T12:00:00Z", "2024-01-07T13:00:00Z");
  EXPECT_EQ(sunday.Begin(0), Ms("2024-01-01T00:00:00Z"));
  const auto months =
      Make(Interval::kMonth, "Europe/Berlin", "2024-01-31T22:30:00Z", "2024-03-31T22:00:00Z");
  EXPECT_EQ(Lengths(months, kHour), (Longs{31 * 24, 29 * 24, 31 * 24 - 1}));
}

TEST(TimeBucketsTest, TheTotalIsTheRange) {
  const auto total = Make(Interval::kTotal, "UTC", "2024-01-03T12:34:00Z", "2024-01-15T00:00:01Z");
  ASSERT_EQ(total.size(), 1u);
  EXPECT_EQ(total.Begin(0), Ms("2024-01-03T12:34:00Z"));
  EXPECT_EQ(total.End(0), Ms("2024-01-15T00:00:01Z"));
}

TEST(TimeBucketsTest, NothingIsInAnEmptyRange) {
  const auto none = Make(Interval::kDay, "UTC", "2024-01-03T12:00:00Z", "2024-01-03T12:00:00Z");
  EXPECT_EQ(none.size(), 0u);
  EXPECT_FALSE(none.Covers(Ms("2024-01-03T12:00:00Z")));
}

TEST(TimeBucketsTest, MoreThanTenThousandAreRefused) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  EXPECT_EQ(TimeBuckets::Create(Interval::kMinute, utc, 0, 10'000 * kMinute)->size(), 10'000u);
  for (const auto& [interval, to] : {std::pair{Interval::kMinute, 10'000 * kMinute + 1},
                                     {Interval::kDay, 10'001 * kDay},
                                     {Interval::kHour, 200'000'000 * kHour / 100}}) {
    const Result<TimeBuckets> many = TimeBuckets::Create(interval, utc, 0, to);
    ASSERT_FALSE(many.ok());
    EXPECT_EQ(many.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(many.status().message().find("10000"), std::string::npos);
  }
  EXPECT_FALSE(TimeBuckets::Create(Interval::kMonth, utc, INT64_MIN, 0).ok());
  EXPECT_FALSE(TimeBuckets::Create(Interval::kMonth, utc, 0, INT64_MAX).ok());
}

}  // namespace
}  // namespace insightflow
