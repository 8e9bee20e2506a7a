// The tables under the live numbers against containers of the standard library, with hashes that
// collide on purpose.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "lib/base/hash.h"
#include "lib/live/hash_index.h"
#include "lib/live/recent_index.h"
#include "lib/live/user_table.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

std::mt19937_64 Random() { return std::mt19937_64(testing::RandomSeed()); }

TEST(HashIndexTest, EqualsASetThroughInsertsAndErasures) {
  std::mt19937_64 random = Random();
  for (int round = 0; round < 100; ++round) {
    // Few distinct hashes, some of them next to the end of any table: long runs that wrap.
    const std::uint64_t hashes = 1 + random() % 40;
    const auto hash_of = [&](std::uint32_t number) {
      return number % 2 == 0 ? number % hashes : UINT32_MAX - number % hashes;
    };
    HashIndex index;
    std::set<std::uint32_t> numbers;
    for (int step = 0; step < 400; ++step) {
      const auto number = static_cast<std::uint32_t>(random() % 100);
      if (numbers.insert(number).second) {
        index.Insert(hash_of(number), number);
      } else if (random() % 2 == 0) {
        index.Erase(hash_of(number), number);
        numbers.erase(number);
      }
      const auto asked = static_cast<std::uint32_t>(random() % 100);
      const std::uint32_t found =
          index.Find(hash_of(asked), [asked](std::uint32_t n) { return n == asked; });
      ASSERT_EQ(found, numbers.contains(asked) ? asked : HashIndex::kNone);
    }
  }
}

TEST(UserTableTest, UsersWithOneHashAreKeptApart) {
  UserTable table(100);
  for (std::uint32_t i = 0; i < 100; ++i) {
    const std::string id = "user" + std::to_string(i);
    ASSERT_EQ(table.Find(7, id), UserTable::kNone);
    ASSERT_EQ(table.Insert(7, id), i);
    table.at(i).events = i;
  }
  EXPECT_EQ(table.Insert(7, "one more"), UserTable::kNone);
  for (std::uint32_t i = 0; i < 100; ++i) {
    EXPECT_EQ(table.Find(7, "user" + std::to_string(i)), i);
    EXPECT_EQ(table.at(i).Id(), "user" + std::to_string(i));
    EXPECT_EQ(table.at(i).events, i);
  }
}

// Few distinct hashes; ids that fit a record and others; more than one chunk.
TEST(UserTableTest, EqualsAMapThroughInsertsAndRemovals) {
  std::mt19937_64 random = Random();
  UserTable table(1'500);
  std::map<std::string, std::uint64_t> users;
  std::size_t bytes_max = 0;
  for (std::uint64_t step = 1; step < 60'000; ++step) {
    // Grows to its bound, shrinks to little, and so on.
    const bool grow = random() % 10 < (step / 6'000 % 2 == 0 ? 8 : 2);
    const auto name = static_cast<std::uint32_t>(random() % 3'000);
    const std::string id = std::to_string(name) + std::string(name % 40, 'x');
    const std::uint64_t hash = HashBytes(id, 7);
    const std::uint32_t number = table.Find(hash, id);
    ASSERT_EQ(number != UserTable::kNone, users.contains(id));
    if (number != UserTable::kNone) {
      ASSERT_EQ(table.at(number).events, users[id]);
      ASSERT_EQ(table.acts(number).clicks, users[id]);
      if (grow) continue;
      table.Remove(number, 7);
      users.erase(id);
    } else if (grow) {
      const std::uint32_t added = table.Insert(hash, id);
      ASSERT_EQ(added != UserTable::kNone, users.size() < 1'500);
      if (added == UserTable::kNone) continue;
      ASSERT_EQ(added, users.size());
      ASSERT_EQ(table.at(added).views, 0u);
      table.at(added).events = table.acts(added).clicks = users[id] = step;
    }
    ASSERT_EQ(table.size(), users.size());
    if (step < 6'000) bytes_max = table.bytes();
  }
  for (const auto& [id, events] : users) {
    ASSERT_EQ(table.at(table.Find(HashBytes(id, 7), id)).events, events);
  }
  // Only the texts of long ids are not used again before a load: 16 KiB for some 400 of them.
  EXPECT_LE(table.bytes(), bytes_max + 30'000 / 400 * 16 * 1024);
}

TEST(UserTableTest, WhatIsNoIdIsNotKept) {
  UserTable table(10);
  EXPECT_EQ(table.Insert(1, ""), UserTable::kNone);
  EXPECT_EQ(table.Insert(1, std::string(65, 'x')), UserTable::kNone);
  EXPECT_EQ(table.Insert(1, std::string(64, 'x')), 0u);
  EXPECT_EQ(table.at(0).Id(), std::string(64, 'x'));
}

// Ids of 1 to 64 bytes: some fit a record, others do not.
std::string Name(std::uint32_t i) {
  const std::string digits = std::to_string(i);
  return digits + std::string(i % (65 - digits.size()), 'x');
}

TEST(UserTableTest, IdsStayWhereTheyAreAsTheTableGrows) {
  const auto hash = [](std::uint64_t i) { return i * 0x9e3779b97f4a7c15; };  // spread, as they are
  UserTable table(100'100);
  std::vector<const char*> places;
  for (std::uint32_t i = 0; i < 100'100; ++i) {
    ASSERT_EQ(table.Insert(hash(i), Name(i)), i);
    places.push_back(table.at(i).Id().data());
  }
  for (std::uint32_t i = 0; i < 100'100; ++i) {
    ASSERT_EQ(table.at(i).Id().data(), places[i]);
    ASSERT_EQ(table.at(i).Id(), Name(i));
    ASSERT_EQ(table.Find(hash(i), Name(i)), i);
    ASSERT_EQ(table.Find(hash(i), Name(i + 1)), UserTable::kNone);
  }
}

// Growth in steps, then a ring: every held event knows the one before.
TEST(RecentIndexTest, EqualsAMapOfAllEvents) {
  std::mt19937_64 random = Random();
  for (const std::size_t max : {0, 1, 1'000, 1'024, 1'025, 3'000, 100'000}) {
    for (const std::uint64_t first : {1, 17}) {
      RecentIndex index(max);
      std::map<std::uint64_t, std::uint64_t> before;  // of every event of the log
      std::vector<std::uint64_t> last(50);
      for (std::uint64_t sequence = first; sequence < first + 8'000; ++sequence) {
        std::uint64_t& previous = last[random() % (random() % 2 == 0 ? 50 : 3)];
        index.Push(sequence, previous);
        before[sequence] = previous;
        previous = sequence;
        if (random() % 1'000 != 0) continue;
        const std::uint64_t count = sequence - first + 1;
        ASSERT_EQ(index.begin(), sequence + 1 - std::min<std::uint64_t>(count, max));
        for (std::uint64_t held = index.begin(); held <= sequence; ++held) {
          ASSERT_EQ(index.Previous(held), before[held]);
        }
      }
      EXPECT_LE(index.bytes(), max * sizeof(std::uint32_t));
    }
  }
}

TEST(RecentIndexTest, UnlinksWhatItHoldsOfAChainAndNothingElse) {
  RecentIndex index(1'024);
  std::vector<std::uint64_t> last(3);
  for (std::uint64_t sequence = 1; sequence <= 3'000; ++sequence) {
    index.Push(sequence, last[sequence % 3]);
    last[sequence % 3] = sequence;
  }
  index.Unlink(last[1]);
  for (std::uint64_t held = index.begin(); held <= 3'000; ++held) {
    ASSERT_EQ(index.Previous(held), held % 3 == 1 ? 0 : held - 3);
  }
  RecentIndex none(0);
  none.Push(1, 0);
  none.Push(2, 1);
  none.Unlink(2);
  EXPECT_EQ(none.begin(), 3u);
}

}  // namespace
}  // namespace insightflow
