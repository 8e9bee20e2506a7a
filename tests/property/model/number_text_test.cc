// OneSpelling against a twin that writes every digit out: two numbers have one spelling exactly
// when they are one number.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/model/number_text.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using testing::Random;

// "12.5" of "0.125e2": no exponent, however long, and no zeros that say nothing.
std::string WrittenOut(std::string number) {
  const bool negative = number.starts_with('-');
  if (negative) number.erase(0, 1);
  int exponent = 0;
  if (const auto e = number.find_first_of("eE"); e != std::string::npos) {
    exponent = std::stoi(number.substr(e + 1));
    number.resize(e);
  }
  if (number.find('.') == std::string::npos) number += '.';
  std::size_t point = number.find('.');
  for (; exponent > 0; --exponent, ++point) {
    if (point + 1 == number.size()) number += '0';
    std::swap(number[point], number[point + 1]);
  }
  for (; exponent < 0; ++exponent) {
    if (point == 0) number.insert(point++, "0");
    std::swap(number[point - 1], number[point]);
    --point;
  }
  while (number.front() == '0') number.erase(0, 1);
  while (number.back() == '0') number.pop_back();
  return number == "." ? "0" : (negative ? "-" : "") + number;
}

std::string RandomDigits(Random* random, std::int64_t most) {
  std::string digits;
  for (std::int64_t left = random->Below(most + 1); left > 0; --left) {
    digits += random->OneIn(2) ? '0' : static_cast<char>('0' + random->Below(10));
  }
  return digits;
}

// Few digits, often the same, so that many spell one number.
std::string RandomNumber(Random* random) {
  std::string whole = RandomDigits(random, random->OneIn(10) ? 50 : 3);
  whole.erase(0, whole.find_first_not_of('0'));
  std::string number = random->OneIn(3) ? "-" : "";
  number += whole.empty() ? "0" : whole;
  if (random->OneIn(2)) number += "." + RandomDigits(random, random->OneIn(10) ? 50 : 3) + "0";
  if (random->OneIn(2)) {
    number += random->OneIn(2) ? "e" : "E";
    if (const auto sign = random->Below(3); sign > 0) number += sign == 1 ? "-" : "+";
    number += std::to_string(random->Below(random->OneIn(10) ? 60 : 4));
  }
  return number;
}

TEST(OneSpelling, IsOneForEachNumber) {
  Random random(testing::RandomSeed());
  std::string scratch, other_scratch;
  int equal = 0;
  const int cases = testing::RandomCases(50'000);
  for (int i = 0; i < cases; ++i) {
    const std::string a = RandomNumber(&random), b = RandomNumber(&random);
    const std::string spelled(OneSpelling(a, &scratch));
    EXPECT_EQ(WrittenOut(spelled), WrittenOut(a)) << a;
    EXPECT_EQ(OneSpelling(spelled, &scratch), spelled) << a;
    EXPECT_LE(spelled.size(), std::max<std::size_t>(a.size() + 5, 41)) << a;
    const bool same = WrittenOut(a) == WrittenOut(b);
    EXPECT_EQ(OneSpelling(b, &other_scratch) == spelled, same) << a << " and " << b;
    if (same) ++equal;
    if (HasFailure()) return;
  }
  EXPECT_GT(equal, cases / 1'000) << "the numbers are too different";
}

TEST(OneSpelling, IsTheShortPlainOne) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"7", "7"},
      {"7.0", "7"},
      {"7e0", "7"},
      {"70E-1", "7"},
      {"-0", "0"},
      {"-0.0", "0"},
      {"0e5", "0"},
      {"1.50", "1.5"},
      {"0.05", "0.05"},
      {"5e-2", "0.05"},
      {"-1.20e1", "-12"},
      {"100", "100"},
      {"1e2", "100"},
      {"1e39", "1" + std::string(39, '0')},
      {"1e40", "1e40"},
      {"12.5e60", "1.25e61"},
      {"1e-38", "0." + std::string(37, '0') + "1"},
      {"1e-39", "1e-39"},
      {"123456789012345678901234567890", "123456789012345678901234567890"},
  };
  std::string scratch;
  for (const auto& [number, spelled] : cases) EXPECT_EQ(OneSpelling(number, &scratch), spelled);
}

}  // namespace
}  // namespace insightflow
