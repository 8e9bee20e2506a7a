// Divisions by multiplication are divisions.
#include "lib/base/divisor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

class DivisorProperty : public ::testing::Test {
 protected:
  std::uint64_t Below(std::uint64_t n) { return random_() % n; }

  // Multiples of one number, or nearly all of them.
  template <typename T>
  void Check() {
    for (int round = 0; round < 2'000; ++round) {
      const auto unit = static_cast<T>(static_cast<T>(random_()) >> Below(8 * sizeof(T)) | 1);
      const std::uint64_t shift = Below(8 * sizeof(T));
      std::vector<T> values(1 + Below(40));
      for (T& value : values) {
        value = static_cast<T>(static_cast<T>(random_()) >> shift);
        value = static_cast<T>(value / unit * unit + (Below(200) == 0 ? 1 : 0));
      }
      const T least = *std::min_element(values.begin(), values.end());
      T expected = 0;
      for (const T value : values) expected = std::gcd(expected, static_cast<T>(value - least));
      if (expected == 0) expected = 1;
      const T divisor = CommonDivisor<T>(values, least);
      ASSERT_EQ(divisor, expected);
      std::vector<T> quotients = values;
      const auto by = static_cast<T>(Below(2) == 0 ? divisor : unit);
      Divide<T>(quotients, least, by);
      for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(quotients[i], static_cast<T>((values[i] - least) / by))
            << values[i] << " less " << least << " by " << by;
      }
    }
  }

  const std::uint64_t seed_ = testing::RandomSeed();
  std::mt19937_64 random_{seed_};
};

TEST_F(DivisorProperty, Of32Bits) { Check<std::uint32_t>(); }
TEST_F(DivisorProperty, Of64Bits) { Check<std::uint64_t>(); }

}  // namespace
}  // namespace insightflow
