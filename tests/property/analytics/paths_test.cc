// Paths equal those of the twin, flows balance, and the order of an answer is the one that is told.
#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "lib/analytics/paths.h"
#include "tests/reference/paths_twin.h"
#include "tests/support/analysis_cases.h"

namespace insightflow {
inline namespace v1 {

void PrintTo(const PathNode& node, std::ostream* out) {
  *out << node.depth << " " << node.value << " " << node.users << "/" << node.events;
}
void PrintTo(const PathLink& link, std::ostream* out) {
  *out << link.depth << " " << link.from << ">" << link.to << " " << link.users << "/"
       << link.transitions;
}

}  // namespace v1

namespace {

using testing::Random;

PathsQuery RandomQuery(Random* random) {
  static const std::vector<EventSelector> kEvents = {
      {},
      {},
      {.types = {"click"}},
      {.types = {"purchase", "scroll"}},
      {.filters = {{.field = "page_url", .values = {std::string("/b")}}}}};
  PathsQuery query;
  query.by = random->OneIn(2) ? "page_url" : "event_type";
  query.anchor = static_cast<PathsAnchor>(random->Below(3));
  query.event = random->Of(kEvents);
  query.depth = static_cast<std::size_t>(random->Between(1, 4));
  if (random->OneIn(20)) query.depth = 20;
  query.fold_repeats = random->OneIn(2);
  query.timeout = Duration(random->OneIn(2) ? 1 : 1'000);
  query.scope.limit = static_cast<std::size_t>(random->Between(1, 5));
  if (random->OneIn(4)) query.scope.from = FromMillis(1'700'000'000'000 + random->Below(20));
  return query;
}

// What comes into a node leaves it, but for what begins or ends there.
void ExpectBalance(const PathsAnswer& answer, const PathsQuery& query) {
  std::map<std::pair<std::int64_t, std::string>, std::uint64_t> in, out;
  for (const PathLink& link : answer.links) {
    out[{link.depth, link.from}] += link.transitions;
    in[{link.depth + 1, link.to}] += link.transitions;
    EXPECT_LE(link.users, link.transitions);
    EXPECT_GE(link.users, 1u);
  }
  const auto depth = static_cast<std::int64_t>(query.depth);
  const std::int64_t last = query.anchor == PathsAnchor::kEnd ? 0 : depth;
  for (const PathNode& node : answer.nodes) {
    EXPECT_LE(node.users, node.events);
    const std::uint64_t came = in[{node.depth, node.value}];
    const std::uint64_t left = out[{node.depth, node.value}];
    if (node.depth > 0) {
      EXPECT_EQ(came, node.events) << node.value;
    } else {
      EXPECT_LE(came, node.events) << node.value;
    }
    if (node.value == kExitValue || node.depth == last) {
      EXPECT_EQ(left, 0u) << node.value;
    } else {
      EXPECT_EQ(left, node.events) << node.value;
    }
  }
}

TEST(PathsPropertyTest, EqualTheTwinAndBalance) {
  const std::uint64_t seed = testing::RandomSeed();
  const int cases = testing::RandomCases(4'000);
  for (int i = 0; i < cases && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("INSIGHTFLOW_SEED=" + std::to_string(seed) + " case " + std::to_string(i));
    Random random(seed + static_cast<std::uint64_t>(i));
    const std::vector<Event> events = testing::RandomLog(&random, {});
    const PathsQuery query = RandomQuery(&random);
    bool exact = true;
    // Few walks are kept, or all of them.
    const auto analysis = CreatePathsWithin(
        query, random.OneIn(2) ? kWalkWordsMax : static_cast<std::size_t>(random.Below(200)));
    ASSERT_TRUE(analysis.ok()) << analysis.status().ToString();
    const Result<AnswerBody> got =
        testing::RunInParts(**analysis, query.scope, events, &random, &exact);
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    EXPECT_TRUE(exact);
    const auto& answer = std::get<PathsAnswer>(*got);
    const PathsAnswer ours = reference::Ordered(answer);
    const PathsAnswer twin = reference::Ordered(reference::PathsTwin(query, events).Answer());
    EXPECT_EQ(ours.nodes, twin.nodes);
    EXPECT_EQ(ours.links, twin.links);
    ExpectBalance(answer, query);
  }
}

}  // namespace
}  // namespace insightflow
