// Buckets of one cache line, two to choose from for each key: what a shard of the dedupe window is
// made of. Two forms share the code: full slots hold the whole key, compact slots 56 bits of it.
//
// A key goes to the emptier of its two buckets; when both are full, a slot whose other bucket has
// room moves there. Sources: Azar, Broder, Karlin, Upfal, "Balanced Allocations" (1994); Fan,
// Andersen, Kaminsky, Mitzenmacher, "Cuckoo Filter" (2014) for finding the other bucket from the
// slot alone.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/base/hash.h"

namespace insightflow {
inline namespace v1 {

// A dedupe key after a bijective mix, so that bits may be cut from it wherever they are needed. The
// top 8 bits of `high` choose the lane, the 32 below them the first bucket; `low` >> 8 is the tag,
// which chooses the distance to the second bucket.
struct MixedKey {
  explicit MixedKey(const Hash128& key)
      : high((key.high ^ std::rotl(key.low, 32)) * 0xd6e8feb86659fd93),
        low((key.low ^ high >> 29) * 0x9e3779b97f4a7c15) {}
  MixedKey(std::uint64_t mixed_low, std::uint64_t mixed_high) : high(mixed_high), low(mixed_low) {}

  std::size_t lane() const { return high >> 56; }

  std::uint64_t high;
  std::uint64_t low;
};

inline constexpr std::size_t kBucketBytes = 64;
inline constexpr std::uint64_t kLow56 = (std::uint64_t{1} << 56) - 1;

// Which generation codes are alive: 1 or 0. Code 0, of a slot never used, is not.
using LiveCodes = std::array<std::uint8_t, 256>;

// How many slots have each code.
using KeysOfCodes = std::array<std::uint64_t, 256>;

struct FullForm {
  struct Slot {
    std::uint64_t low;
    std::uint64_t high;  // the key's, with the generation's code in place of the lane
  };
  static Slot Make(const MixedKey& key, std::uint8_t code) {
    return {key.low, (key.high & kLow56) | std::uint64_t{code} << 56};
  }
  static bool Holds(const Slot& slot, const MixedKey& key) {
    return slot.low == key.low && (slot.high ^ key.high) << 8 == 0;
  }
  static std::uint8_t Code(const Slot& slot) { return static_cast<std::uint8_t>(slot.high >> 56); }
  static std::uint64_t Tag(const Slot& slot) { return slot.low >> 8; }
};

struct CompactForm {
  using Slot = std::uint64_t;  // the generation's code, then the tag
  static Slot Make(const MixedKey& key, std::uint8_t code) {
    return key.low >> 8 | std::uint64_t{code} << 56;
  }
  static bool Holds(Slot slot, const MixedKey& key) { return (slot ^ key.low >> 8) << 8 == 0; }
  static std::uint8_t Code(Slot slot) { return static_cast<std::uint8_t>(slot >> 56); }
  static std::uint64_t Tag(Slot slot) { return slot & kLow56; }
};

// Maps 32 random bits to 0 … buckets - 1 without a division.
inline std::uint32_t ScaleTo(std::uint32_t buckets, std::uint32_t bits) {
  return static_cast<std::uint32_t>(std::uint64_t{bits} * buckets >> 32);
}

inline std::uint32_t FirstBucket(const MixedKey& key, std::uint32_t buckets) {
  return ScaleTo(buckets, static_cast<std::uint32_t>(key.high >> 24));
}

// Its own inverse: the other bucket of the other bucket is the bucket.
inline std::uint32_t OtherBucket(std::uint64_t tag, std::uint32_t bucket, std::uint32_t buckets) {
  const auto bits = static_cast<std::uint32_t>(tag * 0xff51afd7ed558ccd >> 32);
  const std::uint32_t difference = ScaleTo(buckets, bits) - bucket;
  return difference + (buckets & (std::uint32_t{0} - (difference >> 31)));
}

enum class Placing : std::uint8_t { kKnown, kPlaced, kFull };

// A view of a table's memory: `buckets` lines of 64 bytes.
template <typename Form>
class BucketTable {
 public:
  using Slot = typename Form::Slot;
  static constexpr std::size_t kSlots = kBucketBytes / sizeof(Slot);

  BucketTable(void* data, std::uint32_t buckets)
      : slots_(static_cast<Slot*>(data)), buckets_(buckets) {}

  // Finds a live slot of the key, or writes one; changes nothing when there is no room.
  Placing Insert(const MixedKey& key, std::uint8_t code, const LiveCodes& live) {
    const std::uint32_t first = FirstBucket(key, buckets_);
    const std::uint32_t other = OtherBucket(key.low >> 8, first, buckets_);
    if (Holds(first, key, live) || Holds(other, key, live)) return Placing::kKnown;
    const Free in_first = FreeIn(first, live);
    const Free in_other = FreeIn(other, live);
    const bool to_first = in_first.count >= in_other.count;
    const std::uint32_t free = Either(to_first, in_first.slots, in_other.slots);
    if (free != 0) {
      At(Either(to_first, first, other))[std::countr_zero(free)] = Form::Make(key, code);
      return Placing::kPlaced;
    }
    Slot* slot = MakeRoom(first, live);
    if (slot == nullptr) slot = MakeRoom(other, live);
    if (slot == nullptr) return Placing::kFull;
    *slot = Form::Make(key, code);
    return Placing::kPlaced;
  }

  // Clears the live slot of a key. Returns the code that it had, 0 when there is none.
  std::uint8_t Erase(const MixedKey& key, const LiveCodes& live) {
    const std::uint32_t first = FirstBucket(key, buckets_);
    for (const std::uint32_t bucket : {first, OtherBucket(key.low >> 8, first, buckets_)}) {
      Slot* slots = At(bucket);
      for (std::size_t s = 0; s < kSlots; ++s) {
        const std::uint8_t code = Form::Code(slots[s]);
        if (!Form::Holds(slots[s], key) || live[code] == 0) continue;
        slots[s] = Slot{};
        return code;
      }
    }
    return 0;
  }

  // Always inline: GCC takes a function that only prefetches for one without effects and drops
  // calls.
  [[gnu::always_inline]] void Prefetch(const MixedKey& key) const {
    const std::uint32_t first = FirstBucket(key, buckets_);
    __builtin_prefetch(At(first));
    __builtin_prefetch(At(OtherBucket(key.low >> 8, first, buckets_)));
  }

  // Clears dead slots, so that their codes may be given out again. Returns how many are alive.
  std::size_t Sweep(const LiveCodes& live) {
    std::size_t alive = 0;
    for (std::size_t i = 0; i < buckets_ * kSlots; ++i) {
      if (live[Form::Code(slots_[i])] != 0) {
        ++alive;
      } else {
        slots_[i] = Slot{};
      }
    }
    return alive;
  }

  // The same, and adds the live slots of each code to `keys`. Neighbours often have the same code:
  // four counters in turn do not wait for each other.
  std::size_t Count(const LiveCodes& live, KeysOfCodes* keys) {
    std::size_t alive = 0;
    std::array<std::array<std::uint32_t, 256>, 4> sums = {};
    for (std::size_t i = 0; i < buckets_ * kSlots; ++i) {
      const std::uint8_t code = Form::Code(slots_[i]);
      if (live[code] == 0) slots_[i] = Slot{};
      ++sums[i % 4][code];
    }
    for (const auto& sum : sums) {
      for (std::size_t code = 0; code < sum.size(); ++code) {
        if (live[code] == 0) continue;
        (*keys)[code] += sum[code];
        alive += sum[code];
      }
    }
    return alive;
  }

  // Copies the live slots of a table of full slots to this one, which is new. Both of a key's
  // buckets stay in proportion when the number of buckets changes, so keys that move from first to
  // first and from other to other bucket fill this table from front to back, without cache misses.
  // Returns how many there were; nothing when one finds no place.
  std::optional<std::size_t> Fill(const BucketTable<FullForm>& from, const LiveCodes& live) {
    std::size_t moved = 0;
    for (std::uint32_t bucket = 0; bucket < from.buckets_; ++bucket) {
      const FullForm::Slot* slots = from.At(bucket);
      for (std::size_t s = 0; s < BucketTable<FullForm>::kSlots; ++s) {
        const std::uint8_t code = FullForm::Code(slots[s]);
        if (live[code] == 0) continue;
        const MixedKey key(slots[s].low, slots[s].high);
        const bool in_first = FirstBucket(key, from.buckets_) == bucket;
        if (!PlaceNew(key, code, in_first) && Insert(key, code, live) == Placing::kFull) return {};
        ++moved;
      }
    }
    return moved;
  }

 private:
  template <typename>
  friend class BucketTable;

  // Writes a key that is in no slot yet to one of its buckets, if that has a slot never used.
  bool PlaceNew(const MixedKey& key, std::uint8_t code, bool to_first) {
    const std::uint32_t first = FirstBucket(key, buckets_);
    Slot* slots = At(Either(to_first, first, OtherBucket(key.low >> 8, first, buckets_)));
    std::size_t used = 0;  // slots of a new table are used from the first one on
    for (std::size_t s = 0; s < kSlots; ++s) used += Form::Code(slots[s]) != 0 ? 1 : 0;
    if (used == kSlots) return false;
    slots[used] = Form::Make(key, code);
    return true;
  }

  Slot* At(std::uint32_t bucket) const { return slots_ + std::size_t{bucket} * kSlots; }

  // Which of two is as good as random, and a wrong guess costs more than both.
  static std::uint32_t Either(bool one, std::uint32_t a, std::uint32_t b) {
    return b ^ ((a ^ b) & (std::uint32_t{0} - std::uint32_t{one}));
  }

  // Whether a live slot of the bucket holds the key. Most keys are fresh, so equality is the rare
  // case and its branch a predicted one. A known key does not wait for slots behind its own.
  bool Holds(std::uint32_t bucket, const MixedKey& key, const LiveCodes& live) const {
    const Slot* slots = At(bucket);
    for (std::size_t s = 0; s < kSlots; ++s) {
      if (Form::Holds(slots[s], key) && live[Form::Code(slots[s])] != 0) return true;
    }
    return false;
  }

  struct Free {
    std::uint32_t count = 0;
    std::uint32_t slots = 0;  // a bit each
  };

  // Without a branch: which slots are free is as good as random.
  Free FreeIn(std::uint32_t bucket, const LiveCodes& live) const {
    const Slot* slots = At(bucket);
    std::uint32_t alive = 0;
    std::uint32_t alive_slots = 0;
    for (std::uint32_t s = 0; s < kSlots; ++s) {
      const std::uint32_t is_alive = live[Form::Code(slots[s])];
      alive += is_alive;
      alive_slots |= is_alive << s;
    }
    return {static_cast<std::uint32_t>(kSlots) - alive, ~alive_slots & ((1u << kSlots) - 1)};
  }

  // Moves a slot of a full bucket to its other bucket and returns the slot, nullptr when every
  // other bucket is full as well.
  Slot* MakeRoom(std::uint32_t bucket, const LiveCodes& live) {
    Slot* slots = At(bucket);
    for (std::size_t s = 0; s < kSlots; ++s) {
      Slot* others = At(OtherBucket(Form::Tag(slots[s]), bucket, buckets_));
      for (std::size_t o = 0; o < kSlots; ++o) {
        if (live[Form::Code(others[o])] != 0) continue;
        others[o] = slots[s];
        return &slots[s];
      }
    }
    return nullptr;
  }

  Slot* slots_;
  std::uint32_t buckets_;
};

}  // namespace v1
}  // namespace insightflow
