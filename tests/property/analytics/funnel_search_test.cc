// A chain that is found by searching is the one that the matcher finds, which is checked against an
// exhaustive search itself: over timelines long enough for whole vectors, rare steps, narrow
// windows and the rows of other users on both sides.
//
// INSIGHTFLOW_SEED and INSIGHTFLOW_CASES say which random cases are run, and how many.
#include "lib/analytics/funnel_search.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

struct Case {
  FunnelRules rules;
  std::vector<std::uint32_t> selectors;  // by step
  FunnelSearch::Form form = FunnelSearch::Form::kBits;
  std::vector<std::int64_t> times;
  std::vector<std::uint8_t> selected;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool has_ties = false;
};

class FunnelSearchTest : public ::testing::Test {
 protected:
  std::uint64_t Below(std::uint64_t bound) {
    return static_cast<std::uint64_t>(random_.Below(static_cast<std::int64_t>(bound)));
  }

  Case Next() {
    Case c;
    c.rules.steps = static_cast<std::uint32_t>(1 + Below(random_.OneIn(5) ? 64 : 6));
    c.rules.order = random_.OneIn(2) ? FunnelOrder::kOrdered : FunnelOrder::kStrictlyIncreasing;
    if (!random_.OneIn(4)) c.rules.window_ms = Below(random_.OneIn(2) ? 40 : 2'000);
    if (random_.OneIn(3)) c.form = FunnelSearch::Form::kCode;
    const std::uint64_t kinds = 1 + Below(c.form == FunnelSearch::Form::kBits ? 8 : 40);
    for (std::uint32_t k = 0; k < c.rules.steps; ++k) {
      c.selectors.push_back(static_cast<std::uint32_t>(Below(kinds)));
    }
    AddRows(&c, kinds);
    return c;
  }

  void AddRows(Case* c, std::uint64_t kinds) {
    const std::uint64_t rows = 1 + Below(random_.OneIn(3) ? 300 : 20);
    const bool several = random_.OneIn(3);  // an event matches several selectors
    const bool ties = random_.OneIn(3);
    const auto rare = static_cast<std::int64_t>(1 + Below(60));
    c->begin = static_cast<std::uint32_t>(Below(20));
    c->end = c->begin + static_cast<std::uint32_t>(rows);
    std::int64_t time = -5'000;
    for (std::uint64_t row = c->end + Below(20); row > 0; --row) {
      time += static_cast<std::int64_t>(ties && random_.OneIn(20) ? 0 : 1 + Below(9));
      c->times.push_back(time);
      const std::uint64_t kind = random_.OneIn(rare) ? kinds - 1 : Below(kinds);
      if (c->form == FunnelSearch::Form::kCode) {
        c->selected.push_back(static_cast<std::uint8_t>(random_.OneIn(4) ? 0 : 1 + kind));
        continue;
      }
      auto bits = static_cast<std::uint8_t>(random_.OneIn(4) ? 0 : 1u << kind);
      if (several) bits |= static_cast<std::uint8_t>(1u << Below(kinds));
      c->selected.push_back(bits);
    }
    for (std::uint32_t row = c->begin + 1; row < c->end; ++row) {
      c->has_ties = c->has_ties || c->times[row] == c->times[row - 1];
    }
  }

  static FunnelChain Matched(const Case& c) {
    std::vector<std::uint64_t> steps;
    for (const std::uint8_t selected : c.selected) {
      std::uint64_t mask = 0;
      for (std::size_t k = 0; k < c.selectors.size(); ++k) {
        const bool matches = c.form == FunnelSearch::Form::kCode
                                 ? selected == c.selectors[k] + 1
                                 : (selected >> c.selectors[k] & 1) != 0;
        if (matches) mask |= std::uint64_t{1} << k;
      }
      steps.push_back(mask);
    }
    FunnelRows rows;
    rows.time_ms = c.times.data();
    rows.steps = steps.data();
    FunnelMatcher matcher(c.rules);
    FunnelChain chain;
    matcher.Match(rows, c.begin, c.end, &chain);
    return chain;
  }

  testing::Random random_{testing::RandomSeed()};
};

TEST_F(FunnelSearchTest, FindsTheChainOfTheMatcher) {
  const int cases = testing::RandomCases(30'000);
  int searched = 0;
  int left_to_matcher = 0;
  std::array<int, kFunnelStepsMax + 1> levels = {};
  for (int i = 0; i < cases; ++i) {
    const Case c = Next();
    FunnelChain found;
    const FunnelSearch search(c.rules, c.selectors, c.form);
    if (!search.Match({c.times, c.selected}, c.begin, c.end, &found)) {
      ++left_to_matcher;
      continue;
    }
    ++searched;
    const FunnelChain expected = Matched(c);
    ASSERT_EQ(found.level, expected.level) << i;
    ASSERT_EQ(found.filled, expected.filled) << i;
    ASSERT_EQ(found.open_start_ms, expected.open_start_ms) << i;
    for (std::uint32_t k = 0; k < found.level; ++k) ASSERT_EQ(found.rows[k], expected.rows[k]) << i;
    ++levels[found.level];
  }
  if (cases < 5'000) return;  // what follows is about shares of many
  EXPECT_GT(searched, cases / 2);
  EXPECT_GT(left_to_matcher, cases / 100);
  for (const std::size_t level : {0, 1, 2, 3, 6}) EXPECT_GT(levels[level], cases / 500) << level;
}

TEST_F(FunnelSearchTest, LeavesEqualTimesToTheMatcher) {
  for (int i = testing::RandomCases(5'000); i > 0; --i) {
    Case c = Next();
    c.rules.steps = 1;
    c.selectors = {7};  // nobody converts, so that all rows count
    for (std::uint8_t& bits : c.selected) bits &= 0x7f;
    const FunnelSearch search(c.rules, c.selectors, FunnelSearch::Form::kBits);
    FunnelChain chain;
    ASSERT_EQ(search.Match({c.times, c.selected}, c.begin, c.end, &chain), !c.has_ties);
  }
}

}  // namespace
}  // namespace insightflow
