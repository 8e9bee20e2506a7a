// The glob without recursion equals one by the definition, over characters.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/model/predicate.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using Characters = std::vector<std::string>;

std::string Join(const Characters& characters) {
  std::string text;
  for (const std::string& c : characters) text += c;
  return text;
}

bool Matches(const Characters& pattern, std::size_t p, const Characters& text, std::size_t t) {
  if (p == pattern.size()) return t == text.size();
  if (pattern[p] == "*") {
    for (std::size_t skip = t; skip <= text.size(); ++skip) {
      if (Matches(pattern, p + 1, text, skip)) return true;
    }
    return false;
  }
  if (t == text.size()) return false;
  if (pattern[p] == "?") return Matches(pattern, p + 1, text, t + 1);
  const bool escaped = pattern[p] == "\\" && p + 1 < pattern.size();
  const std::string& literal = pattern[p + (escaped ? 1 : 0)];
  return literal == text[t] && Matches(pattern, p + (escaped ? 2 : 1), text, t + 1);
}

Characters Some(const Characters& alphabet, std::int64_t max, testing::Random* random) {
  Characters some;
  for (std::int64_t n = random->Below(max + 1); n > 0; --n) some.push_back(random->Of(alphabet));
  return some;
}

TEST(GlobPropertyTest, EqualsTheDefinition) {
  testing::Random random(testing::RandomSeed());
  const Characters letters = {"a", "b", "é", "è", "€", "😀", "*", "?", "\\"};
  const Characters signs = {"a", "b", "é", "è", "€", "*", "*", "?", "?", "\\"};
  const int cases = testing::RandomCases(100'000);
  int matched = 0;
  for (int i = 0; i < cases; ++i) {
    const Characters pattern = Some(signs, 6, &random), text = Some(letters, 6, &random);
    const bool truth = Matches(pattern, 0, text, 0);
    ASSERT_EQ(MatchesGlob(Join(pattern), Join(text)), truth)
        << Join(pattern) << " on " << Join(text);
    matched += truth;
  }
  EXPECT_GT(matched, cases / 50);
}

}  // namespace
}  // namespace insightflow
