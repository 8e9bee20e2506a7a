// Strict funnels: the steps are a word that is searched in the timeline, and all beginnings of it
// that end at a row are the bits of one word (Shift-And; Baeza-Yates and Gonnet 1992).

#include <bit>

#include "lib/analytics/funnel_matcher.h"

namespace insightflow {
inline namespace v1 {

void FunnelMatcher::MatchStrict(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                                FunnelChain* chain) {
  const std::uint32_t whole = rules_.steps;
  const std::uint64_t all = ~std::uint64_t{0} >> (64 - whole);
  std::uint64_t alive = 0;  // bit k: a chain of k + 1 steps ends at this row
  std::uint32_t level = 0;
  std::uint32_t last = begin;
  std::uint32_t row = begin;
  for (std::uint32_t behind = RowsAtOnce(row, end); row < behind; behind = NextRows(row, end)) {
    for (; row < behind && level < whole; ++row) {
      alive = (alive << 1 | 1) & rows.steps[row] & all;
      // The longer the chain, the earlier its start: the first one that fits is the best.
      for (std::uint64_t left = alive >> level << level; left != 0;) {
        const std::uint32_t k = 63 - std::countl_zero(left);
        if (InWindow(rows.time_ms[row - k], rows.time_ms[row])) {
          level = k + 1;
          last = row;
          break;
        }
        left ^= std::uint64_t{1} << k;
      }
    }
    if (level == whole) break;
  }
  if (level == 0 || stop_->over()) return;
  chain->level = level;
  chain->filled = ~std::uint64_t{0} >> (64 - level);
  for (std::uint32_t k = 0; k < level; ++k) chain->rows[k] = last - (level - 1 - k);
  if (level < rules_.steps && (alive >> (level - 1) & 1) != 0) {
    chain->open_start_ms = rows.time_ms[end - level];
  }
}

}  // namespace v1
}  // namespace insightflow
