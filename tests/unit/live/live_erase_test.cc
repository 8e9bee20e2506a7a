// Erasing users from live numbers: what the random tests do not look at.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "lib/live/live_state.h"
#include "tests/reference/live_stream.h"

namespace insightflow {
namespace {

using reference::AppendTo;

constexpr std::int64_t kNow = 1'700'000'040'000;

EventBatch ViewsOf(const std::string& user, const std::string& page, int rows,
                   const std::string& agent = "") {
  EventBatch batch;
  for (int row = 0; row < rows; ++row) AppendTo({user, "view", page, "", kNow, kNow}, &batch);
  if (!agent.empty()) batch.column(Field::kUserAgent).Set(batch.rows - 1, agent);
  return batch;
}

void Apply(const EventBatch& batch, LiveState* live) {
  live->Apply(batch, live->applied_sequence() + 1);
}

LiveErasure ErasureOf(const std::string& user, const std::vector<EventBatch>& batches) {
  LiveErasure erasure(user);
  for (const EventBatch& batch : batches) erasure.Add(batch);
  return erasure;
}

std::string Saved(const LiveState& live) {
  std::string saved;
  live.Save(&saved);
  return saved;
}

TEST(LiveEraseTest, AUserWhoComesBackIsANewOne) {
  const std::string agent = "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/118.0";
  LiveState live(LiveLimits(), 1);
  const EventBatch before = ViewsOf("u", "/before", 3, agent);
  Apply(before, &live);
  ASSERT_EQ(live.User("u", kNow)->device, "desktop");
  live.Erase(ErasureOf("u", {before}), 1);
  EXPECT_EQ(live.User("u", kNow), std::nullopt);
  EXPECT_EQ(live.Recent("u", 10).complete_from, 1u);
  Apply(ViewsOf("u", "/after", 2), &live);
  const UserProfile profile = *live.User("u", kNow);
  EXPECT_EQ(profile.events, 2u);
  EXPECT_EQ(profile.device, "");
  EXPECT_EQ(live.Recent("u", 10).sequences, (std::vector<std::uint64_t>{5, 4}));
  EXPECT_EQ(live.Recent("u", 10).complete_from, 1u);
  EXPECT_EQ(live.HotPages(Window::kAll, 10, kNow).rows.size(), 1u);
}

TEST(LiveEraseTest, WhatTheUserAloneBroughtIsNotStored) {
  const std::string user = "a-user-whose-id-does-not-fit-a-record";
  LiveState live(LiveLimits(), 1);
  Apply(ViewsOf("other", "/shared", 1), &live);
  EventBatch batch = ViewsOf(user, "/shared", 1);
  AppendTo({user, "view", "/of-one-user", "", kNow, kNow}, &batch);
  AppendTo({user, "click", "", "button-of-one-user", kNow, kNow}, &batch);
  AppendTo({user, "type-of-one-user", "", "", kNow, kNow}, &batch);
  Apply(batch, &live);
  ASSERT_NE(Saved(live).find(user), std::string::npos);
  live.Erase(ErasureOf(user, {batch}), 1);
  for (const char* text : {user.c_str(), "of-one-user", "click"}) {
    EXPECT_EQ(Saved(live).find(text), std::string::npos) << text;
  }
  EXPECT_EQ(live.Totals().total, 1u);
  EXPECT_EQ(live.HotPages(Window::kHour, 10, kNow).rows,
            (std::vector<RankedCount>{{"/shared", 1, 0}}));
}

TEST(LiveEraseTest, ANumberIsAppliedOnce) {
  LiveState live(LiveLimits(), 1);
  const EventBatch batch = ViewsOf("u", "/", 3);
  Apply(batch, &live);
  Apply(ViewsOf("v", "/", 3), &live);
  live.Erase(ErasureOf("nobody", {}), 7);
  EXPECT_EQ(live.erasures_applied(), 7u);
  EXPECT_EQ(live.Totals().total, 6u);
  live.Erase(ErasureOf("u", {batch}), 7);
  EXPECT_EQ(live.Totals().total, 6u);
  live.Erase(ErasureOf("u", {batch}), 8);
  live.Erase(ErasureOf("u", {batch}), 8);
  EXPECT_EQ(live.Totals().total, 3u);
  LiveState loaded(LiveLimits(), 1);
  ASSERT_TRUE(loaded.Load(Saved(live)).ok());
  EXPECT_EQ(loaded.erasures_applied(), 8u);
  EXPECT_EQ(loaded.applied_sequence(), 6u);
}

// The room that erasures make is used again, so that visitors who come and go take no memory.
TEST(LiveEraseTest, MemoryDoesNotGrowWithErasures) {
  LiveState live(LiveLimits(), 1);
  std::size_t bytes = 0;
  for (int i = 1; i <= 3'000; ++i) {
    const std::string name = std::to_string(i);
    const EventBatch batch = ViewsOf("user" + name, "/page/" + name, 1);
    Apply(batch, &live);
    live.Erase(ErasureOf("user" + name, {batch}), static_cast<std::uint64_t>(i));
    if (i == 1'000) bytes = live.bytes();
  }
  EXPECT_EQ(live.users(), 0u);
  EXPECT_EQ(live.HotPages(Window::kAll, 10, kNow).rows.size(), 0u);
  EXPECT_LE(live.bytes(), bytes + 20'000);  // the index of recent events grows with the log
}

// An erasure is seen whole or not at all.
TEST(LiveEraseTest, ReadersSeeWholeErasures) {
  constexpr int kRows = 5'000;
  LiveState live(LiveLimits(), 1);
  const EventBatch stays = ViewsOf("stays", "/shared", 10);
  Apply(stays, &live);
  std::atomic<bool> done = false;
  std::atomic<int> answers = 0;
  std::thread reader([&] {
    while (!done) {
      const Dashboard dashboard = live.GetDashboard(10, kNow);
      const std::uint64_t total = dashboard.totals.total;
      EXPECT_EQ((total - 10) % 1'000, 0u);  // the rows that a batch shows at once
      EXPECT_EQ(dashboard.hot_pages.rows.at(0).count, total);
      EXPECT_EQ(dashboard.rates.hours.back(), total);
      EXPECT_EQ(dashboard.online.last_5_minutes, dashboard.totals.users);
      EXPECT_EQ(dashboard.conversion.users_viewed, dashboard.totals.users);
      ++answers;
    }
  });
  const EventBatch goes = ViewsOf("goes", "/shared", kRows);
  const LiveErasure erasure = ErasureOf("goes", {goes});
  for (std::uint64_t number = 1; number <= 100 || answers < 100; ++number) {
    Apply(goes, &live);
    live.Erase(erasure, number);
  }
  done = true;
  reader.join();
  EXPECT_EQ(live.Totals().total, 10u);
}

}  // namespace
}  // namespace insightflow
