#include "lib/log/dedupe.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "lib/log/dedupe_table.h"

namespace insightflow {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
// Of a shard of many lanes: a table that is outgrown may be kept for the next one.
constexpr std::size_t kTableBytesMax = std::size_t{4} << 20;
constexpr std::int64_t kDayMs = 24 * 3600 * 1000;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();

struct alignas(kBucketBytes) Line {
  std::array<char, kBucketBytes> bytes = {};
};

std::vector<Hash128> Keys(std::uint64_t first, std::size_t count) {
  std::vector<Hash128> keys(count);
  for (std::size_t i = 0; i < count; ++i) {
    keys[i] = HashBytes128(std::to_string(first + i), 1);
  }
  return keys;
}

std::size_t Insert(DedupeWindow* window, const std::vector<Hash128>& keys, std::int64_t now_ms) {
  std::vector<std::uint8_t> fresh;
  return window->Insert(keys, now_ms, &fresh);
}

TEST(DedupeTest, AKeyIsFreshOnce) {
  DedupeWindow window(kMiB, kDayMs);
  const std::vector<Hash128> keys = Keys(0, 100);
  EXPECT_EQ(Insert(&window, keys, 1), 100u);
  EXPECT_EQ(Insert(&window, keys, 2), 0u);
  EXPECT_EQ(window.size(), 100u);
  EXPECT_EQ(window.reach_ms(), kNever);
}

TEST(DedupeTest, AnswersComeInOrder) {
  DedupeWindow window(kMiB, kDayMs);
  const Hash128 a{1, 2};
  const Hash128 b{2, 1};
  std::vector<std::uint8_t> fresh = {9, 9, 9, 9, 9, 9, 9};
  EXPECT_EQ(window.Insert(std::vector<Hash128>{a, b, a, Hash128{}, b, Hash128{}}, 1, &fresh), 4u);
  EXPECT_EQ(fresh, (std::vector<std::uint8_t>{1, 1, 0, 1, 0, 1}));
  EXPECT_EQ(window.size(), 2u);
  EXPECT_EQ(window.Insert({}, 1, &fresh), 0u);
  EXPECT_TRUE(fresh.empty());
}

TEST(DedupeTest, AnErasedKeyIsFreshAgain) {
  DedupeWindow window(kMiB, kDayMs);
  window.Erase(Keys(0, 3));  // nothing is known yet
  const std::vector<Hash128> keys = Keys(0, 100);
  Insert(&window, keys, 1);
  window.Erase(std::vector<Hash128>{keys[3], Hash128{}, Hash128{1, 2}, keys[7], keys[3]});
  EXPECT_EQ(window.size(), 98u);
  std::vector<std::uint8_t> fresh;
  EXPECT_EQ(window.Insert(keys, 2, &fresh), 2u);
  EXPECT_EQ(fresh[3] + fresh[7], 2);
  EXPECT_EQ(window.size(), 100u);
  EXPECT_EQ(window.reach_ms(), kNever);
  window.Erase(keys);
  EXPECT_EQ(window.size(), 0u);
  EXPECT_EQ(Insert(&window, keys, 3), 100u);
}

// Room that erasures made is used: the budget is never spent.
TEST(DedupeTest, ErasedKeysMakeRoom) {
  DedupeWindow window(kMiB, kDayMs);
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::vector<Hash128> keys = Keys(i * 5'000, 5'000);
    ASSERT_EQ(Insert(&window, keys, 1), 5'000u);
    window.Erase(keys);
  }
  EXPECT_EQ(window.size(), 0u);
  EXPECT_EQ(window.reach_ms(), kNever);
  EXPECT_LT(window.bytes(), kMiB / 2);
}

TEST(DedupeTest, KeysThatDifferInOneBitAreDifferent) {
  DedupeWindow window(kMiB, kDayMs);
  std::vector<Hash128> keys = {{5, 9}};
  for (int bit = 0; bit < 64; ++bit) {
    keys.push_back({5 ^ std::uint64_t{1} << bit, 9});
    keys.push_back({5, 9 ^ std::uint64_t{1} << bit});
  }
  EXPECT_EQ(Insert(&window, keys, 1), keys.size());
  EXPECT_EQ(Insert(&window, keys, 1), 0u);
}

TEST(DedupeTest, AKeyLastsTheWindowAndAtMostAPartMore) {
  const std::vector<Hash128> keys = Keys(0, 10);
  for (const std::int64_t start : {std::int64_t{-1'000'000}, std::int64_t{0}, kDayMs * 20'000}) {
    DedupeWindow window(kMiB, 12'800);
    Insert(&window, keys, start);
    EXPECT_EQ(Insert(&window, keys, start + 12'800), 0u);
    EXPECT_EQ(Insert(&window, keys, start + 12'800 + 100), 10u);
    EXPECT_EQ(Insert(&window, keys, start + 12'800 + 100), 0u);
    EXPECT_GE(window.reach_ms(), start);
    EXPECT_LE(window.reach_ms(), start + 100);
    EXPECT_EQ(window.size(), 10u);
  }
}

TEST(DedupeTest, ExtremeTimesAreFine) {
  const std::vector<Hash128> keys = Keys(0, 10);
  DedupeWindow window(kMiB, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(Insert(&window, keys, kNever), 10u);
  EXPECT_EQ(Insert(&window, keys, -1), 0u);
  EXPECT_EQ(Insert(&window, keys, std::numeric_limits<std::int64_t>::max()), 10u);
  EXPECT_EQ(Insert(&window, keys, std::numeric_limits<std::int64_t>::max()), 0u);
  DedupeWindow none(kMiB, 0);
  EXPECT_EQ(Insert(&none, keys, 5), 10u);
  EXPECT_EQ(Insert(&none, keys, 5), 0u);
  EXPECT_EQ(Insert(&none, keys, 8), 10u);
}

TEST(DedupeTest, TimeThatGoesBackStandsStill) {
  DedupeWindow window(kMiB, 1'280);
  const std::vector<Hash128> keys = Keys(0, 20);
  Insert(&window, Keys(0, 10), 10'000);
  EXPECT_EQ(Insert(&window, keys, 9'900), 10u);
  EXPECT_EQ(Insert(&window, keys, 10'900), 0u);
  EXPECT_EQ(window.reach_ms(), kNever);
}

TEST(DedupeTest, MemoryFollowsTheIds) {
  DedupeWindow window(std::size_t{1} << 30, 1'000);
  EXPECT_LE(window.bytes(), 100u << 10);
  Insert(&window, Keys(0, 10'000), 1);
  EXPECT_LE(window.bytes(), kMiB);
  Insert(&window, Keys(0, 300'000), 1);
  EXPECT_EQ(window.size(), 300'000u);
  EXPECT_LE(window.bytes(), 300'000u * 40 + kTableBytesMax);
  Insert(&window, Keys(0, 1), 10'000);  // all of it has left the window
  EXPECT_EQ(window.size(), 1u);
  EXPECT_LE(window.bytes(), 100u << 10);
}

TEST(DedupeTest, ASpentBudgetForgetsTheOldestFirst) {
  DedupeWindow window(kMiB, kDayMs);
  std::int64_t now_ms = 0;
  for (std::uint64_t first = 0; first < 300'000; first += 1'000) {
    ASSERT_EQ(Insert(&window, Keys(first, 1'000), ++now_ms), 1'000u);
    ASSERT_LE(window.bytes(), kMiB);
  }
  // At least eight of nine bytes a key are put to use.
  EXPECT_GT(window.size(), 100'000u);
  EXPECT_LT(window.reach_ms(), now_ms - 90);
  const auto reach = static_cast<std::uint64_t>(window.reach_ms());
  EXPECT_EQ(Insert(&window, Keys((reach - 1) * 1'000, 300'000 - (reach - 1) * 1'000), now_ms), 0u);
  EXPECT_EQ(Insert(&window, Keys(0, 1'000), now_ms), 1'000u);
}

// More keys in one moment than the budget holds: nothing older is promised, and it goes on.
TEST(DedupeTest, OneCallMayExceedTheBudget) {
  DedupeWindow window(kMiB, kDayMs);
  const std::vector<Hash128> keys = Keys(0, 400'000);
  EXPECT_EQ(Insert(&window, keys, 7), keys.size());
  EXPECT_LE(window.bytes(), kMiB);
  EXPECT_EQ(window.reach_ms(), 8);
  EXPECT_EQ(Insert(&window, Keys(390'000, 10'000), 7), 0u);
}

// Keys made to share all but a few bits, as a caller without a good hash would send them.
TEST(DedupeTest, WeakKeysAreStillTold) {
  for (const int shift : {0, 20, 40, 56}) {
    DedupeWindow window(kMiB, kDayMs);
    std::vector<Hash128> low;
    std::vector<Hash128> high;
    for (std::uint64_t i = 1; i <= 200; ++i) {
      low.push_back({i << shift, 0});
      high.push_back({0, i << shift});
    }
    EXPECT_EQ(Insert(&window, low, 1), low.size());
    EXPECT_EQ(Insert(&window, high, 1), high.size());
    EXPECT_EQ(Insert(&window, low, 1), 0u);
    EXPECT_EQ(Insert(&window, high, 1), 0u);
  }
}

// Under a large budget shards of many lanes split as they grow, and keep to the budget's parts.
TEST(DedupeTest, ShardsSplitAsTheyGrow) {
  DedupeWindow window(kMiB << 10, kDayMs);
  const std::vector<Hash128> keys = Keys(0, 700'000);
  std::vector<std::uint8_t> fresh;
  for (std::size_t i = 0; i < keys.size(); i += 1'000) {
    ASSERT_EQ(window.Insert(std::span(keys).subspan(i, 1'000), 1, &fresh), 1'000u);
    ASSERT_LE(window.bytes(), (i + 1'000) * 55 + (100u << 10) + kTableBytesMax);
  }
  EXPECT_EQ(Insert(&window, keys, kDayMs), 0u);
  EXPECT_EQ(window.size(), keys.size());
  EXPECT_EQ(window.reach_ms(), kNever);
  EXPECT_EQ(Insert(&window, keys, 3 * kDayMs), keys.size());
  EXPECT_EQ(Insert(&window, keys, 4 * kDayMs), 0u);
}

// All in one lane of a shard of many, so that it splits although the others are empty.
// Memory for tables comes ahead of need, outside Insert; the window is the same with it.
TEST(DedupeTest, MemoryThatIsBroughtAheadSavesItsUserTheWait) {
  constexpr std::size_t kBatch = 100;
  constexpr std::size_t kGrowthMax = 512 << 10;  // what Insert gets itself: small tables
  DedupeWindow window(1024 * kMiB, kDayMs);
  DedupeWindow alone(1024 * kMiB, kDayMs);
  std::size_t brought = 0, brought_bytes = 0, grown_alone = 0, grown_alone_bytes = 0;
  for (std::uint64_t first = 0; first < 700'000; first += kBatch) {
    const std::vector<Hash128> keys = Keys(first, kBatch);
    const std::size_t before = window.bytes();
    const std::size_t before_alone = alone.bytes();
    ASSERT_EQ(Insert(&window, keys, 1), kBatch);
    ASSERT_EQ(Insert(&alone, keys, 1), kBatch);
    ASSERT_LE(window.bytes(), before + kGrowthMax) << first;
    if (alone.bytes() > before_alone + kGrowthMax) {
      ++grown_alone;
      grown_alone_bytes += alone.bytes() - before_alone;
    }
    if (const std::size_t wanted = window.memory_wanted(); wanted != 0) {
      window.GiveMemory(TableMemory(wanted / 2));  // of no use
      window.GiveMemory(TableMemory(wanted));
      ++brought;
      brought_bytes += wanted;
      EXPECT_EQ(window.memory_wanted(), 0u);
    }
  }
  EXPECT_GE(grown_alone, 5u);
  EXPECT_GE(brought, grown_alone);
  // What was brought became tables in place of the system's, but for what is still spare.
  EXPECT_LE(brought_bytes, grown_alone_bytes + (window.bytes() - alone.bytes()) + kTableBytesMax);
  EXPECT_EQ(window.size(), alone.size());
  EXPECT_EQ(Insert(&window, Keys(0, 700'000), 1), 0u);
}

// What is asked for is for the shards that are still to grow: little is left over when all have.
TEST(DedupeTest, NoMoreIsBroughtThanTablesGrow) {
  DedupeWindow window(1024 * kMiB, kDayMs);
  DedupeWindow alone(1024 * kMiB, kDayMs);
  std::size_t spare_least = SIZE_MAX;
  for (std::uint64_t first = 0; first < 1'000'000; first += 1000) {
    const std::vector<Hash128> keys = Keys(first, 1000);
    Insert(&window, keys, 1);
    Insert(&alone, keys, 1);
    const std::size_t wanted = window.memory_wanted();
    if (wanted != 0) window.GiveMemory(TableMemory(wanted));
    if (first >= 700'000) spare_least = std::min(spare_least, window.bytes() - alone.bytes());
  }
  EXPECT_LE(spare_least, 2 * kTableBytesMax);
}

TEST(DedupeTest, SparesKeepTheBudgetAndGoWithTheLastKey) {
  DedupeWindow window(2 * kMiB, kDayMs);
  for (std::uint64_t first = 0; first < 300'000; first += 1000) {
    Insert(&window, Keys(first, 1000), 1);
    if (window.memory_wanted() != 0) window.GiveMemory(TableMemory(window.memory_wanted()));
    ASSERT_LE(window.bytes(), 2 * kMiB);
  }
  DedupeWindow idle(64 * kMiB, kDayMs);
  const std::size_t empty = idle.bytes();
  std::uint64_t first = 0;
  while (idle.memory_wanted() == 0) Insert(&idle, Keys(first += 100, 100), 1);
  idle.GiveMemory(TableMemory(idle.memory_wanted()));
  Insert(&idle, {Hash128{}}, 1 + 3 * kDayMs);
  EXPECT_EQ(idle.bytes(), empty);
}

TEST(DedupeTest, KeysOfOneLaneSplitItsShard) {
  DedupeWindow window(kMiB << 10, kDayMs);
  std::vector<Hash128> keys;
  for (const Hash128& key : Keys(0, 3'000'000)) {
    if (MixedKey(key).lane() == 77) keys.push_back(key);
  }
  EXPECT_EQ(Insert(&window, keys, 1), keys.size());
  EXPECT_LE(window.bytes(), kMiB << 5);
  EXPECT_EQ(Insert(&window, keys, 2), 0u);
}

TEST(DedupeTest, ATinyBudgetIsRaisedToItsLeast) {
  DedupeWindow window(0, kDayMs);
  EXPECT_EQ(Insert(&window, Keys(0, 10'000), 1), 10'000u);
  EXPECT_LE(window.bytes(), kMiB);
}

TEST(BucketTableTest, TheOtherBucketOfTheOtherIsTheFirst) {
  for (const std::uint32_t buckets : {1u, 2u, 3u, 63u, 1u << 16, (1u << 28) - 1}) {
    for (std::uint64_t tag = 0; tag < 1'000; ++tag) {
      const auto bucket = static_cast<std::uint32_t>(tag * 7'919 % buckets);
      const std::uint32_t other = OtherBucket(tag, bucket, buckets);
      ASSERT_LT(other, buckets);
      ASSERT_EQ(OtherBucket(tag, other, buckets), bucket);
    }
  }
}

TEST(BucketTableTest, FillsNearlyAllSlotsAndChangesNothingWhenFull) {
  constexpr std::uint32_t kBuckets = 512;
  alignas(kBucketBytes) static std::uint64_t memory[kBuckets * 8] = {};
  BucketTable<CompactForm> table(memory, kBuckets);
  LiveCodes live = {};
  live[3] = 1;
  std::vector<Hash128> placed;
  for (std::uint64_t n = 0;; ++n) {
    const Hash128 key = Keys(n, 1)[0];
    const Placing placing = table.Insert(MixedKey(key), 3, live);
    ASSERT_NE(placing, Placing::kKnown);
    if (placing == Placing::kFull) break;
    placed.push_back(key);
  }
  EXPECT_GT(placed.size(), kBuckets * 8 * 9 / 10);
  for (const Hash128& key : placed) {
    ASSERT_EQ(table.Insert(MixedKey(key), 3, live), Placing::kKnown);
  }
  EXPECT_EQ(table.Sweep(live), placed.size());
  live[3] = 0;
  EXPECT_EQ(table.Sweep(live), 0u);
}

// Keys whose generations live are known to the new table, whatever its size and form; others went.
template <typename Form>
void ExpectFilledTable(std::uint32_t buckets) {
  constexpr std::uint32_t kBuckets = 300;
  std::vector<Line> from_memory(kBuckets);
  std::vector<Line> memory(buckets);
  BucketTable<FullForm> from(from_memory.data(), kBuckets);
  BucketTable<Form> table(memory.data(), buckets);
  LiveCodes live = {};
  live[3] = live[4] = 1;
  const std::vector<Hash128> keys = Keys(0, 900);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::uint8_t code = i % 3 == 0 ? 3 : 4;
    ASSERT_EQ(from.Insert(MixedKey(keys[i]), code, live), Placing::kPlaced);
  }
  live[3] = 0;
  ASSERT_EQ(table.Fill(from, live), 600u) << buckets;
  ASSERT_EQ(table.Sweep(live), 600u);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i % 3 == 0) continue;
    ASSERT_EQ(table.Insert(MixedKey(keys[i]), 4, live), Placing::kKnown) << buckets;
  }
}

TEST(BucketTableTest, FillsFromATableOfAnyOtherSize) {
  for (const std::uint32_t buckets : {200u, 300u, 301u, 450u, 600u, 1'700u}) {
    ExpectFilledTable<FullForm>(buckets);
  }
  for (const std::uint32_t buckets : {100u, 300u, 450u}) ExpectFilledTable<CompactForm>(buckets);
}

TEST(BucketTableTest, FillSaysWhenAKeyFindsNoPlace) {
  std::vector<Line> from_memory(300);
  std::vector<Line> memory(100);
  BucketTable<FullForm> from(from_memory.data(), 300);
  LiveCodes live = {};
  live[3] = 1;
  for (const Hash128& key : Keys(0, 900)) from.Insert(MixedKey(key), 3, live);
  EXPECT_FALSE(BucketTable<FullForm>(memory.data(), 100).Fill(from, live).has_value());
}

}  // namespace
}  // namespace insightflow
