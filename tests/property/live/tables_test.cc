// The tables under the live numbers against containers of the standard library, with hashes that
// collide on purpose.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "lib/live/hash_index.h"
#include "lib/live/recent_index.h"
#include "lib/live/user_table.h"

namespace insightflow {
namespace {

std::mt19937_64 Random() {
  const char* given = std::getenv("INSIGHTFLOW_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "INSIGHTFLOW_SEED=" << seed << std::endl;
  return std::mt19937_64(seed);
}

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
  UserTable table(100'100);
  std::vector<const char*> places;
  for (std::uint32_t i = 0; i < 100'100; ++i) {
    ASSERT_EQ(table.Insert(i, Name(i)), i);
    places.push_back(table.at(i).Id().data());
  }
  for (std::uint32_t i = 0; i < 100'100; ++i) {
    ASSERT_EQ(table.at(i).Id().data(), places[i]);
    ASSERT_EQ(table.at(i).Id(), Name(i));
    ASSERT_EQ(table.Find(i, Name(i)), i);
    ASSERT_EQ(table.Find(i, Name(i + 1)), UserTable::kNone);
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

}  // namespace
}  // namespace insightflow
