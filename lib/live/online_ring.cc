#include "lib/live/online_ring.h"

#include <algorithm>

namespace insightflow {
inline namespace v1 {

void OnlineRing::Move(std::int64_t from, std::int64_t to) {
  if (to > newest_) {
    const std::int64_t steps = std::min(to - newest_, kReach);
    for (std::int64_t i = 0; i < steps; ++i) users_[SlotOf(to - i)] = 0;
    newest_ = to;
  }
  if (Holds(from)) --users_[SlotOf(from)];
  if (Holds(to)) ++users_[SlotOf(to)];
}

std::uint64_t OnlineRing::Count(std::int64_t now, std::int64_t count) const {
  const std::int64_t last = std::min(now, newest_);
  const std::int64_t first = std::max<std::int64_t>({now - count + 1, newest_ - kReach + 1, 0});
  std::uint64_t users = 0;
  for (std::int64_t second = first; second <= last; ++second) users += users_[SlotOf(second)];
  return users;
}

}  // namespace v1
}  // namespace insightflow
