// kill -9 while events are folded and merged: what is in the segments and what is in the log behind
// them is each acknowledged event, once (G3).
//
// A child ingests late and recent events with a follower that folds after every few rows, and
// reports its answers through a pipe. The parent kills it after a random number of answers, reads
// the store itself, and begins the next child on what is left. It knows from the seed what each
// child has sent, for the log forgets what is folded.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "insightflow/engine.h"
#include "tests/support/folded_store.h"
#include "tests/support/killed_child.h"
#include "tests/support/random_cases.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

constexpr int kKillsAStore = 10;

EngineOptions OptionsFor(const std::string& dir) {
  EngineOptions options;
  options.data_dir = dir;
  options.dedupe_bytes_max = 4u << 20;
  options.disk_free_min = 0;
  options.fold_rows = 150;
  return options;
}

std::string Batch(std::mt19937_64* random, int count) {
  std::string body = "[";
  for (int i = 0; i < count; ++i) {
    if (i != 0) body += ",";
    const std::uint64_t day = 19'000 + ((*random)() % 5 == 0 ? (*random)() % 6 : 0);
    body += R"({"event_id":"e)" + std::to_string((*random)()) + R"(","user_id":"u)" +
            std::to_string((*random)() % 17) + R"(","session_id":"s","event_type":"view",)" +
            R"("page_url":"/","timestamp":)" +
            std::to_string(day * 86'400'000 + (*random)() % 86'400'000) + "}";
  }
  return body + "]";
}

// Until it is killed. One small write to the pipe is atomic.
int RunChild(const std::string& dir, std::uint64_t seed, int pipe_fd) {
  auto engine = Engine::Open(OptionsFor(dir));
  if (!engine.ok()) {
    std::fprintf(stderr, "child: %s\n", engine.status().ToString().c_str());
    return 3;
  }
  std::thread folder([&] {
    while ((*engine)->Fold().ok()) {
    }
    std::_Exit(6);
  });
  std::mt19937_64 random(seed);
  for (int batches = 1;; ++batches) {
    // However slow the thread beside is, some of the log is folded and trimmed.
    if (batches % 8 == 0 && !(*engine)->Fold().ok()) std::_Exit(7);
    const int count = 1 + static_cast<int>(random() % 120);
    const auto result = (*engine)->Ingest(Batch(&random, count));
    if (!result.ok() || result->accepted != static_cast<std::size_t>(count)) std::_Exit(4);
    if (::write(pipe_fd, &count, sizeof count) != sizeof count) std::_Exit(5);
  }
}

// The ids of a batch or of rows as text.
void FindIds(const std::string& text, std::vector<std::string>* ids) {
  static const std::regex id("e[0-9]{4,}");
  for (std::sregex_iterator at(text.begin(), text.end(), id), end; at != end; ++at) {
    ids->push_back(at->str());
  }
}

// What was sent, and of that what was acknowledged.
struct Sent {
  std::set<std::string> acknowledged;
  std::set<std::string> all;

  // A child with this seed was answered so many times.
  void Add(std::uint64_t seed, std::uint64_t answers) {
    std::mt19937_64 random(seed);
    for (std::uint64_t i = 0; i <= answers; ++i) {
      const int count = 1 + static_cast<int>(random() % 120);
      std::vector<std::string> ids;
      FindIds(Batch(&random, count), &ids);
      all.insert(ids.begin(), ids.end());
      if (i < answers) acknowledged.insert(ids.begin(), ids.end());
    }
  }
};

// Opens what is left without folding, and looks at every row.
void ExpectEverythingOnce(const std::string& dir, const Sent& sent, std::uint64_t* segments,
                          std::uint64_t* trimmed) {
  FoldedStore store;
  EventLogOptions options;
  options.dir = dir;
  options.disk_free_min = 0;
  const Status opened = store.Open(options, {false, 150});
  ASSERT_TRUE(opened.ok()) << opened.ToString();
  const auto snapshot = store.segments->Snapshot();
  *segments += snapshot->segments.size();
  std::vector<std::string> logged;
  std::vector<std::string> found;
  const std::uint64_t begin = store.log->begin();
  ASSERT_TRUE(ReadLog(*store.log, begin, &logged).ok());
  const Status read = ReadUnion(*snapshot, *store.log, &found);
  ASSERT_TRUE(read.ok()) << read.ToString();
  std::vector<std::string> ids;
  for (const std::string& row : found) FindIds(row, &ids);
  ASSERT_EQ(ids.size(), found.size());
  const std::set<std::string> distinct(ids.begin(), ids.end());
  ASSERT_EQ(distinct.size(), ids.size()) << "an event is there twice";
  ASSERT_TRUE(std::includes(distinct.begin(), distinct.end(), sent.acknowledged.begin(),
                            sent.acknowledged.end()))
      << "an acknowledged event is lost";
  ASSERT_TRUE(std::includes(sent.all.begin(), sent.all.end(), distinct.begin(), distinct.end()));
  found.erase(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(begin - 1));
  ExpectEqualRows(logged, found);
  *trimmed += begin - 1;
  ASSERT_TRUE(store.Close().ok());
  const auto report = CheckStore(dir);
  ASSERT_TRUE(report.ok());
  ASSERT_TRUE(report->damage.empty()) << report->damage.front();
}

TEST(FoldKillTest, EveryAcknowledgedEventIsInOnePlace) {
  const std::uint64_t seed = testing::RandomSeed();
  SCOPED_TRACE("INSIGHTFLOW_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  TempDir dir;
  std::string store;
  Sent sent;
  std::uint64_t segments = 0;
  std::uint64_t trimmed = 0;
  const auto kills = static_cast<std::uint64_t>(testing::RandomCases(50));
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    if (kill % kKillsAStore == 0) {
      store = dir.path() + "/" + std::to_string(kill);
      sent = Sent();
    }
    const std::uint64_t child_seed = random();
    sent.Add(child_seed, testing::LiveAndDie(store, child_seed, random() % 60));
    if (HasFailure()) FAIL();
    ExpectEverythingOnce(store, sent, &segments, &trimmed);
    if (HasFailure()) FAIL() << "after kill " << kill;
  }
  EXPECT_GT(segments, 2 * kills) << "the kills have met no folding";
  EXPECT_GT(trimmed, 20 * kills) << "the kills have met no trimmed log";
}

}  // namespace
}  // namespace insightflow

int main(int argc, char** argv) {
  if (const auto code = insightflow::testing::ChildMain(argc, argv, insightflow::RunChild)) {
    return *code;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
