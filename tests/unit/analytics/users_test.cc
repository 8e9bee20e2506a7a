#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "lib/analytics/analyze.h"

namespace insightflow {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr Timestamp kStart = FromMillis(1'704'067'200'000);

Event At(Timestamp time, const std::string& user, const std::string& agent = "") {
  Event event;
  event.user_id = user;
  event.event_type = "view";
  event.timestamp = time;
  event.user_agent = agent;
  return event;
}

Result<Answer> Ask(const UsersQuery& query, const std::vector<Event>& events) {
  return AnalyzeEvents(query, events, kStart + hours(48));
}

UsersAnswer Page(const UsersQuery& query, const std::vector<Event>& events) {
  Result<Answer> answer = Ask(query, events);
  EXPECT_TRUE(answer.ok()) << answer.status().ToString();
  return answer.ok() ? std::get<UsersAnswer>(answer->body) : UsersAnswer();
}

TEST(UsersTest, ARowTellsOfAUser) {
  const std::string phone =
      "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile Safari/604.1";
  // A gap of half an hour does not split, one millisecond more does.
  const std::vector<Event> events = {At(kStart, "u", "curl/8.0"),
                                     At(kStart + minutes(30), "u", phone),
                                     At(kStart + minutes(60) + std::chrono::milliseconds(1), "u")};
  const UsersAnswer page = Page({}, events);
  ASSERT_EQ(page.users.size(), 1u);
  EXPECT_EQ(page.users[0],
            (UserRow{"u", kStart, events[2].timestamp, 3, 2, "mobile", "Safari", false}));
  EXPECT_EQ(page.next, "");
}

TEST(UsersTest, ASessionEndsAfterADay) {
  std::vector<Event> events;
  for (int i = 0; i <= 49; ++i) events.push_back(At(kStart + i * minutes(30), "u"));
  EXPECT_EQ(Page({}, events).users[0].sessions, 2u);  // 24 hours stay, 24.5 do not
  events.pop_back();
  EXPECT_EQ(Page({}, events).users[0].sessions, 1u);
}

TEST(UsersTest, ActiveIsWithinHalfAnHour) {
  const std::vector<Event> events = {At(kStart + hours(48), "now"),
                                     At(kStart + hours(48) - minutes(29), "29"),
                                     At(kStart + hours(48) - minutes(30), "30")};
  const UsersAnswer page = Page({}, events);
  EXPECT_EQ(page.users[0].user_id, "now");
  EXPECT_TRUE(page.users[0].active);
  EXPECT_TRUE(page.users[1].active);
  EXPECT_FALSE(page.users[2].active);
}

TEST(UsersTest, PagesGoOnWhereTheLastOneEnded) {
  std::vector<Event> events;
  for (const std::string user : {"c", "a", "b", "d"}) events.push_back(At(kStart, user));
  events.push_back(At(kStart, "d"));
  UsersQuery query;
  query.sort = UsersSort::kEvents;
  query.scope.limit = 2;
  const UsersAnswer first = Page(query, events);
  ASSERT_EQ(first.users.size(), 2u);
  EXPECT_EQ(first.users[0].user_id, "d");
  EXPECT_EQ(first.users[1].user_id, "a");
  query.after = first.next;
  const UsersAnswer second = Page(query, events);
  ASSERT_EQ(second.users.size(), 2u);
  EXPECT_EQ(second.users[0].user_id, "b");
  EXPECT_EQ(second.users[1].user_id, "c");
  EXPECT_EQ(second.next, "");
}

TEST(UsersTest, ACursorIsCheckedAndOfItsOrder) {
  std::vector<Event> events = {At(kStart, "a"), At(kStart, "b")};
  UsersQuery query;
  query.scope.limit = 1;
  const std::string cursor = Page(query, events).next;
  ASSERT_NE(cursor, "");
  for (const std::string bad :
       {"x", "zz", "76", "7631", "763120", "7630312061", cursor.c_str() + 1, cursor.c_str() + 2}) {
    query.after = bad;
    const Result<Answer> answer = Ask(query, events);
    ASSERT_FALSE(answer.ok()) << bad;
    EXPECT_EQ(answer.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(answer.status().message().find("after"), std::string::npos);
  }
  query.after = cursor;
  EXPECT_TRUE(Ask(query, events).ok());
  query.sort = UsersSort::kEvents;
  EXPECT_FALSE(Ask(query, events).ok());
}

TEST(TopTest, ListsTheMostAndCountsTheOthers) {
  std::vector<Event> events;
  const auto add = [&](const std::string& user, const std::string& page, int times) {
    for (int i = 0; i < times; ++i) {
      events.push_back(At(kStart, user));
      events.back().page_url = page;
    }
  };
  add("a", "/x", 5);
  add("b", "/y", 3);
  add("a", "/y", 2);
  add("c", "/z", 1);
  add("d", "/w", 1);
  add("d", "", 9);
  TopQuery query;
  query.scope.limit = 3;
  const auto by_count = AnalyzeEvents(query, events, kStart);
  ASSERT_TRUE(by_count.ok());
  EXPECT_EQ(std::get<TopAnswer>(by_count->body),
            (TopAnswer{{{"/x", 5, 0}, {"/y", 5, 0}, {"/w", 1, 0}}, 1, 1}));
  query.measure = Measure::kUsers;
  const auto by_users = AnalyzeEvents(query, events, kStart);
  ASSERT_TRUE(by_users.ok());
  EXPECT_EQ(std::get<TopAnswer>(by_users->body),
            (TopAnswer{{{"/y", 2, 0}, {"/w", 1, 0}, {"/x", 1, 0}}, 1, 1}));
  query.measure = Measure::kSum;
  EXPECT_NE(AnalyzeEvents(query, events, kStart).status().message().find("measure"),
            std::string::npos);
  query = {};
  query.field = "page";
  EXPECT_EQ(AnalyzeEvents(query, events, kStart).status().code(), StatusCode::kInvalidArgument);
}

TEST(LifecycleTest, SaysWhoIsNewAndWhoCameBack) {
  constexpr Timestamp kMonday = kStart;  // 2024-01-01
  const auto week = [&](int n) { return kMonday + hours(n * 7 * 24 + 30); };
  const std::vector<Event> events = {At(week(0), "stays"),        At(week(1), "stays"),
                                     At(week(2), "stays"),        At(week(0), "returns late"),
                                     At(week(2), "returns late"), At(week(1), "comes"),
                                     At(week(1), "comes")};
  LifecycleQuery query;
  const auto all = AnalyzeEvents(query, events, kStart);
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(std::get<LifecycleAnswer>(all->body),
            (LifecycleAnswer{{{kMonday, 2, 0, 0, 0},
                              {kMonday + hours(168), 1, 1, 0, 1},
                              {kMonday + hours(336), 0, 1, 1, 1}},
                             {{1, 1}, {2, 1}, {3, 1}}}));
  // What came before the range is remembered.
  query.scope.from = kMonday + hours(336);
  const auto last = AnalyzeEvents(query, events, kStart);
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(std::get<LifecycleAnswer>(last->body),
            (LifecycleAnswer{{{kMonday + hours(336), 0, 1, 1, 1}}, {{1, 2}}}));
  query.interval = Interval::kTotal;
  EXPECT_NE(AnalyzeEvents(query, events, kStart).status().message().find("interval"),
            std::string::npos);
}

}  // namespace
}  // namespace insightflow
