// Unordered funnels in one pass. Sets of events that can fill different steps are the independent
// sets of a transversal matroid (Edmonds and Fulkerson 1965). Of a matroid's bases, the one that
// greed finds among the latest events also has, for each window that ends now, as many events in
// it as any set could have. A new event is the latest of all: it comes in, and where it closes a
// circuit the earliest event of that circuit goes. The basis is kept in the order of its events, so
// that whether a window holds one more than before is asked of one event.
//
// Mostly no event matches two steps, unless these are alike. Then the basis is the latest events of
// each kind, as many as there are steps of that kind, and how many of them the window holds is
// counted while it moves on.

#include <algorithm>
#include <bit>
#include <utility>

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

void FunnelMatcher::ForgetKinds() {
  for (std::uint32_t k = 0; k < rules_.steps; ++k) kinds_[k].held = kinds_[k].next = 0;
}

// Whether a row that was looked at is in the basis.
bool FunnelMatcher::IsHeld(const FunnelRows& rows, std::uint32_t row) const {
  const std::uint64_t mask = rows.steps[row];
  if (mask == 0) return false;
  const EventKind& kind = kinds_[std::countr_zero(mask)];
  return kind.held < kind.steps || row >= filler_[kind.begin + kind.next];
}

void FunnelMatcher::MatchAlike(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                               FunnelChain* chain) {
  ForgetKinds();
  std::uint32_t level = 0;
  std::uint32_t first = begin;
  std::uint32_t in_window = 0;   // of the basis
  std::uint32_t oldest = begin;  // in the window
  std::uint32_t behind = RowsAtOnce(begin, end);
  for (std::uint32_t row = begin; row < behind || row < (behind = NextRows(row, end)); ++row) {
    const std::int64_t now = rows.time_ms[row];
    for (; !InWindow(rows.time_ms[oldest], now); ++oldest) {
      in_window -= IsHeld(rows, oldest) ? 1 : 0;
    }
    if (const std::uint64_t mask = rows.steps[row]; mask != 0) {
      EventKind& kind = kinds_[std::countr_zero(mask)];
      std::uint32_t& place = filler_[kind.begin + kind.next];
      const bool fills = kind.held < kind.steps;
      in_window += fills || place < oldest ? 1 : 0;
      kind.held += fills ? 1 : 0;
      kind.next = kind.next + 1 == kind.steps ? 0 : kind.next + 1;
      place = row;
    }
    if (in_window <= level || (row + 1 < end && rows.time_ms[row + 1] == now)) continue;
    level = in_window;
    while (!IsHeld(rows, oldest)) ++oldest;
    first = oldest;
    if (level == rules_.steps) break;
  }
  if (level == 0 || stop_->over()) return;
  chain->level = level;
  chain->filled = ~std::uint64_t{0} >> (64 - level);
  if (level < rules_.steps) {
    std::uint32_t open = end;
    for (std::uint32_t left = level; left > 0;) left -= IsHeld(rows, --open) ? 1 : 0;
    chain->open_start_ms = rows.time_ms[open];
  }
  while (first > begin && rows.time_ms[first - 1] == rows.time_ms[first]) --first;
  TellAlike(rows, first, chain);
}

// From its start on, every event that fills a step more.
void FunnelMatcher::TellAlike(const FunnelRows& rows, std::uint32_t first, FunnelChain* chain) {
  ForgetKinds();
  std::uint32_t told = 0;
  for (std::uint32_t row = first; told < chain->level; ++row) {
    if (rows.steps[row] == 0) continue;
    EventKind& kind = kinds_[std::countr_zero(rows.steps[row])];
    if (kind.held == kind.steps) continue;
    ++kind.held;
    chain->rows[told++] = row;
  }
}

}  // namespace v1
}  // namespace insightflow
