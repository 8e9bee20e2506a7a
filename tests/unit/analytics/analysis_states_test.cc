// What every analysis refuses: queries that make no sense, and states that are not its own.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/analytics/analysis.h"

namespace insightflow {
namespace {

HeatmapQuery SomeHeatmap() {
  HeatmapQuery query;
  query.page_url = "/a";
  return query;
}

TEST(AnalysisStatesTest, StatesOfAnotherAnalysisAreRefused) {
  const std::vector<Query> queries = {SessionsQuery{}, RetentionQuery{}, PathsQuery{},
                                      SomeHeatmap()};
  for (const Query& query : queries) {
    const auto one = CreateAnalysis(query);
    const auto other = CreateAnalysis(query);
    ASSERT_TRUE(one.ok() && other.ok());
    ValueTable values;
    const auto state = (*one)->NewState(&values);
    const auto foreign = (*other)->NewState(&values);
    EXPECT_EQ(state->Merge(foreign.get()).code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(state->Merge(state.get()).code(), StatusCode::kInvalidArgument);
    EXPECT_TRUE(state->Merge((*one)->NewState(&values).get()).ok());
    bool exact = true;
    EXPECT_FALSE((*other)->Finish(state.get(), {}, &exact).ok());
    EXPECT_TRUE((*one)->Finish(state.get(), {}, &exact).ok());
    EXPECT_TRUE(exact);
  }
}

TEST(AnalysisStatesTest, WhatIsStillToComeIsNotKnown) {
  QueryScope scope;
  scope.to = FromMillis(1'000);
  const std::pair<std::int64_t, std::int64_t> data = {100, 500};
  EXPECT_EQ(EndOfData(scope, data, 5'000).known_ms(), 999);
  EXPECT_EQ(EndOfData(scope, data, 1'000).known_ms(), 999);
  EXPECT_EQ(EndOfData(scope, data, 998).known_ms(), 998);
  EXPECT_EQ(EndOfData(scope, data, 400).known_ms(), 500);  // its clock may be behind
  EXPECT_EQ(EndOfData(scope, std::nullopt, 700).known_ms(), 700);
  scope.to = FromMillis(300);
  EXPECT_EQ(EndOfData(scope, data, 400).known_ms(), 299);
  scope.to = std::nullopt;
  EXPECT_EQ(EndOfData(scope, data, 5'000).known_ms(), 500);
}

TEST(AnalysisStatesTest, NothingIsAnsweredWithNothing) {
  ValueTable values;
  bool exact = true;
  SessionsQuery sessions;
  sessions.interval = Interval::kDay;
  sessions.breakdown = Breakdown{.field = "page_url"};
  const auto analysis = CreateSessions(sessions);
  const auto state = (*analysis)->NewState(&values);
  SessionsAnswer nothing;
  nothing.split_causes.resize(kSplitCauseCount);
  EXPECT_EQ(std::get<SessionsAnswer>(*(*analysis)->Finish(state.get(), {}, &exact)), nothing);
}

template <typename Kind>
Status Refusal(const std::function<void(Kind*)>& change) {
  Kind query;
  change(&query);
  const auto analysis = CreateAnalysis(query);
  return analysis.ok() ? Status::Ok() : analysis.status();
}

TEST(AnalysisStatesTest, BadQueriesNameTheField) {
  EXPECT_EQ(Refusal<SessionsQuery>([](auto* q) { q->scope.limit = 0; }).message(),
            "limit: 0 must be from 1 to 10000");
  EXPECT_EQ(Refusal<SessionsQuery>([](auto* q) {
              q->breakdown = Breakdown{.field = "page_url", .limit = 10'001};
            }).message(),
            "breakdown.limit: 10001 must be from 1 to 10000");
  EXPECT_NE(Refusal<SessionsQuery>([](auto* q) { q->breakdown = Breakdown{.field = "colour"}; })
                .message()
                .find("colour"),
            std::string::npos);
  EXPECT_NE(
      Refusal<SessionsQuery>([](auto* q) { q->scope.timezone = "Mars"; }).message().find("Mars"),
      std::string::npos);
  EXPECT_EQ(Refusal<RetentionQuery>([](auto* q) { q->periods = 401; }).message(),
            "periods: 401 must be from 1 to 400");
  EXPECT_EQ(Refusal<PathsQuery>([](auto* q) { q->depth = 21; }).message(),
            "depth: 21 must be from 1 to 20");
  EXPECT_EQ(Refusal<PathsQuery>([](auto* q) { q->by = "element"; }).message(),
            "by: must be page_url or event_type");
  EXPECT_EQ(Refusal<PathsQuery>([](auto* q) { q->timeout = Duration(0); }).message(),
            "timeout: must be more than 0");
}

}  // namespace
}  // namespace insightflow
