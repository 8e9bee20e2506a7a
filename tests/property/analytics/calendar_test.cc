// A calendar that grows knows the intervals that TimeBuckets makes of a range.
#include "lib/analytics/calendar.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/model/time_zone.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using testing::Random;

constexpr std::int64_t kHour = 3'600'000;

TEST(CalendarPropertyTest, EqualsTheBucketsOfTheWholeRange) {
  const std::uint64_t seed = testing::RandomSeed();
  const std::vector<std::string> zones = {"UTC", "Europe/Berlin", "Australia/Lord_Howe",
                                          "Pacific/Apia", "+03:30"};
  const std::vector<std::pair<Interval, std::int64_t>> intervals = {
      {Interval::kHour, 9'000 * kHour},
      {Interval::kDay, 200'000 * kHour},
      {Interval::kWeek, 400'000 * kHour},
      {Interval::kMonth, 800'000 * kHour}};
  for (int i = 0; i < testing::RandomCases(60); ++i) {
    SCOPED_TRACE("INSIGHTFLOW_SEED=" + std::to_string(seed) + " case " + std::to_string(i));
    Random random(seed + static_cast<std::uint64_t>(i));
    const absl::TimeZone zone = *LoadZone(random.Of(zones));
    const auto [interval, span] = random.Of(intervals);
    const std::int64_t from = random.Between(0, 1'500'000'000'000);
    const auto buckets = TimeBuckets::Create(interval, zone, from, from + span);
    ASSERT_TRUE(buckets.ok());
    Calendar calendar(interval, zone);
    const std::int64_t first_time = random.Between(from, from + span - 1);
    const Calendar::Slot first = calendar.At(first_time);
    const auto first_index = static_cast<std::int64_t>(buckets->IndexOf(first_time));
    for (int probe = 0; probe < 100; ++probe) {
      const std::int64_t time = random.Between(from, from + span - 1);
      const auto index = static_cast<std::int64_t>(buckets->IndexOf(time));
      const Calendar::Slot slot =
          random.OneIn(2) ? calendar.At(time) : calendar.After(first, index - first_index);
      ASSERT_EQ(slot.begin_ms, buckets->Begin(static_cast<std::size_t>(index)));
      ASSERT_EQ(slot.end_ms, buckets->End(static_cast<std::size_t>(index)));
      ASSERT_EQ(slot.ordinal - first.ordinal, index - first_index);
    }
  }
}

TEST(CalendarTest, KnowsFiftyYearsOfHours) {
  Calendar calendar(Interval::kHour, absl::UTCTimeZone());
  const Calendar::Slot late = calendar.At(500'000 * kHour + 5);
  const Calendar::Slot early = calendar.At(5);
  EXPECT_EQ(late.begin_ms, 500'000 * kHour);
  EXPECT_EQ(early.begin_ms, 0);
  EXPECT_EQ(late.ordinal - early.ordinal, 500'000);
}

TEST(CalendarTest, TimesPastTheYearsOfAZoneCountWithTheLastInterval) {
  Calendar calendar(Interval::kMonth, absl::UTCTimeZone());
  const Calendar::Slot last = calendar.At(INT64_MAX);
  EXPECT_EQ(calendar.At(INT64_MAX - 1).ordinal, last.ordinal);
  const Calendar::Slot first = calendar.At(INT64_MIN);
  EXPECT_LT(first.ordinal, last.ordinal);
  EXPECT_LE(calendar.After(last, 400).begin_ms, calendar.After(last, 500).begin_ms);
}

}  // namespace
}  // namespace insightflow
