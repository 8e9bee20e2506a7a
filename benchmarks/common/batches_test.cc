#include "benchmarks/common/batches.h"

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <numeric>
#include <set>
#include <string>

namespace insightflow::benchmarks {
namespace {

BatchesOptions Small() {
  return {.generator = {.users = 1'000}, .events = 1'200, .batch_events = 100, .shards = 2};
}

void CollectIds(const Batches& batches, std::set<std::string>* ids) {
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const std::string body(batches.at(i));
    rapidjson::Document document;
    document.Parse(body.c_str());
    ASSERT_FALSE(document.HasParseError());
    ASSERT_EQ(document["events"].Size(), batches.batch_events());
    for (const auto& event : document["events"].GetArray()) {
      ids->insert(event["event_id"].GetString());
    }
  }
}

TEST(Batches, HoldsWhatTheGeneratorGives) {
  const auto batches = Batches::Create(Small());
  ASSERT_NE(batches, nullptr);
  EXPECT_EQ(batches->size(), 12u);
  std::string expected;
  GeneratorOptions options = Small().generator;
  options.seed += 1;
  options.events_per_second /= 2;
  Generator generator(options);
  AppendJsonBatch(&generator, 100, &expected);
  EXPECT_EQ(batches->at(1), expected);
  expected.clear();
  AppendJsonBatch(&generator, 100, &expected);
  EXPECT_EQ(batches->at(3), expected);
  const auto kinds = batches->kinds();
  EXPECT_EQ(std::accumulate(kinds.begin(), kinds.end(), std::uint64_t{0}), 1'200u);
}

TEST(Batches, EveryPassHasIdsOfItsOwn) {
  const auto batches = Batches::Create(Small());
  ASSERT_NE(batches, nullptr);
  std::set<std::string> ids;
  CollectIds(*batches, &ids);
  for (std::uint32_t pass : {1u, 2u, 0x12345u}) {
    for (std::size_t i = 0; i < batches->size(); ++i) batches->Renew(i, pass);
    CollectIds(*batches, &ids);
  }
  EXPECT_EQ(ids.size(), 4 * 1'200u);
  for (const std::string& id : ids) EXPECT_EQ(id.size(), 32u);
}

TEST(Batches, OfOneEvent) {
  BatchesOptions options = Small();
  options.events = 1;
  options.batch_events = 1;
  options.shards = 1;
  const auto batches = Batches::Create(options);
  ASSERT_NE(batches, nullptr);
  EXPECT_EQ(batches->size(), 1u);
  std::set<std::string> ids;
  CollectIds(*batches, &ids);
  EXPECT_EQ(ids.size(), 1u);
}

}  // namespace
}  // namespace insightflow::benchmarks
