// Unordered funnels in one pass. Sets of events that can fill different steps are the independent
// sets of a transversal matroid (Edmonds and Fulkerson 1965). Of a matroid's bases, the one that
// greed finds among the latest events also has, for each window that ends now, as many events in
// it as any set could have. A new event is the latest of all: it comes in, and where it closes a
// circuit the earliest event of that circuit goes. The basis is kept in the order of its events, so
// that whether a window holds one more than before is asked of one event. Where no event matches
// two steps, unless these are alike, funnel_alike.cc has a cheaper way.

#include <algorithm>
#include <array>
#include <bit>

#include "lib/analytics/funnel_matcher.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint32_t kEmpty = UINT32_MAX;

}  // namespace

// Takes the event in when it fills a step more, or else, when it may, in place of the earliest
// event of the circuit that it closes. Returns the row that goes, kEmpty when none does: `row`
// itself when it is not in.
std::uint32_t FunnelMatcher::Insert(std::uint64_t mask, std::uint32_t row, bool may_replace) {
  const std::uint64_t all =
      rules_.steps < 64 ? (std::uint64_t{1} << rules_.steps) - 1 : ~std::uint64_t{0};
  std::array<std::uint8_t, kFunnelStepsMax> from;  // the step whose event could come here
  std::uint64_t seen = mask & all;
  std::uint64_t fresh = seen;
  if (seen == 0) return row;
  constexpr std::uint8_t kNew = 255;
  for (std::uint64_t left = seen; left != 0; left &= left - 1) from[std::countr_zero(left)] = kNew;
  std::uint32_t goes = kEmpty;  // the step that is empty, or whose event goes
  while (fresh != 0) {
    const std::uint32_t step = std::countr_zero(fresh);
    fresh &= fresh - 1;
    if (filler_[step] == kEmpty) {
      goes = step;
      break;
    }
    if (may_replace && (goes == kEmpty || filler_[step] < filler_[goes])) goes = step;
    const std::uint64_t more = filler_mask_[step] & all & ~seen;
    for (std::uint64_t left = more; left != 0; left &= left - 1) {
      from[std::countr_zero(left)] = static_cast<std::uint8_t>(step);
    }
    seen |= more;
    fresh |= more;
  }
  if (goes == kEmpty) return row;
  const std::uint32_t gone = filler_[goes];
  std::uint32_t step = goes;
  for (; from[step] != kNew; step = from[step]) {
    filler_[step] = filler_[from[step]];
    filler_mask_[step] = filler_mask_[from[step]];
  }
  filler_[step] = row;
  filler_mask_[step] = mask;
  return gone;
}

void FunnelMatcher::MatchUnordered(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                                   FunnelChain* chain) {
  if (!rules_.alike.empty()) return MatchAlike(rows, begin, end, chain);
  std::fill_n(filler_.begin(), rules_.steps, kEmpty);
  std::uint32_t held = 0;  // events in basis_
  std::uint32_t level = 0;
  std::uint32_t first = begin;
  std::uint32_t last = begin;
  for (std::uint32_t row = begin; row < end; ++row) {
    if (HasEnded()) return;
    const std::int64_t now = rows.time_ms[row];
    const std::uint32_t gone = Insert(rows.steps[row], row, true);
    if (gone == kEmpty) {
      basis_[held++] = row;
    } else if (gone != row) {
      const auto end_of_held = basis_.begin() + held;
      const auto at = std::lower_bound(basis_.begin(), end_of_held, gone);
      std::copy(at + 1, end_of_held, at);
      basis_[held - 1] = row;
    }
    if (row + 1 < end && rows.time_ms[row + 1] == now) continue;
    const std::uint32_t before = level;
    while (level < held && InWindow(rows.time_ms[basis_[held - 1 - level]], now)) ++level;
    if (level == before) continue;
    first = basis_[held - level];
    last = row;
    if (level == rules_.steps) break;
  }
  if (level == 0) return;
  if (level < rules_.steps) chain->open_start_ms = rows.time_ms[basis_[held - level]];
  chain->level = level;
  chain->filled = ~std::uint64_t{0} >> (64 - level);
  // The chain that is told: from its start on, every event that fills a step more.
  std::fill_n(filler_.begin(), rules_.steps, kEmpty);
  while (first > begin && rows.time_ms[first - 1] == rows.time_ms[first]) --first;
  std::uint32_t told = 0;
  for (std::uint32_t row = first; row <= last && told < level; ++row) {
    if (Insert(rows.steps[row], row, false) != row) chain->rows[told++] = row;
  }
}

}  // namespace v1
}  // namespace insightflow
