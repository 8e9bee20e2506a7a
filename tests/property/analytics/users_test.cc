// The pages of the list of users, one after another, are its twin's rows.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/reference/users_twin.h"
#include "tests/support/random_events.h"
#include "tests/support/split_run.h"

namespace insightflow {
namespace {

using testing::Random;

std::string Print(const std::vector<UserRow>& rows) {
  std::string text;
  for (const UserRow& row : rows) {
    text += row.user_id + " " + std::to_string(ToMillis(row.first_visit)) + " " +
            std::to_string(ToMillis(row.last_visit)) + " " + std::to_string(row.events) + " " +
            std::to_string(row.sessions) + " " + row.device + " " + row.browser +
            (row.active ? " active\n" : "\n");
  }
  return text;
}

TEST(UsersPropertyTest, PagesAreTheTwinsRows) {
  Random random(testing::RandomSeed());
  const int cases = testing::RandomCases(2'000);
  for (int i = 0; i < cases; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    const testing::EventsShape shape;
    const std::vector<Event> events = testing::RandomEvents(shape, &random);
    UsersQuery query;
    query.scope = testing::RandomScope(shape, &random);
    query.sort = random.OneIn(2) ? UsersSort::kEvents : UsersSort::kLastVisit;
    query.search = random.Of(std::vector<std::string>{"", "", "1", "é", "u", "u2é", "x"});
    const std::int64_t now = shape.start_ms + random.Below(shape.span_ms / 60'000) * 60'000;
    std::vector<UserRow> rows;
    do {
      const Result<Answer> answer = testing::RunSplit(query, events, now, &random);
      ASSERT_TRUE(answer.ok()) << answer.status().ToString();
      const auto& page = std::get<UsersAnswer>(answer->body);
      ASSERT_LE(page.users.size(), query.scope.limit);
      ASSERT_TRUE(page.next.empty() || page.users.size() == query.scope.limit);
      rows.insert(rows.end(), page.users.begin(), page.users.end());
      query.after = page.next;
    } while (!query.after.empty());
    const auto twin = reference::UsersTwin(query, reference::EventTable(events), now);
    ASSERT_EQ(rows, twin) << Print(rows) << "twin:\n" << Print(twin);
  }
}

}  // namespace
}  // namespace insightflow
