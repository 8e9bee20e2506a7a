// Stored funnels through the engine: what is kept, refused, limited, and what damage costs.
#include "lib/engine/funnel_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "insightflow/engine.h"
#include "lib/base/coding.h"
#include "lib/base/hash.h"
#include "tests/support/stored_funnels.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using ::testing::ElementsAre;
using testing::FullFunnel;
using ::testing::HasSubstr;
using testing::SimpleFunnel;
using ::testing::StartsWith;

class FunnelStoreTest : public ::testing::Test {
 protected:
  FunnelStoreTest() { Open(); }

  void Open() {
    engine_.reset();
    EngineOptions options;
    options.data_dir = dir_.path();
    options.disk_free_min = 0;
    options.dedupe_bytes_max = std::size_t{1} << 20;
    auto engine = Engine::Open(options);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(*engine);
  }

  std::vector<std::string> Ids() {
    std::vector<std::string> ids;
    const auto funnels = engine_->Funnels();
    EXPECT_TRUE(funnels.ok()) << funnels.status().ToString();
    for (const FunnelDefinition& funnel : *funnels) ids.push_back(funnel.id);
    return ids;
  }

  void ChangeStored(const std::string& id,
                    const std::function<void(const std::string& key, std::string*)>& change) {
    ASSERT_TRUE(engine_->Close().ok());
    testing::ChangeStoredFunnel(dir_.path(), id, change);
    Open();
  }

  TempDir dir_;
  std::unique_ptr<Engine> engine_;
};

void Damage(const std::string&, std::string* value) { (*value)[value->size() / 2] ^= 1; }

// Version 2, with a checksum that matches.
void MakeNewer(const std::string& key, std::string* value) {
  (*value)[0] = 2;
  value->resize(value->size() - sizeof(std::uint64_t));
  PutFixed(value, HashBytes(*value, HashBytes(key, 0)));
}

TEST_F(FunnelStoreTest, BeginsWithTheDefaultPurchaseFunnel) {
  EXPECT_THAT(Ids(), ElementsAre("default"));
  const auto funnel = engine_->Funnel("default");
  ASSERT_TRUE(funnel.ok());
  EXPECT_TRUE(funnel->active);
  EXPECT_EQ(funnel->query.window, std::chrono::days(7));
  ASSERT_EQ(funnel->query.steps.size(), 4u);
  const std::vector<FunnelStep>& steps = funnel->query.steps;
  EXPECT_THAT(steps[0].event.types, ElementsAre("view"));
  for (const auto& [step, part] : {std::pair(1, "product"), std::pair(2, "add_cart")}) {
    EXPECT_THAT(steps[step].event.types, ElementsAre("click"));
    EXPECT_THAT(steps[step].event.filters,
                ElementsAre(Filter{"element", FilterOp::kContains, {std::string(part)}}));
  }
  EXPECT_THAT(steps[3].event.types, ElementsAre("purchase"));
  EXPECT_TRUE(engine_->Query(funnel->query).ok());
}

TEST_F(FunnelStoreTest, KeepsEveryMemberAcrossARestart) {
  ASSERT_TRUE(engine_->AddFunnel(FullFunnel()).ok());
  ASSERT_TRUE(engine_->AddFunnel(SimpleFunnel("Z")).ok());
  EXPECT_EQ(*engine_->Funnel("full"), FullFunnel());
  ASSERT_TRUE(engine_->Close().ok());
  Open();
  EXPECT_THAT(*engine_->Funnels(),
              ElementsAre(SimpleFunnel("Z"), *engine_->Funnel("default"), FullFunnel()));
  ASSERT_TRUE(engine_->RemoveFunnel("Z").ok());
  EXPECT_EQ(engine_->Funnel("Z").status(), NotFound("there is no funnel \"Z\""));
  EXPECT_EQ(engine_->RemoveFunnel("Z").code(), StatusCode::kNotFound);
  ASSERT_TRUE(engine_->Close().ok());
  Open();
  EXPECT_THAT(Ids(), ElementsAre("default", "full"));
  EXPECT_TRUE(engine_->Check()->damage.empty());
}

TEST_F(FunnelStoreTest, AddsOnceAndPutsAgain) {
  ASSERT_TRUE(engine_->AddFunnel(SimpleFunnel("a")).ok());
  const Status twice = engine_->AddFunnel(SimpleFunnel("a", "signup"));
  EXPECT_EQ(twice.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(twice.message(), HasSubstr("\"a\""));
  EXPECT_EQ(*engine_->Funnel("a"), SimpleFunnel("a"));
  EXPECT_FALSE(*engine_->PutFunnel(SimpleFunnel("a", "signup")));
  EXPECT_EQ(*engine_->Funnel("a"), SimpleFunnel("a", "signup"));
  EXPECT_TRUE(*engine_->PutFunnel(SimpleFunnel("b")));
}

TEST_F(FunnelStoreTest, TheDefaultIsReplacedAndComesBack) {
  const FunnelDefinition built_in = *engine_->Funnel("default");
  EXPECT_EQ(engine_->AddFunnel(SimpleFunnel("default")).code(), StatusCode::kAlreadyExists);
  EXPECT_FALSE(*engine_->PutFunnel(SimpleFunnel("default"))) << "it was there";
  ASSERT_TRUE(engine_->Close().ok());
  Open();
  EXPECT_THAT(*engine_->Funnels(), ElementsAre(SimpleFunnel("default")));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(engine_->RemoveFunnel("default").ok());
    EXPECT_EQ(*engine_->Funnel("default"), built_in);
  }
}

TEST_F(FunnelStoreTest, AnInactiveOneIsShownButNotAsked) {
  FunnelDefinition funnel = SimpleFunnel("a");
  ASSERT_TRUE(engine_->AddFunnel(funnel).ok());
  EXPECT_EQ(*engine_->ActiveFunnel("a"), funnel.query);
  funnel.active = false;
  ASSERT_TRUE(engine_->PutFunnel(funnel).ok());
  const Status status = engine_->ActiveFunnel("a").status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("\"a\" is not active"));
  EXPECT_EQ(*engine_->Funnel("a"), funnel);
  EXPECT_EQ(engine_->ActiveFunnel("b").status(), NotFound("there is no funnel \"b\""));
}

TEST_F(FunnelStoreTest, RefusesByField) {
  const auto refusal = [&](void (*change)(FunnelDefinition*)) {
    FunnelDefinition funnel = SimpleFunnel("a");
    change(&funnel);
    const Status status = engine_->AddFunnel(funnel);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(engine_->PutFunnel(funnel).status(), status);
    return status.message();
  };
  using Funnel = FunnelDefinition*;
  EXPECT_THAT(refusal([](Funnel f) { f->id = ""; }), StartsWith("id: must be 1 to 64"));
  EXPECT_THAT(refusal([](Funnel f) { f->id = std::string(65, 'a'); }), StartsWith("id: "));
  EXPECT_THAT(refusal([](Funnel f) { f->id = "a/b"; }), StartsWith("id: "));
  EXPECT_THAT(refusal([](Funnel f) { f->id = std::string("a\0", 2); }), StartsWith("id: "));
  EXPECT_THAT(refusal([](Funnel f) { f->id = ".."; }), StartsWith("id: "));
  EXPECT_THAT(refusal([](Funnel f) { f->name = ""; }), StartsWith("name: "));
  EXPECT_THAT(refusal([](Funnel f) { f->name = "\xff"; }), StartsWith("name: "));
  EXPECT_THAT(refusal([](Funnel f) { f->name = std::string(257, 'n'); }), StartsWith("name: "));
  EXPECT_THAT(refusal([](Funnel f) { f->query.scope.from = FromMillis(1); }), StartsWith("from: "));
  EXPECT_THAT(refusal([](Funnel f) { f->query.scope.to = FromMillis(1); }), StartsWith("to: "));
  EXPECT_THAT(refusal([](Funnel f) { f->query.steps.clear(); }), StartsWith("steps: "));
  EXPECT_THAT(refusal([](Funnel f) { f->query.window = Duration(-1); }), StartsWith("window: "));
  EXPECT_THAT(refusal([](Funnel f) { f->query.steps[0].optional = true; }),
              StartsWith("steps: the first and the last step cannot be optional"));
  EXPECT_THAT(refusal([](Funnel f) { f->query.clickhouse = {.allow_reentry = true}; }),
              StartsWith("compat_modes: "));
  EXPECT_THAT(Ids(), ElementsAre("default"));
  for (const char* id : {"x", "..", "", "a/b", "\xff"}) {
    EXPECT_EQ(engine_->Funnel(id).status().code(), StatusCode::kNotFound) << id;
    EXPECT_EQ(engine_->RemoveFunnel(id).code(), StatusCode::kNotFound) << id;
  }
  ASSERT_TRUE(engine_->AddFunnel(SimpleFunnel(std::string(60, 'a') + "_.-Z")).ok());
}

TEST_F(FunnelStoreTest, LimitsTheSizeOfEach) {
  FunnelDefinition funnel = SimpleFunnel("a");
  const auto grow = [&](std::size_t bytes) {
    funnel.query.scope.filters = {{"page_url", FilterOp::kEq, {std::string(bytes, 'x')}}};
  };
  grow(kFunnelBytesMax);
  EXPECT_EQ(engine_->AddFunnel(funnel).code(), StatusCode::kOutOfRange);
  grow(kFunnelBytesMax - 200);
  EXPECT_TRUE(engine_->AddFunnel(funnel).ok());
}

TEST_F(FunnelStoreTest, LimitsTheSizeOfAll) {
  FunnelDefinition funnel = SimpleFunnel("a");
  funnel.query.scope.filters = {
      {"page_url", FilterOp::kEq, {std::string(kFunnelBytesMax - 200, 'x')}}};
  Status status;
  int count = 0;
  for (; status.ok() && count < 1'000; ++count) {
    funnel.id = "f" + std::to_string(count);
    status = engine_->AddFunnel(funnel);
  }
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(status.message(), HasSubstr("together"));
  EXPECT_EQ(count, static_cast<int>(kFunnelsBytesMax / kFunnelBytesMax) + 1);
  funnel.id = "f0";
  EXPECT_TRUE(engine_->PutFunnel(funnel).ok()) << "what is replaced does not count";
}

TEST_F(FunnelStoreTest, LimitsTheirNumberWhoeverComesAtOnce) {
  std::atomic<std::size_t> added = 0;
  std::atomic<std::size_t> refused = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 260; ++i) {
        const Status status = engine_->AddFunnel(SimpleFunnel("f" + std::to_string(i * 4 + t)));
        if (status.ok()) ++added;
        if (status.code() == StatusCode::kOutOfRange) ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(added, kFunnelsMax);
  EXPECT_EQ(refused, 40u);
  EXPECT_EQ(Ids().size(), kFunnelsMax + 1) << "the built-in one does not count";
  EXPECT_FALSE(*engine_->PutFunnel(SimpleFunnel("f0"))) << "replacing is no addition";
  EXPECT_EQ(engine_->PutFunnel(SimpleFunnel("new")).status().code(), StatusCode::kOutOfRange);
}

TEST_F(FunnelStoreTest, OneOfManyAddsTheSameIdAndReadersSeeWholeOnes) {
  for (int round = 0; round < 10; ++round) {
    const std::string id = "r" + std::to_string(round);
    std::atomic<int> added = 0;
    std::atomic<bool> done = false;
    std::thread reader([&] {
      while (!done) {
        const auto funnel = engine_->Funnel(id);
        if (!funnel.ok()) {
          EXPECT_EQ(funnel.status().code(), StatusCode::kNotFound);
          continue;
        }
        const std::string last = funnel->query.steps[1].event.types[0];
        EXPECT_EQ(*funnel, SimpleFunnel(id, last));
      }
    });
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        added += engine_->AddFunnel(SimpleFunnel(id, "add" + std::to_string(t))).ok();
        EXPECT_TRUE(engine_->PutFunnel(SimpleFunnel(id, "put" + std::to_string(t))).ok());
      });
    }
    for (std::thread& thread : threads) thread.join();
    done = true;
    reader.join();
    EXPECT_EQ(added, 1);
    EXPECT_THAT(engine_->Funnel(id)->query.steps[1].event.types[0], StartsWith("put"));
  }
}

TEST_F(FunnelStoreTest, DamageCostsOneFunnelAndIsNeverSilent) {
  ASSERT_TRUE(engine_->AddFunnel(SimpleFunnel("a")).ok());
  ASSERT_TRUE(engine_->AddFunnel(SimpleFunnel("b")).ok());
  ChangeStored("a", Damage);
  const Status damage = engine_->Funnel("a").status();
  EXPECT_EQ(damage.code(), StatusCode::kDataLoss);
  EXPECT_THAT(damage.message(), StartsWith("funnel \"a\" is damaged"));
  EXPECT_EQ(engine_->Funnels().status(), damage);
  EXPECT_EQ(engine_->ActiveFunnel("a").status(), damage);
  EXPECT_TRUE(engine_->Funnel("b").ok());
  EXPECT_THAT(engine_->Check()->damage, ElementsAre(damage.message()));
  EXPECT_EQ(engine_->AddFunnel(SimpleFunnel("a")).code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(engine_->Close().ok());
  EXPECT_THAT(CheckStore(dir_.path())->damage, ElementsAre(damage.message()));
  Open();
  EXPECT_FALSE(*engine_->PutFunnel(SimpleFunnel("a", "signup"))) << "which mends it";
  EXPECT_EQ(*engine_->Funnel("a"), SimpleFunnel("a", "signup"));
  EXPECT_TRUE(engine_->Check()->damage.empty());
  ChangeStored("a", Damage);
  EXPECT_TRUE(engine_->RemoveFunnel("a").ok());
  EXPECT_THAT(Ids(), ElementsAre("b", "default"));
}

TEST_F(FunnelStoreTest, ADamagedDefaultIsNotReplacedByTheBuiltInOne) {
  ASSERT_TRUE(engine_->PutFunnel(SimpleFunnel("default")).ok());
  ChangeStored("default", Damage);
  EXPECT_EQ(engine_->Funnel("default").status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(engine_->RemoveFunnel("default").ok());
  EXPECT_EQ(engine_->Funnel("default")->name, "Purchase");
}

TEST_F(FunnelStoreTest, ImpossibleValuesUnderASoundChecksumAreDamage) {
  ASSERT_TRUE(engine_->AddFunnel(SimpleFunnel("a")).ok());
  ChangeStored("a", [](const std::string& key, std::string* value) {
    value->resize(value->size() - sizeof(std::uint64_t));
    value->push_back('\0');
    PutFixed(value, HashBytes(*value, HashBytes(key, 0)));
  });
  EXPECT_EQ(engine_->Funnel("a").status(),
            DataLoss("funnel \"a\" is damaged: it has impossible values"));
  EXPECT_THAT(engine_->Check()->damage, ElementsAre(HasSubstr("impossible values")));
}

TEST_F(FunnelStoreTest, WhatANewerVersionWroteIsNeitherReadNorLost) {
  ASSERT_TRUE(engine_->AddFunnel(SimpleFunnel("a")).ok());
  ChangeStored("a", MakeNewer);
  const Status newer = engine_->Funnel("a").status();
  EXPECT_EQ(newer.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(newer.message(), HasSubstr("version 2, this build reads up to 1"));
  EXPECT_EQ(engine_->Funnels().status(), newer);
  EXPECT_EQ(engine_->AddFunnel(SimpleFunnel("a")), newer);
  EXPECT_EQ(engine_->PutFunnel(SimpleFunnel("a")).status(), newer);
  EXPECT_EQ(engine_->RemoveFunnel("a"), newer);
  EXPECT_THAT(engine_->Check()->damage, ElementsAre(newer.message()));
  EXPECT_TRUE(engine_->AddFunnel(SimpleFunnel("b")).ok());
}

TEST_F(FunnelStoreTest, ABackupHasThem) {
  ASSERT_TRUE(engine_->AddFunnel(FullFunnel()).ok());
  const TempDir other;
  ASSERT_TRUE(engine_->Backup(other / "copy").ok());
  EngineOptions options;
  options.data_dir = other / "copy";
  const auto copy = Engine::Open(options);
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(*(*copy)->Funnel("full"), FullFunnel());
}

TEST_F(FunnelStoreTest, AStoreInMemoryHasThemToo) {
  const auto engine = Engine::Open(EngineOptions());
  ASSERT_TRUE(engine.ok());
  ASSERT_TRUE((*engine)->AddFunnel(FullFunnel()).ok());
  EXPECT_EQ(*(*engine)->Funnel("full"), FullFunnel());
}

TEST_F(FunnelStoreTest, AClosedEngineSaysSo) {
  ASSERT_TRUE(engine_->Close().ok());
  const StatusCode closed = StatusCode::kFailedPrecondition;
  EXPECT_EQ(engine_->Funnels().status().code(), closed);
  EXPECT_EQ(engine_->Funnel("default").status().code(), closed);
  EXPECT_EQ(engine_->AddFunnel(SimpleFunnel("a")).code(), closed);
  EXPECT_EQ(engine_->PutFunnel(SimpleFunnel("a")).status().code(), closed);
  EXPECT_EQ(engine_->RemoveFunnel("a").code(), closed);
}

}  // namespace
}  // namespace insightflow
