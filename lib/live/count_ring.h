// Counts by event type for each of the newest seconds, minutes or hours.
//
// A slot remembers which second it is about and is emptied when it is written for another one, so
// that a jump in time costs nothing. Slots behind the ring's reach, seen from the newest, are gone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/coding.h"

namespace insightflow {
inline namespace v1 {

class CountRing {
 public:
  // `slots`: how many units of time it reaches back; a power of two.
  explicit CountRing(std::size_t slots);

  // Counts events of a type in a unit of time, unless that lies behind the ring.
  void Add(std::int64_t unit, std::uint32_t type, std::uint64_t events) {
    if (type >= stride_) Widen(type);
    if (unit > newest_) newest_ = unit;
    if (newest_ - unit >= size()) return;
    const std::size_t slot = SlotOf(unit);
    if (units_[slot] != unit) Restart(slot, unit);
    cells_[slot * stride_ + type] += events;
  }
  // Takes an event back that was counted, unless its unit lies behind the ring by now.
  void Take(std::int64_t unit, std::uint32_t type) {
    if (type >= stride_ || !Holds(unit)) return;
    std::uint64_t& cell = cells_[SlotOf(unit) * stride_ + type];
    cell -= std::min<std::uint64_t>(cell, 1);
  }
  // Gives the counts of a type to another one, which has none left. O(slots).
  void Move(std::uint32_t from, std::uint32_t to);

  // Events of all types in a unit.
  std::uint64_t Total(std::int64_t unit) const;
  // Adds a unit's counts by type to `by_type`, which has a place for every type seen.
  void AddTo(std::int64_t unit, std::vector<std::uint64_t>* by_type) const;
  // The totals of `count` units that end with `last`, oldest first.
  std::vector<std::uint64_t> Series(std::int64_t last, std::size_t count) const;

  void Save(std::string* out) const;
  // `types`: how many types there are.
  bool Load(ByteReader* in, std::size_t types);
  std::size_t bytes() const;

 private:
  std::int64_t size() const { return static_cast<std::int64_t>(units_.size()); }
  std::size_t SlotOf(std::int64_t unit) const {
    return static_cast<std::size_t>(unit) & (units_.size() - 1);
  }
  bool Holds(std::int64_t unit) const {
    return unit >= 0 && unit <= newest_ && newest_ - unit < size() && units_[SlotOf(unit)] == unit;
  }
  void Restart(std::size_t slot, std::int64_t unit);
  void Widen(std::uint32_t type);

  std::int64_t newest_ = -1;
  std::size_t stride_ = 8;  // places for types in a slot
  std::vector<std::int64_t> units_;
  std::vector<std::uint64_t> cells_;
};

}  // namespace v1
}  // namespace insightflow
