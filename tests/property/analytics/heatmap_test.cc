// Heatmaps equal those of the twin; and clicks in too many places are put together alike however
// they were spread.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/reference/heatmap_twin.h"
#include "tests/support/analysis_cases.h"

namespace insightflow {
namespace {

using testing::Random;

TEST(HeatmapPropertyTest, EqualsTheTwin) {
  const std::uint64_t seed = testing::RandomSeed();
  const std::vector<std::string> pages = {"/a", "/b", "/none"};
  const int cases = testing::RandomCases(3'000);
  for (int i = 0; i < cases && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("INSIGHTFLOW_SEED=" + std::to_string(seed) + " case " + std::to_string(i));
    Random random(seed + static_cast<std::uint64_t>(i));
    const std::vector<Event> events = testing::RandomLog(&random, {});
    HeatmapQuery query;
    query.page_url = random.Of(pages);
    query.columns = static_cast<std::size_t>(random.Between(1, 30));
    query.rows = static_cast<std::size_t>(random.Between(1, 12));
    query.scope.limit = static_cast<std::size_t>(random.Between(1, 3));
    if (random.OneIn(3)) query.event = {};
    if (random.OneIn(3)) query.scope.from = FromMillis(1'700'000'000'000 + random.Below(20));
    bool exact = true;
    const Result<AnswerBody> got = testing::RunInParts(query, events, &random, &exact);
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    EXPECT_TRUE(exact);
    EXPECT_EQ(std::get<HeatmapAnswer>(*got), reference::TwinHeatmap(query, events));
  }
}

// Timelines of clicks with an element of one name each.
class Clicks {
 public:
  void Add(double x, double y) {
    run_ends_.push_back(static_cast<std::uint32_t>(x_.size()) + 1);
    times_.push_back(1);
    matches_.push_back(1);
    elements_.push_back(0);
    x_.push_back(x);
    y_.push_back(y);
  }
  Status VisitBy(AnalysisState* state) const {
    Timelines timelines;
    timelines.run_ends = run_ends_;
    timelines.time_ms = times_;
    timelines.matches = matches_;
    timelines.numbers = {x_, y_};
    timelines.texts = {elements_};
    return state->Visit(timelines);
  }
  std::size_t size() const { return x_.size(); }

 private:
  std::vector<std::uint32_t> run_ends_;
  std::vector<std::int64_t> times_;
  std::vector<std::uint64_t> matches_;
  std::vector<std::uint32_t> elements_;
  std::vector<double> x_;
  std::vector<double> y_;
};

TEST(HeatmapTest, TooManyPositionsLoseSharpnessAndNoClicks) {
  Random random(testing::RandomSeed());
  HeatmapQuery query;
  query.page_url = "/a";
  query.columns = 10;
  query.rows = 10;
  const auto analysis = CreateHeatmap(query);
  ASSERT_TRUE(analysis.ok());
  ValueTable values;
  Clicks all, parts[3];
  for (int x = 0; x < 1'100; ++x) {
    for (int y = 0; y < 1'000; ++y) {
      all.Add(x, y);
      parts[random.Below(3)].Add(x, y);
    }
  }
  const auto whole = (*analysis)->NewState(&values);
  ASSERT_TRUE(all.VisitBy(whole.get()).ok());
  const auto merged = (*analysis)->NewState(&values);
  for (const Clicks& part : parts) {
    const auto state = (*analysis)->NewState(&values);
    ASSERT_TRUE(part.VisitBy(state.get()).ok());
    ASSERT_TRUE(merged->Merge(state.get()).ok());
  }
  EXPECT_LT(whole->bytes(0), std::size_t{40} << 20);
  bool exact = true, merged_exact = true;
  const auto answer = std::get<HeatmapAnswer>(*(*analysis)->Finish(whole.get(), {}, &exact));
  EXPECT_EQ(answer, std::get<HeatmapAnswer>(*(*analysis)->Finish(merged.get(), {}, &merged_exact)));
  EXPECT_FALSE(exact);
  EXPECT_FALSE(merged_exact);
  EXPECT_EQ(answer.clicks, all.size());
  EXPECT_EQ(answer.width, 1'100);
  ASSERT_EQ(answer.cells.size(), 100u);
  for (const HeatmapCell& cell : answer.cells) EXPECT_EQ(cell.clicks, 11'000u);
}

TEST(HeatmapTest, RefusesWhatItCannotDraw) {
  HeatmapQuery query;
  EXPECT_EQ(CreateHeatmap(query).status(), InvalidArgument("page_url is missing"));
  query.page_url = "/a";
  query.columns = 501;
  EXPECT_EQ(CreateHeatmap(query).status(), InvalidArgument("columns must be 1 to 500, not 501"));
  query.columns = 1;
  query.rows = 0;
  EXPECT_EQ(CreateHeatmap(query).status(), InvalidArgument("rows must be 1 to 500, not 0"));
}

}  // namespace
}  // namespace insightflow
