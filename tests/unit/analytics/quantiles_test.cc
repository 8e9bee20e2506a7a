// Exact quantiles up to the bound, and past it no further from the truth than is said.
#include "lib/analytics/quantiles.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

TEST(QuantilesTest, InterpolatesBetweenTheTwoInTheMiddle) {
  Quantiles quantiles;
  EXPECT_EQ(quantiles.Percentile(50), 0);
  for (const double value : {30.0, 10.0, 40.0, 20.0}) quantiles.Add(value);
  EXPECT_DOUBLE_EQ(quantiles.Percentile(50), 25);
  EXPECT_DOUBLE_EQ(quantiles.Percentile(90), 37);
  EXPECT_DOUBLE_EQ(quantiles.Percentile(0), 10);
  EXPECT_DOUBLE_EQ(quantiles.Percentile(100), 40);
}

// Of many values only those near the rank are sorted: equal ones, neighbours far from each other,
// negative ones and one that is far off must all be found.
TEST(QuantilesTest, ManyValuesHaveTheQuantilesOfASort) {
  testing::Random random(testing::RandomSeed());
  const auto value_of = [&](int shape) -> double {
    if (shape == 0) return 7;
    if (shape == 1) return static_cast<double>(random.Below(3)) * 1e9;
    if (shape == 2) return static_cast<double>(random.Between(-1'000'000, 1'000'000)) / 64;
    return random.OneIn(5'000) ? 1e300 : std::exp2(static_cast<double>(random.Below(20'000)) / 1e3);
  };
  for (int shape = 0; shape < 4; ++shape) {
    for (const std::size_t size : {1'023, 1'024, 4'096, 50'001}) {
      Quantiles quantiles;
      std::vector<double> values;
      while (values.size() < size) quantiles.Add(values.emplace_back(value_of(shape)));
      std::sort(values.begin(), values.end());
      for (const unsigned percent : {0u, 1u, 33u, 50u, 67u, 90u, 99u, 100u}) {
        const std::size_t hundredths = percent * (size - 1);
        const double low = values[hundredths / 100];
        const double high = values[std::min(hundredths / 100 + 1, size - 1)];
        const double share = static_cast<double>(hundredths % 100) / 100;
        const double expected = share == 0 ? low : low + (high - low) * share;
        EXPECT_EQ(quantiles.Percentile(percent), expected)
            << shape << ' ' << size << ' ' << percent;
      }
    }
  }
}

TEST(QuantilesTest, ExactOnesAreThoseOfTheSortedValues) {
  const std::uint64_t seed = testing::RandomSeed();
  std::mt19937_64 random(seed);
  for (int i = testing::RandomCases(300); i > 0; --i) {
    Quantiles quantiles;
    std::vector<double> values;
    const int kind = static_cast<int>(random() % 4);
    for (std::uint64_t left = 1 + random() % 2'000; left > 0; --left) {
      const auto whole = static_cast<double>(random() % 1'000);
      const double magnitude = std::ldexp(1.0, static_cast<int>(random() % 80) - 40);
      const double value = kind == 0   ? whole
                           : kind == 1 ? whole * magnitude
                           : kind == 2 ? (whole - 500) * magnitude
                                       : (random() % 2 == 0 ? 0.0 : -0.0);
      values.push_back(value);
      quantiles.Add(value);
    }
    std::sort(values.begin(), values.end());
    const std::vector<double> found = quantiles.Percentiles({0, 37, 50, 90, 100});
    const unsigned percents[] = {0, 37, 50, 90, 100};
    for (std::size_t p = 0; p < found.size(); ++p) {
      const std::uint64_t hundredths = percents[p] * (values.size() - 1);
      const double low = values[hundredths / 100];
      const double high = values[std::min(hundredths / 100 + 1, values.size() - 1)];
      const double share = static_cast<double>(hundredths % 100) / 100;
      ASSERT_DOUBLE_EQ(found[p], low + (high - low) * share);
      ASSERT_EQ(quantiles.Percentile(percents[p]), found[p]);
    }
  }
}

TEST(QuantilesTest, PastTheBoundErrorsStayWithinTheirShare) {
  testing::Random random(testing::RandomSeed());
  for (const bool negative : {false, true}) {
    std::vector<double> values;
    Quantiles quantiles;
    for (std::size_t i = 0; i <= Quantiles::kExactMax; ++i) {
      const double sign = negative && random.OneIn(2) ? -1 : 1;
      values.push_back(sign * std::exp2(static_cast<double>(random.Below(40'000)) / 1'000));
      quantiles.Add(values.back());
      ASSERT_EQ(quantiles.exact(), i < Quantiles::kExactMax);
    }
    EXPECT_EQ(quantiles.count(), values.size());
    EXPECT_LT(quantiles.bytes(), 1'000'000u);
    std::sort(values.begin(), values.end());
    for (const unsigned percent : {0u, 1u, 25u, 50u, 75u, 90u, 99u, 100u}) {
      const double rank = percent / 100.0 * static_cast<double>(values.size() - 1);
      const double truth = values[static_cast<std::size_t>(rank)];
      const double next = values[std::min(static_cast<std::size_t>(rank) + 1, values.size() - 1)];
      const double error = Quantiles::kErrorMax * std::max(std::abs(truth), std::abs(next));
      EXPECT_GE(quantiles.Percentile(percent), truth - error) << percent;
      EXPECT_LE(quantiles.Percentile(percent), next + error) << percent;
    }
  }
}

TEST(QuantilesTest, HowValuesWereSpreadLeavesNoTrace) {
  testing::Random random(testing::RandomSeed());
  for (const std::size_t size : {std::size_t{5}, Quantiles::kExactMax, Quantiles::kExactMax + 1}) {
    Quantiles whole, parts[3];
    for (std::size_t i = 0; i < size; ++i) {
      const auto value = static_cast<double>(random.Between(-50, 100'000));
      whole.Add(value);
      parts[random.Below(3)].Add(value);
    }
    parts[1].Merge(&parts[0]);
    parts[1].Merge(&parts[2]);
    EXPECT_EQ(parts[0].count(), 0u);
    EXPECT_EQ(parts[1].count(), size);
    EXPECT_EQ(parts[1].exact(), whole.exact());
    for (const unsigned percent : {0u, 10u, 50u, 90u, 100u}) {
      EXPECT_EQ(parts[1].Percentile(percent), whole.Percentile(percent)) << percent;
    }
  }
}

TEST(QuantilesTest, CoarseOnesKnowTheirExtremesAndZero) {
  Quantiles quantiles;
  quantiles.Coarsen();
  quantiles.Add(0);
  quantiles.Add(-0.0);
  quantiles.Add(1'000'003);
  EXPECT_FALSE(quantiles.exact());
  EXPECT_EQ(quantiles.Percentile(0), 0);
  EXPECT_EQ(quantiles.Percentile(50), 0);
  EXPECT_EQ(quantiles.Percentile(100), 1'000'003);
}

}  // namespace
}  // namespace insightflow
