#include "lib/live/live_state.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/reference/live_stream.h"

namespace insightflow {
namespace {

using reference::AppendTo;
using reference::LiveEvent;

constexpr std::int64_t kNow = 1'700'000'040'000;  // a full minute
constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;

class LiveStateTest : public testing::Test {
 protected:
  explicit LiveStateTest(const LiveLimits& limits = {}) : live_(limits, 1) {}

  void Add(const LiveEvent& event) {
    EventBatch batch;
    AppendTo(event, &batch);
    live_.Apply(batch, live_.applied_sequence() + 1);
  }
  void Add(const std::string& user, const std::string& type, std::int64_t time_ms,
           const std::string& value = "") {
    Add({user, type, value, value, time_ms, std::max(time_ms, kNow)});
  }
  void AddWithAgent(const std::string& user, const std::string& agent) {
    EventBatch batch;
    AppendTo({user, "view", "/", "", kNow, kNow}, &batch);
    if (!agent.empty()) batch.column(Field::kUserAgent).Set(0, agent);
    live_.Apply(batch, live_.applied_sequence() + 1);
  }

  LiveState live_;
};

TEST_F(LiveStateTest, EmptyAnswersZeros) {
  const Dashboard dashboard = live_.GetDashboard(10, kNow);
  EXPECT_EQ(dashboard.online.last_30_minutes, 0u);
  EXPECT_EQ(dashboard.totals.total, 0u);
  EXPECT_TRUE(dashboard.totals.by_type.empty());
  EXPECT_EQ(dashboard.rates.seconds, std::vector<std::uint64_t>(60));
  EXPECT_EQ(dashboard.rates.minutes, std::vector<std::uint64_t>(60));
  EXPECT_EQ(dashboard.rates.hours, std::vector<std::uint64_t>(25));
  EXPECT_TRUE(dashboard.hot_pages.rows.empty());
  EXPECT_TRUE(dashboard.hot_pages.exact);
  EXPECT_EQ(dashboard.conversion.rate, 0);
  EXPECT_EQ(live_.User("u", kNow), std::nullopt);
  EXPECT_EQ(live_.Recent("u", 10).complete_from, 1u);
  EXPECT_EQ(live_.applied_sequence(), 0u);
  live_.Apply(EventBatch(), 1);
  EXPECT_EQ(live_.applied_sequence(), 0u);
}

TEST_F(LiveStateTest, IdleStateIsSmall) {
  EXPECT_LE(live_.bytes(), 200u * 1024);
  Add("u", "view", kNow, "/");
  EXPECT_LE(live_.bytes(), 200u * 1024);
}

TEST_F(LiveStateTest, TheLastMinuteIsSixtyFullSeconds) {
  Add("u", "view", kNow - 61 * kSecond);
  Add("u", "view", kNow - 60 * kSecond);
  Add("u", "click", kNow - 1);
  Add("u", "click", kNow - 2);
  Add("u", "click", kNow);  // in the second under way
  const EventRates rates = live_.Rates(kNow + 999);
  EXPECT_EQ(rates.last_minute, 3u);
  const std::vector<TypeCount> by_type = {{"click", 2}, {"view", 1}};
  EXPECT_EQ(rates.last_minute_by_type, by_type);
  EXPECT_EQ(rates.seconds.front(), 1u);
  EXPECT_EQ(rates.seconds.back(), 2u);
  EXPECT_EQ(rates.minutes[57], 1u);
  EXPECT_EQ(rates.minutes[58], 3u);
  EXPECT_EQ(rates.minutes[59], 1u);
  EXPECT_EQ(rates.hours[24], 5u);
}

TEST_F(LiveStateTest, RatesFallToZeroWhileNothingHappens) {
  Add("u", "view", kNow);
  EXPECT_EQ(live_.Rates(kNow + kSecond).last_minute, 1u);
  EXPECT_EQ(live_.Rates(kNow + 60 * kSecond).last_minute, 1u);
  EXPECT_EQ(live_.Rates(kNow + 61 * kSecond).last_minute, 0u);
  EXPECT_EQ(live_.Rates(kNow + 59 * kMinute).minutes.front(), 1u);
  EXPECT_EQ(live_.Rates(kNow + 60 * kMinute).minutes, std::vector<std::uint64_t>(60));
  EXPECT_EQ(live_.Rates(kNow + 24 * kHour).hours.front(), 1u);
  EXPECT_EQ(live_.Rates(kNow + 26 * kHour).hours, std::vector<std::uint64_t>(25));
  EXPECT_EQ(live_.Totals().total, 1u);
}

TEST_F(LiveStateTest, TheFutureCountsWhenItArrived) {
  Add({"u", "view", "/", "", kNow + 23 * kHour, kNow});
  EXPECT_EQ(live_.Rates(kNow + kSecond).last_minute, 1u);
  EXPECT_EQ(live_.Online(kNow).last_5_minutes, 1u);
  EXPECT_EQ(live_.Online(kNow + 23 * kHour).last_30_minutes, 0u);
  EXPECT_EQ(live_.HotPages(Window::kHour, 1, kNow).rows.size(), 1u);
  EXPECT_EQ(live_.User("u", kNow)->last_visit, FromMillis(kNow + 23 * kHour));
}

TEST_F(LiveStateTest, ImportsOfThePastOnlyCountInTotals) {
  Add("u", "view", kNow, "/new");
  Add("v", "view", kNow - 400 * 24 * kHour, "/old");
  Add("w", "view", 1, "/older");
  EXPECT_EQ(live_.Totals().total, 3u);
  EXPECT_EQ(live_.Online(kNow).last_30_minutes, 1u);
  EXPECT_EQ(live_.Rates(kNow + kSecond).last_minute, 1u);
  EXPECT_EQ(live_.HotPages(Window::kDay, 10, kNow).rows.size(), 1u);
  EXPECT_EQ(live_.HotPages(Window::kDay, 10, kNow).other, 0u);
  EXPECT_EQ(live_.HotPages(Window::kAll, 10, kNow).rows.size(), 3u);
  EXPECT_FALSE(live_.User("v", kNow)->active);
}

TEST_F(LiveStateTest, EachUserIsOnlineByThemselves) {
  Add("a", "view", kNow);
  Add("b", "view", kNow - 299 * kSecond);
  Add("c", "view", kNow - 300 * kSecond);
  Add("d", "view", kNow - 1799 * kSecond);
  Add("e", "view", kNow - 1800 * kSecond);
  Add("a", "view", kNow - 200 * kSecond);  // late: a was seen since
  OnlineUsers online = live_.Online(kNow);
  EXPECT_EQ(online.last_5_minutes, 2u);
  EXPECT_EQ(online.last_30_minutes, 4u);
  Add("c", "view", kNow);
  online = live_.Online(kNow);
  EXPECT_EQ(online.last_5_minutes, 3u);
  EXPECT_EQ(online.last_30_minutes, 4u);
  EXPECT_EQ(live_.Online(kNow + 300 * kSecond).last_5_minutes, 0u);
  EXPECT_TRUE(live_.User("d", kNow)->active);
  EXPECT_FALSE(live_.User("e", kNow)->active);
}

TEST_F(LiveStateTest, ConversionCountsUsersNotEvents) {
  for (int i = 0; i < 10; ++i) Add("user" + std::to_string(i % 4), "view", kNow);
  for (int i = 0; i < 5; ++i) Add("user0", "purchase", kNow);
  const Conversion conversion = live_.ConversionRate();
  EXPECT_EQ(conversion.users_viewed, 4u);
  EXPECT_EQ(conversion.users_purchased, 1u);
  EXPECT_DOUBLE_EQ(conversion.rate, 25);
  EXPECT_DOUBLE_EQ(conversion.rate_events, 50);
}

TEST_F(LiveStateTest, OnlyViewsOfPagesAndClicksOfElementsAreRanked) {
  Add({"u", "view", "/a", "button", kNow, kNow});
  Add({"u", "click", "/b", "button", kNow, kNow});
  Add({"u", "scroll", "/c", "button", kNow, kNow});
  Add({"u", "view", "", "", kNow, kNow});
  Add({"u", "click", "/b", "", kNow, kNow});
  const std::vector<RankedCount> pages = {{"/a", 1, 0}};
  const std::vector<RankedCount> elements = {{"button", 1, 0}};
  EXPECT_EQ(live_.HotPages(Window::kAll, 10, kNow).rows, pages);
  EXPECT_EQ(live_.HotPages(Window::kAll, 10, kNow).other, 0u);
  EXPECT_EQ(live_.HotElements(Window::kHour, 10, kNow).rows, elements);
}

TEST_F(LiveStateTest, EqualCountsRankByValue) {
  for (const char* page : {"/c", "/a", "/d", "/b", "/d"}) Add("u", "view", kNow, page);
  const std::vector<RankedCount> rows = {{"/d", 2, 0}, {"/a", 1, 0}, {"/b", 1, 0}};
  for (const Window window : {Window::kHour, Window::kDay, Window::kAll}) {
    EXPECT_EQ(live_.HotPages(window, 3, kNow).rows, rows);
    EXPECT_TRUE(live_.HotPages(window, 0, kNow).rows.empty());
    EXPECT_EQ(live_.HotPages(window, SIZE_MAX, kNow).rows.size(), 4u);
  }
}

TEST_F(LiveStateTest, WindowsMoveOnForReaders) {
  Add("u", "view", kNow - 30 * kMinute, "/early");
  Add("u", "view", kNow, "/late");
  EXPECT_EQ(live_.HotPages(Window::kHour, 10, kNow).rows.size(), 2u);
  EXPECT_EQ(live_.HotPages(Window::kHour, 10, kNow + 29 * kMinute).rows.size(), 2u);
  EXPECT_EQ(live_.HotPages(Window::kHour, 10, kNow + 30 * kMinute).rows.size(), 1u);
  EXPECT_EQ(live_.HotPages(Window::kHour, 10, kNow + 60 * kMinute).rows.size(), 0u);
  EXPECT_EQ(live_.HotPages(Window::kDay, 10, kNow + 23 * kHour).rows.size(), 2u);
  EXPECT_EQ(live_.HotPages(Window::kDay, 10, kNow + 26 * kHour).rows.size(), 0u);
  EXPECT_EQ(live_.HotPages(Window::kHour, 10, kNow).rows.size(), 2u) << "readers change nothing";
}

TEST_F(LiveStateTest, ProfilesTellTheLatestAgentAndAllVisits) {
  AddWithAgent("u", "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/118.0");
  AddWithAgent("u", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) Version/17.0 Mobile Safari/604.1");
  AddWithAgent("u", "");
  Add("u", "purchase", kNow - kHour);
  Add("u", "custom", kNow - 2 * kHour);
  const UserProfile profile = *live_.User("u", kNow);
  EXPECT_EQ(profile.user_id, "u");
  EXPECT_EQ(profile.device, "mobile");
  EXPECT_EQ(profile.browser, "Safari");
  EXPECT_EQ(profile.first_visit, FromMillis(kNow - 2 * kHour));
  EXPECT_EQ(profile.last_visit, FromMillis(kNow));
  EXPECT_EQ(profile.events, 5u);
  const std::vector<TypeCount> by_type = {{"view", 3}, {"__other__", 1}, {"purchase", 1}};
  EXPECT_EQ(profile.by_type, by_type);
  AddWithAgent("v", "");
  EXPECT_EQ(live_.User("v", kNow)->device, "");
  EXPECT_EQ(live_.User("v", kNow)->browser, "");
}

TEST_F(LiveStateTest, RecentListsAUsersSequencesNewestFirst) {
  for (const char* user : {"a", "b", "a", "c", "a"}) Add(user, "view", kNow);
  using Sequences = std::vector<std::uint64_t>;
  EXPECT_EQ(live_.Recent("a", 10).sequences, (Sequences{5, 3, 1}));
  EXPECT_EQ(live_.Recent("a", 10).complete_from, 1u);
  EXPECT_EQ(live_.Recent("a", 2).sequences, (Sequences{5, 3}));
  EXPECT_EQ(live_.Recent("a", 2).complete_from, 3u);
  EXPECT_EQ(live_.Recent("a", 3).complete_from, 1u) << "the first event was listed";
  EXPECT_EQ(live_.Recent("a", 0).complete_from, 6u);
  EXPECT_EQ(live_.Recent("b", 10).sequences, (Sequences{2}));
  EXPECT_EQ(live_.Recent("nobody", 10).complete_from, 1u);
}

TEST_F(LiveStateTest, TimesAtTheEndsOfTheirRangeAreHarmless) {
  Add({"u", "view", "/", "", INT64_MIN, kNow});
  Add({"u", "view", "/", "", INT64_MAX, kNow});
  Add({"u", "view", "/", "", INT64_MAX, INT64_MAX});
  for (const std::int64_t now : {INT64_MIN, std::int64_t{0}, kNow, INT64_MAX}) {
    EXPECT_EQ(live_.GetDashboard(10, now).totals.total, 3u);
    live_.HotPages(Window::kHour, 10, now);
    live_.HotPages(Window::kDay, 10, now);
    live_.User("u", now);
  }
  std::string saved;
  live_.Save(&saved);
  LiveState loaded(LiveLimits(), 1);
  EXPECT_TRUE(loaded.Load(saved).ok());
}

// Past 1,000 rows the lock is taken anew; nothing else may depend on it.
TEST_F(LiveStateTest, ALargeBatchIsTheSumOfItsRows) {
  reference::LiveStream stream(1, 100, 500, 10);
  EventBatch batch;
  LiveState by_row(LiveLimits(), 1);
  for (int i = 0; i < 3'500; ++i) {
    LiveEvent event = stream.Next();
    event.received_ms = kNow;
    AppendTo(event, &batch);
    EventBatch row;
    AppendTo(event, &row);
    by_row.Apply(row, by_row.applied_sequence() + 1);
  }
  live_.Apply(batch, 1);
  std::string saved, saved_by_row;
  live_.Save(&saved);
  by_row.Save(&saved_by_row);
  EXPECT_EQ(saved, saved_by_row);
}

// Filtered batches keep entries that no row uses, and readers of stored ones may find one twice.
TEST_F(LiveStateTest, DictionariesMayHoldMoreThanTheRowsUse) {
  EventBatch batch;
  batch.received_ms = kNow;
  for (int row = 0; row < 2; ++row) batch.PushRow(kNow);
  const std::vector<std::uint32_t> codes = {2, 3};
  batch.column(Field::kUserId).Load(codes, std::vector<std::uint32_t>{0, 6, 7, 8}, "unuseduu");
  batch.column(Field::kEventType)
      .Load(codes, std::vector<std::uint32_t>{0, 6, 10, 14}, "unusedviewview");
  batch.column(Field::kPageUrl).Load(codes, std::vector<std::uint32_t>{0, 7, 8, 9}, "/unused//");
  live_.Apply(batch, 1);
  const std::vector<TypeCount> by_type = {{"view", 2}};
  const std::vector<RankedCount> rows = {{"/", 2, 0}};
  EXPECT_EQ(live_.users(), 1u);
  EXPECT_EQ(live_.Totals().by_type, by_type);
  EXPECT_EQ(live_.HotPages(Window::kAll, 10, kNow).rows, rows);
  EXPECT_EQ(live_.Recent("u", 10).sequences, (std::vector<std::uint64_t>{2, 1}));
}

class LiveStateBoundsTest : public LiveStateTest {
 protected:
  static LiveLimits Limits() {
    LiveLimits limits;
    limits.event_types_max = 2;
    limits.pages_max = 1'000;
    limits.elements_max = 100;
    limits.users_max = 1'000;
    limits.recent_events_max = 4'000;
    return limits;
  }
  LiveStateBoundsTest() : LiveStateTest(Limits()) {}
};

TEST_F(LiveStateBoundsTest, TypesPastTheBoundAreOther) {
  for (const char* type : {"b", "a", "c", "a", "d", "__other__"}) Add("u", type, kNow);
  const std::vector<TypeCount> by_type = {{"__other__", 3}, {"a", 2}, {"b", 1}};
  EXPECT_EQ(live_.Totals().by_type, by_type);
  EXPECT_EQ(live_.types_overflow_events(), 3u);
  EXPECT_EQ(live_.Totals().total, 6u);
}

TEST_F(LiveStateBoundsTest, ViewsCountForConversionEvenPastTheTypesBound) {
  for (const char* type : {"a", "b", "view", "view", "purchase"}) Add("u", type, kNow, "/");
  EXPECT_DOUBLE_EQ(live_.ConversionRate().rate, 100);
  EXPECT_DOUBLE_EQ(live_.ConversionRate().rate_events, 50);
  EXPECT_EQ(live_.HotPages(Window::kAll, 1, kNow).rows.at(0).count, 2u);
}

TEST_F(LiveStateBoundsTest, UsersPastTheBoundOnlyCountInTotals) {
  for (int i = 0; i < 1'001; ++i) Add("user" + std::to_string(i), "view", kNow);
  Add("user0", "view", kNow);
  EXPECT_EQ(live_.users(), 1'000u);
  EXPECT_EQ(live_.Totals().users, 1'000u);
  EXPECT_EQ(live_.users_overflow_events(), 1u);
  EXPECT_EQ(live_.Online(kNow).last_5_minutes, 1'000u);
  EXPECT_EQ(live_.Totals().total, 1'002u);
  EXPECT_EQ(live_.User("user1000", kNow), std::nullopt);
  EXPECT_EQ(live_.Recent("user1000", 10).complete_from, 1'002u);
  EXPECT_EQ(live_.Recent("user0", 10).complete_from, 1u);
}

// Memory stays bounded however many distinct values there are: twice the events, the same bytes.
TEST_F(LiveStateBoundsTest, DistinctValuesDoNotGrowMemoryWithoutEnd) {
  EventBatch batch;
  const auto add = [&](int begin, int end) {
    for (int i = begin; i < end; ++i) {
      const std::string name = std::to_string(i);
      AppendTo({"user" + name, i % 2 == 0 ? "view" : "click", "/page/" + name, "element" + name,
                kNow + i * 50, kNow + i * 50},
               &batch);
      batch.column(Field::kEventType).Set(batch.rows - 1, i % 3 == 0 ? "type" + name : "view");
      if (batch.rows < 1'000) continue;
      live_.Apply(batch, live_.applied_sequence() + 1);
      batch.Clear();
    }
  };
  add(0, 100'000);
  const std::size_t bytes = live_.bytes();
  EXPECT_LE(bytes, 4u << 20);
  add(100'000, 200'000);
  EXPECT_LE(live_.bytes(), bytes + bytes / 10);
}

}  // namespace
}  // namespace insightflow
