// What a funnel answers, written for obviousness: each user's events are sorted, cut into sessions,
// and searched by FunnelTwin; then everything is counted. For small logs only. Not for the modes of
// ClickHouse, whose twin is ClickHouse.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "insightflow/event.h"
#include "lib/analytics/analysis.h"
#include "lib/model/event_rows.h"
#include "lib/model/predicate.h"
#include "tests/reference/funnel_twin.h"

namespace insightflow::reference {

class FunnelAnswerTwin {
 public:
  FunnelAnswerTwin(const FunnelQuery& query, const std::vector<Event>& events, const ScanEnd& end)
      : query_(query), events_(events), end_(end) {
    AppendEvents(events, &batch_);
    for (const FunnelStep& step : query.steps) funnel_.optional.push_back(step.optional);
    if (query.window) funnel_.window = query.window->count();
    funnel_.order = static_cast<TwinOrder>(query.order);
    for (const auto& e : query.exclusions) {
      funnel_.exclusions.push_back({e.after_step, e.before_step});
    }
  }

  FunnelAnswer Answer() {
    std::map<std::string, std::vector<std::size_t>> by_user;
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const Event& event = events_[i];
      if (query_.scope.from && event.timestamp < *query_.scope.from) continue;
      if (query_.scope.to && event.timestamp >= *query_.scope.to) continue;
      if (HoldAll(query_.scope.filters, i)) by_user[event.user_id].push_back(i);
    }
    for (auto& [user, places] : by_user) {
      std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
        return events_[a].timestamp < events_[b].timestamp;
      });
      AddUser(places);
    }
    return Count();
  }

 private:
  struct Unit {
    TwinChain chain;
    std::vector<std::size_t> places;  // of its events
    bool pending = false;
    BreakdownValue value;
  };

  std::string Text(std::size_t i, const std::string& field) {
    std::string scratch;
    std::string spelled;
    const EventValue value = ValueOf(batch_, i, *ParseFieldRef(field), &scratch);
    return std::string(SpelledValue(value, &spelled));
  }

  bool HoldAll(const std::vector<Filter>& filters, std::size_t i) {
    return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
      const Predicate predicate = *Predicate::Create(filter);
      std::string scratch;
      return predicate.Matches(ValueOf(batch_, i, predicate.field(), &scratch));
    });
  }

  bool Selects(const EventSelector& selector, std::size_t i) {
    const auto& types = selector.types;
    const bool of_type = types.empty() || std::find(types.begin(), types.end(),
                                                    events_[i].event_type) != types.end();
    return of_type && HoldAll(selector.filters, i);
  }

  std::int64_t TimeOf(std::size_t i) const { return ToMillis(events_[i].timestamp); }

  void AddUser(const std::vector<std::size_t>& places) {
    if (query_.per == FunnelUnit::kUser) return AddUnit(places, true, 0);
    const std::int64_t timeout = query_.session_rules.timeout.count();
    const std::int64_t longest = query_.session_rules.max_duration->count();
    std::vector<std::size_t> session;
    for (const std::size_t i : places) {
      if (!session.empty() && (TimeOf(i) - TimeOf(session.back()) > timeout ||
                               TimeOf(i) - TimeOf(session.front()) > longest)) {
        AddUnit(session, false, 0);
        session.clear();
      }
      session.push_back(i);
    }
    AddUnit(session, true,
            std::min(TimeOf(session.back()) + timeout, TimeOf(session.front()) + longest));
  }

  // The first moment of which the data knows nothing: `to`, unless that is still to come.
  std::int64_t Unknown() const {
    if (!query_.scope.to) return end_.data_end_ms + 1;
    std::int64_t known_ms = end_.now_ms;
    for (const Event& event : events_) known_ms = std::max(known_ms, ToMillis(event.timestamp));
    return std::min(ToMillis(*query_.scope.to), known_ms + 1);
  }

  // `session_ends`: the last moment for another event of it; 0: no session.
  void AddUnit(const std::vector<std::size_t>& places, bool is_last, std::int64_t session_ends) {
    std::vector<TwinEvent> timeline;
    for (const std::size_t i : places) {
      TwinEvent event;
      event.time = TimeOf(i);
      for (const FunnelStep& step : query_.steps) event.steps.push_back(Selects(step.event, i));
      for (const auto& e : query_.exclusions) event.exclusions.push_back(Selects(e.event, i));
      for (const std::string& field : query_.hold_constant) event.values.push_back(Text(i, field));
      timeline.push_back(std::move(event));
    }
    Unit unit;
    unit.chain = FunnelTwin(funnel_, timeline).Best();
    unit.places = places;
    if (unit.chain.level == 0) return;
    const std::int64_t unknown = Unknown();
    unit.pending = query_.window && unit.chain.open_start && is_last &&
                   *unit.chain.open_start + query_.window->count() >= unknown &&
                   (session_ends == 0 || session_ends >= unknown);
    if (query_.breakdown) unit.value = ValueOfUnit(unit);
    units_.push_back(std::move(unit));
  }

  BreakdownValue ValueOfUnit(const Unit& unit) {
    std::size_t step = 1;
    if (query_.breakdown->attribution == Attribution::kLast) step = unit.chain.level;
    if (query_.breakdown->attribution == Attribution::kStep) step = query_.breakdown->step;
    const auto& event = unit.chain.events[step - 1];
    if (!event) return std::nullopt;
    const std::string text = Text(unit.places[*event], query_.breakdown->field);
    return text.empty() ? BreakdownValue() : BreakdownValue(text);
  }

  static std::optional<DurationStats> Stats(std::vector<std::int64_t> values) {
    if (values.empty()) return std::nullopt;
    std::sort(values.begin(), values.end());
    // In hundredths of a rank, which are whole numbers.
    const auto at = [&](std::size_t percent) {
      const std::size_t rank = percent * (values.size() - 1);
      const std::size_t low = rank / 100;
      const std::size_t high = std::min(low + 1, values.size() - 1);
      const double part = static_cast<double>(rank % 100) / 100;
      return static_cast<double>(values[low]) +
             part * static_cast<double>(values[high] - values[low]);
    };
    double sum = 0;
    for (const std::int64_t value : values) sum += static_cast<double>(value);
    return DurationStats{values.size(), sum / static_cast<double>(values.size()), at(50), at(90)};
  }

  std::int64_t EventTime(const Unit& unit, std::size_t step) const {
    return TimeOf(unit.places[*unit.chain.events[step - 1]]);
  }

  static double Rate(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  }

  FunnelCounts CountsOf(const std::vector<const Unit*>& units) {
    const std::size_t steps = query_.steps.size();
    FunnelCounts counts;
    counts.total_users = units.size();
    std::uint64_t before = units.size();
    for (std::size_t step = 1; step <= steps; ++step) {
      FunnelStepAnswer answer;
      for (const std::string& type : query_.steps[step - 1].event.types) {
        answer.name += (answer.name.empty() ? "" : ", ") + type;
      }
      std::vector<std::int64_t> times;
      for (const Unit* unit : units) {
        if (unit->chain.events[step - 1]) {
          ++answer.users;
          std::size_t previous = step - 1;
          while (previous > 0 && !unit->chain.events[previous - 1]) --previous;
          if (previous > 0) times.push_back(EventTime(*unit, step) - EventTime(*unit, previous));
        }
        if (unit->chain.level == step && step < steps) {
          ++(unit->pending ? answer.pending : answer.drop_off);
        }
      }
      answer.conversion_rate = Rate(answer.users, units.size());
      answer.step_conversion_rate = Rate(answer.users, before);
      answer.time_from_previous = Stats(times);
      counts.pending_users += answer.pending;
      if (!query_.steps[step - 1].optional) before = answer.users;
      counts.steps.push_back(std::move(answer));
    }
    counts.conversion_rate = Rate(counts.steps.back().users, units.size());
    return counts;
  }

  FunnelAnswer Count() {
    FunnelAnswer answer;
    std::vector<const Unit*> all;
    std::vector<std::int64_t> whole;
    std::map<BreakdownValue, std::vector<const Unit*>> by_value;
    for (const Unit& unit : units_) {
      all.push_back(&unit);
      by_value[unit.value].push_back(&unit);
      if (unit.chain.level != query_.steps.size()) continue;
      whole.push_back(EventTime(unit, unit.chain.level) - EventTime(unit, 1));
    }
    answer.counts = CountsOf(all);
    answer.time_to_convert = Stats(whole);
    if (query_.breakdown) AddBreakdown(by_value, &answer);
    if (query_.users_at) answer.users = UsersAt();
    return answer;
  }

  void AddBreakdown(const std::map<BreakdownValue, std::vector<const Unit*>>& by_value,
                    FunnelAnswer* answer) {
    std::vector<std::pair<BreakdownValue, std::vector<const Unit*>>> values(by_value.begin(),
                                                                            by_value.end());
    std::stable_sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
      return a.second.size() > b.second.size();
    });
    std::vector<const Unit*> others;
    const std::size_t limit = query_.breakdown->limit.value_or(query_.scope.limit);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i < limit) {
        answer->breakdown.emplace_back(values[i].first, CountsOf(values[i].second));
      } else {
        others.insert(others.end(), values[i].second.begin(), values[i].second.end());
      }
    }
    if (!others.empty()) answer->breakdown.emplace_back(kOtherValue, CountsOf(others));
  }

  std::vector<FunnelUser> UsersAt() {
    const FunnelUsersAt& at = *query_.users_at;
    std::vector<FunnelUser> users;
    for (const Unit& unit : units_) {
      const std::size_t level = unit.chain.level;
      const bool stopped = level == at.step && level < query_.steps.size();
      const bool listed = at.outcome == FunnelOutcome::kReached
                              ? unit.chain.events[at.step - 1].has_value()
                              : stopped && unit.pending == (at.outcome == FunnelOutcome::kPending);
      if (!listed) continue;
      users.push_back({events_[unit.places[0]].user_id, level, FromMillis(EventTime(unit, level))});
    }
    std::sort(users.begin(), users.end(), [](const FunnelUser& a, const FunnelUser& b) {
      return std::tie(b.time, a.user_id, a.step) < std::tie(a.time, b.user_id, b.step);
    });
    users.resize(std::min(users.size(), at.limit));
    return users;
  }

  const FunnelQuery& query_;
  const std::vector<Event>& events_;
  const ScanEnd& end_;
  EventBatch batch_;
  TwinFunnel funnel_;
  std::vector<Unit> units_;
};

}  // namespace insightflow::reference
