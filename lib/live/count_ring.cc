#include "lib/live/count_ring.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "lib/live/live_time.h"

namespace insightflow {
inline namespace v1 {

CountRing::CountRing(std::size_t slots) : units_(slots, -1), cells_(slots * stride_) {}

void CountRing::Restart(std::size_t slot, std::int64_t unit) {
  units_[slot] = unit;
  std::fill_n(cells_.begin() + slot * stride_, stride_, 0);
}

void CountRing::Widen(std::uint32_t type) {
  const std::size_t wider = std::bit_ceil(std::size_t{type} + 1);
  std::vector<std::uint64_t> cells(units_.size() * wider);
  for (std::size_t slot = 0; slot < units_.size(); ++slot) {
    std::copy_n(cells_.begin() + slot * stride_, stride_, cells.begin() + slot * wider);
  }
  cells_.swap(cells);
  stride_ = wider;
}

void CountRing::Move(std::uint32_t from, std::uint32_t to) {
  if (from >= stride_) return;
  for (std::size_t first = 0; first < cells_.size(); first += stride_) {
    cells_[first + to] = cells_[first + from];
    cells_[first + from] = 0;
  }
}

std::uint64_t CountRing::Total(std::int64_t unit) const {
  if (!Holds(unit)) return 0;
  const auto first = cells_.begin() + SlotOf(unit) * stride_;
  return std::accumulate(first, first + stride_, std::uint64_t{0});
}

void CountRing::AddTo(std::int64_t unit, std::vector<std::uint64_t>* by_type) const {
  if (!Holds(unit)) return;
  const std::size_t first = SlotOf(unit) * stride_;
  for (std::size_t i = 0; i < std::min(stride_, by_type->size()); ++i) {
    (*by_type)[i] += cells_[first + i];
  }
}

std::vector<std::uint64_t> CountRing::Series(std::int64_t last, std::size_t count) const {
  std::vector<std::uint64_t> series(count);
  for (std::size_t i = 0; i < count; ++i) {
    series[i] = Total(last - static_cast<std::int64_t>(count - 1 - i));
  }
  return series;
}

void CountRing::Save(std::string* out) const {
  PutVarint(out, static_cast<std::uint64_t>(newest_ + 1));
  for (std::int64_t back = 0; back < size(); ++back) {
    const std::int64_t unit = newest_ - back;
    const std::size_t first = Holds(unit) ? SlotOf(unit) * stride_ : 0;
    std::size_t used = Holds(unit) ? stride_ : 0;
    while (used > 0 && cells_[first + used - 1] == 0) --used;
    PutVarint(out, used);
    for (std::size_t i = 0; i < used; ++i) PutVarint(out, cells_[first + i]);
  }
}

bool CountRing::Load(ByteReader* in, std::size_t types) {
  std::uint64_t after_newest;
  if (!in->GetVarint(&after_newest) || after_newest > LiveTime::kSecondMax + 1) return false;
  newest_ = static_cast<std::int64_t>(after_newest) - 1;
  for (std::int64_t back = 0; back < size(); ++back) {
    std::uint64_t used;
    if (!in->GetVarint(&used) || used > types) return false;
    if (used == 0) continue;
    const std::int64_t unit = newest_ - back;
    if (unit < 0) return false;
    if (used > stride_) Widen(static_cast<std::uint32_t>(used - 1));
    units_[SlotOf(unit)] = unit;
    for (std::size_t i = 0; i < used; ++i) {
      if (!in->GetVarint(&cells_[SlotOf(unit) * stride_ + i])) return false;
    }
  }
  return true;
}

std::size_t CountRing::bytes() const {
  return units_.capacity() * sizeof(std::int64_t) + cells_.capacity() * sizeof(std::uint64_t);
}

}  // namespace v1
}  // namespace insightflow
