// Finds the number of a string by its hash: open addressing with linear probing, 8 bytes a slot.
//
// The strings stay with the caller, who compares them; so equal hashes are no problem. A slot keeps
// 32 bits of the hash: enough to skip other strings, to grow and to erase without reading a string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace insightflow {
inline namespace v1 {

class HashIndex {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // The number under `hash` for which equal(number) holds, or kNone.
  template <typename Equal>
  std::uint32_t Find(std::uint64_t hash, Equal equal) const {
    if (slots_.empty()) return kNone;
    const auto tag = static_cast<std::uint32_t>(hash);
    for (std::size_t i = tag & mask_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.number == kNone) return kNone;
      if (slot.tag == tag && equal(slot.number)) return slot.number;
    }
  }

  // Most likely what Find would answer, so that the caller can fetch its string ahead.
  std::uint32_t Guess(std::uint64_t hash) const {
    return Find(hash, [](std::uint32_t) { return true; });
  }

  void Prefetch(std::uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[static_cast<std::uint32_t>(hash) & mask_]);
  }

  // Adds a number that is not in the index.
  void Insert(std::uint64_t hash, std::uint32_t number) {
    if ((size_ + 1) * 4 > slots_.size() * 3) Grow();
    Place({static_cast<std::uint32_t>(hash), number});
    ++size_;
  }

  // Removes a number that was inserted under this hash. Later slots of the run move up, so that no
  // tombstones pile up.
  void Erase(std::uint64_t hash, std::uint32_t number) {
    std::size_t hole = static_cast<std::uint32_t>(hash) & mask_;
    while (slots_[hole].number != number) hole = (hole + 1) & mask_;
    for (std::size_t i = (hole + 1) & mask_; slots_[i].number != kNone; i = (i + 1) & mask_) {
      const std::size_t home = slots_[i].tag & mask_;
      if (((i - home) & mask_) >= ((i - hole) & mask_)) {
        slots_[hole] = slots_[i];
        hole = i;
      }
    }
    slots_[hole].number = kNone;
    --size_;
  }

  std::size_t bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t number = kNone;
  };

  void Place(Slot slot) {
    std::size_t i = slot.tag & mask_;
    while (slots_[i].number != kNone) i = (i + 1) & mask_;
    slots_[i] = slot;
  }

  void Grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.number != kNone) Place(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  std::size_t size_ = 0;
};

}  // namespace v1
}  // namespace insightflow
