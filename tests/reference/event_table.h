// Events as a plain list with what every naive twin of an analysis asks of them. Filters and fields
// are judged by lib/model, which has tests of its own; nothing of lib/analytics is used.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "insightflow/event.h"
#include "insightflow/query.h"
#include "lib/model/event_rows.h"
#include "lib/model/field_ref.h"
#include "lib/model/predicate.h"

namespace insightflow::reference {

class EventTable {
 public:
  using Rows = std::vector<std::size_t>;

  explicit EventTable(std::span<const Event> events) : events_(events.begin(), events.end()) {
    AppendEvents(events_, &batch_);
  }

  const Event& at(std::size_t row) const { return events_[row]; }
  std::int64_t Time(std::size_t row) const { return ToMillis(events_[row].timestamp); }
  std::size_t size() const { return events_.size(); }

  bool Holds(std::size_t row, const std::vector<Filter>& filters) const {
    return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
      std::string scratch;
      const FieldRef field = *ParseFieldRef(filter.field);
      return Predicate::Create(filter)->Matches(ValueOf(batch_, row, field, &scratch));
    });
  }
  bool Selected(std::size_t row, const EventSelector& selector) const {
    const auto& types = selector.types;
    const bool typed = types.empty() || std::find(types.begin(), types.end(),
                                                  events_[row].event_type) != types.end();
    return typed && Holds(row, selector.filters);
  }
  // As it is shown; nullopt where it is absent.
  std::optional<std::string> Shown(std::size_t row, const std::string& field) const {
    std::string scratch, spelled;
    const EventValue value = ValueOf(batch_, row, *ParseFieldRef(field), &scratch);
    std::string text(SpelledValue(value, &spelled));
    if (text.empty()) return std::nullopt;
    return text;
  }
  std::optional<double> Number(std::size_t row, const std::string& field) const {
    std::string scratch;
    const EventValue value = ValueOf(batch_, row, *ParseFieldRef(field), &scratch);
    if (!value.is_number()) return std::nullopt;
    return value.real;
  }

  // Rows of a range whose filters hold and which are selected, in the order of the log.
  Rows Find(std::int64_t from_ms, std::int64_t to_ms, const std::vector<Filter>& filters,
            const EventSelector& selector) const {
    Rows rows;
    for (std::size_t row = 0; row < size(); ++row) {
      if (Time(row) >= from_ms && Time(row) < to_ms && Holds(row, filters) &&
          Selected(row, selector)) {
        rows.push_back(row);
      }
    }
    return rows;
  }
  // Of each user, in order of time; equal times as they came.
  std::map<std::string, Rows> ByUser(const Rows& rows) const {
    std::map<std::string, Rows> users;
    for (const std::size_t row : rows) users[at(row).user_id].push_back(row);
    for (auto& [user, own] : users) {
      std::stable_sort(own.begin(), own.end(),
                       [&](std::size_t a, std::size_t b) { return Time(a) < Time(b); });
    }
    return users;
  }
  // Of all events, whatever the filters; nullopt without events.
  std::optional<std::int64_t> FirstTime() const {
    if (events_.empty()) return std::nullopt;
    std::int64_t first = Time(0);
    for (std::size_t row = 1; row < size(); ++row) first = std::min(first, Time(row));
    return first;
  }
  std::optional<std::int64_t> LastTime() const {
    if (events_.empty()) return std::nullopt;
    std::int64_t last = Time(0);
    for (std::size_t row = 1; row < size(); ++row) last = std::max(last, Time(row));
    return last;
  }

 private:
  std::vector<Event> events_;
  EventBatch batch_;
};

}  // namespace insightflow::reference
