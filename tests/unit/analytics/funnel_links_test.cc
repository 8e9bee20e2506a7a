// Linked chains beside the same chains as rows by step.
#include "lib/analytics/funnel_links.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

constexpr std::uint32_t kUnfilled = UINT32_MAX;
constexpr std::uint32_t kSteps = 7;

struct Chain {
  std::uint32_t link = FunnelLinks::kNone;
  std::vector<std::uint32_t> rows = std::vector<std::uint32_t>(kSteps, kUnfilled);
  std::uint32_t steps = 0;  // up to its last one
};

Chain GoOn(const Chain& from, std::uint32_t step, std::uint32_t row, FunnelLinks* links) {
  Chain chain = from;
  chain.link = links->Add(from.link, step, row);
  chain.rows[step] = row;
  chain.steps = step + 1;
  return chain;
}

// A step that is not filled is later than all that are.
bool IsEarlier(const std::vector<std::int64_t>& time_ms, const Chain& a, const Chain& b) {
  const auto times = [&](const Chain& chain) {
    std::vector<std::int64_t> found;
    for (const std::uint32_t row : chain.rows) {
      found.push_back(row == kUnfilled ? INT64_MAX : time_ms[row]);
    }
    return found;
  };
  const auto times_a = times(a);
  const auto times_b = times(b);
  return times_a != times_b ? times_a < times_b : a.rows < b.rows;
}

TEST(FunnelLinksTest, NoChainHasNoSteps) {
  const FunnelLinks links;
  EXPECT_EQ(links.Write(FunnelLinks::kNone, nullptr), 0u);
  EXPECT_FALSE(links.IsEarlier(nullptr, FunnelLinks::kNone, FunnelLinks::kNone));
}

TEST(FunnelLinksTest, ChainsThatAreNotKeptAreForgotten) {
  FunnelLinks links;
  std::uint32_t kept = links.Add(FunnelLinks::kNone, 0, 5);
  kept = links.Add(kept, 3, 6);
  while (!links.full()) links.Add(FunnelLinks::kNone, 0, 1);
  std::uint32_t none = FunnelLinks::kNone;
  links.Keep({&kept, &none});
  EXPECT_EQ(links.size(), 2u);
  EXPECT_FALSE(links.full());
  EXPECT_EQ(none, FunnelLinks::kNone);
  std::vector<std::uint32_t> rows(4, kUnfilled);
  EXPECT_EQ(links.Write(kept, rows.data()), 0b1001u);
  EXPECT_EQ(rows, (std::vector<std::uint32_t>{5, kUnfilled, kUnfilled, 6}));
}

// Who keeps all of them is not asked again at each step.
TEST(FunnelLinksTest, WhatIsFullGrowsWithWhatIsKept) {
  FunnelLinks links;
  std::vector<std::uint32_t> chains;
  std::size_t times_full = 0;
  for (std::uint32_t row = 0; row < 100'000; ++row) {
    chains.push_back(links.Add(FunnelLinks::kNone, 0, row));
    if (!links.full()) continue;
    ++times_full;
    std::vector<std::uint32_t*> all;
    for (std::uint32_t& chain : chains) all.push_back(&chain);
    links.Keep(all);
  }
  EXPECT_LT(times_full, 10u);
  for (std::uint32_t row = 0; row < chains.size(); ++row) {
    std::uint32_t found = 0;
    links.Write(chains[row], &found);
    ASSERT_EQ(found, row);
  }
}

TEST(FunnelLinksTest, AreTheChainsThatRowsAre) {
  testing::Random random(testing::RandomSeed());
  for (int i = testing::RandomCases(200); i > 0; --i) {
    FunnelLinks links;
    std::vector<std::int64_t> time_ms(12);
    for (std::int64_t& time : time_ms) time = random.Below(5);
    std::sort(time_ms.begin(), time_ms.end());
    std::vector<Chain> chains(1);
    for (int action = 0; action < 60; ++action) {
      const Chain from = random.Of(chains);
      if (from.steps < kSteps) {
        const auto step = static_cast<std::uint32_t>(random.Between(from.steps, kSteps - 1));
        chains.push_back(GoOn(from, step, static_cast<std::uint32_t>(random.Below(12)), &links));
      }
      if (random.OneIn(9)) {
        std::shuffle(chains.begin() + 1, chains.end(), random.engine());
        chains.resize((chains.size() + 1) / 2);
        std::vector<std::uint32_t*> kept;
        for (Chain& chain : chains) kept.push_back(&chain.link);
        links.Keep(kept);
      }
      const Chain& a = random.Of(chains);
      const Chain& b = random.Of(chains);
      ASSERT_EQ(links.IsEarlier(time_ms.data(), a.link, b.link), IsEarlier(time_ms, a, b));
      ASSERT_EQ(links.IsEarlier(nullptr, a.link, b.link), a.rows < b.rows);
      std::vector<std::uint32_t> rows(kSteps, kUnfilled);
      const std::uint64_t filled = links.Write(a.link, rows.data());
      ASSERT_EQ(rows, a.rows);
      for (std::uint32_t k = 0; k < kSteps; ++k) {
        ASSERT_EQ((filled >> k & 1) != 0, rows[k] != kUnfilled);
      }
    }
  }
}

}  // namespace
}  // namespace insightflow
