#include "lib/segments/title_counter.h"

#include <gtest/gtest.h>

namespace insightflow {
namespace {

using Codes = std::vector<std::uint32_t>;

const Codes kSame = {0, 1, 2, 3, 4};

TEST(TitleCounterTest, MostRowsDecideAndThenTheLeastCode) {
  TitleCounter counter(3);
  for (int i = 0; i < 40; ++i) counter.Add(1, 2);
  counter.Add(1, 3);
  for (int i = 0; i < 2; ++i) counter.Add(3, 4);
  for (int i = 0; i < 2; ++i) counter.Add(3, 1);
  EXPECT_EQ(counter.Titles(kSame, kSame), (Codes{0, 2, 0, 1}));
  // Page 1 is numbered 3, title 4 before title 1.
  EXPECT_EQ(counter.Titles(Codes{0, 3, 2, 1}, Codes{0, 4, 3, 2, 1}), (Codes{0, 1, 0, 3}));
}

TEST(TitleCounterTest, TitlesThatPagesDoNotForetellAreLeftAlone) {
  TitleCounter one_of_nine(1);
  for (int i = 0; i < 8; ++i) one_of_nine.Add(1, 1);
  one_of_nine.Add(1, 2);
  EXPECT_EQ(one_of_nine.Titles(kSame, kSame), (Codes{0, 1}));
  TitleCounter some(1);
  for (int i = 0; i < 6; ++i) some.Add(1, 1);
  for (int i = 0; i < 2; ++i) some.Add(1, 2);
  EXPECT_TRUE(some.Titles(kSame, kSame).empty());
  TitleCounter without_page(1);
  for (int i = 0; i < 8; ++i) without_page.Add(0, 1);
  EXPECT_TRUE(without_page.Titles(kSame, kSame).empty());
  EXPECT_TRUE(TitleCounter(1).Titles(kSame, kSame).empty());
  TitleCounter too_many(1);
  Codes codes(70'000);
  for (std::uint32_t i = 0; i < 700'000; ++i) too_many.Add(1, 1);
  for (std::uint32_t i = 1; i < codes.size(); ++i) {
    codes[i] = i;
    too_many.Add(1, i);
  }
  EXPECT_TRUE(too_many.Titles(kSame, codes).empty());
}

}  // namespace
}  // namespace insightflow
