// kill -9 right after an answer: every funnel is as the last answered change left it, whatever the
// durability of events.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <random>
#include <string>

#include "insightflow/engine.h"
#include "tests/support/random_cases.h"
#include "tests/support/stored_funnels.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/log/child_process.h"

namespace insightflow {
namespace {

using testing::SimpleFunnel;

constexpr int kIds = 5;

std::unique_ptr<Engine> OpenStore(const std::string& dir) {
  EngineOptions options;
  options.data_dir = dir;
  options.durability = Durability::kNone;  // of events; a definition is synced all the same
  options.dedupe_bytes_max = std::size_t{1} << 20;
  auto engine = Engine::Open(options);
  return engine.ok() ? std::move(*engine) : nullptr;
}

// Step i puts funnel i modulo kIds, or removes it at every seventh.
Status Step(Engine* engine, int i) {
  const std::string id = "f" + std::to_string(i % kIds);
  if (i % 7 == 6) {
    const Status status = engine->RemoveFunnel(id);
    return status.code() == StatusCode::kNotFound ? Status::Ok() : status;
  }
  return engine->PutFunnel(SimpleFunnel(id, "step" + std::to_string(i))).status();
}

// A byte for each answered step, until it is killed.
int RunChild(const std::string& dir) {
  const auto engine = OpenStore(dir);
  if (engine == nullptr) return 3;
  for (int i = 0;; ++i) {
    if (!Step(engine.get(), i).ok()) return 4;
    if (std::fwrite("+", 1, 1, stdout) != 1 || std::fflush(stdout) != 0) return 5;
  }
}

// What funnel `id` holds after `steps` steps; empty: nothing.
std::string Last(int id, int steps) {
  for (int i = steps - 1; i >= 0; --i) {
    if (i % kIds == id) return i % 7 == 6 ? "" : "step" + std::to_string(i);
  }
  return "";
}

TEST(FunnelKill, WhatWasAnsweredIsKept) {
  const std::uint64_t seed = testing::RandomSeed();
  std::mt19937_64 random(seed);
  for (int round = testing::RandomCases(10); round > 0; --round) {
    const TempDir dir;
    int steps = 0;
    {
      ChildProcess child({"--child", dir / "store"});
      const int wanted = static_cast<int>(random() % 60);
      while (steps < wanted) {
        const std::string some = child.ReadSome(1);
        ASSERT_FALSE(some.empty()) << "the child ended by itself";
        ++steps;
      }
      child.Kill();
      steps += static_cast<int>(child.ReadToEnd().size());
      ASSERT_TRUE(WIFSIGNALED(child.Wait()));
    }
    const auto engine = OpenStore(dir / "store");
    ASSERT_NE(engine, nullptr);
    for (int id = 0; id < kIds; ++id) {
      const auto funnel = engine->Funnel("f" + std::to_string(id));
      const std::string found = funnel.ok() ? funnel->query.steps[1].event.types[0] : "";
      // The step under way may or may not have come to the disk.
      const bool under_way = steps % kIds == id && found == Last(id, steps + 1);
      EXPECT_TRUE(found == Last(id, steps) || under_way)
          << "f" << id << " after " << steps << " steps: " << found;
    }
    EXPECT_TRUE(engine->Check()->damage.empty());
  }
}

}  // namespace
}  // namespace insightflow

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--child") == 0) return insightflow::RunChild(argv[2]);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
