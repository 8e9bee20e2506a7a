#include "lib/analytics/overlaps.h"

#include <algorithm>
#include <utility>

#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {

void Overlaps::Add(std::vector<std::uint64_t>* keys) {
  if (!complete_ || keys->size() < 2) return;
  std::sort(keys->begin(), keys->end());
  if (const auto found = sets_.find(*keys); found != sets_.end()) {
    ++found->second;
  } else {
    Count(*keys, 1);
  }
}

void Overlaps::Count(std::vector<std::uint64_t> keys, std::uint64_t users) {
  const std::size_t size = keys.size();
  const auto [at, added] = sets_.try_emplace(std::move(keys), 0);
  at->second += users;
  if (added) keys_ += size;
  if (keys_ <= kKeysMax) return;
  complete_ = false;
  keys_ = 0;
  decltype(sets_)().swap(sets_);
}

void Overlaps::Merge(Overlaps* other) {
  if (!other->complete_) *this = std::exchange(*other, {});
  for (const auto& [keys, users] : other->sets_) {
    if (!complete_) break;
    Count(keys, users);
  }
  *other = Overlaps();
}

std::size_t Overlaps::bytes(std::size_t more) const {
  constexpr std::size_t kAllocation = 16;
  more = std::min(more, kKeysMax / 2);
  return TableBytesWith(sets_, more) + keys_ * sizeof(std::uint64_t) + sets_.size() * kAllocation;
}

}  // namespace v1
}  // namespace insightflow
