// What a funnel keeps of many users: times of conversions up to a bound, and nobody who waits where
// the end of the data is known.
#include "lib/analytics/funnel_tally.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace insightflow {
namespace {

constexpr std::uint32_t kSteps = 64;

FunnelProgram ProgramOf(std::uint32_t steps) {
  FunnelQuery query;
  query.steps.resize(steps);
  query.window = std::chrono::hours(1);
  return *FunnelProgram::Create(query);
}

// Users who fill all steps, a second apart and the longer the later they come.
void AddConverted(std::int64_t first, std::int64_t last, FunnelTally* tally) {
  std::array<std::int64_t, kSteps> times;
  FunnelVisit visit;
  visit.time_ms = times.data();
  visit.level = kSteps;
  visit.filled = ~std::uint64_t{0};
  for (std::int64_t user = first; user < last; ++user) {
    for (std::uint32_t k = 0; k < kSteps; ++k) times[k] = k * (1'000 + user % 500);
    tally->Add(visit);
  }
}

FunnelAnswer Finish(FunnelTally* tally, bool* exact) {
  ValueTable values;
  Stop stop;
  return tally->Finish(ScanEnd(), values, exact, &stop);
}

// Whoever ranks which steps, in threads of their own or not at all.
TEST(FunnelTally, ManyRankAsOneDoes) {
  const FunnelProgram program = ProgramOf(kSteps);
  bool exact = true;
  FunnelTally whole(&program);
  AddConverted(0, 900, &whole);
  const FunnelAnswer expected = Finish(&whole, &exact);
  for (const std::size_t idle : {3, 0, 1}) {
    std::vector<FunnelTally> parts(3, FunnelTally(&program));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      AddConverted(static_cast<std::int64_t>(i * 300), static_cast<std::int64_t>(i * 300 + 300),
                   &parts[i]);
    }
    const std::vector<FunnelTally*> all = {parts.data(), parts.data() + 1, parts.data() + 2};
    EXPECT_FALSE(FunnelTally::CanShare(std::span(all).first(1)));
    ASSERT_TRUE(FunnelTally::CanShare(all));
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (i == idle) continue;
      threads.emplace_back([&, i] {
        Stop stop;
        parts[i].RankShare(all, i, &stop);
      });
    }
    for (std::thread& thread : threads) thread.join();
    Stop stop;
    parts[2].Merge(&parts[0], &stop);
    parts[2].Merge(&parts[1], &stop);
    EXPECT_EQ(Finish(&parts[2], &exact), expected);
    EXPECT_TRUE(exact);
  }
}

TEST(FunnelTally, FewTimesAndCoarseOnesAreNotShared) {
  const FunnelProgram program = ProgramOf(kSteps);
  FunnelTally one(&program), other(&program);
  AddConverted(0, 2, &one);
  const std::vector<FunnelTally*> both = {&one, &other};
  EXPECT_FALSE(FunnelTally::CanShare(both));
  AddConverted(0, 40'000, &one);
  EXPECT_TRUE(FunnelTally::CanShare(both));
  AddConverted(0, 30'000, &other);
  EXPECT_FALSE(FunnelTally::CanShare(both)) << "together they are too many to stay exact";
}

TEST(FunnelTally, TimesAreExactUpToABoundOfAllStepsTogether) {
  const FunnelProgram program = ProgramOf(kSteps);
  constexpr std::int64_t kExactUsers = 4'000'000 / kSteps;
  bool exact = true;
  FunnelTally few(&program);
  AddConverted(0, kExactUsers, &few);
  const std::size_t few_bytes = few.bytes(0);
  const double median = Finish(&few, &exact).counts.steps[1].time_from_previous->median_ms;
  EXPECT_TRUE(exact);
  EXPECT_LT(few_bytes, std::size_t{80} << 20);

  // Neither half has too many: the answer hangs on all of them.
  FunnelTally one(&program), other(&program);
  AddConverted(0, kExactUsers / 2, &one);
  AddConverted(kExactUsers / 2, kExactUsers + 1, &other);
  Stop stop;
  one.Merge(&other, &stop);
  EXPECT_LT(one.bytes(0), few_bytes / 4);
  const FunnelAnswer answer = Finish(&one, &exact);
  EXPECT_FALSE(exact);
  EXPECT_EQ(answer.counts.total_users, static_cast<std::uint64_t>(kExactUsers + 1));
  EXPECT_NEAR(answer.counts.steps[1].time_from_previous->median_ms, median, median / 256);
}

TEST(FunnelTally, KeepsNobodyWhoWaitsWhereTheEndIsKnown) {
  const FunnelProgram program = ProgramOf(2);
  ScanEnd end;
  end.data_end_ms = end.last_event_ms = end.now_ms = 1'000'000;
  const auto pending = [&](bool knows, std::size_t* bytes) {
    FunnelTally tally(&program);
    if (knows) tally.KnowEnd(end);
    const std::int64_t time_ms = 0;
    FunnelVisit visit;
    visit.level = 1;
    visit.filled = 1;
    visit.time_ms = &time_ms;
    for (std::int64_t user = 0; user < 100'000; ++user) {
      visit.deadline_ms = user * 20;
      tally.Add(visit);
    }
    *bytes = tally.bytes(0);
    ValueTable values;
    Stop stop;
    bool exact = true;
    return tally.Finish(end, values, &exact, &stop).counts.pending_users;
  };
  std::size_t known = 0, kept = 0;
  EXPECT_EQ(pending(true, &known), 49'999u);
  EXPECT_EQ(pending(false, &kept), 49'999u);
  EXPECT_LT(known + 1'000'000, kept);
}

}  // namespace
}  // namespace insightflow
