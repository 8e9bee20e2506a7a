#include "lib/live/online_ring.h"

#include <algorithm>

namespace insightflow {
inline namespace v1 {

void OnlineRing::AdvanceTo(std::int64_t second) {
  if (second <= newest_) return;
  const std::int64_t steps = std::min(second - newest_, kReach);
  for (std::int64_t i = 0; i < steps; ++i) users_[SlotOf(second - i)] = 0;
  newest_ = second;
}

void OnlineRing::Move(std::int64_t from, std::int64_t to) {
  AdvanceTo(to);
  if (Holds(from)) --users_[SlotOf(from)];
  if (Holds(to)) ++users_[SlotOf(to)];
}

void OnlineRing::Remove(std::int64_t second) {
  if (Holds(second)) --users_[SlotOf(second)];
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
