// The levels of ClickHouse's windowFunnel (version 26.9), quirks included. It reads events ordered
// by (time, number of the condition), an event once for each condition that it meets, and keeps
// for each level one chain: its first time and its last. With strict_once it keeps every chain, so
// that no event is used twice in one; what all those chains can still do is known from the latest
// start of each level and from what the events of one time can fill (FunnelTies).

#include <algorithm>
#include <bit>

#include "lib/analytics/funnel_matcher.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint64_t Bit(std::uint32_t k) { return std::uint64_t{1} << k; }

// Without strict_once.
class OneChain {
 public:
  explicit OneChain(const FunnelRules& rules) : rules_(rules) {}

  void Begin(std::int64_t time_ms, std::uint32_t /*level*/) { time_ms_ = time_ms; }
  void Start() { first_[0] = last_[0] = time_ms_; }
  // Takes the chain of k steps on.
  bool Extend(std::uint32_t k, FunnelTies* /*ties*/, std::size_t /*at*/, Stop* /*stop*/) {
    return ExtendAlone(k);
  }
  bool ExtendAlone(std::uint32_t k) {
    const std::uint64_t passed =
        static_cast<std::uint64_t>(time_ms_) - static_cast<std::uint64_t>(first_[k - 1]);
    if (passed > rules_.window_ms) return false;
    if (rules_.clickhouse->strict_increase && last_[k - 1] >= time_ms_) return false;
    first_[k] = first_[k - 1];
    last_[k] = time_ms_;
    return true;
  }
  void End() {}

 private:
  const FunnelRules& rules_;
  std::int64_t time_ms_ = 0;
  std::array<std::int64_t, kFunnelStepsMax> first_;
  std::array<std::int64_t, kFunnelStepsMax> last_;
};

// With strict_once. start_[k] is the latest start of chains of k steps before this time.
class EveryChain {
 public:
  explicit EveryChain(const FunnelRules& rules) : rules_(rules) {}

  void Begin(std::int64_t time_ms, std::uint32_t level) {
    start_[0] = time_ms;
    level_ = level;
    taken_ = 0;
  }
  void Start() { Take(1, start_[0]); }
  // Of the chains before this time that events of this time can take to k + 1 steps, those of
  // fewest steps start last.
  bool Extend(std::uint32_t k, FunnelTies* ties, std::size_t at, Stop* stop) {
    const bool one = rules_.clickhouse->strict_deduplication && !ties->simple();
    if (one) LeaveOnly(k, ties, at);
    const std::uint32_t lowest = rules_.clickhouse->strict_increase ? k : 0;
    for (std::uint32_t from = lowest; from <= std::min(k, level_); ++from) {
      if (!InWindow(from)) continue;
      // Each step looks at all events, more or less often.
      if (stop->Worked(ties->simple() ? 1 : (k + 1 - from) * (1 + ties->size() / 64))) return false;
      if (!ties->CanFill((Bit(k) << 1) - Bit(from))) continue;
      Take(k + 1, start_[from]);
      return true;
    }
    if (one) {
      for (const std::size_t other : barred_) ties->Allow(other, Bit(k));
    }
    return false;
  }
  // An event that is alone at its time fills one step of a chain from before.
  bool ExtendAlone(std::uint32_t k) {
    if (k > level_ || !InWindow(k)) return false;
    Take(k + 1, start_[k]);
    return true;
  }
  void End() {
    for (std::uint64_t left = taken_; left != 0; left &= left - 1) {
      const std::uint32_t k = std::countr_zero(left) + 1;
      start_[k] = k > level_ ? next_[k] : std::max(start_[k], next_[k]);
    }
  }

 private:
  // Whether this time is, for chains of `from` steps.
  bool InWindow(std::uint32_t from) const {
    return static_cast<std::uint64_t>(start_[0]) - static_cast<std::uint64_t>(start_[from]) <=
           rules_.window_ms;
  }
  void Take(std::uint32_t k, std::int64_t start_ms) {
    taken_ |= Bit(k - 1);
    next_[k] = start_ms;
  }
  // Makes this the only event that can fill step k.
  void LeaveOnly(std::uint32_t k, FunnelTies* ties, std::size_t at) {
    barred_.clear();
    for (std::size_t other = 0; other < ties->size(); ++other) {
      if (other == at || (ties->mask(other) >> k & 1) == 0) continue;
      ties->Forbid(other, Bit(k));
      barred_.push_back(other);
    }
  }

  const FunnelRules& rules_;
  std::uint32_t level_ = 0;
  std::uint64_t taken_ = 0;
  std::array<std::int64_t, kFunnelStepsMax + 1> start_;
  std::array<std::int64_t, kFunnelStepsMax + 1> next_;
  std::vector<std::size_t> barred_;
};

template <typename Chains>
class WindowFunnel {
 public:
  WindowFunnel(const FunnelRules& rules, FunnelTies* ties, FunnelChain* chain, Stop* stop)
      : rules_(rules),
        modes_(*rules.clickhouse),
        chains_(rules),
        ties_(ties),
        chain_(chain),
        stop_(stop) {}

  void Run(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end) {
    // Work is told of many rows at once, unless they are of one time.
    std::uint32_t told = begin;
    for (std::uint32_t row = begin; row < end;) {
      if (row - told >= Stop::kStepsPerQuestion) {
        if (stop_->Worked(row - told)) return;
        told = row;
      }
      const std::int64_t time_ms = rows.time_ms[row];
      std::uint32_t behind = row + 1;
      if (behind == end || rows.time_ms[behind] != time_ms) {
        if (!TakeAlone(time_ms, rows.steps[row], row)) return;
      } else {
        while (behind < end && rows.time_ms[behind] == time_ms) ++behind;
        if (!TakeTies(rows, row, behind)) return;
      }
      row = behind;
    }
  }

 private:
  // What to look at behind an event for a condition.
  enum class Next : std::uint8_t { kEvent, kCondition, kNothing };

  bool Has(std::uint32_t k) const { return k < chain_->level; }
  // Events that meet no condition come first.
  bool OtherEnds() const { return modes_.strict_order && chain_->level > 0; }

  void Reach(std::uint32_t k, std::uint32_t row) {
    if (Has(k)) return;
    chain_->level = k + 1;
    chain_->filled |= Bit(k);
    chain_->rows[k] = row;
  }

  // The only event of its time. Whether to go on.
  bool TakeAlone(std::int64_t time_ms, std::uint64_t mask, std::uint32_t row) {
    if (mask == 0) return !OtherEnds();
    chains_.Begin(time_ms, chain_->level);
    for (std::uint64_t left = mask; left != 0; left &= left - 1) {
      const std::uint32_t k = std::countr_zero(left);
      if (TakeEvent(k, row, [&] { return chains_.ExtendAlone(k); }) == Next::kNothing) return false;
    }
    chains_.End();
    return true;
  }

  // Several events of one time. Whether to go on.
  bool TakeTies(const FunnelRows& rows, std::uint32_t row, std::uint32_t behind) {
    if (stop_->Worked(behind - row)) return false;
    const std::uint64_t* const steps = rows.steps;
    if (OtherEnds() && std::find(steps + row, steps + behind, 0) != steps + behind) return false;
    ties_->Load(steps, row, behind, rules_.steps);
    chains_.Begin(rows.time_ms[row], chain_->level);
    for (std::uint64_t left = ties_->any(); left != 0; left &= left - 1) {
      if (stop_->Worked(1 + ties_->size() / 64)) return false;
      if (!TakeCondition(std::countr_zero(left)) || stop_->over()) return false;
    }
    chains_.End();
    return true;
  }

  // The tied events that meet condition k, one after the other. Whether to go on.
  bool TakeCondition(std::uint32_t k) {
    candidates_.clear();
    for (std::size_t at = 0; at < ties_->size(); ++at) {
      if ((ties_->mask(at) >> k & 1) != 0) candidates_.push_back(at);
    }
    for (const std::size_t at : candidates_) {
      const Next next =
          TakeEvent(k, ties_->row(at), [&] { return chains_.Extend(k, ties_, at, stop_); });
      if (next != Next::kEvent) return next == Next::kCondition;
    }
    return true;
  }

  template <typename Extend>
  Next TakeEvent(std::uint32_t k, std::uint32_t row, const Extend& extend) {
    if (k == 0) {
      chains_.Start();
      Reach(0, row);
      return Next::kCondition;
    }
    if (modes_.strict_deduplication && Has(k)) return Next::kNothing;
    if (!Has(k - 1)) {
      const bool ends = modes_.strict_order && chain_->level > 0 && !modes_.allow_reentry;
      return ends ? Next::kNothing : Next::kCondition;
    }
    if (!extend()) return Next::kEvent;
    Reach(k, row);
    if (k + 1 == rules_.steps) return Next::kNothing;
    return modes_.strict_deduplication ? Next::kEvent : Next::kCondition;
  }

  const FunnelRules& rules_;
  const ClickHouseModes& modes_;
  Chains chains_;
  FunnelTies* const ties_;
  FunnelChain* const chain_;
  Stop* const stop_;
  std::vector<std::size_t> candidates_;
};

}  // namespace

void FunnelMatcher::MatchClickHouse(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                                    FunnelChain* chain) {
  if (rules_.clickhouse->strict_once) {
    WindowFunnel<EveryChain>(rules_, &ties_, chain, stop_).Run(rows, begin, end);
  } else {
    WindowFunnel<OneChain>(rules_, &ties_, chain, stop_).Run(rows, begin, end);
  }
}

}  // namespace v1
}  // namespace insightflow
