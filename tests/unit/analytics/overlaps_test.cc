#include "lib/analytics/overlaps.h"

#include <gtest/gtest.h>

#include <vector>

namespace insightflow {
namespace {

void Add(std::vector<std::uint64_t> keys, Overlaps* to) { to->Add(&keys); }

TEST(OverlapsTest, TellsWhatASumCountsTwice) {
  Overlaps overlaps, other;
  Add({7}, &overlaps);  // never counted twice
  Add({1, 2}, &overlaps);
  Add({2, 1}, &overlaps);
  Add({1, 2, 3, 9}, &other);
  overlaps.Merge(&other);
  EXPECT_EQ(overlaps.CountedTwice([](std::uint64_t key) { return key <= 3; }), 4u);
  EXPECT_EQ(overlaps.CountedTwice([](std::uint64_t key) { return key == 1 || key == 3; }), 1u);
  EXPECT_EQ(overlaps.CountedTwice([](std::uint64_t key) { return key == 9; }), 0u);
}

// Sets that both objects know count once towards the bound, however they were spread.
TEST(OverlapsTest, TooManySetsAreGivenUpWhereverTheyCameFrom) {
  for (const std::uint64_t sets : {Overlaps::kKeysMax / 2, Overlaps::kKeysMax / 2 + 1}) {
    Overlaps whole, left, right;
    for (std::uint64_t i = 0; i < sets; ++i) {
      Add({i, i + 1}, &whole);
      Add({i, i + 1}, i % 3 == 0 ? &left : &right);
      if (i % 5 == 0) Add({i, i + 1}, i % 3 == 0 ? &right : &left);
    }
    left.Merge(&right);
    EXPECT_EQ(whole.complete(), sets == Overlaps::kKeysMax / 2);
    EXPECT_EQ(left.complete(), whole.complete());
    EXPECT_TRUE(right.complete());
  }
}

TEST(OverlapsTest, GivenUpIsGivenUp) {
  Overlaps full, fresh;
  for (std::uint64_t i = 0; i <= Overlaps::kKeysMax; ++i) Add({i, i + 1}, &full);
  EXPECT_FALSE(full.complete());
  Add({1, 2}, &fresh);
  fresh.Merge(&full);
  EXPECT_FALSE(fresh.complete());
  EXPECT_EQ(fresh.CountedTwice([](std::uint64_t) { return true; }), 0u);
}

}  // namespace
}  // namespace insightflow
