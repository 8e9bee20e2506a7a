// Unordered funnels no event of which matches two steps, unless these are alike; mostly it is so.
// The basis of funnel_unordered.cc is then the latest events of each kind, as many as there are
// steps of that kind, and how many of them the window holds is counted while it moves on.

#include <bit>

#include "lib/analytics/funnel_matcher.h"

namespace insightflow {
inline namespace v1 {

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
