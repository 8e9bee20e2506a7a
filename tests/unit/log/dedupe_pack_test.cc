#include "lib/log/dedupe_pack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

constexpr std::size_t kOddBuckets = 37;

DedupeState StateOf(std::size_t generations, std::uint64_t newest) {
  DedupeState state;
  state.newest = newest;
  state.generations.resize(generations);
  return state;
}

std::uint8_t CodeOf(std::uint64_t generation) {
  return static_cast<std::uint8_t>(1 + generation % 255);
}

// A slot is 8 bytes in one form and 16 in the other; the last one is the code.
class DedupePackTest : public ::testing::TestWithParam<bool> {
 protected:
  std::size_t slot_bytes() const { return GetParam() ? 8 : 16; }

  // Slots of generations alive, dead and never used; what must be left of them.
  void FillRandomly(const DedupeState& state, std::vector<char>* buckets, std::vector<char>* live) {
    live->assign(buckets->size(), '\0');
    std::size_t to = 0;
    const std::uint64_t alive = state.generations.size();
    for (std::size_t at = 0; at < buckets->size(); at += slot_bytes()) {
      if (at % kBucketBytes == 0) to = at;
      char* slot = buckets->data() + at;
      std::generate(slot, slot + slot_bytes(),
                    [&] { return static_cast<char>(random_.Below(256)); });
      char* code = slot + slot_bytes() - 1;
      const auto back = static_cast<std::uint64_t>(random_.Below(static_cast<std::int64_t>(alive)));
      *code = static_cast<char>(CodeOf(state.newest - back));
      if (random_.OneIn(4)) *code = static_cast<char>(CodeOf(state.newest - alive));
      if (random_.OneIn(4)) *code = '\0';
      const bool is_alive = static_cast<std::uint8_t>(*code) != 0 &&
                            static_cast<std::uint8_t>(*code) != CodeOf(state.newest - alive);
      if (!is_alive) continue;
      std::memcpy(live->data() + to, slot, slot_bytes());
      to += slot_bytes();
    }
  }

  static PackedCount CountOf(const std::string& part) {
    PackedCount count = 0;
    std::memcpy(&count, part.data(), sizeof count);
    return count;
  }
  static bool Unpack(DedupePacker* packer, const std::string& part, std::vector<char>* buckets) {
    return packer->Unpack(std::string_view(part).substr(sizeof(PackedCount)), CountOf(part),
                          *buckets);
  }

  testing::Random random_{testing::RandomSeed()};
};

TEST_P(DedupePackTest, LiveSlotsComeBackAndOthersDoNot) {
  for (const std::size_t generations : {1u, 2u, 3u, 43u, 128u, 129u, 188u}) {
    for (const std::size_t count : {std::size_t{1}, kOddBuckets, kPackedBuckets}) {
      const DedupeState state = StateOf(generations, 1'000 + random_.engine()() % 1'000);
      DedupePacker packer(state, GetParam());
      std::vector<char> buckets(count * kBucketBytes);
      std::vector<char> live;
      FillRandomly(state, &buckets, &live);
      std::string part = "what was there";
      packer.Pack(buckets, &part);
      ASSERT_EQ(part.size(), sizeof(PackedCount) + packer.BytesAfterCount(count, CountOf(part)));
      std::vector<char> back(buckets.size());
      DedupePacker other(state, GetParam());
      ASSERT_TRUE(Unpack(&other, part, &back)) << generations << " " << count;
      ASSERT_EQ(back, live) << generations << " " << count;
    }
  }
}

TEST_P(DedupePackTest, AnEmptyTableTakesItsCounts) {
  DedupePacker packer(StateOf(1, 0), GetParam());
  const std::vector<char> buckets(kOddBuckets * kBucketBytes);
  std::string part;
  packer.Pack(buckets, &part);
  EXPECT_EQ(part, std::string(sizeof(PackedCount) + 19, '\0'));
}

// Whatever the bytes are: nothing is written or read beyond, and every slot is of a generation
// that is alive.
TEST_P(DedupePackTest, NonsenseIsRefusedOrHarmless) {
  const DedupeState state = StateOf(43, 100);
  DedupePacker packer(state, GetParam());
  int taken = 0;
  for (int i = testing::RandomCases(5'000); i > 0; --i) {
    std::vector<char> buckets(kOddBuckets * kBucketBytes);
    std::vector<char> live;
    FillRandomly(state, &buckets, &live);
    std::string part;
    packer.Pack(buckets, &part);
    const auto slots =
        random_.OneIn(2) ? CountOf(part) : static_cast<PackedCount>(random_.Below(300));
    std::string bytes = part.substr(sizeof(PackedCount));
    bytes.resize(packer.BytesAfterCount(kOddBuckets, slots), '\x55');
    for (std::int64_t flips = random_.Below(4); flips > 0; --flips) {
      bytes[random_.engine()() % std::min<std::size_t>(bytes.size(), 200)] ^=
          static_cast<char>(1 << random_.Below(8));
    }
    bytes.shrink_to_fit();
    std::vector<char> back(buckets.size());
    if (!packer.Unpack(bytes, slots, back)) continue;
    ++taken;
    PackedCount written = 0;
    for (std::size_t at = slot_bytes() - 1; at < back.size(); at += slot_bytes()) {
      const auto code = static_cast<std::uint8_t>(back[at]);
      if (code != 0) ++written;
      ASSERT_TRUE(code == 0 || (code > CodeOf(100) - 43 && code <= CodeOf(100)));
    }
    ASSERT_EQ(written, slots);
  }
  EXPECT_GT(taken, 0);
}

TEST_P(DedupePackTest, CountsAndGenerationsThatCannotBeAreRefused) {
  DedupePacker packer(StateOf(3, 100), GetParam());
  std::vector<char> buckets(2 * kBucketBytes);
  buckets[slot_bytes() - 1] = static_cast<char>(CodeOf(99));
  std::string part;
  packer.Pack(buckets, &part);
  const auto taken = [&](std::size_t at, int value) {
    std::string changed = part;
    changed[sizeof(PackedCount) + at] = static_cast<char>(value);
    std::vector<char> back(buckets.size());
    return Unpack(&packer, changed, &back);
  };
  EXPECT_TRUE(taken(0, 0x01));   // as it is
  EXPECT_TRUE(taken(0, 0x10));   // in the other bucket
  EXPECT_FALSE(taken(0, 0x00));  // a slot that is in none
  EXPECT_FALSE(taken(0, 0x11));  // one more than there are
  EXPECT_FALSE(taken(0, 0x02));
  EXPECT_TRUE(taken(1, 2));
  EXPECT_FALSE(taken(1, 3));  // the fourth of three generations
  EXPECT_FALSE(taken(1, 4));  // bits behind the last one
  std::string many(packer.BytesAfterCount(1, 9), '\0');
  many[0] = 9;
  std::vector<char> bucket(kBucketBytes);
  EXPECT_FALSE(packer.Unpack(many, 9, bucket));
}

INSTANTIATE_TEST_SUITE_P(Forms, DedupePackTest, ::testing::Values(false, true),
                         [](const auto& tested) { return tested.param ? "Compact" : "Full"; });

}  // namespace
}  // namespace insightflow
