// The naive twin of sessions: every session as a list of events, every user as a name.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "insightflow/result.h"
#include "lib/analytics/analysis.h"
#include "lib/model/time_zone.h"
#include "tests/reference/bucket_twin.h"
#include "tests/reference/timeline_twin.h"

namespace insightflow::reference {

struct TwinSession {
  std::string user;
  Timeline events;
  SplitCause cause = SplitCause::kFirst;

  std::int64_t begin() const { return ToMillis(events.front().timestamp); }
  std::int64_t end() const { return ToMillis(events.back().timestamp); }
};

// Pages of the tests carry at most this one parameter.
inline std::string TwinCampaign(const Event& event) {
  const std::string key = "?utm_campaign=";
  const std::size_t at = event.page_url.find(key);
  if (at != std::string::npos) return event.page_url.substr(at + key.size());
  return ValueOfField(event, "extra_data.utm_campaign");
}

// The first value that an event of the session has.
template <typename ValueOfEvent>
std::string HeldBy(const Timeline& session, const ValueOfEvent& value_of) {
  for (const Event& event : session) {
    if (const std::string value = value_of(event); !value.empty()) return value;
  }
  return "";
}

inline SplitCause TwinSplit(const Timeline& session, const Event& next, const SessionRules& rules,
                            const std::string& timezone) {
  const auto changes = [&](const auto& value_of) {
    const std::string held = HeldBy(session, value_of);
    return !held.empty() && !value_of(next).empty() && held != value_of(next);
  };
  if (next.timestamp - session.back().timestamp > rules.timeout) return SplitCause::kTimeout;
  if (rules.max_duration && next.timestamp - session.front().timestamp > *rules.max_duration) {
    return SplitCause::kMaxDuration;
  }
  if (rules.split_midnight) {
    const absl::TimeZone zone = *LoadZone(timezone);
    const auto day = [&](const Event& event) {
      return IntervalLabel(Interval::kDay, zone, ToMillis(event.timestamp));
    };
    if (day(next) > day(session.back())) return SplitCause::kMidnight;
  }
  if (rules.split_campaign && changes(TwinCampaign)) return SplitCause::kCampaign;
  if (rules.split_session_id && changes([](const Event& event) { return event.session_id; })) {
    return SplitCause::kSessionId;
  }
  return SplitCause::kFirst;
}

inline std::vector<TwinSession> CutTimeline(const std::string& user, const Timeline& timeline,
                                            const SessionRules& rules,
                                            const std::string& timezone) {
  std::vector<TwinSession> sessions;
  for (const Event& event : timeline) {
    SplitCause cause = SplitCause::kFirst;
    if (!sessions.empty()) cause = TwinSplit(sessions.back().events, event, rules, timezone);
    if (sessions.empty() || cause != SplitCause::kFirst) sessions.push_back({user, {}, cause});
    sessions.back().events.push_back(event);
  }
  return sessions;
}

inline bool TwinBounces(const TwinSession& session) {
  const std::set<std::string> passive = {"session_start", "session_end", "page_leave", "heartbeat",
                                         "performance",   "resource",    "error"};
  int views = 0, engagement = 0;
  for (const Event& event : session.events) {
    if (event.event_type == "view") {
      ++views;
    } else if (!passive.contains(event.event_type)) {
      ++engagement;
    }
  }
  return views <= 1 && engagement == 0;
}

inline SessionStats TwinStats(const std::vector<TwinSession>& sessions) {
  SessionStats stats;
  std::set<std::string> users;
  std::vector<double> durations;
  double events = 0, duration_sum = 0;
  for (const TwinSession& session : sessions) {
    users.insert(session.user);
    if (TwinBounces(session)) ++stats.bounces;
    events += static_cast<double>(session.events.size());
    durations.push_back(static_cast<double>(session.end() - session.begin()));
    duration_sum += durations.back();
  }
  stats.sessions = sessions.size();
  stats.users = users.size();
  if (sessions.empty()) return stats;
  const auto count = static_cast<double>(sessions.size());
  stats.bounce_rate = 100.0 * static_cast<double>(stats.bounces) / count;
  stats.events_per_session = events / count;
  stats.duration.count = sessions.size();
  stats.duration.mean_ms = duration_sum / count;
  stats.duration.median_ms = PercentileOf(durations, 50);
  stats.duration.p90_ms = PercentileOf(durations, 90);
  return stats;
}

inline std::vector<SessionPoint> TwinPoints(const std::vector<TwinSession>& sessions,
                                            const SessionsQuery& query, const ScanEnd& end) {
  std::vector<SessionPoint> points;
  const std::int64_t behind = end.data_end_ms + (end.end_is_event ? 1 : 0);
  if (end.data_begin_ms == ScanEnd::kNoEvents || end.data_end_ms == ScanEnd::kNoEvents ||
      end.data_begin_ms >= behind) {
    return points;
  }
  constexpr std::int64_t kMinuteMs = 60'000;
  const std::int64_t from = end.data_begin_ms / kMinuteMs * kMinuteMs;
  const std::vector<std::int64_t> begins =
      IntervalBegins(*query.interval, *LoadZone(query.scope.timezone), from, behind, kMinuteMs);
  for (std::size_t i = 0; i < begins.size(); ++i) {
    std::vector<TwinSession> inside;
    for (const TwinSession& session : sessions) {
      const bool before_next = i + 1 == begins.size() || session.begin() < begins[i + 1];
      if (session.begin() >= begins[i] && before_next) inside.push_back(session);
    }
    const SessionStats stats = TwinStats(inside);
    points.push_back({FromMillis(begins[i]), stats.sessions, stats.users, stats.bounces});
  }
  return points;
}

inline std::vector<std::pair<BreakdownValue, SessionStats>> TwinBreakdown(
    const std::vector<TwinSession>& sessions, const std::string& field, std::size_t limit) {
  std::map<std::string, std::vector<TwinSession>> by_value;
  std::map<std::string, std::uint64_t> counts;
  for (const TwinSession& session : sessions) {
    const std::string value = ValueOfField(session.events.front(), field);
    by_value[value].push_back(session);
    ++counts[value];
  }
  std::vector<std::pair<BreakdownValue, SessionStats>> rows;
  for (const TopRow& row : TopOf(counts, limit)) {
    rows.emplace_back(row.value.empty() ? BreakdownValue() : BreakdownValue(row.value),
                      TwinStats(by_value[row.value]));
    by_value.erase(row.value);
  }
  std::vector<TwinSession> others;
  for (const auto& [value, list] : by_value) others.insert(others.end(), list.begin(), list.end());
  if (!others.empty()) rows.emplace_back(kOtherValue, TwinStats(others));
  return rows;
}

inline SessionsAnswer TwinSessions(const SessionsQuery& query, const std::vector<Event>& events,
                                   const ScanEnd& end) {
  SessionsAnswer answer;
  std::vector<TwinSession> sessions;
  std::map<std::string, std::uint64_t> entries, exits;
  answer.split_causes.resize(kSplitCauseCount);
  for (const auto& [user, timeline] : TimelinesOf(events, query.scope)) {
    for (TwinSession& session : CutTimeline(user, timeline, query.rules, query.scope.timezone)) {
      ++answer.split_causes[static_cast<std::size_t>(session.cause)];
      std::vector<std::string> pages;
      for (const Event& event : session.events) {
        if (!event.page_url.empty()) pages.push_back(event.page_url);
      }
      if (!pages.empty()) ++entries[pages.front()], ++exits[pages.back()];
      sessions.push_back(std::move(session));
    }
  }
  answer.stats = TwinStats(sessions);
  if (query.interval) answer.points = TwinPoints(sessions, query, end);
  if (query.breakdown) {
    answer.breakdown = TwinBreakdown(sessions, query.breakdown->field,
                                     query.breakdown->limit.value_or(query.scope.limit));
  }
  answer.entry_pages = TopOf(entries, query.scope.limit);
  answer.exit_pages = TopOf(exits, query.scope.limit);
  return answer;
}

}  // namespace insightflow::reference
