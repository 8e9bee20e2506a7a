// kill -9 while an engine closes and opens: whatever file of the dedupe window is left, whole, torn
// or old, no acknowledged event is lost and none counts twice (G2, G3).
//
// A child opens, sends some batches and closes, again and again, and reports every answer through
// a pipe. The parent kills it at a random moment, counts what the next engine knows of what was
// acknowledged, and goes on with that store.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "insightflow/engine.h"
#include "lib/engine/tuned_engine.h"
#include "tests/support/killed_child.h"
#include "tests/support/random_cases.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

constexpr int kIds = 90'000;
constexpr int kFirstIds = 70'000;  // so that writing the file takes a while
constexpr int kBatchMax = 5'000;
constexpr int kKillsAStore = 15;
constexpr EngineTuning kTuning = {.saved_ids_min = 1};  // a file at each closing

EngineOptions OptionsFor(const std::string& dir) {
  EngineOptions options;
  options.data_dir = dir;
  options.dedupe_bytes_max = 16u << 20;
  options.disk_free_min = 0;
  options.fold_rows = 5'000;
  return options;
}

std::string Batch(int first, int count) {
  std::string body = "[";
  for (int id = first; id < first + count; ++id) {
    if (id != first) body += ",";
    body += R"({"event_id":"e)" + std::to_string(id) + R"(","user_id":"u)" +
            std::to_string(id % 17) +
            R"(","session_id":"s","event_type":"view","page_url":"/","timestamp":)" +
            std::to_string(1'000'000 + id) + "}";
  }
  return body + "]";
}

// What the child reports: a batch is acknowledged, or the engine is about to close.
struct Report {
  std::int32_t first;
  std::int32_t count;
};
constexpr Report kCloses = {-1, 0};

// Until it is killed. One small write to the pipe is atomic.
int RunChild(const std::string& dir, std::uint64_t seed, int pipe_fd) {
  std::mt19937_64 random(seed);
  const auto report = [&](const Report& what) {
    if (::write(pipe_fd, &what, sizeof what) != sizeof what) std::_Exit(5);
  };
  while (true) {
    auto engine = TunedEngine::Open(OptionsFor(dir), kTuning);
    if (!engine.ok()) {
      std::fprintf(stderr, "child: %s\n", engine.status().ToString().c_str());
      return 3;
    }
    for (std::uint64_t batches = random() % 4; batches > 0; --batches) {
      const int count = 1 + static_cast<int>(random() % 300);
      const int first = static_cast<int>(random() % (kIds - count));
      const auto result = (*engine)->Ingest(Batch(first, count));
      if (!result.ok() || result->rejected != 0) std::_Exit(4);
      report({first, count});
    }
    report(kCloses);
    if (!(*engine)->Close().ok()) std::_Exit(6);
  }
}

// Lets a child close a few times, and kills it while it writes the file, or up to some milliseconds
// after it began to close: then mostly while it opens again. Notes what was acknowledged.
void LiveAndDie(const std::string& dir, testing::Random* random, std::vector<bool>* acknowledged) {
  const auto [pid, fd] = testing::StartChild(dir, random->engine()());
  Report report = {};
  const auto read_report = [&, from = fd] {
    if (::read(from, &report, sizeof report) != sizeof report) return false;
    if (report.first >= 0) {
      std::fill_n(acknowledged->begin() + report.first, report.count, true);
    }
    return true;
  };
  for (std::int64_t closings = random->Between(1, 4); closings > 0 && read_report();) {
    if (report.first == kCloses.first) --closings;
  }
  const bool while_writing = random->OneIn(2);
  const auto until = std::chrono::steady_clock::now() +
                     std::chrono::microseconds(while_writing ? 5'000'000 : random->Below(60'000));
  while (std::chrono::steady_clock::now() < until) {
    if (while_writing && std::filesystem::exists(dir + "/DEDUPE.tmp")) break;
  }
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
  while (read_report()) {
  }
  ::close(fd);
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
}

// What was acknowledged is known, and what is new is taken once.
void ExpectAllKnown(const std::string& dir, const std::vector<bool>& acknowledged) {
  auto engine = TunedEngine::Open(OptionsFor(dir), kTuning);
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  for (int id = 0; id < kIds;) {
    if (!acknowledged[id]) {
      ++id;
      continue;
    }
    int end = id;
    while (end < kIds && acknowledged[end] && end - id < kBatchMax) ++end;
    const auto again = (*engine)->Ingest(Batch(id, end - id));
    ASSERT_TRUE(again.ok()) << again.status().ToString();
    ASSERT_EQ(again->accepted, 0u) << "forgotten: among " << id << " … " << end - 1;
    id = end;
  }
  const auto report = (*engine)->Check();
  ASSERT_TRUE(report.ok());
  ASSERT_TRUE(report->damage.empty()) << report->damage.front();
  ASSERT_EQ(report->events, (*engine)->Totals().total);
}

// Every id once, of those that were never acknowledged too: the window knows no key without event.
void ExpectTheRestOnce(const std::string& dir) {
  auto engine = TunedEngine::Open(OptionsFor(dir), kTuning);
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  for (int first = 0; first < kIds; first += kBatchMax) {
    ASSERT_TRUE((*engine)->Ingest(Batch(first, kBatchMax)).ok());
  }
  ASSERT_EQ((*engine)->Totals().total, static_cast<std::uint64_t>(kIds));
}

TEST(DedupeKillTest, WhateverFileIsLeftEveryIdCountsOnce) {
  testing::Random random(testing::RandomSeed());
  TempDir dir;
  std::string store;
  std::vector<bool> acknowledged;
  int files = 0;
  int torn = 0;
  const int kills = testing::RandomCases(30);
  for (int kill = 0; kill < kills; ++kill) {
    if (kill % kKillsAStore == 0) {
      store = dir / std::to_string(kill);
      acknowledged.assign(kIds, false);
      auto engine = TunedEngine::Open(OptionsFor(store), kTuning);
      ASSERT_TRUE(engine.ok());
      for (int first = 0; first < kFirstIds; first += kBatchMax) {
        ASSERT_EQ((*engine)->Ingest(Batch(first, kBatchMax))->accepted, std::uint64_t{kBatchMax});
      }
      std::fill_n(acknowledged.begin(), kFirstIds, true);
    }
    LiveAndDie(store, &random, &acknowledged);
    if (HasFailure()) FAIL() << "kill " << kill;
    if (std::filesystem::exists(store + "/DEDUPE")) ++files;
    if (std::filesystem::exists(store + "/DEDUPE.tmp")) ++torn;
    ExpectAllKnown(store, acknowledged);
    if (HasFailure()) FAIL() << "after kill " << kill;
    if (kill % kKillsAStore == kKillsAStore - 1) ExpectTheRestOnce(store);
    if (HasFailure()) FAIL() << "after kill " << kill;
  }
  EXPECT_EQ(files, kills) << "a closing engine leaves the file before until the new one is whole";
  EXPECT_GE(torn, kills / 10) << "the kills have met no file that was being written";
}

}  // namespace
}  // namespace insightflow

int main(int argc, char** argv) {
  const auto child = insightflow::testing::ChildMain(argc, argv, insightflow::RunChild);
  if (child) return *child;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
