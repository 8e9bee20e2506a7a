// Paths of too many users and values to know who counts twice: flows are exact, users bounded.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "lib/analytics/overlaps.h"
#include "lib/analytics/paths.h"
#include "lib/analytics/paths_answer.h"

namespace insightflow {
namespace {

constexpr std::uint32_t kPages = 1'000;
constexpr std::uint32_t kUsers = 150'000;

// Good as long as the columns.
Timelines OfPages(const std::vector<std::uint32_t>& run_ends,
                  const std::vector<std::int64_t>& times, const std::vector<std::uint64_t>& matches,
                  const std::vector<std::uint32_t>& pages) {
  Timelines timelines;
  timelines.run_ends = run_ends;
  timelines.time_ms = times;
  timelines.matches = matches;
  timelines.texts = {pages};
  return timelines;
}

TEST(PathsBoundTest, UsersOfTheOthersAreBoundedAndFlowsExact) {
  ASSERT_GT(kUsers, Overlaps::kKeysMax / 2);
  ValueTable values;
  for (std::uint32_t page = 1; page <= kPages; ++page) values.Intern("/" + std::to_string(page));
  // Two sessions of one page each, another pair of pages for each user.
  std::vector<std::uint32_t> run_ends, pages;
  std::vector<std::int64_t> times;
  std::vector<std::uint64_t> matches(2 * kUsers);
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    const std::uint32_t first = user % kPages;
    pages.push_back(first + 1);
    pages.push_back((first + 1 + user / kPages) % kPages + 1);
    times.push_back(0);
    times.push_back(86'400'000);
    run_ends.push_back(2 * (user + 1));
  }
  const Timelines timelines = OfPages(run_ends, times, matches, pages);
  PathsQuery query;
  query.scope.limit = 1;
  for (const std::size_t words_max : {std::size_t{0}, kWalkWordsMax}) {
    const auto analysis = CreatePathsWithin(query, words_max);
    ASSERT_TRUE(analysis.ok());
    const auto state = (*analysis)->NewState(&values);
    ASSERT_TRUE(state->Visit(timelines).ok());
    bool exact = true;
    const auto answer = std::get<PathsAnswer>(*(*analysis)->Finish(state.get(), {}, &exact));
    EXPECT_EQ(exact, words_max != 0);
    ASSERT_EQ(answer.nodes.size(), 3u);
    EXPECT_EQ(answer.nodes[0].value, "/1");
    EXPECT_EQ(answer.nodes[0].users, 300u);
    EXPECT_EQ(answer.nodes[0].events, 300u);
    EXPECT_EQ(answer.nodes[1], (PathNode{0, kOtherValue, kUsers, 2 * kUsers - 300}));
    EXPECT_EQ(answer.nodes[2], (PathNode{1, kExitValue, kUsers, 2 * kUsers}));
    ASSERT_EQ(answer.links.size(), 2u);
    EXPECT_EQ(answer.links[0], (PathLink{0, kOtherValue, kExitValue, kUsers, 2 * kUsers - 300}));
    EXPECT_EQ(answer.links[1], (PathLink{0, "/1", kExitValue, 300, 300}));
  }
}

TEST(PathsBoundTest, MoreLinksThanAnAnswerMayHaveAreRefused) {
  constexpr std::uint32_t kSide = 256;
  constexpr std::uint32_t kSteps = 21;
  ValueTable values;
  for (std::uint32_t page = 1; page <= 2 * kSide; ++page) values.Intern("/" + std::to_string(page));
  // Each user has a pair of pages, of which each depth has the link that goes from one to the
  // other.
  const auto ask = [&](std::uint32_t users) {
    std::vector<std::uint32_t> run_ends, pages;
    for (std::uint32_t user = 0; user < users; ++user) {
      for (std::uint32_t step = 0; step < kSteps; ++step) {
        const std::uint32_t page = step % 2 == 0 ? user % kSide : kSide + user / kSide;
        pages.push_back(page + 1);
      }
      run_ends.push_back(kSteps * (user + 1));
    }
    const std::vector<std::int64_t> times(pages.size());
    const std::vector<std::uint64_t> matches(pages.size());
    const Timelines timelines = OfPages(run_ends, times, matches, pages);
    PathsQuery query;
    query.scope.limit = 10'000;
    query.depth = kSteps - 1;
    const auto analysis = CreatePaths(query);
    const auto state = (*analysis)->NewState(&values);
    EXPECT_TRUE(state->Visit(timelines).ok());
    bool exact = true;
    return (*analysis)->Finish(state.get(), {}, &exact).status();
  };
  const auto most = static_cast<std::uint32_t>(kPathLinksMax / (kSteps - 1));
  EXPECT_TRUE(ask(most).ok());
  const Status status = ask(most + 1);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "the answer has more than 1000000 links in all; ask for a smaller limit or depth");
}

}  // namespace
}  // namespace insightflow
