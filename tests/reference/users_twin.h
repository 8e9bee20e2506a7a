// The naive twin of the list of users: every user's row, sorted, without pages.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "insightflow/result.h"
#include "lib/model/user_agent.h"
#include "tests/reference/event_table.h"
#include "tests/reference/top_twin.h"

namespace insightflow::reference {

inline std::vector<UserRow> UsersTwin(const UsersQuery& query, const EventTable& events,
                                      std::int64_t now_ms) {
  const EventTable::Rows rows =
      events.Find(FromOf(query.scope), ToOf(query.scope), query.scope.filters, {});
  std::vector<UserRow> users;
  for (const auto& [user_id, own] : events.ByUser(rows)) {
    if (user_id.find(query.search) == std::string::npos) continue;
    UserRow user;
    user.user_id = user_id;
    user.events = own.size();
    user.first_visit = events.at(own.front()).timestamp;
    user.last_visit = events.at(own.back()).timestamp;
    std::string agent;
    std::int64_t session_begin = 0;
    for (std::size_t i = 0; i < own.size(); ++i) {
      const std::int64_t time = events.Time(own[i]);
      const bool gap = i == 0 || time - events.Time(own[i - 1]) > 30 * 60'000;
      if (gap || time - session_begin > 24 * 3'600'000) {
        ++user.sessions;
        session_begin = time;
      }
      if (!events.at(own[i]).user_agent.empty()) agent = events.at(own[i]).user_agent;
    }
    user.device = DeviceName(ClassifyAgent(agent).device);
    user.browser = BrowserName(ClassifyAgent(agent).browser);
    const std::int64_t age = now_ms - ToMillis(user.last_visit);
    user.active = age >= 0 && age < 30 * 60'000;
    users.push_back(user);
  }
  std::stable_sort(users.begin(), users.end(), [&](const UserRow& a, const UserRow& b) {
    return query.sort == UsersSort::kEvents ? a.events > b.events : a.last_visit > b.last_visit;
  });
  return users;
}

}  // namespace insightflow::reference
