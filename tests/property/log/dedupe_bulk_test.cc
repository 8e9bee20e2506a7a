// A window that is made again from many keys at once knows what one knows that they came to one
// after another, whatever room was made for them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

#include "lib/log/dedupe.h"
#include "tests/reference/dedupe_reference.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

class DedupeBulkTest : public ::testing::Test {
 protected:
  std::vector<Hash128> RandomKeys(std::size_t count) {
    std::vector<Hash128> keys(count);
    for (Hash128& key : keys) {
      if (!sent_.empty() && random_.OneIn(5)) {
        key = random_.Of(sent_);
      } else if (!random_.OneIn(50)) {  // else no key
        key = {random_.engine()(), random_.engine()()};
      }
      if (random_.OneIn(20)) sent_.push_back(key);
    }
    return keys;
  }

  // What came in a group is known, unless it left the budget or the window.
  void Compare(std::size_t budget, std::int64_t window_ms, std::uint64_t keys,
               std::optional<std::uint64_t> reserved) {
    sent_.clear();
    DedupeWindow window(budget, window_ms);
    if (reserved) window.Reserve(*reserved);
    DedupeWindow twin(budget, window_ms);  // to which keys come one after another
    std::vector<std::uint8_t> fresh;
    ASSERT_LE(window.bytes(), budget);
    testing::DedupeReference reference;
    std::vector<Hash128> all;
    std::unordered_set<std::uint64_t> unsure;
    std::int64_t now_ms = random_.Between(-5'000, 5'000);
    for (std::uint64_t sent = 0; sent < keys;) {
      const std::int64_t most = random_.OneIn(3) ? 100 : 60'000;
      const auto group = RandomKeys(static_cast<std::size_t>(random_.Between(1, most)));
      window.InsertMany(group, now_ms);
      twin.Insert(group, now_ms, &fresh);
      ASSERT_LE(window.bytes(), budget);
      for (const Hash128& key : group) {
        const auto seen = reference.SeenAt(key);
        if (key == Hash128{} || (seen && *seen >= window.reach_ms())) continue;
        // Nobody told whether it was still known when it came again.
        if (seen) unsure.insert(key.low);
        if (!seen) all.push_back(key);
        reference.Remember(key, now_ms);
      }
      sent += group.size();
      now_ms += random_.Below(10);
    }
    ASSERT_TRUE(window.State().IsSound());
    const std::int64_t reach_ms = window.reach_ms();
    if (reach_ms < -5'000) {
      ASSERT_EQ(window.size(), all.size());
      // Where a key lies depends on what came before it, so only one of the two may run full.
      if (twin.reach_ms() < -5'000) {
        ASSERT_EQ(window.State().generations, twin.State().generations);
      }
    }
    std::vector<Hash128> known;
    for (const Hash128& key : all) {
      const std::int64_t seen = *reference.SeenAt(key);
      if (seen < reach_ms || now_ms - seen > window_ms || unsure.contains(key.low)) continue;
      known.push_back(key);
    }
    ExpectKnows(&window, known, now_ms);
    std::vector<Hash128> others(1'000);
    for (Hash128& key : others) key = {random_.engine()(), random_.engine()()};
    EXPECT_EQ(window.Insert(others, now_ms, &fresh), others.size());
    EXPECT_LE(window.bytes(), budget);
  }

  void ExpectKnows(DedupeWindow* window, const std::vector<Hash128>& keys, std::int64_t now_ms) {
    ASSERT_FALSE(keys.empty());
    std::vector<std::uint8_t> fresh;
    EXPECT_EQ(window->Insert(keys, now_ms, &fresh), 0u) << "of " << keys.size();
  }

  testing::Random random_{testing::RandomSeed()};
  std::vector<Hash128> sent_;
};

TEST_F(DedupeBulkTest, KnowsEveryKey) {
  for (int i = testing::RandomCases(3); i > 0; --i) {
    const auto keys = static_cast<std::uint64_t>(random_.Between(1, 300'000));
    std::optional<std::uint64_t> reserved;
    if (!random_.OneIn(3))
      reserved = keys * static_cast<std::uint64_t>(random_.Between(1, 30)) / 10;
    for (const std::size_t budget : {64 * kMiB, 1024 * kMiB}) {
      SCOPED_TRACE(i);
      ASSERT_NO_FATAL_FAILURE(Compare(budget, std::int64_t{1} << 40, keys, reserved));
      ASSERT_NO_FATAL_FAILURE(Compare(budget, 100'000, keys, reserved));
    }
  }
}

TEST_F(DedupeBulkTest, KeepsABudgetThatIsTooSmall) {
  for (int i = testing::RandomCases(3); i > 0; --i) {
    const auto keys = static_cast<std::uint64_t>(random_.Between(50'000, 300'000));
    std::optional<std::uint64_t> reserved;
    if (!random_.OneIn(3))
      reserved = keys * static_cast<std::uint64_t>(random_.Between(1, 30)) / 10;
    SCOPED_TRACE(i);
    ASSERT_NO_FATAL_FAILURE(Compare(kMiB, std::int64_t{1} << 40, keys, reserved));
    ASSERT_NO_FATAL_FAILURE(Compare(2 * kMiB, 1'000, keys, reserved));
  }
}

TEST_F(DedupeBulkTest, NothingGrowsOnceRoomIsMade) {
  for (const std::size_t budget : {16 * kMiB, 64 * kMiB, 1024 * kMiB}) {
    DedupeWindow window(budget, 1'000'000);
    constexpr std::uint64_t kKeys = 400'000;
    window.Reserve(kKeys);
    const std::size_t bytes = window.bytes();
    EXPECT_GT(bytes, kKeys * 8);
    // Over several generations, whose first ones would leave little in the tables.
    for (int i = 0; i < 20; ++i) {
      std::vector<Hash128> keys(kKeys / 20);
      for (Hash128& key : keys) key = {random_.engine()(), random_.engine()()};
      window.InsertMany(keys, i * 20'000);
      ASSERT_EQ(window.bytes(), bytes);
    }
    EXPECT_EQ(window.size(), kKeys);
  }
}

}  // namespace
}  // namespace insightflow
