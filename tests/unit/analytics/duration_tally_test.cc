#include "lib/analytics/duration_tally.h"

#include <gtest/gtest.h>

namespace insightflow {
namespace {

TEST(DurationTallyTest, TellsMeanMedianAndP90) {
  DurationTally tally, other;
  EXPECT_EQ(tally.Stats(), DurationStats());
  for (const std::uint64_t ms : {10, 20}) tally.Add(ms);
  for (const std::uint64_t ms : {30, 60}) other.Add(ms);
  tally.Merge(&other);
  EXPECT_EQ(other.Stats(), DurationStats());
  const DurationStats stats = tally.Stats();
  EXPECT_EQ(stats.count, 4u);
  EXPECT_DOUBLE_EQ(stats.mean_ms, 30);
  EXPECT_DOUBLE_EQ(stats.median_ms, 25);
  EXPECT_DOUBLE_EQ(stats.p90_ms, 51);
}

TEST(DurationTallyTest, WhatWasRankedIsToldUntilMoreComes) {
  DurationTally tally, other;
  for (const std::uint64_t ms : {10, 20, 30}) tally.Add(ms);
  const DurationStats stats = tally.Stats();
  tally.Rank();
  EXPECT_EQ(tally.Stats(), stats);
  other.Merge(&tally);
  EXPECT_EQ(other.Stats(), stats);
  EXPECT_EQ(tally.Stats(), DurationStats());
  other.Add(40);
  EXPECT_DOUBLE_EQ(other.Stats().mean_ms, 25);
  other.Rank();
  other.Coarsen();
  EXPECT_NEAR(other.Stats().median_ms, 25, 25.0 / 256);
  tally.Coarsen();
  other.Rank();
  tally.Merge(&other);
  EXPECT_FALSE(tally.is_exact());
  EXPECT_EQ(tally.Stats().count, 4u);
}

// However few durations there are, and wherever the coarse ones came from.
TEST(DurationTallyTest, CoarseOnesStayWithinTheBound) {
  DurationTally tally, coarse;
  coarse.Coarsen();
  for (std::uint64_t ms = 1; ms <= 1'000; ++ms) (ms % 2 == 0 ? tally : coarse).Add(ms * 1'000);
  EXPECT_TRUE(tally.is_exact());
  EXPECT_FALSE(coarse.is_exact());
  tally.Merge(&coarse);
  EXPECT_FALSE(tally.is_exact());
  EXPECT_TRUE(coarse.is_exact());
  const DurationStats stats = tally.Stats();
  EXPECT_EQ(stats.count, 1'000u);
  EXPECT_DOUBLE_EQ(stats.mean_ms, 500'500);
  EXPECT_NEAR(stats.median_ms, 500'500, 500'500.0 / 256);
  EXPECT_NEAR(stats.p90_ms, 900'100, 900'100.0 / 256);
}

}  // namespace
}  // namespace insightflow
