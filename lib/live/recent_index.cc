#include "lib/live/recent_index.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace insightflow {
inline namespace v1 {

RecentIndex::RecentIndex(std::size_t max) : max_(std::min<std::size_t>(max, UINT32_MAX - 1)) {}

void RecentIndex::Grow() {
  const std::size_t size = std::min(max_, std::max<std::size_t>(1024, distances_.size() * 2));
  distances_.reserve(size);
  distances_.resize(size);
}

void RecentIndex::Push(std::uint64_t sequence, std::uint64_t previous) {
  if (first_ == 0) first_ = sequence;
  next_ = sequence + 1;
  while (sequence - first_ >= distances_.size() && distances_.size() < max_) Grow();
  if (distances_.empty()) return;
  const std::uint64_t distance = previous == 0 ? 0 : sequence - previous;
  distances_[SlotOf(sequence)] =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(distance, UINT32_MAX));
}

std::uint64_t RecentIndex::begin() const {
  return next_ - std::min<std::uint64_t>(next_ - first_, distances_.size());
}

std::uint64_t RecentIndex::Previous(std::uint64_t sequence) const {
  const std::uint64_t distance = distances_[SlotOf(sequence)];
  return distance == 0 || distance >= sequence ? 0 : sequence - distance;
}

void RecentIndex::Unlink(std::uint64_t last) {
  const std::uint64_t begin = this->begin();
  for (std::uint64_t sequence = last; sequence != 0 && sequence >= begin;) {
    const std::uint64_t previous = Previous(sequence);
    distances_[SlotOf(sequence)] = 0;
    sequence = previous;
  }
}

void RecentIndex::Save(PieceWriter* to) const {
  PutVarint(to->out(), first_);
  if (first_ == 0 || distances_.empty()) return;
  std::array<char, 256 * kVarintBytesMax> part;
  char* end = part.data();
  std::size_t slot = SlotOf(begin());
  for (std::uint64_t left = next_ - begin(); left != 0; --left) {
    end = StoreVarint(distances_[slot], end);
    slot = slot + 1 == distances_.size() ? 0 : slot + 1;
    if (part.data() + part.size() - end >= static_cast<std::ptrdiff_t>(kVarintBytesMax)) continue;
    to->out()->append(part.data(), end);
    to->Pass();
    end = part.data();
  }
  to->out()->append(part.data(), end);
}

bool RecentIndex::Load(std::uint64_t applied, ByteReader* in) {
  if (!in->GetVarint(&first_) || first_ > applied || (first_ == 0) != (applied == 0)) return false;
  if (first_ == 0) return true;
  next_ = applied + 1;
  const std::uint64_t held = std::min<std::uint64_t>(next_ - first_, max_);
  if (held > in->remaining()) return false;
  while (distances_.size() < held) Grow();
  for (std::uint64_t sequence = next_ - held; sequence != next_; ++sequence) {
    std::uint64_t distance;
    if (!in->GetVarint(&distance) || distance > UINT32_MAX) return false;
    distances_[SlotOf(sequence)] = static_cast<std::uint32_t>(distance);
  }
  return true;
}

}  // namespace v1
}  // namespace insightflow
