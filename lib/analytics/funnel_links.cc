#include "lib/analytics/funnel_links.h"

namespace insightflow {
inline namespace v1 {

// From the last steps backwards: what is seen last decides.
bool FunnelLinks::IsEarlier(const std::int64_t* time_ms, std::uint32_t a, std::uint32_t b) const {
  bool by_row = false;
  bool by_time = false;
  bool times_differ = false;
  while (a != b) {
    const std::uint32_t step_a = a == kNone ? 0 : links_[a].step + 1;
    const std::uint32_t step_b = b == kNone ? 0 : links_[b].step + 1;
    if (step_a != step_b) {
      by_row = by_time = step_a > step_b;
      times_differ = true;
      std::uint32_t& longer = step_a > step_b ? a : b;
      longer = links_[longer].before;
      continue;
    }
    const std::uint32_t row_a = links_[a].row;
    const std::uint32_t row_b = links_[b].row;
    if (row_a != row_b) {
      by_row = row_a < row_b;
      if (time_ms != nullptr && time_ms[row_a] != time_ms[row_b]) {
        by_time = time_ms[row_a] < time_ms[row_b];
        times_differ = true;
      }
    }
    a = links_[a].before;
    b = links_[b].before;
  }
  return time_ms != nullptr && times_differ ? by_time : by_row;
}

std::uint64_t FunnelLinks::Write(std::uint32_t chain, std::uint32_t* rows) const {
  std::uint64_t filled = 0;
  for (; chain != kNone; chain = links_[chain].before) {
    filled |= std::uint64_t{1} << links_[chain].step;
    rows[links_[chain].step] = links_[chain].row;
  }
  return filled;
}

void FunnelLinks::Keep(const std::vector<std::uint32_t*>& chains) {
  moved_to_.assign(links_.size(), kNone);
  for (const std::uint32_t* chain : chains) {
    for (std::uint32_t at = *chain; at != kNone && moved_to_[at] == kNone; at = links_[at].before) {
      moved_to_[at] = at;
    }
  }
  std::uint32_t kept = 0;
  for (std::size_t at = 0; at < links_.size(); ++at) {
    if (moved_to_[at] == kNone) continue;
    Link link = links_[at];
    if (link.before != kNone) link.before = moved_to_[link.before];
    links_[kept] = link;
    moved_to_[at] = kept++;
  }
  for (std::uint32_t* chain : chains) {
    if (*chain != kNone) *chain = moved_to_[*chain];
  }
  links_.resize(kept);
  full_at_ = std::max(kFullAt, std::size_t{2} * kept);
}

}  // namespace v1
}  // namespace insightflow
