#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <variant>

#include "insightflow/wire.h"
#include "tests/reference/random_query.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

// The range is of a question: a definition has none.
FunnelQuery WithoutRange(FunnelQuery query) {
  query.scope.from = query.scope.to = std::nullopt;
  return query;
}

TEST(FunnelRoundTrip, WhatIsWrittenReadsBackAsTheSameDefinition) {
  testing::RandomQuery random(testing::RandomSeed());
  int left = testing::RandomCases(2'000);
  while (left > 0) {
    Query query = random.Make();
    if (!std::holds_alternative<FunnelQuery>(query)) continue;
    FunnelDefinition funnel;
    funnel.id = "f" + std::to_string(--left);
    funnel.name = "\"\n\x01 " + funnel.id;
    funnel.active = left % 2 == 0;
    funnel.query = WithoutRange(std::get<FunnelQuery>(std::move(query)));
    const std::string text = WriteFunnel(funnel);
    const Result<FunnelDefinition> read = ParseFunnel(text);
    ASSERT_TRUE(read.ok()) << read.status().ToString() << "\n" << text;
    ASSERT_EQ(*read, funnel) << text;
    ASSERT_EQ(WriteFunnel(*read), text);
  }
}

}  // namespace
}  // namespace insightflow
