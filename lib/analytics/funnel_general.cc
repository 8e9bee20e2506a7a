// Funnels with optional steps, exclusions or values held constant: the pass of funnel_ordered.cc
// with a table in place of the array. A chain on its way is known by its last step and by how many
// optional steps it has filled; of the chains that agree in both, the one that starts last is kept,
// and of those the one whose steps came earliest. Where a chain has filled more optional steps than
// another of the same last step and starts no earlier, the other is forgotten: whatever it could
// still come to, this one can. Its rows are linked from the last one backwards.
// What came at one time is found from what was held before that time, and an exclusion leaves only
// what came at its own.
//
// Values held constant: the rows of each value are a timeline of their own. Strict: only what came
// with the row before is held.

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

#include "lib/analytics/funnel_matcher.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint32_t kUnfilled = FunnelTies::kNone;
constexpr std::int64_t kNone = FunnelChain::kNeverOpen;

constexpr std::uint64_t Bit(std::uint32_t k) { return std::uint64_t{1} << k; }

template <typename Use>
void ForEachBit(std::uint64_t bits, Use use) {
  for (; bits != 0; bits &= bits - 1) use(static_cast<std::uint32_t>(std::countr_zero(bits)));
}

// Whether the steps of `a` come earlier; a filled step is earlier than one that is not.
bool ComesEarlier(const FunnelRows& rows, const FunnelChain& a, const FunnelChain& b) {
  for (std::uint32_t k = 0; k < a.level; ++k) {
    if (a.rows[k] == b.rows[k]) continue;
    if (a.rows[k] == kUnfilled || b.rows[k] == kUnfilled) return b.rows[k] == kUnfilled;
    const std::int64_t time_a = rows.time_ms[a.rows[k]];
    const std::int64_t time_b = rows.time_ms[b.rows[k]];
    if (time_a != time_b) return time_a < time_b;
  }
  return std::lexicographical_compare(a.rows.data(), a.rows.data() + a.level, b.rows.data(),
                                      b.rows.data() + b.level);
}

// Of different keys.
bool IsBetter(const FunnelRows& rows, const FunnelChain& a, const FunnelChain& b) {
  if (a.level != b.level) return a.level > b.level;
  if (a.level == 0) return false;
  const int filled_a = std::popcount(a.filled);
  const int filled_b = std::popcount(b.filled);
  if (filled_a != filled_b) return filled_a > filled_b;
  const std::int64_t end_a = rows.time_ms[a.rows[a.level - 1]];
  const std::int64_t end_b = rows.time_ms[b.rows[b.level - 1]];
  if (end_a != end_b) return end_a < end_b;
  const std::int64_t start_a = rows.time_ms[a.rows[0]];
  const std::int64_t start_b = rows.time_ms[b.rows[0]];
  if (start_a != start_b) return start_a > start_b;
  return ComesEarlier(rows, a, b);
}

}  // namespace

void FunnelMatcher::ClearHeld(std::uint64_t steps) {
  if (steps == 0) return;
  for (std::uint32_t k = 0; k < used_; ++k) {
    if ((steps >> k & 1) != 0) counts_held_[k] = 0;
  }
}

void FunnelMatcher::CollectExclusions(const FunnelRows& rows, std::uint32_t begin,
                                      std::uint32_t end) {
  for (auto& times : excluded_at_) times.clear();
  if (rows.exclusions == nullptr) return;
  for (std::uint32_t row = begin; row < end; ++row) {
    for (std::uint64_t left = rows.exclusions[row]; left != 0; left &= left - 1) {
      excluded_at_[std::countr_zero(left)].push_back(rows.time_ms[row]);
    }
  }
}

// Steps behind which a chain ends that wants to pass the time between the two.
std::uint64_t FunnelMatcher::ExcludedBetween(std::int64_t after_ms, std::int64_t before_ms) const {
  std::uint64_t steps = 0;
  for (std::size_t e = 0; e < excluded_at_.size(); ++e) {
    const auto& times = excluded_at_[e];
    const auto first = std::upper_bound(times.begin(), times.end(), after_ms);
    if (first != times.end() && *first < before_ms) steps |= rules_.exclusions[e];
  }
  return steps;
}

std::uint64_t FunnelMatcher::ExcludedAt(std::int64_t time_ms) const {
  std::uint64_t steps = 0;
  for (std::size_t e = 0; e < excluded_at_.size(); ++e) {
    const auto& times = excluded_at_[e];
    if (std::binary_search(times.begin(), times.end(), time_ms)) steps |= rules_.exclusions[e];
  }
  return steps;
}

// Whether the steps of chain `a` come earlier.
bool FunnelMatcher::IsEarlier(const FunnelRows& rows, const Slot& a, const Slot& b) const {
  const bool by_time = rules_.order != FunnelOrder::kStrict;
  return links_.IsEarlier(by_time ? rows.time_ms : nullptr, a.last, b.last);
}

void FunnelMatcher::ForgetLinks() {
  std::vector<std::uint32_t*> kept = {&best_};
  for (std::uint32_t k = 0; k < used_; ++k) {
    ForEachBit(counts_held_[k], [&](std::uint32_t c) { kept.push_back(&At(&held_, k, c).last); });
  }
  for (const auto& [step, count] : arrived_list_) kept.push_back(&At(&arrived_, step, count).last);
  links_.Keep(kept);
}

// A chain of `from` steps, of which from_count were optional, comes to `step`: it fills those of
// the set, with the rows in next_rows_. No chain yet: from is 0.
void FunnelMatcher::Arrive(const FunnelRows& rows, std::uint32_t from, std::uint32_t from_count,
                           std::uint64_t set, std::uint32_t step, std::int64_t time_ms) {
  if (links_.full()) ForgetLinks();
  Slot next = {time_ms, FunnelLinks::kNone};
  if (from > 0) {
    next = At(&held_, from - 1, from_count);
    if (!InWindow(next.start_ms, time_ms)) return;
  }
  std::uint32_t count = from_count;
  if (const std::uint64_t optional = set & rules_.optional; optional != 0) {
    count += static_cast<std::uint32_t>(std::popcount(optional));
  }
  if (at_once_) {
    next.last = links_.Add(next.last, step, next_rows_[step]);
    return Keep(rows, step, count, next);
  }
  Slot& slot = At(&arrived_, step, count);
  if (next.start_ms < slot.start_ms) return;
  const std::size_t size = links_.size();
  for (std::uint64_t left = set; left != 0; left &= left - 1) {
    const auto k = static_cast<std::uint32_t>(std::countr_zero(left));
    next.last = links_.Add(next.last, k, next_rows_[k]);
  }
  if (slot.start_ms == kNone) {
    arrived_list_.push_back({step, count});
  } else if (!IsBetterSlot(rows, next, slot)) {
    return links_.Shrink(size);
  }
  slot = next;
}

// Of the held chains that end at a step or at one before it which may be skipped, the best for each
// count.
void FunnelMatcher::KeepBest(const FunnelRows& rows, std::uint32_t last) {
  if ((rules_.optional >> last & 1) == 0) best_counts_ = 0;
  ForEachBit(counts_held_[last], [&](std::uint32_t c) {
    const Slot& slot = At(&held_, last, c);
    if ((best_counts_ >> c & 1) != 0) {
      if (!IsBetterSlot(rows, slot, At(&held_, best_last_[c], c))) return;
    }
    best_counts_ |= Bit(c);
    best_last_[c] = last;
  });
}

// One event: each chain takes it for one of the steps that it matches. One pass over what is held
// serves all of these.
void FunnelMatcher::ArriveOne(const FunnelRows& rows, std::uint32_t row, std::uint64_t mask) {
  const std::int64_t time_ms = rows.time_ms[row];
  std::uint64_t left = mask;
  if ((left & 1) != 0) {
    next_rows_[0] = row;
    Arrive(rows, 0, 0, 1, 0, time_ms);
    left &= left - 1;
  }
  std::uint32_t behind = 0;
  for (; left != 0; left &= left - 1) {
    const std::uint32_t step = std::countr_zero(left);
    const std::uint32_t required = rules_.RequiredBefore(step);
    if (required >= used_) return;
    next_rows_[step] = row;
    if (required + 1 == step) {
      ForEachBit(counts_held_[required],
                 [&](std::uint32_t c) { Arrive(rows, step, c, Bit(step), step, time_ms); });
      continue;
    }
    behind = std::max(behind, required);
    for (; behind < std::min(step, used_); ++behind) KeepBest(rows, behind);
    ForEachBit(best_counts_, [&](std::uint32_t c) {
      Arrive(rows, best_last_[c] + 1, c, Bit(step), step, time_ms);
    });
  }
}

// The events in ties_, in the order that helps.
void FunnelMatcher::ArriveTies(const FunnelRows& rows, std::int64_t time_ms) {
  for (std::uint32_t from = 0; from <= used_ && from < rules_.steps; ++from) {
    std::uint64_t required = 0;
    std::uint64_t wanted = 0;
    for (std::uint32_t step = from; step < rules_.steps; ++step) {
      std::uint64_t set = 0;
      const bool reaches = ties_.FillMost(required | Bit(step), wanted, &set);
      const bool optional = (rules_.optional >> step & 1) != 0;
      if (!reaches && !optional) break;
      if (reaches) {
        ForEachBit(from == 0 ? 1 : counts_held_[from - 1], [&](std::uint32_t c) {
          ties_.Assign(set, next_rows_.data());
          Arrive(rows, from, c, set, step, time_ms);
        });
      }
      (optional ? wanted : required) |= Bit(step);
    }
  }
}

// The rows are of one time.
void FunnelMatcher::ArriveGroup(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end) {
  if (end - begin == 1) return ArriveOne(rows, begin, rows.steps[begin]);
  if (rules_.order == FunnelOrder::kStrictlyIncreasing) {
    std::uint64_t seen = 0;
    for (std::uint32_t row = begin; row < end; ++row) {
      ArriveOne(rows, row, rows.steps[row] & ~seen);
      seen |= rows.steps[row];
    }
    return;
  }
  ties_.Load(rows.steps, begin, end, rules_.steps);
  ArriveTies(rows, rows.time_ms[begin]);
}

// What is held of one last step stays the Pareto front of its chains by count and start: no chain
// is held beside another that fills at least as many optional steps and starts no earlier. Of
// chains that agree in both, the one whose steps came earliest stays.
void FunnelMatcher::Hold(const FunnelRows& rows, std::uint32_t step, std::uint32_t count,
                         const Slot& slot) {
  for (; used_ <= step; ++used_) counts_held_[used_] = 0;
  Slot& held = At(&held_, step, count);
  const std::uint64_t others = counts_held_[step] & ~Bit(count);
  if (others != counts_held_[step] && !IsBetterSlot(rows, slot, held)) return;
  for (std::uint64_t left = others; left != 0; left &= left - 1) {
    const auto c = static_cast<std::uint32_t>(std::countr_zero(left));
    const std::int64_t start_ms = At(&held_, step, c).start_ms;
    if (c > count && start_ms >= slot.start_ms) return;
    if (c < count && start_ms <= slot.start_ms) counts_held_[step] &= ~Bit(c);
  }
  counts_held_[step] |= Bit(count);
  held = slot;
}

// What arrived is held from now on; it may be the best of all.
void FunnelMatcher::Keep(const FunnelRows& rows, std::uint32_t step, std::uint32_t count,
                         const Slot& slot) {
  if (step + 1 > best_level_ || (step + 1 == best_level_ && count > best_count_)) {
    best_level_ = step + 1;
    best_count_ = count;
    best_ = slot.last;
  }
  Hold(rows, step, count, slot);
}

void FunnelMatcher::KeepArrived(const FunnelRows& rows) {
  for (const auto& [step, count] : arrived_list_) {
    Slot& arrived = At(&arrived_, step, count);
    Keep(rows, step, count, arrived);
    arrived.start_ms = kNone;
  }
  arrived_list_.clear();
}

void FunnelMatcher::StartTable() {
  used_ = 0;
  links_.Clear();
  best_level_ = 0;
  best_count_ = 0;
  best_ = FunnelLinks::kNone;
}

void FunnelMatcher::TellBest(FunnelChain* chain) {
  chain->level = best_level_;
  std::fill_n(chain->rows.begin(), best_level_, kUnfilled);
  chain->filled = links_.Write(best_, chain->rows.data());
  if (best_level_ == 0 || best_level_ == rules_.steps) return;
  ForEachBit(counts_held_[best_level_ - 1], [&](std::uint32_t c) {
    chain->open_start_ms = std::max(chain->open_start_ms, At(&held_, best_level_ - 1, c).start_ms);
  });
}

void FunnelMatcher::MatchTable(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                               FunnelChain* chain) {
  StartTable();
  std::int64_t held_ms = kNone;
  for (std::uint32_t row = begin; row < end;) {
    const std::int64_t time_ms = rows.time_ms[row];
    std::uint64_t any = rows.steps[row];
    std::uint32_t behind = row + 1;
    for (; behind < end && rows.time_ms[behind] == time_ms; ++behind) any |= rows.steps[behind];
    if (any != 0) {
      if (HasEnded()) return;
      at_once_ = rules_.exclusions.empty() && behind == row + 1 && (any & (any - 1)) == 0;
      if (at_once_) {
        ArriveOne(rows, row, any);
      } else {
        if (used_ > 0) ClearHeld(ExcludedBetween(held_ms, time_ms));
        ArriveGroup(rows, row, behind);
        ClearHeld(ExcludedAt(time_ms));
        KeepArrived(rows);
      }
      held_ms = time_ms;
      if (best_level_ == rules_.steps && best_count_ + 1 == counts_) return TellBest(chain);
    }
    row = behind;
  }
  ClearHeld(ExcludedBetween(held_ms, std::numeric_limits<std::int64_t>::max()));
  TellBest(chain);
}

void FunnelMatcher::MatchStrictTable(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                                     FunnelChain* chain) {
  StartTable();
  std::uint64_t before = 0;
  for (std::uint32_t row = begin; row < end; ++row) {
    std::uint64_t mask = rows.steps[row];
    if (rules_.holds) {
      if (rows.keys[row] != before) ClearHeld(~std::uint64_t{0});
      before = rows.keys[row];
      if (before == 0) mask = 0;
    }
    if (HasEnded()) return;
    ArriveOne(rows, row, mask);
    ClearHeld(~std::uint64_t{0});
    KeepArrived(rows);
  }
  TellBest(chain);
}

void FunnelMatcher::MatchByKey(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                               FunnelChain* chain) {
  by_key_.clear();
  for (std::uint32_t row = begin; row < end; ++row) {
    if (rows.keys[row] != 0 && rows.steps[row] != 0) by_key_.emplace_back(rows.keys[row], row);
  }
  SortUnlessOver(by_key_.begin(), by_key_.end(), std::less<>(), stop_);
  for (std::size_t first = 0, behind = 0; first < by_key_.size(); first = behind) {
    if (stop_->over()) return;
    key_time_ms_.clear();
    key_steps_.clear();
    for (; behind < by_key_.size() && by_key_[behind].first == by_key_[first].first; ++behind) {
      key_time_ms_.push_back(rows.time_ms[by_key_[behind].second]);
      key_steps_.push_back(rows.steps[by_key_[behind].second]);
    }
    FunnelRows of_key;
    of_key.time_ms = key_time_ms_.data();
    of_key.steps = key_steps_.data();
    const auto count = static_cast<std::uint32_t>(behind - first);
    FunnelChain found;
    if (rules_.order == FunnelOrder::kUnordered) {
      MatchUnordered(of_key, 0, count, &found);
    } else {
      MatchTable(of_key, 0, count, &found);
    }
    for (std::uint32_t k = 0; k < found.level; ++k) {
      if ((found.filled >> k & 1) == 0) continue;
      found.rows[k] = by_key_[first + found.rows[k]].second;
    }
    const std::int64_t open_ms = found.level == chain->level
                                     ? std::max(found.open_start_ms, chain->open_start_ms)
                                     : found.open_start_ms;
    if (IsBetter(rows, found, *chain)) {
      *chain = found;
      chain->open_start_ms = open_ms;
    } else if (found.level == chain->level) {
      chain->open_start_ms = open_ms;
    }
  }
}

void FunnelMatcher::MatchGeneral(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                                 FunnelChain* chain) {
  CollectExclusions(rows, begin, end);
  if (rules_.order == FunnelOrder::kStrict) return MatchStrictTable(rows, begin, end, chain);
  if (rules_.holds) return MatchByKey(rows, begin, end, chain);
  MatchTable(rows, begin, end, chain);
}

}  // namespace v1
}  // namespace insightflow
