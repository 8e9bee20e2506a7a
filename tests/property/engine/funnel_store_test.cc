// Random definitions: each comes back as it was, damage is noticed or harmless, and a stored funnel
// answers what the same funnel answers when it is written out.
//
// INSIGHTFLOW_SEED and INSIGHTFLOW_CASES say which random cases are run, and how many.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "insightflow/engine.h"
#include "lib/analytics/analysis.h"
#include "lib/engine/funnel_codec.h"
#include "lib/model/query_check.h"
#include "tests/reference/random_query.h"
#include "tests/support/analysis_cases.h"
#include "tests/support/stored_funnels.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using testing::Random;
using testing::RandomCases;
using testing::RandomQuery;
using testing::RandomSeed;

class Definitions {
 public:
  explicit Definitions(std::uint64_t seed) : queries_(seed) {}

  FunnelDefinition Next() {
    Query query = queries_.Make();
    while (!std::holds_alternative<FunnelQuery>(query) || !CreateAnalysis(query).ok()) {
      query = queries_.Make();
    }
    FunnelDefinition funnel;
    funnel.id = "f" + std::to_string(count_ % 50);
    funnel.name = "funnel " + std::to_string(++count_);
    funnel.active = count_ % 3 != 0;
    funnel.query = std::get<FunnelQuery>(std::move(query));
    funnel.query.scope.from = funnel.query.scope.to = std::nullopt;
    return funnel;
  }

 private:
  RandomQuery queries_;
  std::size_t count_ = 0;
};

TEST(FunnelCodecProperty, WhatIsWrittenReadsBackAsTheSameFunnel) {
  Definitions definitions(RandomSeed());
  for (int i = RandomCases(5'000); i > 0; --i) {
    const FunnelDefinition funnel = definitions.Next();
    ASSERT_TRUE(CheckFunnel(funnel).ok());
    FunnelDefinition read;
    read.id = funnel.id;
    ASSERT_TRUE(DecodeFunnel(EncodeFunnel(funnel), &read));
    ASSERT_EQ(read, funnel);
  }
}

// Behind the checksum any bytes may still stand: a defect, or somebody's malice.
TEST(FunnelCodecProperty, AnyBytesAreRefusedOrAreAFunnelThatWritesTheSame) {
  const std::uint64_t seed = RandomSeed();
  Definitions definitions(seed);
  Random random(seed);
  for (int i = RandomCases(20'000); i > 0; --i) {
    std::string bytes = EncodeFunnel(definitions.Next());
    for (std::int64_t changes = random.Between(1, 3); changes > 0; --changes) {
      const auto at =
          static_cast<std::size_t>(random.Below(static_cast<std::int64_t>(bytes.size())));
      bytes[at] = static_cast<char>(random.Below(256));
    }
    FunnelDefinition read;
    if (!DecodeFunnel(bytes, &read)) continue;
    FunnelDefinition again;
    ASSERT_TRUE(DecodeFunnel(EncodeFunnel(read), &again));
    ASSERT_EQ(EncodeFunnel(again), EncodeFunnel(read));
  }
}

// Against a plain map, with restarts.
TEST(FunnelStoreProperty, IsAMapThatSurvives) {
  const std::uint64_t seed = RandomSeed();
  Definitions definitions(seed);
  Random random(seed);
  const TempDir dir;
  EngineOptions options;
  options.data_dir = dir.path();
  options.dedupe_bytes_max = std::size_t{1} << 20;
  auto engine = *Engine::Open(options);
  std::map<std::string, FunnelDefinition> expected = {{"default", *engine->Funnel("default")}};
  for (int i = RandomCases(400); i > 0; --i) {
    const FunnelDefinition funnel = definitions.Next();
    const bool is_there = expected.contains(funnel.id);
    switch (random.Below(4)) {
      case 0:
        ASSERT_EQ(engine->AddFunnel(funnel).ok(), !is_there);
        expected.try_emplace(funnel.id, funnel);
        break;
      case 1:
        ASSERT_EQ(*engine->PutFunnel(funnel), !is_there);
        expected[funnel.id] = funnel;
        break;
      case 2:
        ASSERT_EQ(engine->RemoveFunnel(funnel.id).ok(), is_there);
        expected.erase(funnel.id);
        break;
      default:
        if (!random.OneIn(10)) break;
        ASSERT_TRUE(engine->Close().ok());
        engine.reset();
        engine = *Engine::Open(options);
    }
    const auto found = engine->Funnel(funnel.id);
    ASSERT_EQ(found.ok(), expected.contains(funnel.id));
    if (found.ok()) {
      ASSERT_EQ(*found, expected[funnel.id]);
    }
  }
  const auto all = engine->Funnels();
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), expected.size());
  for (const FunnelDefinition& funnel : *all) EXPECT_EQ(funnel, expected[funnel.id]);
}

TEST(FunnelStoreProperty, AnswersWhatTheSameFunnelWrittenOutAnswers) {
  const std::uint64_t seed = RandomSeed();
  Definitions definitions(seed);
  Random random(seed);
  for (int i = RandomCases(10); i > 0; --i) {
    EngineOptions options;
    options.rules.require_session_id = options.rules.require_page_url = false;
    options.dedupe_bytes_max = std::size_t{1} << 20;
    auto engine = *Engine::Open(options);
    const std::vector<Event> events = testing::RandomLog(&random, {.events_max = 200});
    ASSERT_TRUE(engine->Ingest(events).ok());
    for (int k = 0; k < 20; ++k) {
      FunnelDefinition funnel = definitions.Next();
      funnel.active = true;
      ASSERT_TRUE(engine->PutFunnel(funnel).ok());
      const auto stored = engine->ActiveFunnel(funnel.id);
      ASSERT_TRUE(stored.ok());
      const auto by_id = engine->Query(*stored);
      const auto written_out = engine->Query(funnel.query);
      ASSERT_TRUE(by_id.ok() && written_out.ok()) << by_id.status().ToString();
      ASSERT_EQ(by_id->body, written_out->body);
    }
  }
}

}  // namespace
}  // namespace insightflow
