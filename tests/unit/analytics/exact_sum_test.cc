#include "lib/analytics/exact_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

constexpr double kMax = std::numeric_limits<double>::max();

double SumOf(const std::vector<double>& numbers) {
  ExactSum sum;
  for (const double x : numbers) sum.Add(x);
  return sum.Round();
}

TEST(ExactSumTest, RoundsOnceAtTheEnd) {
  EXPECT_EQ(SumOf({}), 0.0);
  EXPECT_EQ(SumOf({0.1, 0.2, -0.1, -0.2}), 0.0);
  EXPECT_EQ(SumOf(std::vector<double>(10, 0.1)), 1.0);
  EXPECT_EQ(SumOf({1e16, 1, -1e16}), 1.0);
  EXPECT_EQ(SumOf({1e300, 1, -1e300}), 1.0);
  EXPECT_EQ(SumOf({1e-300, 1, -1}), 1e-300);
  EXPECT_EQ(SumOf({5e-324, 5e-324}), 1e-323);
  EXPECT_EQ(SumOf({-0.0, 0.0}), 0.0);
  EXPECT_EQ(SumOf({19.99, 0.01}), 20.0);
}

TEST(ExactSumTest, RoundsTiesToEvenAndSeesWhatLiesFarBelow) {
  const double big = std::ldexp(1.0, 53);
  EXPECT_EQ(SumOf({big, 1}), big);
  EXPECT_EQ(SumOf({big, 1, 1e-200}), big + 2);
  EXPECT_EQ(SumOf({-big, -1, -1e-200}), -big - 2);
  EXPECT_EQ(SumOf({big, 1, -1e-200}), big);
}

TEST(ExactSumTest, StaysFiniteAndComesBack) {
  EXPECT_EQ(SumOf({kMax, kMax}), kMax);
  EXPECT_EQ(SumOf({kMax, kMax, -kMax}), kMax);
  EXPECT_EQ(SumOf({-kMax, -kMax}), -kMax);
  EXPECT_EQ(SumOf({kMax, kMax, -kMax, -kMax, 3}), 3.0);
}

TEST(ExactSumTest, TheFixedPointMayOverflow) {
  ExactSum sum;
  const double large = std::ldexp(1.0, 61);
  for (int i = 0; i < 1000; ++i) sum.Add(large);
  EXPECT_EQ(sum.Round(), 1000 * large);
  for (int i = 0; i < 2001; ++i) sum.Add(-large);
  EXPECT_EQ(sum.Round(), -1001 * large);
  EXPECT_GT(sum.bytes(), 0u);
}

// Shewchuk's partial sums, as in Python's math.fsum: no two overlap, their sum is exact.
std::vector<double> Partials(const std::vector<double>& numbers) {
  std::vector<double> partials;
  for (double x : numbers) {
    std::vector<double> kept;
    for (double y : partials) {
      if (std::abs(x) < std::abs(y)) std::swap(x, y);
      const double high = x + y;
      const double low = y - (high - x);
      if (low != 0) kept.push_back(low);
      x = high;
    }
    kept.push_back(x);
    partials = kept;
  }
  return partials;
}

TEST(ExactSumTest, EqualsPartialSumsInAnyOrderAndGrouping) {
  testing::Random random(testing::RandomSeed());
  const int cases = testing::RandomCases(5'000);
  for (int i = 0; i < cases; ++i) {
    std::vector<double> numbers;
    const int spread = static_cast<int>(random.Of(std::vector<int>{1, 10, 60, 500}));
    for (std::int64_t n = random.Below(30); n > 0; --n) {
      const double fraction = static_cast<double>(random.Between(-(1ll << 53), 1ll << 53));
      numbers.push_back(std::ldexp(fraction, static_cast<int>(random.Between(-spread, spread))));
    }
    // The twin is exact when what is left of the numbers and their negated sum is nothing.
    const double sum = SumOf(numbers);
    std::vector<double> partials = Partials(numbers);
    partials.push_back(-sum);
    const std::vector<double> rest = Partials(partials);
    const double error = rest.empty() ? 0 : std::abs(rest.back());
    const double ulp = std::nextafter(std::abs(sum), kMax) - std::abs(sum);
    ASSERT_LE(error, ulp / 2) << "case " << i;

    std::shuffle(numbers.begin(), numbers.end(), random.engine());
    std::vector<ExactSum> parts(4);
    for (const double x : numbers) parts[static_cast<std::size_t>(random.Below(4))].Add(x);
    for (const std::size_t p : {2, 0, 3}) parts[1].Merge(parts[p]);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(parts[1].Round()), std::bit_cast<std::uint64_t>(sum));
  }
}

}  // namespace
}  // namespace insightflow
