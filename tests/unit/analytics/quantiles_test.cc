#include "lib/analytics/quantiles.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

Quantiles Of(const std::vector<double>& numbers) {
  Quantiles quantiles;
  for (const double x : numbers) quantiles.Add(x);
  return quantiles;
}

TEST(QuantilesTest, InterpolatesBetweenRanks) {
  EXPECT_EQ(Of({}).Percentile(50), std::nullopt);
  EXPECT_EQ(Of({7}).Percentile(99), 7);
  EXPECT_EQ(Of({4, 1, 3, 2}).Percentile(50), 2.5);
  EXPECT_EQ(Of({3, 1, 2}).Percentile(50), 2);
  EXPECT_EQ(Of({10, 20}).Percentile(90), 19);
  EXPECT_EQ(Of({0, 100}).Percentile(99), 99);
  EXPECT_EQ(Of({5, 1, 9}).Percentile(0), 1);
  EXPECT_EQ(Of({5, 1, 9}).Percentile(100), 9);
}

// Half positive and half negative, over many magnitudes.
std::vector<double> Numbers(std::size_t count, testing::Random* random) {
  std::vector<double> numbers;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = std::ldexp(static_cast<double>(random->Between(1, 1'000'000)),
                                static_cast<int>(random->Between(-30, 10)));
    numbers.push_back(random->OneIn(50) ? 0 : random->OneIn(2) ? -x : x);
  }
  return numbers;
}

TEST(QuantilesTest, PastAMillionTheBoundHolds) {
  testing::Random random(testing::RandomSeed());
  std::vector<double> numbers = Numbers(kExactValuesMax, &random);
  Quantiles quantiles = Of(numbers);
  EXPECT_TRUE(quantiles.is_exact());
  numbers.push_back(1);
  quantiles.Add(1);
  EXPECT_FALSE(quantiles.is_exact());
  std::sort(numbers.begin(), numbers.end());
  for (const unsigned percent : {0, 1, 10, 50, 90, 99, 100}) {
    const double truth = numbers[percent * (numbers.size() - 1) / 100];
    EXPECT_NEAR(*quantiles.Percentile(percent), truth, std::abs(truth) / 500) << percent;
  }
}

TEST(QuantilesTest, TheOrderOfMergesDoesNotShow) {
  testing::Random random(testing::RandomSeed());
  std::vector<double> numbers = Numbers(kExactValuesMax + 1000, &random);
  Quantiles whole = Of(numbers);
  std::vector<Quantiles> parts(4);
  for (const double x : numbers) {
    const bool large = random.OneIn(3);
    parts[large ? 0 : static_cast<std::size_t>(random.Between(1, 3))].Add(x);
  }
  for (const std::size_t p : {3, 0, 2}) parts[1].Merge(parts[p]);
  EXPECT_EQ(parts[1].count(), whole.count());
  for (const unsigned percent : {1, 50, 90, 99}) {
    EXPECT_EQ(parts[1].Percentile(percent), whole.Percentile(percent));
  }
}

TEST(QuantilesTest, MergedAndExactWhileFew) {
  testing::Random random(testing::RandomSeed());
  for (int i = 0; i < testing::RandomCases(500); ++i) {
    const auto count = static_cast<std::size_t>(random.Below(40));
    const std::vector<double> numbers = Numbers(count, &random);
    Quantiles whole = Of(numbers), left, right;
    for (const double x : numbers) (random.OneIn(2) ? left : right).Add(x);
    left.Merge(right);
    for (const unsigned percent : {50, 90, 99}) {
      ASSERT_EQ(left.Percentile(percent), whole.Percentile(percent));
    }
  }
}

}  // namespace
}  // namespace insightflow
