#include "lib/log/dedupe_state.h"

#include <bit>
#include <limits>

#include "lib/log/dedupe_shard.h"

namespace insightflow {
inline namespace v1 {

using dedupe::kBucketsMax;
using dedupe::kBucketsMin;
using dedupe::kGenerationsMax;
using dedupe::kLanes;
using dedupe::kShardLanes;
using dedupe::kSplitBytes;

namespace {

// Counting never gets there.
constexpr std::uint64_t kNewestMax = std::uint64_t{1} << 62;

bool TimesAreSound(const DedupeState& state) {
  std::int64_t before = std::numeric_limits<std::int64_t>::min();
  for (const DedupeState::Generation& generation : state.generations) {
    if (generation.first_ms < before || generation.last_ms < generation.first_ms) return false;
    before = generation.last_ms;
  }
  if (before > state.now_ms) return false;
  return state.reach_ms <= state.now_ms || state.reach_ms - 1 == state.now_ms;
}

// A compact table is as large as its budget allows. One of many lanes is split before it is too
// large for the room that is kept for a table that is being rebuilt.
bool IsSound(const DedupeState::Table& table, std::uint32_t lane_buckets_max) {
  if (table.lanes < kShardLanes || table.lanes > kLanes || !std::has_single_bit(table.lanes) ||
      table.first_lane % table.lanes != 0) {
    return false;
  }
  const bool is_last_split = table.lanes == kShardLanes;
  const bool may_be_larger =
      std::size_t{lane_buckets_max} * kShardLanes * kBucketBytes >= kSplitBytes;
  if (!is_last_split && !may_be_larger) return false;
  if (table.buckets == 0) return !table.compact;
  if (table.buckets < kBucketsMin || table.buckets > lane_buckets_max) return false;
  if (table.compact) return is_last_split && table.buckets == lane_buckets_max;
  return is_last_split || table.bytes() < kSplitBytes;
}

}  // namespace

std::size_t DedupeState::Table::bytes() const {
  return std::size_t{buckets} * lanes * kBucketBytes;
}

bool DedupeState::IsSound() const {
  if (lane_buckets_max > kBucketsMax) return false;
  if (generations.empty() || generations.size() > kGenerationsMax || newest > kNewestMax ||
      newest + 1 < generations.size() || !TimesAreSound(*this)) {
    return false;
  }
  std::uint32_t lane = 0;
  for (const Table& table : tables) {
    if (table.first_lane != lane || !v1::IsSound(table, lane_buckets_max)) return false;
    lane += table.lanes;
  }
  return lane == kLanes;
}

}  // namespace v1
}  // namespace insightflow
