// Finds the number of a string by its hash: open addressing with linear probing, 8 bytes a slot.
//
// The strings stay with the caller, who compares them; so equal hashes are no problem. A slot keeps
// 32 bits of the hash: enough to skip other strings, to grow and to erase without reading a string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "lib/base/table_memory.h"

namespace insightflow {
inline namespace v1 {

class HashIndex {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // The number under `hash` for which equal(number) holds, or kNone.
  template <typename Equal>
  std::uint32_t Find(std::uint64_t hash, Equal equal) const {
    if (size_ == 0) return kNone;
    const Slot* slots = Slots();
    const auto tag = static_cast<std::uint32_t>(hash);
    for (std::size_t i = tag & mask_;; i = (i + 1) & mask_) {
      const Slot& slot = slots[i];
      if (slot.after == 0) return kNone;
      if (slot.tag == tag && equal(slot.after - 1)) return slot.after - 1;
    }
  }

  // Most likely what Find would answer, so that the caller can fetch its string ahead.
  std::uint32_t Guess(std::uint64_t hash) const {
    return Find(hash, [](std::uint32_t) { return true; });
  }

  void Prefetch(std::uint64_t hash) const {
    if (size_ != 0) __builtin_prefetch(Slots() + (static_cast<std::uint32_t>(hash) & mask_));
  }

  // Adds a number that is not in the index.
  void Insert(std::uint64_t hash, std::uint32_t number) {
    if ((size_ + 1) * 4 > capacity() * 3) Grow();
    Place({static_cast<std::uint32_t>(hash), number + 1});
    ++size_;
  }

  // Removes a number that was inserted under this hash. Later slots of the run move up, so that no
  // tombstones pile up.
  void Erase(std::uint64_t hash, std::uint32_t number) {
    Slot* slots = Slots();
    std::size_t hole = static_cast<std::uint32_t>(hash) & mask_;
    while (slots[hole].after != number + 1) hole = (hole + 1) & mask_;
    for (std::size_t i = (hole + 1) & mask_; slots[i].after != 0; i = (i + 1) & mask_) {
      const std::size_t home = slots[i].tag & mask_;
      if (((i - home) & mask_) >= ((i - hole) & mask_)) {
        slots[hole] = slots[i];
        hole = i;
      }
    }
    slots[hole].after = 0;
    --size_;
  }

  std::size_t bytes() const { return memory_.bytes(); }

 private:
  struct Slot {
    std::uint32_t tag;
    std::uint32_t after;  // the number after the slot's; 0: free
  };

  Slot* Slots() const { return static_cast<Slot*>(memory_.data()); }
  std::size_t capacity() const { return memory_.bytes() == 0 ? 0 : mask_ + 1; }

  void Place(Slot slot) {
    Slot* slots = Slots();
    std::size_t i = slot.tag & mask_;
    while (slots[i].after != 0) i = (i + 1) & mask_;
    slots[i] = slot;
  }

  void Grow() {
    const std::size_t size = capacity();
    const std::size_t grown = size == 0 ? 16 : size * 2;
    const TableMemory old = std::exchange(memory_, TableMemory(grown * sizeof(Slot)));
    mask_ = grown - 1;
    const Slot* slots = static_cast<const Slot*>(old.data());
    for (std::size_t i = 0; i < size; ++i) {
      if (slots[i].after != 0) Place(slots[i]);
    }
  }

  TableMemory memory_;
  std::size_t mask_ = 0;
  std::size_t size_ = 0;
};

}  // namespace v1
}  // namespace insightflow
