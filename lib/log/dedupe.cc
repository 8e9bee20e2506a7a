#include "lib/log/dedupe.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "lib/log/dedupe_impl.h"

namespace insightflow {
inline namespace v1 {

using namespace dedupe;

namespace {

// later >= earlier; the difference may exceed INT64_MAX.
std::uint64_t Span(std::int64_t earlier, std::int64_t later) {
  return static_cast<std::uint64_t>(later) - static_cast<std::uint64_t>(earlier);
}

}  // namespace

DedupeWindow::Impl::Impl(std::size_t bytes_max, std::int64_t window_ms)
    : bytes_max_(std::max(bytes_max, kBytesMin)),
      window_ms_(static_cast<std::uint64_t>(std::max<std::int64_t>(window_ms, 1))),
      generation_ms_((window_ms_ + kGenerationsPerWindow - 1) / kGenerationsPerWindow) {
  // Room for every shard at its largest and for the one that is being rebuilt.
  constexpr std::size_t kTables = kShards + 1;
  std::size_t shard_bytes = (bytes_max_ - bytes_) / kTables;
  while (TableMemory::BytesFor(shard_bytes) * kTables + bytes_ > bytes_max_) {
    shard_bytes -= kBucketBytes;
  }
  lane_buckets_max_ =
      static_cast<std::uint32_t>(std::min(shard_bytes / kBucketBytes / kShardLanes, kBucketsMax));
  generation_keys_max_ = std::uint64_t{lane_buckets_max_} * kLanes *
                         BucketTable<CompactForm>::kSlots / kGenerationsPerBudget;
  // While a shard of more lanes grows or splits, its old table is smaller than kSplitBytes: it must
  // fit into the room for the one that is being rebuilt.
  const std::size_t lanes = shard_bytes >= kSplitBytes ? kLanes : kShardLanes;
  for (std::size_t i = 0; i < kShards; ++i) {
    shard_of_[i] = static_cast<std::uint8_t>(i / (lanes / kShardLanes) * (lanes / kShardLanes));
    shards_[shard_of_[i]].lanes = static_cast<std::uint32_t>(lanes);
  }
  live_[CodeOf(current_)] = 1;
}

std::size_t DedupeWindow::Impl::Insert(std::span<const Hash128> keys, std::int64_t now_ms,
                                       std::vector<std::uint8_t>* fresh) {
  fresh->resize(keys.size());
  if (keys.empty()) return 0;
  reserved_ = false;
  AdvanceTo(now_ms);
  for (std::size_t i = 0; i < std::min(kAhead, keys.size()); ++i) Prefetch(MixedKey(keys[i]));
  std::size_t count = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i + kAhead < keys.size()) Prefetch(MixedKey(keys[i + kAhead]));
    const bool is_fresh = keys[i] == Hash128{} || InsertKey(MixedKey(keys[i]));
    (*fresh)[i] = is_fresh ? 1 : 0;
    count += is_fresh ? 1 : 0;
  }
  WantMemory(ShardOf(MixedKey(keys.back())));
  return count;
}

// False when the key is known.
bool DedupeWindow::Impl::InsertKey(const MixedKey& key) {
  if (generation(current_).keys >= generation_keys_max_) BeginGeneration();
  for (;;) {
    Shard& shard = ShardOf(key);
    const std::uint8_t code = CodeOf(current_);
    Placing placing = Placing::kFull;
    if (shard.compact || !shard.crowded()) placing = shard.Insert(key, code, live_);
    if (placing == Placing::kKnown) return false;
    if (placing == Placing::kPlaced) {
      ++shard.used;
      ++generation(current_).keys;
      ++size_;
      return true;
    }
    MakeRoom(&shard);
  }
}

void DedupeWindow::Impl::Erase(std::span<const Hash128> keys) {
  for (const Hash128& key : keys) {
    if (key == Hash128{}) continue;
    const MixedKey mixed(key);
    Shard& shard = ShardOf(mixed);
    const std::uint8_t code = shard.Erase(mixed, live_);
    if (code == 0) continue;
    --shard.used;
    --generations_[code - 1].keys;
    --size_;
  }
}

// Lets time pass: forgets generations that left the window, begins a new one when due. Time that
// goes back stands still.
void DedupeWindow::Impl::AdvanceTo(std::int64_t now_ms) {
  now_ms_ = std::max(now_ms_, now_ms);
  const Generation& newest = generation(current_);
  if (newest.keys > 0 && Span(newest.first_ms, now_ms_) >= generation_ms_) BeginGeneration();
  while (oldest_ < current_ && Span(generation(oldest_).last_ms, now_ms_) > window_ms_) {
    DropOldestGeneration();
  }
  Generation& current = generation(current_);
  if (current.keys == 0) current.first_ms = now_ms_;
  current.last_ms = now_ms_;
}

void DedupeWindow::Impl::BeginGeneration() {
  SweepSomeShards();
  if (current_ - oldest_ + 1 >= kGenerationsMax) DropOldestGeneration();
  ++current_;
  generation(current_) = {now_ms_, now_ms_, 0};
  live_[CodeOf(current_)] = 1;
}

void DedupeWindow::Impl::ReachBehind(std::int64_t ms) {
  constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
  reach_ms_ = std::max(reach_ms_, ms == kEnd ? kEnd : ms + 1);
}

void DedupeWindow::Impl::LoseUntil(std::int64_t received_ms) {
  AdvanceTo(received_ms);
  ReachBehind(received_ms);
}

void DedupeWindow::Impl::DropOldestGeneration() {
  const Generation& dropped = generation(oldest_);
  size_ -= dropped.keys;
  if (dropped.keys > 0) ReachBehind(dropped.last_ms);
  live_[CodeOf(oldest_)] = 0;
  ++oldest_;
  if (size_ == 0) {
    for (Shard& shard : shards_) Release(&shard);
    DropSpares();
  }
}

void DedupeWindow::Impl::SweepSomeShards() {
  for (std::size_t i = 0; i < kSweepShards; ++i) {
    Shard& shard = shards_[next_sweep_];
    next_sweep_ = (next_sweep_ + 1) % kShards;
    if (shard.buckets == 0) continue;
    const std::size_t alive = Alive(&shard);
    if (reserved_) continue;
    if (alive == 0) {
      Release(&shard);
    } else if (!shard.compact && alive < std::size_t{shard.buckets} * shard.lanes) {
      Rebuild(&shard, 0);  // at most a quarter of the slots: give memory back
    }
  }
}

// The live slots of a shard, whose dead ones are cleared.
std::size_t DedupeWindow::Impl::Alive(Shard* shard) {
  if (shard->swept_at != oldest_ && shard->buckets != 0) {
    shard->used = static_cast<std::uint32_t>(shard->Sweep(live_));
    shard->swept_at = oldest_;
  }
  return shard->used;
}

// Called when a key found no place in its shard.
void DedupeWindow::Impl::MakeRoom(Shard* shard) {
  if (!shard->compact) {
    // A key that found no place in a table that is not crowded needs a larger one.
    Rebuild(shard, shard->crowded() ? 0 : shard->buckets + shard->buckets / 2);
    return;
  }
  if (oldest_ == current_) BeginGeneration();
  DropOldestGeneration();
}

// Full at 4 slots a bucket and 4/5 of them: 5 buckets for 8 keys double the table, 15 for 32 add
// half; small tables may be generous. A large one grows by a whole step, though the key that found
// no place may have come early: then the size of the next table can be foretold.
std::size_t DedupeWindow::Impl::BucketsFor(std::size_t alive, const Shard& shard) const {
  const auto sized = [&](std::size_t keys) {
    const std::size_t doubled = keys * 5 / 8 / shard.lanes + 1;
    return doubled <= lane_buckets_max_ / 4 ? doubled : keys * 15 / 32 / shard.lanes + 1;
  };
  const std::size_t wanted = sized(alive);
  const bool foretold = wanted > shard.buckets && shard.memory.bytes() >= kSpareBytesMin / 2;
  if (!foretold) return wanted;
  const std::size_t large = kLargeBuckets / shard.lanes;
  const bool is_first = shard.memory.bytes() < kSpareBytesMin && large <= lane_buckets_max_ / 4;
  return is_first ? large : std::max(wanted, sized(shard.full()));
}

bool DedupeWindow::Impl::Splits(const Shard& shard, std::size_t buckets) {
  return shard.lanes > kShardLanes && buckets * shard.lanes * kBucketBytes >= kSplitBytes;
}

// Any shard tells for all: keys are spread evenly, and those of one size grow at about one time.
void DedupeWindow::Impl::WantMemory(const Shard& shard) {
  wanted_ = 0;
  if (shard.compact || shard.buckets == 0 || spares_.size() >= kSparesMax) return;
  if (shard.used < shard.full() / 8 * (shard.buckets < kEvenBuckets ? 6 : 7)) return;
  const std::size_t buckets = std::max(kBucketsMin, BucketsFor(shard.full(), shard));
  const bool splits = Splits(shard, buckets);
  // Each shard of this size grows into one table; one that splits takes two, and leaves its own to
  // the next.
  const auto alike = std::count_if(shards_.begin(), shards_.end(), [&](const Shard& other) {
    return other.lanes == shard.lanes && other.buckets == shard.buckets;
  });
  const std::size_t tables = static_cast<std::size_t>(alike) + (splits ? 1 : 0);
  if (spares_.size() >= tables) return;
  const std::size_t lanes = splits ? shard.lanes / 2 : shard.lanes;
  const std::size_t bytes = TableMemory::BytesFor(buckets * lanes * kBucketBytes);
  if (buckets > lane_buckets_max_ || bytes < kSpareBytesMin) return;
  if (bytes_ + bytes <= bytes_max_) wanted_ = bytes;
}

void DedupeWindow::Impl::GiveMemory(TableMemory memory) {
  if (memory.bytes() != wanted_ || bytes_ + memory.bytes() > bytes_max_) return;
  if (!spares_.empty() && spares_.back().bytes() != memory.bytes()) DropSpares();
  bytes_ += memory.bytes();
  spares_.push_back(std::move(memory));
  wanted_ = 0;
}

void DedupeWindow::Impl::DropSpares() {
  for (const TableMemory& spare : spares_) bytes_ -= spare.bytes();
  spares_.clear();
}

// A spare when there is one of this size. Others go, so that they never stand beside what the
// budget has room for.
TableMemory DedupeWindow::Impl::TakeMemory(std::size_t bytes) {
  if (spares_.empty() || spares_.back().bytes() != TableMemory::BytesFor(bytes)) {
    DropSpares();
    return TableMemory(bytes);
  }
  TableMemory memory = std::move(spares_.back());
  spares_.pop_back();
  bytes_ -= memory.bytes();
  return memory;
}

// Keeps the memory of an outgrown table for the next one of its size. To clear it takes a tenth of
// what it costs to give it back and get other pages, which a virtual machine may even have to ask
// its host for.
void DedupeWindow::Impl::KeepMemory(TableMemory memory) {
  const std::size_t bytes = memory.bytes();
  if (bytes < kSpareBytesMin || spares_.size() >= kSparesMax || bytes_ + bytes > bytes_max_) return;
  if (!spares_.empty() && spares_.back().bytes() != bytes) return;
  memory.Clear();
  bytes_ += bytes;
  spares_.push_back(std::move(memory));
}

// Moves the live keys to a table of the right size: full slots as long as they fit a shard's share.
void DedupeWindow::Impl::Rebuild(Shard* shard, std::size_t buckets_min) {
  const std::size_t alive = Alive(shard);
  std::size_t buckets = std::max({kBucketsMin, buckets_min, BucketsFor(alive, *shard)});
  for (; buckets <= lane_buckets_max_; buckets += buckets / 2) {
    if (Splits(*shard, buckets)) {
      // With as many buckets as before, every key finds the place that it had; what does not is
      // none of ours.
      if (!Split(shard, buckets) && !Split(shard, shard->buckets)) ForgetEverything();
      return;
    }
    if (Resize(shard, buckets, false)) return;
  }
  if (alive < std::size_t{lane_buckets_max_} * kShardLanes * 12 / 5 &&
      buckets_min < lane_buckets_max_ && Resize(shard, lane_buckets_max_, false)) {
    return;
  }
  // Only keys that were made to collide can fail to fit now.
  if (!Resize(shard, lane_buckets_max_, true)) ForgetEverything();
}

Shard DedupeWindow::Impl::NewTable(std::size_t lanes, std::size_t buckets, bool compact) {
  Shard table;
  table.memory = TakeMemory(buckets * lanes * kBucketBytes);
  table.lanes = static_cast<std::uint32_t>(lanes);
  table.buckets = static_cast<std::uint32_t>(buckets);
  table.compact = compact;
  table.swept_at = oldest_;
  return table;
}

// False, and nothing changes, when a key finds no place in the new table.
bool DedupeWindow::Impl::Resize(Shard* shard, std::size_t buckets, bool compact) {
  Shard next = NewTable(shard->lanes, buckets, compact);
  if (!next.Fill(shard, 0, live_)) return false;
  bytes_ += next.memory.bytes();
  std::swap(*shard, next);
  bytes_ -= next.memory.bytes();
  return true;
}

// The same into two tables of half the lanes.
bool DedupeWindow::Impl::Split(Shard* shard, std::size_t buckets) {
  const std::size_t lanes = shard->lanes / 2;
  Shard low = NewTable(lanes, buckets, false);
  Shard high = NewTable(lanes, buckets, false);
  if (!low.Fill(shard, 0, live_) || !high.Fill(shard, lanes, live_)) return false;
  bytes_ += low.memory.bytes() + high.memory.bytes() - shard->memory.bytes();
  const std::size_t at = static_cast<std::size_t>(shard - shards_.data());
  const std::size_t at_high = at + lanes / kShardLanes;
  std::fill_n(shard_of_.begin() + at_high, lanes / kShardLanes, static_cast<std::uint8_t>(at_high));
  TableMemory outgrown = std::exchange(shard->memory, TableMemory());
  const bool is_size_of_next = outgrown.bytes() == low.memory.bytes();
  *shard = std::move(low);
  shards_[at_high] = std::move(high);
  if (is_size_of_next) KeepMemory(std::move(outgrown));
  return true;
}

void DedupeWindow::Impl::ForgetEverything() {
  BeginGeneration();
  while (oldest_ < current_) DropOldestGeneration();
}

void DedupeWindow::Impl::Release(Shard* shard) {
  bytes_ -= shard->memory.bytes();
  const std::uint32_t lanes = shard->lanes;
  *shard = Shard();
  shard->lanes = lanes;
}

DedupeWindow::DedupeWindow(std::size_t bytes_max, std::int64_t window_ms)
    : impl_(std::make_unique<Impl>(bytes_max, window_ms)) {}

DedupeWindow::~DedupeWindow() = default;

std::size_t DedupeWindow::Insert(std::span<const Hash128> keys, std::int64_t now_ms,
                                 std::vector<std::uint8_t>* fresh) {
  return impl_->Insert(keys, now_ms, fresh);
}

void DedupeWindow::Erase(std::span<const Hash128> keys) { impl_->Erase(keys); }

DedupeState DedupeWindow::State() const { return impl_->State(); }
std::span<const char> DedupeWindow::TableAt(std::uint32_t first_lane) const {
  return impl_->TableAt(first_lane);
}
bool DedupeWindow::Restore(const DedupeState& state, const ReadTable& read) {
  return impl_->Restore(state, read);
}
void DedupeWindow::Reserve(std::uint64_t keys) { impl_->Reserve(keys); }
void DedupeWindow::InsertMany(std::span<const Hash128> keys, std::int64_t now_ms) {
  impl_->InsertMany(keys, now_ms);
}

std::uint64_t DedupeWindow::size() const { return impl_->size(); }
std::size_t DedupeWindow::bytes() const { return impl_->bytes(); }
void DedupeWindow::LoseUntil(std::int64_t received_ms) { impl_->LoseUntil(received_ms); }
std::size_t DedupeWindow::memory_wanted() const { return impl_->memory_wanted(); }
void DedupeWindow::GiveMemory(TableMemory memory) { impl_->GiveMemory(std::move(memory)); }
std::int64_t DedupeWindow::reach_ms() const { return impl_->reach_ms(); }

}  // namespace v1
}  // namespace insightflow
