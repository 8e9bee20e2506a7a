// Answers of the live numbers: what happens now, and totals of all time.
//
// Live windows move in whole seconds, minutes and hours of the engine's clock. An event counts in a
// window by its event time; one from the future (a client's clock may run ahead) counts at the time
// it was received. Events too old for a window only count in the totals. Numbers of users are about
// the first LiveLimits::users_max users of the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "insightflow/event.h"
#include "insightflow/time.h"

namespace insightflow {
inline namespace v1 {

// The part of time that a ranking covers: the minute under way and the 59 before it; the hour under
// way and the 24 before it; everything ever accepted.
enum class Window : std::uint8_t { kHour, kDay, kAll };

// A value and how often it was seen. The true count is in [count - count_error_max, count];
// count_error_max is 0 until the exact table is full. Source: Metwally, Agrawal, El Abbadi,
// "Efficient Computation of Frequent and Top-k Elements in Data Streams" (2005).
struct RankedCount {
  std::string value = {};
  std::uint64_t count = 0;
  std::uint64_t count_error_max = 0;

  friend bool operator==(const RankedCount&, const RankedCount&) = default;
};

// Most frequent first; equal counts in ascending order of the value.
struct Ranking {
  std::vector<RankedCount> rows = {};
  std::uint64_t other = 0;  // events of the window that no tracked value holds
  bool exact = true;
};

struct OnlineUsers {
  std::uint64_t last_5_minutes = 0;   // distinct users with an event in the last 300 s
  std::uint64_t last_30_minutes = 0;  // and in the last 1,800 s
};

struct TypeCount {
  std::string type = {};
  std::uint64_t count = 0;

  friend bool operator==(const TypeCount&, const TypeCount&) = default;
};

struct EventTotals {
  std::uint64_t total = 0;
  std::uint64_t users = 0;              // distinct users ever, up to LiveLimits::users_max
  std::vector<TypeCount> by_type = {};  // most frequent first, then by name
};

struct EventRates {
  std::uint64_t last_minute = 0;  // events of the last 60 full seconds
  std::vector<TypeCount> last_minute_by_type = {};
  std::vector<std::uint64_t> seconds = {};  // 60 full seconds, oldest first
  std::vector<std::uint64_t> minutes = {};  // 60, the last one under way
  std::vector<std::uint64_t> hours = {};    // 25, the last one under way
};

struct Conversion {
  std::uint64_t users_viewed = 0;     // users with at least one "view"
  std::uint64_t users_purchased = 0;  // users with at least one "purchase"
  double rate = 0;         // percent: users_purchased / users_viewed, 0 when nobody viewed
  double rate_events = 0;  // percent: purchase events / view events, 0 when there are no views
};

// All of the above at one moment, so that a dashboard's numbers agree with each other.
struct Dashboard {
  OnlineUsers online = {};
  EventTotals totals = {};
  EventRates rates = {};
  Ranking hot_pages = {};
  Conversion conversion = {};
};

struct UserProfile {
  std::string user_id = {};
  Timestamp first_visit = {};  // event times
  Timestamp last_visit = {};
  std::uint64_t events = 0;
  std::vector<TypeCount> by_type =
      {};                    // only the types "view", "click", "purchase" and "__other__"
  std::string device = {};   // "desktop", "mobile", "tablet", "bot" or "" when no agent was seen
  std::string browser = {};  // "Chrome", "Firefox", "Safari", "Edge", "Opera", "other" or ""
  bool active = false;       // an event within the last 30 minutes
};

// One stored event: what was sent, when it arrived and where the log holds it.
struct StoredEvent {
  Event event = {};
  Timestamp received = {};
  std::uint64_t sequence = 0;
};

}  // namespace v1
}  // namespace insightflow
