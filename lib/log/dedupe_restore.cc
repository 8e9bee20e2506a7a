// A window becomes what another one was, or is made again from all keys: on two threads both.

#include <algorithm>
#include <array>
#include <atomic>
#include <new>
#include <thread>

#include "lib/log/dedupe_impl.h"

namespace insightflow {
inline namespace v1 {

using namespace dedupe;

namespace {

// Fewer keys are sooner in than a thread is there.
constexpr std::size_t kShareKeysMin = 8'192;
// What waits in memory for a thread that is done.
constexpr std::size_t kChunkKeysMax = std::size_t{1} << 20;
// Small tables grow in no time.
constexpr std::uint64_t kReserveKeysMin = 100'000;

template <typename Work>
void OnTwoThreads(const Work& work) {
  std::thread other([&] { work(1); });
  work(0);
  other.join();
}

}  // namespace

DedupeState DedupeWindow::Impl::State() const {
  DedupeState state;
  state.window_ms = window_ms_;
  state.lane_buckets_max = lane_buckets_max_;
  state.now_ms = now_ms_;
  state.reach_ms = reach_ms_;
  state.newest = current_;
  for (std::uint64_t id = oldest_; id <= current_; ++id) {
    const Generation& from = generations_[id % kCodes];
    // The first one of all begins with the first key.
    state.generations.push_back(
        {std::min(from.first_ms, now_ms_), std::min(from.last_ms, now_ms_)});
  }
  for (std::uint32_t at = 0; at < kShards; ++at) {
    const Shard& shard = shards_[at];
    if (shard_of_[at] != at) continue;
    state.tables.push_back(
        {at * std::uint32_t{kShardLanes}, shard.lanes, shard.buckets, shard.compact});
  }
  return state;
}

std::span<const char> DedupeWindow::Impl::TableAt(std::uint32_t first_lane) const {
  const Shard& shard = shards_[first_lane / kShardLanes];
  return {static_cast<const char*>(shard.memory.data()),
          std::size_t{shard.buckets} * shard.lanes * kBucketBytes};
}

namespace {

struct LoadedTables {
  std::vector<Shard> shards;  // one for each table of the state
  KeysOfCodes keys = {};
};

// Reads and sweeps every table, two at a time. All counts come from what is there.
bool LoadTables(const DedupeState& state, const LiveCodes& live,
                const DedupeWindow::ReadTable& read, LoadedTables* loaded) {
  loaded->shards.resize(state.tables.size());
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  const auto load = [&](KeysOfCodes* keys) {
    for (std::size_t i = next++; i < state.tables.size() && !failed; i = next++) {
      const DedupeState::Table& table = state.tables[i];
      Shard& shard = loaded->shards[i];
      shard.lanes = table.lanes;
      if (table.buckets == 0) continue;
      shard.memory = TableMemory(table.bytes());
      shard.buckets = table.buckets;
      shard.compact = table.compact;
      if (!read(i, {static_cast<char*>(shard.memory.data()), table.bytes()})) {
        failed = true;
        return;
      }
      shard.used = static_cast<std::uint32_t>(shard.Count(live, keys));
    }
  };
  const auto try_load = [&](KeysOfCodes* keys) {
    try {
      load(keys);
    } catch (const std::bad_alloc&) {
      failed = true;
    }
  };
  std::array<KeysOfCodes, 2> keys = {};
  OnTwoThreads([&](std::size_t thread) { try_load(&keys[thread]); });
  for (std::size_t code = 0; code < kCodes + 1; ++code) {
    loaded->keys[code] = keys[0][code] + keys[1][code];
  }
  return !failed;
}

}  // namespace

bool DedupeWindow::Impl::Restore(const DedupeState& state, const ReadTable& read) {
  if (state.window_ms != window_ms_ || state.lane_buckets_max != lane_buckets_max_ ||
      !state.IsSound()) {
    return false;
  }
  const std::uint64_t oldest = state.newest + 1 - state.generations.size();
  LiveCodes live = {};
  for (std::uint64_t id = oldest; id <= state.newest; ++id) live[CodeOf(id)] = 1;
  LoadedTables loaded;
  if (!LoadTables(state, live, read, &loaded)) return false;
  live_ = live;
  oldest_ = oldest;
  current_ = state.newest;
  now_ms_ = state.now_ms;
  reach_ms_ = state.reach_ms;
  size_ = 0;
  for (std::uint64_t id = oldest; id <= current_; ++id) {
    const DedupeState::Generation& from = state.generations[id - oldest];
    generation(id) = {from.first_ms, from.last_ms, loaded.keys[CodeOf(id)]};
    size_ += loaded.keys[CodeOf(id)];
  }
  for (Shard& shard : shards_) Release(&shard);
  for (std::size_t i = 0; i < state.tables.size(); ++i) {
    const DedupeState::Table& table = state.tables[i];
    const std::size_t at = table.first_lane / kShardLanes;
    std::fill_n(shard_of_.begin() + at, table.lanes / kShardLanes, static_cast<std::uint8_t>(at));
    shards_[at] = std::move(loaded.shards[i]);
    shards_[at].swept_at = oldest_;
    bytes_ += shards_[at].memory.bytes();
  }
  return true;
}

void DedupeWindow::Impl::Reserve(std::uint64_t keys) {
  const bool any = std::any_of(shards_.begin(), shards_.end(),
                               [](const Shard& shard) { return shard.buckets != 0; });
  if (any || keys < kReserveKeysMin) return;
  std::size_t lanes = shards_[0].lanes;
  // Full at 5/8 of 4 slots a bucket: in the middle of what growing comes to.
  std::uint64_t buckets = std::max<std::uint64_t>(kBucketsMin, keys * 2 / 5 / kLanes + 1);
  while (lanes > kShardLanes && buckets * lanes * kBucketBytes >= kSplitBytes) lanes /= 2;
  const bool compact = keys / kShards >= std::uint64_t{lane_buckets_max_} * kShardLanes * 12 / 5;
  buckets = compact ? lane_buckets_max_ : std::min<std::uint64_t>(buckets, lane_buckets_max_);

  std::vector<Shard> tables(kLanes / lanes);
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  OnTwoThreads([&](std::size_t) {
    try {
      for (std::size_t i = next++; i < tables.size(); i = next++) {
        tables[i] = NewTable(lanes, static_cast<std::size_t>(buckets), compact);
      }
    } catch (const std::bad_alloc&) {
      failed = true;
    }
  });
  if (failed) return;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const std::size_t at = i * lanes / kShardLanes;
    std::fill_n(shard_of_.begin() + at, lanes / kShardLanes, static_cast<std::uint8_t>(at));
    bytes_ += tables[i].memory.bytes();
    shards_[at] = std::move(tables[i]);
  }
  reserved_ = true;
}

void DedupeWindow::Impl::InsertMany(std::span<const Hash128> keys, std::int64_t now_ms) {
  if (keys.empty()) return;
  AdvanceTo(now_ms);
  while (!keys.empty()) {
    if (generation(current_).keys >= generation_keys_max_) BeginGeneration();
    // So that generations end where they would otherwise: more of them would be too many.
    const std::uint64_t room = generation_keys_max_ - generation(current_).keys;
    const auto chunk = keys.first(static_cast<std::size_t>(std::min<std::uint64_t>(
        {keys.size(), kChunkKeysMax, std::max<std::uint64_t>(room, kShareKeysMin - 1)})));
    InsertChunk(chunk);
    keys = keys.subspan(chunk.size());
  }
}

// Two threads take the lower and the upper lanes. Neither changes what they share: keys that find
// no place at once are left for the end.
void DedupeWindow::Impl::InsertChunk(std::span<const Hash128> keys) {
  std::array<std::vector<Hash128>, 2> left;
  const bool is_shared_out = shard_of_[kShards / 2] == kShards / 2;
  if (is_shared_out && keys.size() >= kShareKeysMin) {
    for (auto& of_half : left) of_half.reserve(keys.size());
    std::array<std::uint64_t, 2> placed = {};
    OnTwoThreads([&](std::size_t half) { InsertHalf(keys, half, &placed[half], &left[half]); });
    generation(current_).keys += placed[0] + placed[1];
    size_ += placed[0] + placed[1];
  } else {
    left[0].assign(keys.begin(), keys.end());
  }
  for (const auto& of_half : left) {
    for (std::size_t i = 0; i < of_half.size(); ++i) {
      if (i + kAhead < of_half.size()) Prefetch(MixedKey(of_half[i + kAhead]));
      if (of_half[i] != Hash128{}) InsertKey(MixedKey(of_half[i]));
    }
  }
}

void DedupeWindow::Impl::InsertHalf(std::span<const Hash128> keys, std::size_t half,
                                    std::uint64_t* placed, std::vector<Hash128>* left) {
  constexpr std::size_t kKeysAtOnce = 1'024;
  std::array<Hash128, kKeysAtOnce> own;
  const std::uint8_t code = CodeOf(current_);
  std::uint64_t count = 0;
  for (; !keys.empty(); keys = keys.subspan(std::min(keys.size(), kKeysAtOnce))) {
    std::size_t size = 0;
    for (const Hash128& key : keys.first(std::min(keys.size(), kKeysAtOnce))) {
      own[size] = key;
      const bool is_own = MixedKey(key).lane() / (kLanes / 2) == half;
      size += static_cast<std::size_t>(is_own) & static_cast<std::size_t>(key != Hash128{});
    }
    for (std::size_t i = 0; i < std::min(kAhead, size); ++i) Prefetch(MixedKey(own[i]));
    for (std::size_t i = 0; i < size; ++i) {
      if (i + kAhead < size) Prefetch(MixedKey(own[i + kAhead]));
      const MixedKey key(own[i]);
      Shard& shard = ShardOf(key);
      Placing placing = Placing::kFull;
      if (shard.compact || !shard.crowded()) {
        placing = shard.Insert(key, code, live_);
      }
      if (placing == Placing::kFull) left->push_back(own[i]);
      if (placing != Placing::kPlaced) continue;
      ++shard.used;
      ++count;
    }
  }
  *placed = count;
}

}  // namespace v1
}  // namespace insightflow
