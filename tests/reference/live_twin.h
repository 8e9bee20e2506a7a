// The naive twin of LiveState: keeps every event and answers each question by walking them all.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "insightflow/live.h"
#include "insightflow/options.h"

namespace insightflow::reference {

struct LiveEvent {
  std::string user;
  std::string type;
  std::string page;     // "" is absent
  std::string element;  // "" is absent
  std::int64_t time_ms = 0;
  std::int64_t received_ms = 0;

  std::int64_t second() const { return std::min(time_ms, received_ms) / 1000; }
  std::int64_t minute() const { return second() / 60; }
  std::int64_t hour() const { return second() / 3600; }
};

inline void SortCounts(std::vector<TypeCount>* counts) {
  std::sort(counts->begin(), counts->end(), [](const TypeCount& a, const TypeCount& b) {
    return a.count != b.count ? a.count > b.count : a.type < b.type;
  });
}

inline std::vector<TypeCount> ToCounts(const std::map<std::string, std::uint64_t>& by_type) {
  std::vector<TypeCount> counts;
  for (const auto& [type, count] : by_type) counts.push_back({type, count});
  SortCounts(&counts);
  return counts;
}

// Space-Saving by the book: a list, searched from end to end. Of each value it keeps when it was
// seen while it had its place.
class HotTwin {
 public:
  explicit HotTwin(std::size_t max) : max_(max) {}

  void Add(const std::string& value, const LiveEvent& event) {
    const Seen seen{event.minute(), event.hour()};
    all_.push_back(seen);
    truth_[value].push_back(seen);
    if (max_ == 0) return;
    Entry* entry = Find(value);
    if (entry == nullptr && entries_.size() < max_) {
      entry = &entries_.emplace_back();
      entry->value = value;
    } else if (entry == nullptr) {
      entry = &*std::min_element(entries_.begin(), entries_.end(),
                                 [](const Entry& a, const Entry& b) { return a.count < b.count; });
      *entry = {value, entry->count, entry->count, {}, NewestBefore()};
    }
    ++entry->count;
    entry->held.push_back(seen);
  }

  Ranking Top(Window window, std::size_t limit, std::int64_t now_ms) const {
    Ranking ranking;
    ranking.other = CountIn(all_, window, now_ms, INT64_MAX);
    for (const Entry& entry : entries_) {
      ranking.other -= CountIn(entry.held, window, now_ms, INT64_MAX);
    }
    ranking.exact = ranking.other == 0;
    for (const Entry& entry : entries_) {
      const std::uint64_t held = CountIn(entry.held, window, now_ms, INT64_MAX);
      if (held == 0) continue;
      const std::uint64_t error = std::min(entry.error, LostUntil(entry, window, now_ms));
      ranking.rows.push_back({entry.value, held + error, error});
    }
    std::sort(ranking.rows.begin(), ranking.rows.end(),
              [](const RankedCount& a, const RankedCount& b) {
                return a.count != b.count ? a.count > b.count : a.value < b.value;
              });
    if (ranking.rows.size() > limit) ranking.rows.resize(limit);
    return ranking;
  }

  // How often the value truly was in the window.
  std::uint64_t Truth(const std::string& value, Window window, std::int64_t now_ms) const {
    const auto found = truth_.find(value);
    return found == truth_.end() ? 0 : CountIn(found->second, window, now_ms, INT64_MAX);
  }
  std::uint64_t TruthOfAll(Window window, std::int64_t now_ms) const {
    return CountIn(all_, window, now_ms, INT64_MAX);
  }
  std::set<std::string> Values() const {
    std::set<std::string> values;
    for (const auto& [value, seen] : truth_) values.insert(value);
    return values;
  }

 private:
  struct Seen {
    std::int64_t minute = 0;
    std::int64_t hour = 0;
  };
  struct Entry {
    std::string value;
    std::uint64_t count = 0;
    std::uint64_t error = 0;
    std::vector<Seen> held = {};
    std::int64_t lost_until_minute = -1;
  };

  Entry* Find(const std::string& value) {
    for (Entry& entry : entries_) {
      if (entry.value == value) return &entry;
    }
    return nullptr;
  }

  // The newest minute before the event that is being added.
  std::int64_t NewestBefore() const {
    std::int64_t newest = -1;
    for (std::size_t i = 0; i + 1 < all_.size(); ++i) newest = std::max(newest, all_[i].minute);
    return newest;
  }

  // What a value may have had before it came lies among the events of the window that nobody holds,
  // and not after the moment it came.
  std::uint64_t LostUntil(const Entry& entry, Window window, std::int64_t now_ms) const {
    if (window == Window::kAll) return entry.error;
    std::uint64_t lost = CountIn(all_, window, now_ms, entry.lost_until_minute);
    for (const Entry& e : entries_)
      lost -= CountIn(e.held, window, now_ms, entry.lost_until_minute);
    return lost;
  }

  // Events of `seen` in the window, not after a minute (in the day window: not after its hour).
  std::uint64_t CountIn(const std::vector<Seen>& seen, Window window, std::int64_t now_ms,
                        std::int64_t until_minute) const {
    if (window == Window::kAll) return seen.size();
    const bool by_hour = window == Window::kDay;
    const std::int64_t now = now_ms / (by_hour ? 3'600'000 : 60'000);
    const std::int64_t size = by_hour ? 25 : 60;
    const std::int64_t until =
        until_minute == INT64_MAX ? INT64_MAX : (by_hour ? until_minute / 60 : until_minute);
    std::int64_t newest = -1;
    for (const Seen& s : all_) newest = std::max(newest, by_hour ? s.hour : s.minute);
    return std::count_if(seen.begin(), seen.end(), [&](const Seen& s) {
      const std::int64_t bucket = by_hour ? s.hour : s.minute;
      return bucket <= now && bucket > now - size && bucket > newest - size && bucket <= until;
    });
  }

  std::size_t max_;
  std::vector<Entry> entries_;
  std::vector<Seen> all_;
  std::map<std::string, std::vector<Seen>> truth_;
};

class LiveTwin {
 public:
  explicit LiveTwin(const LiveLimits& limits)
      : limits_(limits), pages(limits.pages_max), elements(limits.elements_max) {}

  void Add(const LiveEvent& event) {
    events_.push_back(event);
    if (types_.size() < limits_.event_types_max && event.type != "__other__") {
      types_.insert(event.type);
    }
    if (users_.size() < limits_.users_max) users_.insert(event.user);
    if (event.type == "view" && !event.page.empty()) pages.Add(event.page, event);
    if (event.type == "click" && !event.element.empty()) elements.Add(event.element, event);
  }

  OnlineUsers Online(std::int64_t now_ms) const {
    OnlineUsers online;
    const std::int64_t now = now_ms / 1000;
    std::map<std::string, std::int64_t> last;
    for (const LiveEvent& e : events_) {
      if (users_.contains(e.user)) last[e.user] = std::max(last[e.user], e.second());
    }
    std::int64_t newest = 0;
    for (const auto& [user, second] : last) newest = std::max(newest, second);
    for (const auto& [user, second] : last) {
      if (second > now || second <= newest - 2048) continue;
      online.last_5_minutes += second > now - 300;
      online.last_30_minutes += second > now - 1800;
    }
    return online;
  }

  EventTotals Totals() const {
    EventTotals totals;
    std::map<std::string, std::uint64_t> by_type;
    for (const LiveEvent& e : events_) ++by_type[TypeOf(e)];
    totals.total = events_.size();
    totals.users = users_.size();
    totals.by_type = ToCounts(by_type);
    return totals;
  }

  EventRates Rates(std::int64_t now_ms) const {
    EventRates rates;
    const std::int64_t second = now_ms / 1000;
    std::map<std::string, std::uint64_t> by_type;
    for (const LiveEvent& e : events_) {
      if (e.second() >= second - 60 && e.second() < second && e.second() > Newest(1) - 128) {
        ++by_type[TypeOf(e)];
        ++rates.last_minute;
      }
    }
    rates.last_minute_by_type = ToCounts(by_type);
    rates.seconds = Series(1, second - 1, 60, 128);
    rates.minutes = Series(60, second / 60, 60, 64);
    rates.hours = Series(3600, second / 3600, 25, 32);
    return rates;
  }

  Conversion ConversionRate() const {
    Conversion c;
    std::set<std::string> viewed, purchased;
    double views = 0, purchases = 0;
    for (const LiveEvent& e : events_) {
      views += e.type == "view";
      purchases += e.type == "purchase";
      if (!users_.contains(e.user)) continue;
      if (e.type == "view") viewed.insert(e.user);
      if (e.type == "purchase") purchased.insert(e.user);
    }
    c.users_viewed = viewed.size();
    c.users_purchased = purchased.size();
    if (!viewed.empty()) c.rate = 100.0 * purchased.size() / viewed.size();
    if (views > 0) c.rate_events = 100.0 * purchases / views;
    return c;
  }

  std::optional<UserProfile> User(const std::string& user, std::int64_t now_ms) const {
    if (!users_.contains(user)) return std::nullopt;
    UserProfile profile;
    profile.user_id = user;
    profile.first_visit = FromMillis(INT64_MAX);
    profile.last_visit = FromMillis(INT64_MIN);
    std::map<std::string, std::uint64_t> by_type;
    std::int64_t last = -1;
    for (const LiveEvent& e : events_) {
      if (e.user != user) continue;
      ++profile.events;
      profile.first_visit = std::min(profile.first_visit, FromMillis(e.time_ms));
      profile.last_visit = std::max(profile.last_visit, FromMillis(e.time_ms));
      const bool known = e.type == "view" || e.type == "click" || e.type == "purchase";
      ++by_type[known ? e.type : "__other__"];
      last = std::max(last, e.second());
    }
    profile.by_type = ToCounts(by_type);
    profile.active = last <= now_ms / 1000 && last > now_ms / 1000 - 1800;
    return profile;
  }

  // All sequences of a user, newest first; the log begins with sequence 1.
  std::vector<std::uint64_t> Sequences(const std::string& user) const {
    std::vector<std::uint64_t> sequences;
    for (std::size_t i = events_.size(); i > 0; --i) {
      if (events_[i - 1].user == user) sequences.push_back(i);
    }
    return sequences;
  }

  std::uint64_t UsersOverflowEvents() const {
    return std::count_if(events_.begin(), events_.end(),
                         [this](const LiveEvent& e) { return !users_.contains(e.user); });
  }
  std::uint64_t TypesOverflowEvents() const {
    return std::count_if(events_.begin(), events_.end(),
                         [this](const LiveEvent& e) { return TypeOf(e) == "__other__"; });
  }
  std::size_t size() const { return events_.size(); }
  bool HasProfile(const std::string& user) const { return users_.contains(user); }

 private:
  std::string TypeOf(const LiveEvent& e) const {
    return types_.contains(e.type) ? e.type : "__other__";
  }

  std::int64_t Newest(std::int64_t unit_seconds) const {
    std::int64_t newest = -1;
    for (const LiveEvent& e : events_) newest = std::max(newest, e.second() / unit_seconds);
    return newest;
  }

  std::vector<std::uint64_t> Series(std::int64_t unit_seconds, std::int64_t last, std::size_t count,
                                    std::int64_t kept) const {
    std::vector<std::uint64_t> series(count);
    const std::int64_t newest = Newest(unit_seconds);
    for (const LiveEvent& e : events_) {
      const std::int64_t unit = e.second() / unit_seconds;
      const std::int64_t first = last - static_cast<std::int64_t>(count) + 1;
      if (unit >= first && unit <= last && unit > newest - kept) ++series[unit - first];
    }
    return series;
  }

  LiveLimits limits_;
  std::vector<LiveEvent> events_;
  std::set<std::string> types_;  // those with a name of their own
  std::set<std::string> users_;  // those with a profile

 public:
  HotTwin pages;
  HotTwin elements;
};

}  // namespace insightflow::reference
