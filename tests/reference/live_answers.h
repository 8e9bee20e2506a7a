// What tests of live numbers share: answers compared, promises of rankings, random bounds.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <random>
#include <string>

#include "tests/reference/live_stream.h"
#include "tests/reference/live_twin.h"

namespace insightflow::reference {

inline std::string Print(const Ranking& ranking) {
  std::string text = "other " + std::to_string(ranking.other) + (ranking.exact ? " exact" : "");
  for (const RankedCount& row : ranking.rows) {
    text += "\n  " + row.value + " " + std::to_string(row.count) + " -" +
            std::to_string(row.count_error_max);
  }
  return text;
}

inline void ExpectSame(const OnlineUsers& live, const OnlineUsers& twin) {
  EXPECT_EQ(live.last_5_minutes, twin.last_5_minutes);
  EXPECT_EQ(live.last_30_minutes, twin.last_30_minutes);
}

inline void ExpectSame(const EventTotals& live, const EventTotals& twin) {
  EXPECT_EQ(live.total, twin.total);
  EXPECT_EQ(live.users, twin.users);
  EXPECT_EQ(live.by_type, twin.by_type);
}

inline void ExpectSame(const EventRates& live, const EventRates& twin) {
  EXPECT_EQ(live.last_minute, twin.last_minute);
  EXPECT_EQ(live.last_minute_by_type, twin.last_minute_by_type);
  EXPECT_EQ(live.seconds, twin.seconds);
  EXPECT_EQ(live.minutes, twin.minutes);
  EXPECT_EQ(live.hours, twin.hours);
}

inline void ExpectSame(const Conversion& live, const Conversion& twin) {
  EXPECT_EQ(live.users_viewed, twin.users_viewed);
  EXPECT_EQ(live.users_purchased, twin.users_purchased);
  EXPECT_DOUBLE_EQ(live.rate, twin.rate);
  EXPECT_DOUBLE_EQ(live.rate_events, twin.rate_events);
}

inline void ExpectSame(const Ranking& live, const Ranking& twin) {
  EXPECT_EQ(live.rows, twin.rows) << Print(live) << "\ntwin: " << Print(twin);
  EXPECT_EQ(live.other, twin.other);
  EXPECT_EQ(live.exact, twin.exact);
}

inline void ExpectSame(const UserProfile& live, const UserProfile& twin) {
  EXPECT_EQ(live.user_id, twin.user_id);
  EXPECT_EQ(live.first_visit, twin.first_visit);
  EXPECT_EQ(live.last_visit, twin.last_visit);
  EXPECT_EQ(live.events, twin.events);
  EXPECT_EQ(live.by_type, twin.by_type);
  EXPECT_EQ(live.active, twin.active);
}

// What a ranking promises whatever the algorithm: every row brackets the truth, and no event is
// lost or counted twice.
inline void ExpectHonest(const Ranking& ranking, const HotTwin& twin, Window window,
                         std::int64_t now_ms) {
  std::uint64_t held = 0;
  for (const RankedCount& row : ranking.rows) {
    const std::uint64_t truth = twin.Truth(row.value, window, now_ms);
    EXPECT_LE(truth, row.count) << row.value;
    EXPECT_GE(truth, row.count - row.count_error_max) << row.value;
    EXPECT_TRUE(!ranking.exact || row.count_error_max == 0);
    held += row.count - row.count_error_max;
  }
  EXPECT_EQ(held + ranking.other, twin.TruthOfAll(window, now_ms));
}

inline LiveLimits RandomLimits(LiveStream* stream) {
  const auto pick = [stream](std::initializer_list<std::size_t> sizes) {
    return *(sizes.begin() + stream->Below(static_cast<std::int64_t>(sizes.size())));
  };
  LiveLimits limits;
  limits.event_types_max = pick({0, 1, 3, 12, 255});
  limits.pages_max = pick({0, 1, 2, 3, 5, 9, 100});
  limits.elements_max = pick({0, 1, 4, 100});
  limits.users_max = pick({0, 1, 5, 100});
  limits.recent_events_max = pick({0, 1, 7, 64, 100'000});
  return limits;
}

inline LiveStream RandomStream(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&random](int bound) { return 1 + static_cast<int>(random() % bound); };
  return LiveStream(random(), below(20), below(20), below(20));
}

}  // namespace insightflow::reference
