// One thread applies, others read: every answer agrees with itself, and nobody starves.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "lib/live/live_state.h"
#include "tests/reference/live_stream.h"

namespace insightflow {
namespace {

constexpr std::int64_t kStart = 1'700'000'000'000;
constexpr int kRows = 100;
constexpr int kBatches = 300;

// All rows of a batch are views of one page by one user, so that a torn answer shows.
EventBatch MakeBatch(int number) {
  EventBatch batch;
  const std::int64_t now = kStart + number * 50;
  const std::string name = std::to_string(number % 40);
  for (int row = 0; row < kRows; ++row) {
    reference::AppendTo({"user" + name, "view", "/page/" + name, "", now, now}, &batch);
  }
  return batch;
}

void ExpectConsistent(const Dashboard& dashboard) {
  EXPECT_EQ(dashboard.totals.total % kRows, 0u);
  std::uint64_t by_type = 0, ranked = dashboard.hot_pages.other, hours = 0;
  for (const TypeCount& type : dashboard.totals.by_type) by_type += type.count;
  for (const RankedCount& row : dashboard.hot_pages.rows) ranked += row.count - row.count_error_max;
  for (const std::uint64_t hour : dashboard.rates.hours) hours += hour;
  EXPECT_EQ(by_type, dashboard.totals.total);
  EXPECT_EQ(ranked, dashboard.totals.total);
  EXPECT_EQ(hours, dashboard.totals.total);
  EXPECT_EQ(dashboard.online.last_30_minutes, dashboard.totals.users);
  EXPECT_EQ(dashboard.conversion.users_viewed, dashboard.totals.users);
}

TEST(LiveThreadsTest, ReadersSeeWholeBatchesWhileOneThreadApplies) {
  LiveLimits limits;
  limits.pages_max = 16;
  limits.users_max = 30;
  LiveState live(limits, 1);
  std::atomic<bool> done = false;
  std::atomic<int> answers = 0;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 3; ++reader) {
    readers.emplace_back([&, reader] {
      std::uint64_t last = 0;
      while (!done) {
        const std::uint64_t applied = live.applied_sequence();
        const Dashboard dashboard = live.GetDashboard(100, kStart + kBatches * 50);
        ExpectConsistent(dashboard);
        EXPECT_GE(dashboard.totals.total, applied);
        EXPECT_GE(applied, last);
        last = applied;
        const std::string user = "user" + std::to_string(reader);
        const LiveState::RecentEvents recent = live.Recent(user, 1'000);
        EXPECT_EQ(recent.sequences.size() % kRows, 0u);
        live.User(user, kStart);
        live.HotPages(Window::kHour, 5, kStart + kBatches * 50);
        live.HotElements(Window::kDay, 5, kStart);
        EXPECT_GT(live.bytes(), 0u);
        ++answers;
      }
    });
  }
  std::string saved;
  for (int i = 0; i < kBatches; ++i) {
    live.Apply(MakeBatch(i), static_cast<std::uint64_t>(i) * kRows + 1);
    if (i % 100 != 50) continue;
    saved.clear();
    live.Save(&saved);
    EXPECT_TRUE(live.Load(saved).ok());
  }
  while (answers < 3) std::this_thread::yield();
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(live.Totals().total, static_cast<std::uint64_t>(kRows) * kBatches);
}

// A writer that never pauses must let a reader in: the fair lock is what this test is about.
TEST(LiveThreadsTest, AReaderGetsInWhileTheWriterNeverPauses) {
  LiveState live(LiveLimits(), 1);
  const EventBatch batch = MakeBatch(0);
  std::atomic<int> answers = 0;
  std::thread reader([&] {
    for (; answers < 50; ++answers) live.GetDashboard(10, kStart);
  });
  while (answers < 50) live.Apply(batch, live.applied_sequence() + 1);
  reader.join();
  EXPECT_EQ(answers, 50);
}

}  // namespace
}  // namespace insightflow
