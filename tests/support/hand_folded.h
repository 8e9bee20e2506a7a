// A small store that a test folds by hand, and a day's events for it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "insightflow/engine.h"

namespace insightflow {

inline EngineOptions FoldedByHand(const std::string& dir, const Clock* clock) {
  EngineOptions options;
  options.data_dir = dir;
  options.dedupe_bytes_max = 4u << 20;
  options.disk_free_min = 0;
  options.fold = false;
  options.clock = clock;
  return options;
}

inline constexpr std::uint64_t kEventsADay = 50;

// Of seven users, each with an id that begins with `id_prefix`.
inline std::vector<Event> EventsOfDay(std::int64_t day, const std::string& id_prefix = "") {
  constexpr std::int64_t kDayMillis = 86'400'000;
  std::vector<Event> events(kEventsADay);
  for (std::uint64_t i = 0; i < kEventsADay; ++i) {
    Event& event = events[i];
    event.event_id = id_prefix + std::to_string(day) + "-" + std::to_string(i);
    event.user_id = "u" + std::to_string(i % 7);
    event.session_id = "s" + std::to_string(i);
    event.event_type = i % 2 == 0 ? "view" : "click";
    event.page_url = "/" + std::to_string(i % 5);
    event.timestamp = FromMillis(day * kDayMillis + static_cast<std::int64_t>(i * i));
  }
  return events;
}

}  // namespace insightflow
