// The funnel's rules (docs/funnel-specification.md, sections 1 to 10) by exhaustive search: every
// chain of a timeline is built, and the best one is told. For tiny timelines only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace insightflow::reference {

struct TwinEvent {
  std::int64_t time = 0;
  std::vector<bool> steps;          // by step: whether it matches
  std::vector<bool> exclusions;     // by exclusion
  std::vector<std::string> values;  // of what is held constant; "": absent
};

struct TwinExclusion {
  std::size_t after_step = 1;  // numbers from 1
  std::size_t before_step = 2;
};

enum class TwinOrder { kOrdered, kStrictlyIncreasing, kStrict, kUnordered };

struct TwinFunnel {
  std::vector<bool> optional;  // by step
  std::optional<std::int64_t> window;
  TwinOrder order = TwinOrder::kOrdered;
  std::vector<TwinExclusion> exclusions;

  std::size_t steps() const { return optional.size(); }
};

struct TwinChain {
  std::size_t level = 0;                           // the furthest step, numbers from 1
  std::vector<std::optional<std::size_t>> events;  // by step, or unordered by time: places
  std::optional<std::int64_t> open_start;          // of the chain that could go on longest

  friend bool operator==(const TwinChain&, const TwinChain&) = default;
};

class FunnelTwin {
 public:
  // The events stand in the order of the timeline.
  FunnelTwin(const TwinFunnel& funnel, const std::vector<TwinEvent>& events)
      : funnel_(funnel), events_(events), chain_(funnel.steps()) {}

  TwinChain Best() {
    if (funnel_.order == TwinOrder::kUnordered) {
      Choose(0);
    } else {
      Begin();
    }
    for (const Chain& chain : of_level_) {
      if (best_level_ == funnel_.steps() || !CouldGoOn(chain)) continue;
      const std::int64_t start = Times(chain).front();
      best_.open_start = std::max(best_.open_start.value_or(start), start);
    }
    return best_;
  }

 private:
  using Chain = std::vector<std::optional<std::size_t>>;

  std::vector<std::int64_t> Times(const Chain& chain) const {
    std::vector<std::int64_t> times;
    for (const auto& event : chain) {
      if (event) times.push_back(events_[*event].time);
    }
    return times;
  }

  // What "first" and "last" go by: with strict the place in the timeline, else the time.
  std::int64_t PlaceOf(std::size_t event) const {
    const bool strict = funnel_.order == TwinOrder::kStrict;
    return strict ? static_cast<std::int64_t>(event) : events_[event].time;
  }
  std::vector<std::int64_t> Places(const Chain& chain) const {
    std::vector<std::int64_t> places;
    for (const auto& event : chain) {
      if (event) places.push_back(PlaceOf(*event));
    }
    return places;
  }

  static std::size_t LevelOf(const Chain& chain) {
    for (std::size_t k = chain.size(); k > 0; --k) {
      if (chain[k - 1]) return k;
    }
    return 0;
  }

  bool InWindow(std::int64_t first, std::int64_t last) const {
    return !funnel_.window || last - first <= *funnel_.window;
  }

  bool HaveEqualValues(std::size_t a, std::size_t b) const {
    for (std::size_t i = 0; i < events_[a].values.size(); ++i) {
      const std::string& value = events_[a].values[i];
      if (value.empty() || value != events_[b].values[i]) return false;
    }
    return true;
  }

  // An event that a chain of this level cannot pass, strictly between the two times.
  bool IsExcluded(std::size_t level, std::int64_t after, std::int64_t before) const {
    for (std::size_t e = 0; e < funnel_.exclusions.size(); ++e) {
      const TwinExclusion& exclusion = funnel_.exclusions[e];
      if (level < exclusion.after_step || level >= exclusion.before_step) continue;
      for (const TwinEvent& event : events_) {
        if (event.exclusions[e] && event.time > after && event.time < before) return true;
      }
    }
    return false;
  }

  void Begin() {
    for (std::size_t i = 0; i < events_.size(); ++i) {
      if (!events_[i].steps[0] || !HaveEqualValues(i, i)) continue;
      chain_[0] = i;
      GoOn(1, i, i);
      chain_[0] = std::nullopt;
    }
  }

  // The chain's last filled step is `level`, by event `last`.
  void GoOn(std::size_t level, std::size_t first, std::size_t last) {
    Judge();
    for (std::size_t next = level + 1; next <= funnel_.steps(); ++next) {
      for (std::size_t i = 0; i < events_.size(); ++i) {
        if (!MayFollow(level, next, first, last, i)) continue;
        chain_[next - 1] = i;
        GoOn(next, first, i);
        chain_[next - 1] = std::nullopt;
      }
      if (!funnel_.optional[next - 1]) break;
    }
  }

  bool MayFollow(std::size_t level, std::size_t next, std::size_t first, std::size_t last,
                 std::size_t i) const {
    const std::int64_t time = events_[i].time;
    const std::int64_t last_time = events_[last].time;
    if (!events_[i].steps[next - 1]) return false;
    if (std::find(chain_.begin(), chain_.end(), i) != chain_.end()) return false;
    if (time < last_time || !InWindow(events_[first].time, time)) return false;
    if (funnel_.order == TwinOrder::kStrictlyIncreasing && time == last_time) return false;
    if (funnel_.order == TwinOrder::kStrict && i != last + 1) return false;
    return HaveEqualValues(first, i) && !IsExcluded(level, last_time, time);
  }

  // Unordered: each step has an event or none.
  void Choose(std::size_t step) {
    if (step == funnel_.steps()) return JudgeUnordered();
    Choose(step + 1);
    for (std::size_t i = 0; i < events_.size(); ++i) {
      if (!events_[i].steps[step]) continue;
      if (std::find(chain_.begin(), chain_.end(), i) != chain_.end()) continue;
      chain_[step] = i;
      Choose(step + 1);
      chain_[step] = std::nullopt;
    }
  }

  void JudgeUnordered() {
    std::vector<std::size_t> events;
    for (const auto& event : chain_) {
      if (event) events.push_back(*event);
    }
    if (events.empty()) return;
    std::sort(events.begin(), events.end());
    if (!InWindow(events_[events.front()].time, events_[events.back()].time)) return;
    for (const std::size_t event : events) {
      if (!HaveEqualValues(events[0], event)) return;
    }
    Chain sorted(funnel_.steps());
    std::copy(events.begin(), events.end(), sorted.begin());
    Consider(sorted);
  }

  void Judge() { Consider(chain_); }

  void Consider(const Chain& chain) {
    const std::size_t level = LevelOf(chain);
    if (level < best_level_) return;
    if (level > best_level_) of_level_.clear();
    best_level_ = level;
    of_level_.push_back(chain);
    if (best_.level == 0 || IsBetter(chain, best_.events)) {
      best_.level = level;
      best_.events = chain;
    }
  }

  // Section 2, from the first rule to the last.
  bool IsBetter(const Chain& a, const Chain& b) const {
    if (LevelOf(a) != LevelOf(b)) return LevelOf(a) > LevelOf(b);
    const std::vector<std::int64_t> places_a = Places(a);
    const std::vector<std::int64_t> places_b = Places(b);
    if (places_a.size() != places_b.size()) return places_a.size() > places_b.size();
    if (places_a.back() != places_b.back()) return places_a.back() < places_b.back();
    if (places_a.front() != places_b.front()) return places_a.front() > places_b.front();
    for (std::size_t k = 0; k < a.size(); ++k) {
      constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
      const std::int64_t place_a = a[k] ? PlaceOf(*a[k]) : kNever;
      const std::int64_t place_b = b[k] ? PlaceOf(*b[k]) : kNever;
      if (place_a != place_b) return place_a < place_b;
    }
    for (std::size_t k = 0; k < a.size(); ++k) {
      if (a[k] != b[k]) return a[k] < b[k];
    }
    return false;
  }

  // Section 10, without the window.
  bool CouldGoOn(const Chain& chain) const {
    if (funnel_.order == TwinOrder::kStrict && *chain[LevelOf(chain) - 1] + 1 != events_.size()) {
      return false;
    }
    return !IsExcluded(LevelOf(chain), Times(chain).back(),
                       std::numeric_limits<std::int64_t>::max());
  }

  const TwinFunnel& funnel_;
  const std::vector<TwinEvent>& events_;
  Chain chain_;  // on its way
  std::size_t best_level_ = 0;
  std::vector<Chain> of_level_;
  TwinChain best_;
};

}  // namespace insightflow::reference
