// Intervals equal those of a walk over the local clock, around every kind of clock change.
#include "lib/analytics/time_buckets.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "lib/analytics/interval_book.h"
#include "lib/model/time_zone.h"
#include "tests/reference/bucket_twin.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using testing::Random;

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kDay = 1440 * kMinute;

struct Place {
  const char* zone;
  std::int64_t change_s;  // an instant at which its clock changes, or some instant
};

constexpr std::array<Place, 14> kPlaces = {{
    {"UTC", 1'709'164'800},
    {"+03:30", 1'700'000'000},
    {"Europe/Berlin", 1'711'846'800},
    {"Europe/Berlin", 1'729'990'800},
    {"America/New_York", 1'710'054'000},
    {"America/New_York", 1'730'613'600},
    {"Asia/Tehran", 1'647'894'600},
    {"Asia/Tehran", 1'663'788'600},
    {"Asia/Kolkata", 1'704'047'400},
    {"Australia/Lord_Howe", 1'712'415'600},
    {"Australia/Lord_Howe", 1'728'142'200},
    {"Pacific/Apia", 1'325'239'200},
    {"America/Sao_Paulo", 1'541'300'400},
    {"America/St_Johns", 1'162'693'860},
}};

constexpr std::array<Interval, 5> kIntervals = {Interval::kMinute, Interval::kHour, Interval::kDay,
                                                Interval::kWeek, Interval::kMonth};

std::int64_t SpanMax(Interval interval) {
  switch (interval) {
    case Interval::kMinute: return 300 * kMinute;
    case Interval::kHour: return 3 * kDay;
    case Interval::kDay: return 8 * kDay;
    default: return 70 * kDay;
  }
}

TEST(TimeBucketsPropertyTest, EqualAWalkOverTheLocalClock) {
  Random random(testing::RandomSeed());
  const int cases = testing::RandomCases(150);
  for (int i = 0; i < cases; ++i) {
    const Place& place = random.Of(kPlaces);
    const Interval interval = random.Of(kIntervals);
    const absl::TimeZone zone = *LoadZone(place.zone);
    const std::int64_t span = random.Between(1, SpanMax(interval));
    const std::int64_t change = place.change_s * 1000 / kMinute * kMinute;
    const std::int64_t from = change - random.Between(-30, span / kMinute + 30) * kMinute;
    SCOPED_TRACE(std::string(place.zone) + " " + std::string(IntervalName(interval)) + " from " +
                 std::to_string(from) + " for " + std::to_string(span));
    const auto buckets = TimeBuckets::Create(interval, zone, from, from + span);
    ASSERT_TRUE(buckets.ok());
    const std::vector<std::int64_t> begins =
        reference::IntervalBegins(interval, zone, from, from + span);
    ASSERT_EQ(buckets->size(), begins.size());
    IntervalBook book(interval, zone, TimeBuckets());
    for (std::size_t b = 0; b < begins.size(); ++b) ASSERT_EQ(buckets->Begin(b), begins[b]);
    for (int probe = 0; probe < 50; ++probe) {
      const std::int64_t at = random.Between(from, from + span - 1);
      ASSERT_TRUE(buckets->Covers(at));
      const std::size_t index = buckets->IndexOf(at);
      ASSERT_LE(buckets->Begin(index), at);
      ASSERT_GT(buckets->End(index), at);
      IntervalBook::Slot slot;
      ASSERT_TRUE(book.Find(at, &slot).ok());
      ASSERT_EQ(slot.begin_ms, buckets->Begin(index));
      ASSERT_EQ(slot.end_ms, buckets->End(index));
      ASSERT_EQ(book.Begin(slot.id), slot.begin_ms);
    }
    ASSERT_LE(book.size(), buckets->size());
  }
}

TEST(IntervalBookTest, RefusesTimesThatSpanTooManyIntervalsAndNoFewer) {
  for (const bool backwards : {false, true}) {
    IntervalBook book(Interval::kMinute, absl::UTCTimeZone(), TimeBuckets());
    IntervalBook::Slot slot;
    constexpr std::int64_t kStart = 1'700'000'040'000;
    for (std::int64_t i = 0; i < 10'000; ++i) {
      const std::int64_t at = kStart + (backwards ? -i : i) * kMinute;
      ASSERT_TRUE(book.Find(at, &slot).ok()) << i;
      ASSERT_EQ(slot.id, i);
    }
    const Status status = book.Find(kStart + (backwards ? -10'000 : 10'000) * kMinute, &slot);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  }
}

TEST(IntervalBookTest, TakesTheIntervalsOfAnother) {
  IntervalBook a(Interval::kDay, absl::UTCTimeZone(), TimeBuckets());
  IntervalBook b(Interval::kDay, absl::UTCTimeZone(), TimeBuckets());
  IntervalBook::Slot slot;
  for (const std::int64_t day : {100, 3}) ASSERT_TRUE(a.Find(day * kDay, &slot).ok());
  for (const std::int64_t day : {50, 3, 200}) ASSERT_TRUE(b.Find(day * kDay + 5, &slot).ok());
  std::vector<std::uint32_t> numbers;
  ASSERT_TRUE(a.Take(b, &numbers).ok());
  EXPECT_EQ(numbers, (std::vector<std::uint32_t>{2, 1, 3}));
  EXPECT_EQ(a.Begin(3), 200 * kDay);
}

}  // namespace
}  // namespace insightflow
