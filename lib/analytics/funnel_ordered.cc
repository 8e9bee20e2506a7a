// Ordered funnels in one pass. For each level k keep start[k], the latest start of a chain that
// fills k steps: later is never worse, for only the window looks at the start. An event of step
// k + 1 takes the best chain of k steps on: start[k + 1] = start[k]. An event that matches several
// steps does so from the highest down, so that it fills one. A start that has left the window is
// taken on as well: what it overwrites is older still. So there is nothing to decide for a row,
// except whether it takes the level up, which happens a few times in a timeline.
//
// The chain that is told is found by a second look at the rows between its start and its end, which
// the first pass knows: from that start, each step as early as can be.

#include <algorithm>
#include <bit>
#include <cstring>

#include "lib/analytics/funnel_matcher.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Steps that are moved at once rather than one by one.
constexpr int kLongRun = 4;

}  // namespace

struct FunnelMatcher::Reached {
  std::uint32_t level = 0;
  std::uint32_t row = 0;  // the last one of the time at which the level was reached
  std::int64_t start_ms = 0;
};

// The rows of one time, two or more. Returns the row behind them.
std::uint32_t FunnelMatcher::PassTies(const FunnelRows& rows, std::uint32_t begin,
                                      std::uint32_t end, Reached* reached) {
  if (HasEnded()) return end;
  const std::int64_t time_ms = rows.time_ms[begin];
  std::uint32_t behind = begin + 1;
  while (behind < end && rows.time_ms[behind] == time_ms) ++behind;
  ties_.Load(rows.steps, begin, behind, rules_.steps);
  start_[0] = time_ms;
  const std::uint32_t before = reached->level;
  std::uint32_t level = before;
  if (rules_.order == FunnelOrder::kStrictlyIncreasing) {
    for (std::uint32_t k = std::min(before + 1, rules_.steps); k-- > 0;) {
      if ((ties_.any() >> k & 1) == 0) continue;
      start_[k + 1] = start_[k];
      if (k == before && InWindow(start_[k], time_ms)) level = k + 1;
    }
  } else {
    // The lower the level that a chain comes from, the later its start. So each level takes its
    // chain from the lowest one that can be taken so far.
    std::array<std::int64_t, kFunnelStepsMax + 1> next;
    std::copy_n(start_.begin(), before + 1, next.begin());
    std::uint32_t done = 0;
    for (std::uint32_t from = 0; from <= before; ++from) {
      done = std::max(done, from);
      const std::uint32_t far = ties_.Farthest(from, rules_.steps);
      const bool in_window = InWindow(start_[from], time_ms);
      for (; done < far; ++done) {
        if (!in_window && done >= before) break;
        next[done + 1] = start_[from];
        if (in_window) level = std::max(level, done + 1);
      }
    }
    std::copy_n(next.begin(), level + 1, start_.begin());
  }
  if (level > before) *reached = {level, behind - 1, start_[level]};
  return behind;
}

// The chains of fewer steps are taken on by an event of these steps. Levels that no chain has
// reached need no start.
template <FunnelMatcher::Overlap kOverlap>
void FunnelMatcher::TakeOn(std::uint64_t mask, std::uint32_t level, std::int64_t* start) {
  if constexpr (kOverlap == Overlap::kNone) {
    // Without a step it is the last one's, whose start is never read before it is reached.
    const int k = std::countr_zero(mask | std::uint64_t{1} << 63);
    start[k + 1] = start[k];
    return;
  }
  std::uint64_t left = mask & ((std::uint64_t{2} << level) - 1);
  while (left != 0) {
    const int k = 63 - std::countl_zero(left);
    if constexpr (kOverlap == Overlap::kMuch) {
      const int run = std::countl_one(left << (63 - k));
      if (run >= kLongRun) {
        std::int64_t* const first = start + (k + 1 - run);
        std::memmove(first + 1, first, static_cast<std::size_t>(run) * sizeof(*first));
        left &= (std::uint64_t{1} << (k + 1 - run)) - 1;
        continue;
      }
    }
    start[k + 1] = start[k];
    left ^= std::uint64_t{1} << k;
  }
}

template <FunnelMatcher::Overlap kOverlap>
void FunnelMatcher::MatchOrdered(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                                 FunnelChain* chain) {
  // What the loop reads is held here: the compiler cannot know that start_ overlaps none of it.
  const std::int64_t* const times = rows.time_ms;
  const std::uint64_t* const steps = rows.steps;
  const std::uint64_t window_ms = rules_.window_ms;
  const std::uint32_t whole = rules_.steps;
  std::int64_t* const start = start_.data();
  Reached reached;
  std::uint32_t level = 0;
  std::uint32_t row = begin;
  std::int64_t next_ms = times[begin];
  std::uint32_t behind = RowsAtOnce(row, end);
  while (level < whole && (row < behind || row < (behind = NextRows(row, end)))) {
    const std::int64_t time_ms = next_ms;
    if (row + 1 < end) {
      next_ms = times[row + 1];
      if (next_ms == time_ms) {
        Reached ties = reached;
        row = PassTies(rows, row, end, &ties);
        reached = ties;
        level = reached.level;
        if (row < end) next_ms = times[row];
        continue;
      }
    }
    const std::uint64_t mask = steps[row];
    start[0] = time_ms;
    const std::uint64_t passed =
        static_cast<std::uint64_t>(time_ms) - static_cast<std::uint64_t>(start[level]);
    if ((mask >> level & static_cast<std::uint64_t>(passed <= window_ms)) != 0) {
      reached = {level + 1, row, start[level]};
    }
    TakeOn<kOverlap>(mask, level, start);
    level = reached.level;
    ++row;
  }
  if (level == 0 || stop_->over()) return;
  chain->level = level;
  chain->filled = ~std::uint64_t{0} >> (64 - level);
  if (level < whole) chain->open_start_ms = start[level];
  TraceOrdered(rows, begin, reached, chain);
}

void FunnelMatcher::MatchOrdered(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                                 FunnelChain* chain) {
  switch (overlap_) {
    case Overlap::kNone: return MatchOrdered<Overlap::kNone>(rows, begin, end, chain);
    case Overlap::kSome: return MatchOrdered<Overlap::kSome>(rows, begin, end, chain);
    case Overlap::kMuch: return MatchOrdered<Overlap::kMuch>(rows, begin, end, chain);
  }
}

void FunnelMatcher::TraceOrdered(const FunnelRows& rows, std::uint32_t begin,
                                 const Reached& reached, FunnelChain* chain) {
  std::uint32_t row = reached.row;
  while (row > begin && rows.time_ms[row - 1] >= reached.start_ms) --row;
  const bool rising = rules_.order == FunnelOrder::kStrictlyIncreasing;
  std::uint32_t level = 0;
  while (level < reached.level) {
    std::uint32_t behind = row + 1;
    while (behind <= reached.row && rows.time_ms[behind] == rows.time_ms[row]) ++behind;
    if (behind == row + 1 || rising) {
      for (; row < behind; ++row) {
        if ((rows.steps[row] >> level & 1) == 0) continue;
        chain->rows[level++] = row;
        break;
      }
    } else {
      if (HasEnded()) return;
      ties_.Load(rows.steps, row, behind, rules_.steps);
      const std::uint32_t far = ties_.Farthest(level, reached.level);
      std::uint64_t set = 0;
      for (std::uint32_t k = level; k < far; ++k) set |= std::uint64_t{1} << k;
      if (set != 0) ties_.Assign(set, chain->rows.data());
      level = far;
    }
    row = behind;
  }
}

}  // namespace v1
}  // namespace insightflow
