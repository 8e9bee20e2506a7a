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

constexpr std::size_t kStepsATime = Stop::kStepsPerQuestion / 64;

constexpr std::uint64_t Bit(std::uint32_t k) { return std::uint64_t{1} << k; }

// Without strict_once.
class OneChain {
 public:
  explicit OneChain(const FunnelRules& rules) : rules_(rules) {}

  void Begin(std::int64_t time_ms, std::uint32_t /*level*/) { time_ms_ = time_ms; }
  void Start() { first_[0] = last_[0] = time_ms_; }
  // Takes the chain of k steps on.
  bool Extend(std::uint32_t k, FunnelTies* /*ties*/, std::size_t /*at*/) {
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
  bool Extend(std::uint32_t k, FunnelTies* ties, std::size_t at) {
    const bool one = rules_.clickhouse->strict_deduplication && !ties->simple();
    if (one) LeaveOnly(k, ties, at);
    const std::uint32_t lowest = rules_.clickhouse->strict_increase ? k : 0;
    for (std::uint32_t from = lowest; from <= std::min(k, level_); ++from) {
      const std::uint64_t passed =
          static_cast<std::uint64_t>(start_[0]) - static_cast<std::uint64_t>(start_[from]);
      if (passed > rules_.window_ms) continue;
      if (!ties->CanFill((Bit(k) << 1) - Bit(from))) continue;
      Take(k + 1, start_[from]);
      return true;
    }
    if (one) {
      for (const std::size_t other : barred_) ties->Allow(other, Bit(k));
    }
    return false;
  }
  void End() {
    for (std::uint64_t left = taken_; left != 0; left &= left - 1) {
      const std::uint32_t k = std::countr_zero(left) + 1;
      start_[k] = k > level_ ? next_[k] : std::max(start_[k], next_[k]);
    }
  }

 private:
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
  WindowFunnel(const FunnelRules& rules, FunnelTies* ties, FunnelChain* chain)
      : rules_(rules), modes_(*rules.clickhouse), chains_(rules), ties_(ties), chain_(chain) {}

  void Run(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end, Stop* stop) {
    for (std::uint32_t row = begin, behind = begin; row < end; row = behind) {
      if (stop->Worked(kStepsATime)) return;
      bool other = false;
      while (behind < end && rows.time_ms[behind] == rows.time_ms[row]) {
        if (rows.steps[behind++] == 0) other = true;
      }
      // Events that meet no condition come first.
      if (other && modes_.strict_order && chain_->level > 0) return;
      ties_->Load(rows.steps, row, behind, rules_.steps);
      chains_.Begin(rows.time_ms[row], chain_->level);
      for (std::uint64_t left = ties_->any(); left != 0; left &= left - 1) {
        if (!TakeStep(std::countr_zero(left))) return;
      }
      chains_.End();
    }
  }

 private:
  bool Has(std::uint32_t k) const { return k < chain_->level; }

  void Reach(std::uint32_t k, std::uint32_t row) {
    if (Has(k)) return;
    chain_->level = k + 1;
    chain_->filled |= Bit(k);
    chain_->rows[k] = row;
  }

  // The events that meet condition k, one after the other. Whether to go on.
  bool TakeStep(std::uint32_t k) {
    candidates_.clear();
    for (std::size_t at = 0; at < ties_->size(); ++at) {
      if ((ties_->mask(at) >> k & 1) != 0) candidates_.push_back(at);
    }
    for (const std::size_t at : candidates_) {
      if (k == 0) {
        chains_.Start();
        Reach(0, ties_->row(at));
        return true;
      }
      if (modes_.strict_deduplication && Has(k)) return false;
      if (!Has(k - 1)) return !modes_.strict_order || chain_->level == 0 || modes_.allow_reentry;
      if (!chains_.Extend(k, ties_, at)) continue;
      Reach(k, ties_->row(at));
      if (k + 1 == rules_.steps) return false;
      if (!modes_.strict_deduplication) return true;
    }
    return true;
  }

  const FunnelRules& rules_;
  const ClickHouseModes& modes_;
  Chains chains_;
  FunnelTies* const ties_;
  FunnelChain* const chain_;
  std::vector<std::size_t> candidates_;
};

}  // namespace

void FunnelMatcher::MatchClickHouse(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                                    FunnelChain* chain) {
  if (rules_.clickhouse->strict_once) {
    WindowFunnel<EveryChain>(rules_, &ties_, chain).Run(rows, begin, end, stop_);
  } else {
    WindowFunnel<OneChain>(rules_, &ties_, chain).Run(rows, begin, end, stop_);
  }
}

}  // namespace v1
}  // namespace insightflow
