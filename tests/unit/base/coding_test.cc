#include "lib/base/coding.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

std::string Stored(std::uint64_t value) {
  std::array<char, kVarintBytesMax> bytes;
  return {bytes.data(), StoreVarint(value, bytes.data())};
}

// The form as docs/formats.md gives it: 7 bits a byte, lowest first, a set top bit before the last.
std::string Plain(std::uint64_t value) {
  std::string bytes;
  do {
    const std::uint64_t rest = value >> 7;
    bytes.push_back(static_cast<char>((value & 0x7f) + (rest != 0 ? 0x80 : 0)));
    value = rest;
  } while (value != 0);
  return bytes;
}

void ExpectVarint(std::uint64_t value) {
  const std::string stored = Stored(value);
  ASSERT_EQ(stored, Plain(value)) << value;
  std::string put;
  PutVarint(&put, value);
  ASSERT_EQ(put, stored) << value;
  ByteReader reader(stored);
  std::uint64_t read = 0;
  ASSERT_TRUE(reader.GetVarint(&read));
  ASSERT_EQ(read, value);
  ASSERT_TRUE(reader.empty());
}

TEST(Coding, VarintsAroundEveryLength) {
  for (int bits = 0; bits < 64; ++bits) {
    const std::uint64_t edge = std::uint64_t{1} << bits;
    for (const std::uint64_t value : {edge - 1, edge, edge + 1}) ExpectVarint(value);
  }
  ExpectVarint(UINT64_MAX);
}

TEST(Coding, RandomVarints) {
  std::mt19937_64 random(testing::RandomSeed());
  for (int left = testing::RandomCases(100'000); left > 0; --left) {
    ASSERT_NO_FATAL_FAILURE(ExpectVarint(random() >> random() % 64));
  }
}

TEST(Coding, VarintsInARowFollowEachOther) {
  std::array<char, 4 * kVarintBytesMax> bytes;
  char* end = bytes.data();
  for (const std::uint64_t value : {300u, 0u, 127u, 1u << 30}) end = StoreVarint(value, end);
  ByteReader reader({bytes.data(), end});
  std::uint64_t read = 0;
  for (const std::uint64_t value : {300u, 0u, 127u, 1u << 30}) {
    ASSERT_TRUE(reader.GetVarint(&read));
    EXPECT_EQ(read, value);
  }
  EXPECT_TRUE(reader.empty());
}

}  // namespace
}  // namespace insightflow
