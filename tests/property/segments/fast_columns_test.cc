// Decoding in vectors gives what the plain way gives, for every width and odd count, and refuses
// the same input.
//
// INSIGHTFLOW_SEED and INSIGHTFLOW_CASES say which random cases are run, and how many.
#include "lib/segments/fast_columns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bitset>
#include <random>
#include <string>
#include <vector>

#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

class FastColumnsTest : public ::testing::Test {
 protected:
  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }

  // Of up to a random count of bits; some with more, which are stored apart.
  template <typename T>
  std::vector<T> Values() {
    std::vector<T> values(1 + Below(Below(4) == 0 ? 3'000 : 70));
    const std::size_t bits = Below(8 * sizeof(T) + 1);
    const T base = Below(2) == 0 ? T{0} : static_cast<T>(random_());
    for (T& value : values) {
      const std::size_t width = Below(40) == 0 ? 8 * sizeof(T) : bits;
      value = static_cast<T>(base + static_cast<T>(random_() & LowBits<T>(width)));
    }
    return values;
  }

  // Both ways over the same bytes, which may be damaged.
  template <typename T>
  void Compare(const std::string& bytes, std::size_t count) {
    std::vector<T> plain(count);
    std::vector<T> fast(count);
    ByteReader plain_in(bytes);
    ByteReader fast_in(bytes);
    const bool read = GetPatched<T>(&plain_in, plain, &scratch_);
    ASSERT_EQ(GetPatchedFast(&fast_in, fast, &scratch_), read);
    if (!read) return;
    ASSERT_EQ(fast, plain);
    ASSERT_EQ(fast_in.remaining(), plain_in.remaining());
  }

  template <typename T>
  void CompareValues() {
    const std::vector<T> values = Values<T>();
    std::string bytes;
    PutPatched<T>(&bytes, values, &scratch_);
    std::vector<T> read(values.size());
    ByteReader in(bytes);
    ASSERT_TRUE(GetPatchedFast(&in, read, &scratch_));
    ASSERT_EQ(read, values);
    bytes[Below(bytes.size())] = static_cast<char>(random_());
    bytes.resize(bytes.size() - Below(std::min<std::size_t>(bytes.size(), 2)));
    Compare<T>(bytes, values.size());
  }

  const std::uint64_t seed_ = testing::RandomSeed();
  std::mt19937_64 random_{seed_};
  PatchScratch scratch_;
};

TEST_F(FastColumnsTest, ReadsPatchedValuesAsThePlainWayDoes) {
  for (int i = testing::RandomCases(3'000); i > 0; --i) {
    CompareValues<std::uint8_t>();
    CompareValues<std::uint32_t>();
    if (HasFatalFailure()) return;
  }
}

TEST_F(FastColumnsTest, SumsStepsAsThePlainWayDoes) {
  for (int i = testing::RandomCases(3'000); i > 0; --i) {
    const std::vector<std::uint32_t> values = Values<std::uint32_t>();
    std::string bytes;
    std::vector<std::uint32_t> read;
    PutSteps<std::uint32_t>(&bytes, values, &read, &scratch_);
    ByteReader in(bytes);
    IntRange range;
    ASSERT_TRUE(GetStepsFast(&in, read, &scratch_, &range));
    ASSERT_EQ(read, values);
    ASSERT_EQ(range.least, *std::min_element(values.begin(), values.end()));
    ASSERT_EQ(range.most, *std::max_element(values.begin(), values.end()));
    std::vector<std::uint32_t> plain = values;
    const auto base = static_cast<std::uint32_t>(random_());
    const auto mask = LowBits<std::uint32_t>(Below(33));
    const IntRange of_fast = SumSteps(base, mask, read);
    const IntRange of_plain = SumStepsPlain(base, mask, plain);
    ASSERT_EQ(read, plain);
    ASSERT_EQ(of_fast.least, of_plain.least);
    ASSERT_EQ(of_fast.most, of_plain.most);
  }
}

TEST_F(FastColumnsTest, CountsBits) {
  for (int i = testing::RandomCases(2'000); i > 0; --i) {
    std::string bytes(Below(40), '\0');
    std::size_t count = 0;
    for (char& byte : bytes) byte = static_cast<char>(random_());
    for (const char byte : bytes) count += std::bitset<8>(static_cast<std::uint8_t>(byte)).count();
    ASSERT_EQ(CountBits(bytes), count);
  }
}

TEST_F(FastColumnsTest, LooksUpAndCountsMasks) {
  for (int i = testing::RandomCases(2'000); i > 0; --i) {
    std::array<std::uint8_t, 256> table;
    for (std::uint8_t& mask : table) mask = static_cast<std::uint8_t>(random_() & random_());
    const std::size_t codes_end = 1 + Below(Below(2) == 0 ? 16 : 256);
    std::vector<std::uint8_t> codes(Below(Below(10) == 0 ? 20'000 : 100));
    for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(Below(codes_end));
    std::vector<std::uint8_t> masks(codes.size());
    LookUpBytes(codes, table, codes_end, masks.data());
    const auto filter = static_cast<std::uint8_t>(1u << Below(8));
    std::uint32_t held = 0;
    std::uint32_t matched = 0;
    for (std::size_t row = 0; row < codes.size(); ++row) {
      ASSERT_EQ(masks[row], table[codes[row]]);
      held += (masks[row] & filter) != 0 ? 1 : 0;
      matched += (masks[row] & ~filter) != 0 ? 1 : 0;
    }
    const MaskCounts counts = CountMasks(masks, filter);
    ASSERT_EQ(counts.held, held);
    ASSERT_EQ(counts.matched, matched);
  }
}

}  // namespace
}  // namespace insightflow
