#include "lib/log/dedupe_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/log/dedupe_shard.h"
#include "lib/log/dedupe_table.h"
#include "tests/support/golden.h"
#include "tests/support/random_cases.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::int64_t kDayMs = 24 * 3600 * 1000;
constexpr std::uint64_t kSeed = 77;
constexpr DedupeMark kMark = {12, 34, 56};

std::vector<Hash128> Keys(std::uint64_t first, std::size_t count) {
  std::vector<Hash128> keys(count);
  for (std::size_t i = 0; i < count; ++i) keys[i] = HashBytes128(std::to_string(first + i), 1);
  return keys;
}

std::vector<Hash128> KeysOfLanes(std::size_t end_lane, std::size_t count) {
  std::vector<Hash128> keys;
  for (std::uint64_t i = 0; keys.size() < count; ++i) {
    const Hash128 key = Keys(i, 1)[0];
    if (MixedKey(key).lane() < end_lane) keys.push_back(key);
  }
  return keys;
}

std::size_t Insert(DedupeWindow* window, const std::vector<Hash128>& keys, std::int64_t now_ms) {
  std::vector<std::uint8_t> fresh;
  return window->Insert(keys, now_ms, &fresh);
}

bool AcceptAll(const DedupeMark&) { return true; }

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string Golden(const std::string& name) {
  return std::string(INSIGHTFLOW_SOURCE_DIR) + "/tests/golden/formats/" + name;
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class DedupeFileTest : public ::testing::Test {
 protected:
  void Save(const DedupeWindow& window) {
    const Status status = WriteDedupeFile(dir_.path(), kSeed, kMark, window);
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_FALSE(std::filesystem::exists(path() + ".tmp"));
  }
  std::optional<DedupeMark> Load(DedupeWindow* window, std::uint64_t seed = kSeed) {
    return ReadDedupeFile(dir_.path(), seed, AcceptAll, window);
  }
  std::string path() const { return dir_ / "DEDUPE"; }

  // Another window becomes what this one is, and knows the keys.
  void ExpectRoundTrip(const DedupeWindow& window, std::size_t budget,
                       const std::vector<Hash128>& keys, std::int64_t now_ms) {
    Save(window);
    DedupeWindow loaded(budget, kDayMs);
    ASSERT_EQ(Load(&loaded), kMark);
    EXPECT_EQ(loaded.State(), window.State());
    EXPECT_EQ(loaded.size(), window.size());
    // An outgrown table that is kept for the next one is not saved.
    EXPECT_LE(loaded.bytes(), window.bytes());
    EXPECT_GE(loaded.bytes() + dedupe::kSplitBytes, window.bytes());
    EXPECT_EQ(loaded.reach_ms(), window.reach_ms());
    EXPECT_EQ(Insert(&loaded, keys, now_ms), 0u);
    EXPECT_EQ(Insert(&loaded, Keys(1u << 30, 1'000), now_ms), 1'000u);
  }

  // Nothing was read, and the window is as good as new.
  void ExpectIgnored(DedupeWindow* window) {
    const std::size_t bytes = window->bytes();
    EXPECT_EQ(Load(window), std::nullopt);
    EXPECT_EQ(window->size(), 0u);
    EXPECT_EQ(window->bytes(), bytes);
    EXPECT_EQ(Insert(window, Keys(0, 100), 1), 100u);
  }

  TempDir dir_;
};

TEST_F(DedupeFileTest, AnEmptyWindow) {
  DedupeWindow window(kMiB, kDayMs);
  ExpectRoundTrip(window, kMiB, {}, 1);
}

TEST_F(DedupeFileTest, FullSlots) {
  DedupeWindow window(kMiB, kDayMs);
  const std::vector<Hash128> keys = Keys(0, 5'000);
  Insert(&window, keys, 1);
  ExpectRoundTrip(window, kMiB, keys, 2);
}

TEST_F(DedupeFileTest, CompactSlotsOfASpentBudget) {
  DedupeWindow window(kMiB, kDayMs);
  for (std::uint64_t i = 0; i < 300; ++i) {
    Insert(&window, Keys(i * 1'000, 1'000), static_cast<std::int64_t>(i));
  }
  const auto reach = static_cast<std::uint64_t>(window.reach_ms());
  ASSERT_GT(reach, 0u);
  ExpectRoundTrip(window, kMiB, Keys(reach * 1'000, (300 - reach) * 1'000), 300);
}

TEST_F(DedupeFileTest, OneShardOfAllLanes) {
  DedupeWindow window(kMiB << 10, kDayMs);
  const std::vector<Hash128> keys = Keys(0, 20'000);
  Insert(&window, keys, 1);
  ASSERT_EQ(window.State().tables.size(), 1u);
  ExpectRoundTrip(window, kMiB << 10, keys, 2);
}

TEST_F(DedupeFileTest, ShardsThatAreSplitAndOthersThatAreNot) {
  DedupeWindow window(kMiB << 10, kDayMs);
  const std::vector<Hash128> keys = KeysOfLanes(16, 200'000);
  Insert(&window, keys, 1);
  const auto tables = window.State().tables;
  ASSERT_GT(tables.size(), 3u);
  ASSERT_GT(tables.back().lanes, tables.front().lanes);
  ExpectRoundTrip(window, kMiB << 10, keys, 2);
}

// At every size on the way, so that some shards have just grown and others are about to.
TEST_F(DedupeFileTest, WindowsThatGrow) {
  for (const std::size_t budget : {kMiB, kMiB << 10}) {
    DedupeWindow window(budget, kDayMs);
    std::vector<Hash128> keys;
    for (std::uint64_t i = 0; i < 20; ++i) {
      const std::vector<Hash128> more = Keys(i * 2'500, 2'500);
      ASSERT_EQ(Insert(&window, more, static_cast<std::int64_t>(i)), more.size());
      keys.insert(keys.end(), more.begin(), more.end());
      ExpectRoundTrip(window, budget, keys, 20);
    }
  }
}

// Slots of generations that are gone do not come back, nor do erased keys.
TEST_F(DedupeFileTest, WhatWasForgottenStaysForgotten) {
  DedupeWindow window(kMiB, kDayMs);
  const std::vector<Hash128> old = Keys(0, 3'000);
  const std::vector<Hash128> erased = Keys(10'000, 3'000);
  const std::vector<Hash128> known = Keys(20'000, 3'000);
  Insert(&window, old, 0);
  Insert(&window, erased, kDayMs);
  Insert(&window, known, kDayMs + kDayMs / 2);
  window.Erase(erased);
  ASSERT_EQ(window.size(), 3'000u);
  ExpectRoundTrip(window, kMiB, known, kDayMs + kDayMs / 2);
  DedupeWindow loaded(kMiB, kDayMs);
  ASSERT_TRUE(Load(&loaded).has_value());
  EXPECT_EQ(Insert(&loaded, old, 2 * kDayMs), 3'000u);
  EXPECT_EQ(Insert(&loaded, erased, 2 * kDayMs), 3'000u);
}

TEST_F(DedupeFileTest, AFileOfAnotherBudgetSpanOrStoreIsIgnored) {
  DedupeWindow window(kMiB, kDayMs);
  Insert(&window, Keys(0, 5'000), 1);
  Save(window);
  DedupeWindow larger(2 * kMiB, kDayMs);
  ExpectIgnored(&larger);
  DedupeWindow longer(kMiB, kDayMs + 1);
  ExpectIgnored(&longer);
  DedupeWindow other(kMiB, kDayMs);
  EXPECT_EQ(Load(&other, kSeed + 1), std::nullopt);
  ASSERT_TRUE(Load(&other).has_value());
}

TEST_F(DedupeFileTest, AMarkMayBeRefused) {
  DedupeWindow window(kMiB, kDayMs);
  Insert(&window, Keys(0, 5'000), 1);
  Save(window);
  DedupeWindow other(kMiB, kDayMs);
  const auto refuse = [](const DedupeMark& mark) { return mark != kMark; };
  EXPECT_EQ(ReadDedupeFile(dir_.path(), kSeed, refuse, &other), std::nullopt);
  EXPECT_EQ(other.size(), 0u);
}

TEST_F(DedupeFileTest, WithoutAFileThereIsNothingToLoad) {
  DedupeWindow window(kMiB, kDayMs);
  ExpectIgnored(&window);
  DedupeWindow second(kMiB, kDayMs);
  std::filesystem::create_directory(path());
  ExpectIgnored(&second);
}

TEST_F(DedupeFileTest, ANewFileReplacesTheOldOneAndWhatACrashLeft) {
  WriteFile(path() + ".tmp", std::string(100'000, 'x'));
  DedupeWindow window(kMiB, kDayMs);
  Insert(&window, Keys(0, 5'000), 1);
  Save(window);
  Insert(&window, Keys(5'000, 20'000), 1);
  Save(window);
  DedupeWindow loaded(kMiB, kDayMs);
  ASSERT_TRUE(Load(&loaded).has_value());
  EXPECT_EQ(loaded.size(), 25'000u);
}

TEST_F(DedupeFileTest, RemovesTheFileAndWhatACrashLeft) {
  EXPECT_TRUE(RemoveDedupeFile(dir_.path()).ok());
  DedupeWindow window(kMiB, kDayMs);
  Save(window);
  WriteFile(path() + ".tmp", "x");
  EXPECT_TRUE(RemoveDedupeFile(dir_.path()).ok());
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

TEST_F(DedupeFileTest, SaysWhyItCannotWrite) {
  DedupeWindow window(kMiB, kDayMs);
  const Status status = WriteDedupeFile(dir_ / "none", kSeed, kMark, window);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_NE(status.message().find("DEDUPE: No such file"), std::string::npos) << status.message();
}

using Change = std::function<void(DedupeState*)>;

// What no window can be in, though its checksum be right.
TEST(DedupeStateTest, AStateThatCannotBeIsRefused) {
  DedupeWindow window(kMiB, kDayMs);
  for (std::int64_t i = 0; i < 4; ++i) {
    Insert(&window, Keys(static_cast<std::uint64_t>(i) * 1'000, 1'000), i * kDayMs / 4);
  }
  const DedupeState sound = window.State();
  ASSERT_TRUE(sound.IsSound());
  ASSERT_EQ(sound.tables.size(), 64u);
  ASSERT_EQ(sound.generations.size(), 4u);
  const std::vector<std::pair<const char*, Change>> changes = {
      {"another span", [](auto* s) { ++s->window_ms; }},
      {"another budget", [](auto* s) { ++s->lane_buckets_max; }},
      {"no generation", [](auto* s) { s->generations.clear(); }},
      {"too many", [](auto* s) { s->generations.resize(189, s->generations.back()); }},
      {"fewer than are alive", [](auto* s) { s->newest = 2; }},
      {"a number that would overflow", [](auto* s) { s->newest = UINT64_MAX; }},
      {"ends before it begins",
       [](auto* s) { --s->generations[1].last_ms, ++s->generations[1].first_ms; }},
      {"in another order", [](auto* s) { std::swap(s->generations[0], s->generations[1]); }},
      {"in the future", [](auto* s) { s->generations[3].last_ms = s->now_ms + 1; }},
      {"a reach in the future", [](auto* s) { s->reach_ms = s->now_ms + 2; }},
      {"no tables", [](auto* s) { s->tables.clear(); }},
      {"a table too few", [](auto* s) { s->tables.pop_back(); }},
      {"a table too many", [](auto* s) { s->tables.push_back(s->tables.back()); }},
      {"no lanes", [](auto* s) { s->tables[3].lanes = 0; }},
      {"an odd number of lanes", [](auto* s) { s->tables[3].lanes = 3; }},
      {"lanes twice", [](auto* s) { s->tables[3].first_lane = 8; }},
      {"lanes that this budget does not join",
       [](auto* s) {
         s->tables.resize(1);
         s->tables[0].lanes = 256;
       }},
      {"a bucket too few", [](auto* s) { s->tables[3].buckets = 1; }},
      {"more than its share", [](auto* s) { s->tables[3].buckets = s->lane_buckets_max + 1; }},
      {"far more", [](auto* s) { s->tables[3].buckets = UINT32_MAX; }},
      {"compact too early", [](auto* s) { s->tables[3].compact = true; }},
      {"compact and empty",
       [](auto* s) {
         s->tables[3].compact = true;
         s->tables[3].buckets = 0;
       }},
  };
  for (const auto& [what, change] : changes) {
    DedupeState state = sound;
    change(&state);
    DedupeWindow other(kMiB, kDayMs);
    EXPECT_FALSE(other.Restore(state, [](std::size_t, std::span<char>) { return true; })) << what;
    EXPECT_EQ(other.size(), 0u) << what;
    EXPECT_EQ(Insert(&other, Keys(0, 100), 1), 100u) << what;
  }
}

TEST(DedupeStateTest, ALargeTableOfManyLanesIsRefused) {
  DedupeWindow window(kMiB << 10, kDayMs);
  DedupeState state = window.State();
  ASSERT_EQ(state.tables.size(), 1u);
  state.tables[0].buckets = 256;  // 4 MiB
  EXPECT_FALSE(state.IsSound());
  state.tables[0].buckets = 255;
  EXPECT_TRUE(state.IsSound());
}

// Bytes that no window wrote, under checksums that fit: wrong answers at worst.
TEST(DedupeStateTest, AWindowOfNonsenseKeepsItsBudgetAndGoesOn) {
  testing::Random random(testing::RandomSeed());
  for (const std::size_t budget : {kMiB, kMiB << 10}) {
    for (int shape = 0; shape < 3; ++shape) {
      DedupeWindow window(budget, kDayMs);
      Insert(&window, Keys(0, shape == 0 ? 100 : shape == 1 ? 20'000 : 150'000), 1);
      DedupeWindow other(budget, kDayMs);
      std::mt19937_64 bytes(random.engine()());
      std::mutex mutex;
      ASSERT_TRUE(other.Restore(window.State(), [&](std::size_t, std::span<char> table) {
        const std::lock_guard lock(mutex);
        std::generate(table.begin(), table.end(), [&] { return static_cast<char>(bytes()); });
        // Mostly of the generation that is alive.
        for (std::size_t i = 7; i < table.size(); i += 8) {
          if (bytes() % 8 != 0) table[i] = 1;
        }
        return true;
      }));
      for (std::uint64_t i = 0; i < 200; ++i) {
        Insert(&other, Keys(1'000'000 + i * 1'000, 1'000), 2);
        ASSERT_LE(other.bytes(), budget);
      }
      EXPECT_EQ(Insert(&other, Keys(1'199'000, 1'000), 2), 0u);
    }
  }
}

// Full slots, and in lanes 0 to 3 compact ones. INSIGHTFLOW_GOLDEN_WRITE=1 writes the file of a new
// version, beside the old ones.
TEST_F(DedupeFileTest, AFileOfThisVersionStaysReadable) {
  const std::string golden = Golden("dedupe-v2.bin");
  std::vector<Hash128> keys = KeysOfLanes(4, 700);
  const std::vector<Hash128> others = Keys(1u << 20, 12);
  keys.insert(keys.end(), others.begin(), others.end());
  DedupeWindow window(kMiB, kDayMs);
  Insert(&window, Keys(5, 1), 1'700'000'000'000 - kDayMs / 2);
  Insert(&window, keys, 1'700'000'000'000);
  Save(window);
  if (std::getenv("INSIGHTFLOW_GOLDEN_WRITE") != nullptr) WriteFile(golden, ReadFile(path()));
  const bool is_same = ReadFile(path()) == ReadFile(golden);
  EXPECT_TRUE(is_same) << "the format has changed: it needs a new version";
  WriteFile(path(), ReadFile(golden));
  DedupeWindow loaded(kMiB, kDayMs);
  ASSERT_EQ(Load(&loaded), kMark);
  keys.push_back(Keys(5, 1)[0]);
  EXPECT_EQ(loaded.size(), keys.size());
  EXPECT_EQ(Insert(&loaded, keys, 1'700'000'000'000), 0u);
}

TEST_F(DedupeFileTest, AFileOfAnOldVersionIsIgnored) {
  WriteFile(path(), ReadFile(Golden("dedupe-v1.bin")));
  DedupeWindow window(kMiB, kDayMs);
  ExpectIgnored(&window);
}

// What a slot that holds nothing would take is saved, however full the tables are.
TEST_F(DedupeFileTest, AKeyTakesAsManyBytesAsItHas) {
  DedupeWindow full(kMiB << 10, kDayMs);
  Insert(&full, Keys(0, 100'000), 1);
  Save(full);
  EXPECT_LT(std::filesystem::file_size(path()), 100'000u * 16);
  DedupeWindow compact(kMiB, kDayMs);
  for (std::uint64_t i = 0; i < 100; ++i) Insert(&compact, Keys(i * 1'000, 1'000), 1);
  ASSERT_EQ(compact.size(), 100'000u);
  ASSERT_GT(compact.State().generations.size(), 32u);  // 6 bits each
  Save(compact);
  EXPECT_LT(std::filesystem::file_size(path()), 100'000u * 8);
}

}  // namespace
}  // namespace insightflow
