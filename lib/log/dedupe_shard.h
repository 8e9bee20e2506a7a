// The parts of the dedupe window, and the numbers that bound them. Design: docs/dedupe.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/log/dedupe_table.h"
#include "lib/log/table_memory.h"

namespace insightflow {
inline namespace v1 {
namespace dedupe {

// The 8 bits of a key that a full slot does not store choose its lane. A shard is a table cut into
// lanes of equal size, which grow together: all lanes while they are small, so that the table is
// large enough for huge pages, and at least kShardLanes.
inline constexpr std::size_t kLanes = 256;
inline constexpr std::size_t kShardLanes = 4;
inline constexpr std::size_t kShards = kLanes / kShardLanes;
// A table that would grow to this size is split instead.
inline constexpr std::size_t kSplitBytes = std::size_t{4} << 20;
// Memory for tables that were got ahead of need: so many at most, and none so small.
inline constexpr std::size_t kSparesMax = 8;
inline constexpr std::size_t kSpareBytesMin = std::size_t{512} << 10;
// The first table of at least kSpareBytesMin has so many buckets. Doubling and splitting come from
// there to sixteen shards that hold 2.3 million keys (before them eight, 1.15 million): a round
// number of millions does not end where all have just doubled.
inline constexpr std::size_t kLargeBuckets = std::size_t{11} << 10;
// Lanes of fewer buckets fill unevenly: some are full well before their shard is.
inline constexpr std::size_t kEvenBuckets = 1024;
// Keys are prefetched this far ahead of their probe.
inline constexpr std::size_t kAhead = 16;

// Generations. Alive at once: at most kGenerationsPerWindow + 2 that ended by time (each spans at
// least a part of the window), kGenerationsPerBudget + 2 that ended by count, kept below
// kGenerationsMax; a dead one's code is swept from all shards within kShards / kSweepShards further
// generations; so no code is given out again (after kCodes generations) while a slot has it.
inline constexpr std::uint64_t kCodes = 255;  // 1 … 255
inline constexpr std::int64_t kGenerationsPerWindow = 128;
inline constexpr std::uint64_t kGenerationsPerBudget = 56;
inline constexpr std::uint64_t kGenerationsMax = 188;
inline constexpr std::size_t kSweepShards = 1;
static_assert(kGenerationsPerWindow + kGenerationsPerBudget + 4 <= kGenerationsMax);
static_assert(kGenerationsMax + kShards / kSweepShards < kCodes);

inline constexpr std::size_t kBytesMin = std::size_t{1} << 20;
inline constexpr std::size_t kBucketsMin = 2;                     // of a lane
inline constexpr std::size_t kBucketsMax = std::size_t{1} << 26;  // of a lane

// The code of the slots of a generation, by its number. 0 is a free slot's.
inline std::uint8_t CodeOf(std::uint64_t generation) {
  return static_cast<std::uint8_t>(1 + generation % kCodes);
}

// Keys that arrived one after another; they are forgotten together.
struct Generation {
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
  std::uint64_t keys = 0;
};

struct Shard {
  TableMemory memory;
  std::uint32_t lanes = 0;    // 0: they belong to a shard before
  std::uint32_t buckets = 0;  // of a lane; 0: no key yet
  std::uint32_t used = 0;     // slots written since the last rebuild or sweep, and alive then
  bool compact = false;
  std::uint64_t swept_at = 0;  // the oldest generation then: while it lives, no slot is dead

  template <typename Form>
  BucketTable<Form> Lane(std::size_t lane) {
    return {static_cast<char*>(memory.data()) + lane * buckets * kBucketBytes, buckets};
  }
  // Full tables are full at 4/5 of 4 slots a bucket.
  std::size_t full() const { return std::size_t{buckets} * lanes * 16 / 5; }
  bool crowded() const { return used >= full(); }
  std::size_t LaneOf(const MixedKey& key) const { return key.lane() & (lanes - 1); }

  template <typename Form>
  std::size_t SweepLanes(const LiveCodes& live) {
    std::size_t alive = 0;
    for (std::size_t lane = 0; lane < lanes; ++lane) alive += Lane<Form>(lane).Sweep(live);
    return alive;
  }
  std::size_t Sweep(const LiveCodes& live) {
    return compact ? SweepLanes<CompactForm>(live) : SweepLanes<FullForm>(live);
  }
  // Sweeps, and adds what is alive to `keys`.
  std::size_t Count(const LiveCodes& live, KeysOfCodes* keys) {
    return compact ? BucketTable<CompactForm>(memory.data(), buckets * lanes).Count(live, keys)
                   : BucketTable<FullForm>(memory.data(), buckets * lanes).Count(live, keys);
  }
  template <typename Form>
  bool FillLanes(Shard* from, std::size_t first_lane, const LiveCodes& live) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const auto moved = Lane<Form>(lane).Fill(from->Lane<FullForm>(first_lane + lane), live);
      if (!moved) return false;
      used += static_cast<std::uint32_t>(*moved);
    }
    return true;
  }
  // Takes over lanes of another shard. False when a key finds no place.
  bool Fill(Shard* from, std::size_t first_lane, const LiveCodes& live) {
    if (from->buckets == 0) return true;
    return compact ? FillLanes<CompactForm>(from, first_lane, live)
                   : FillLanes<FullForm>(from, first_lane, live);
  }
  std::uint8_t Erase(const MixedKey& key, const LiveCodes& live) {
    if (buckets == 0) return 0;
    return compact ? Lane<CompactForm>(LaneOf(key)).Erase(key, live)
                   : Lane<FullForm>(LaneOf(key)).Erase(key, live);
  }
  Placing Insert(const MixedKey& key, std::uint8_t code, const LiveCodes& live) {
    return compact ? Lane<CompactForm>(LaneOf(key)).Insert(key, code, live)
                   : Lane<FullForm>(LaneOf(key)).Insert(key, code, live);
  }
};

}  // namespace dedupe
}  // namespace v1
}  // namespace insightflow
