// What stands behind DedupeWindow: keys come in (dedupe.cc), and a window becomes what another one
// was, or is made again from all keys (dedupe_restore.cc).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "lib/log/dedupe.h"
#include "lib/log/dedupe_shard.h"

namespace insightflow {
inline namespace v1 {

class DedupeWindow::Impl {
 public:
  Impl(std::size_t bytes_max, std::int64_t window_ms);

  std::size_t Insert(std::span<const Hash128> keys, std::int64_t now_ms,
                     std::vector<std::uint8_t>* fresh);

  void Erase(std::span<const Hash128> keys);

  DedupeState State() const;
  std::span<const char> TableAt(std::uint32_t first_lane) const;
  bool Restore(const DedupeState& state, const ReadTable& read);
  void Reserve(std::uint64_t keys);
  void InsertMany(std::span<const Hash128> keys, std::int64_t now_ms);

  std::size_t memory_wanted() const { return wanted_; }
  void GiveMemory(TableMemory memory);

  std::uint64_t size() const { return size_; }
  std::size_t bytes() const { return bytes_; }
  void LoseUntil(std::int64_t received_ms);
  std::int64_t reach_ms() const { return reach_ms_; }

 private:
  using Generation = dedupe::Generation;
  using Shard = dedupe::Shard;

  Generation& generation(std::uint64_t id) { return generations_[id % dedupe::kCodes]; }

  Shard& ShardOf(const MixedKey& key) {
    return shards_[shard_of_[key.lane() / dedupe::kShardLanes]];
  }
  bool InsertKey(const MixedKey& key);
  [[gnu::always_inline]] void Prefetch(const MixedKey& key);

  void InsertChunk(std::span<const Hash128> keys);
  void InsertHalf(std::span<const Hash128> keys, std::size_t half, std::uint64_t* placed,
                  std::vector<Hash128>* left);

  void AdvanceTo(std::int64_t now_ms);
  void BeginGeneration();
  void DropOldestGeneration();
  void ReachBehind(std::int64_t ms);
  void SweepSomeShards();

  void MakeRoom(Shard* shard);
  // Whether a shard that grows to so many buckets a lane becomes two tables of half its lanes.
  static bool Splits(const Shard& shard, std::size_t buckets);
  std::size_t BucketsFor(std::size_t alive, const Shard& shard) const;
  void WantMemory(const Shard& shard);
  void DropSpares();
  TableMemory TakeMemory(std::size_t bytes);
  void KeepMemory(TableMemory memory);
  void Rebuild(Shard* shard, std::size_t buckets_min);
  Shard NewTable(std::size_t lanes, std::size_t buckets, bool compact);
  bool Resize(Shard* shard, std::size_t buckets, bool compact);
  bool Split(Shard* shard, std::size_t buckets);
  std::size_t Alive(Shard* shard);
  void ForgetEverything();
  void Release(Shard* shard);

  const std::size_t bytes_max_;
  const std::uint64_t window_ms_;
  const std::uint64_t generation_ms_;
  std::uint32_t lane_buckets_max_;
  std::uint64_t generation_keys_max_;

  std::array<Shard, dedupe::kShards> shards_;                // where their first lanes are
  std::array<std::uint8_t, dedupe::kShards> shard_of_ = {};  // by lane / kShardLanes
  std::array<Generation, dedupe::kCodes> generations_;
  LiveCodes live_ = {};
  std::uint64_t oldest_ = 0;
  std::uint64_t current_ = 0;
  std::size_t next_sweep_ = 0;
  bool reserved_ = false;  // tables stay as large as they are for what is still to come

  std::int64_t now_ms_ = std::numeric_limits<std::int64_t>::min();
  std::int64_t reach_ms_ = std::numeric_limits<std::int64_t>::min();
  std::uint64_t size_ = 0;
  std::vector<TableMemory> spares_;  // all of one size
  std::size_t wanted_ = 0;
  std::size_t bytes_ = sizeof(Impl) + sizeof(DedupeWindow);
};

inline void DedupeWindow::Impl::Prefetch(const MixedKey& key) {
  Shard& shard = ShardOf(key);
  if (shard.compact) {
    shard.Lane<CompactForm>(shard.LaneOf(key)).Prefetch(key);
  } else if (shard.buckets != 0) {
    shard.Lane<FullForm>(shard.LaneOf(key)).Prefetch(key);
  }
}

}  // namespace v1
}  // namespace insightflow
