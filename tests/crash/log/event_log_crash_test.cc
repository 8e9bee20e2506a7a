// A writer is killed with SIGKILL at random moments, again and again on the same store: no
// acknowledged entry is lost, sequences have no gap, and follower states are whole.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <thread>

#include "tests/support/random_cases.h"
#include "tests/unit/log/child_process.h"
#include "tests/unit/log/log_fixture.h"

namespace insightflow {
namespace {

std::string StateOf(std::uint64_t applied) {
  return std::string(applied % 2 == 0 ? 100 : 2'500'000, static_cast<char>('a' + applied % 26));
}

// Appends until killed; after each acknowledged append it reports the log's end. Of some stretches
// only the end is acknowledged.
int Write(const std::string& dir, std::uint64_t seed) {
  auto opened = EventLog::Open(OptionsFor(dir));
  if (!opened.ok()) {
    std::cerr << opened.status().ToString() << '\n';
    return 1;
  }
  EventLog* const log = opened->get();
  std::mt19937_64 random(seed);
  bool unlogged = false;
  for (std::int64_t i = 0;; ++i) {
    if (random() % 5 == 0) unlogged = !unlogged;
    const auto rows = static_cast<std::uint32_t>(1 + random() % 20);
    const auto last = log->last();
    const std::uint64_t first = last ? last->first_sequence + last->rows : 1;
    const std::string record = MakeRecord(rows, first, random() % 4 == 0 ? 3000 : 0);
    const std::int64_t now = last ? last->received_ms + 1 : 1;
    const std::uint64_t end = first + rows;
    if (unlogged) {
      if (!AppendOneUnlogged(log, rows, now, record).ok()) return 1;
      if (random() % 4 == 0) log->BeginSync();
      if (random() % 4 == 0 && !log->SaveFollower("live", end, StateOf(end)).ok()) return 1;
      if (random() % 4 != 0) continue;
      if (!log->Sync().ok()) return 1;
    } else if (!AppendOne(log, rows, now, record, true).ok()) {
      return 1;
    }
    if (::write(STDOUT_FILENO, &end, sizeof end) != sizeof end) return 0;
    if (i % 3 == 2 && !log->SaveFollower("live", end, StateOf(end)).ok()) return 1;
  }
}

void Verify(const std::string& dir, std::uint64_t acknowledged_end) {
  const auto log = OpenLog(dir);
  ASSERT_NE(log, nullptr);
  const std::uint64_t end = log->last() ? log->last()->first_sequence + log->last()->rows : 1;
  EXPECT_GE(end, acknowledged_end);
  std::uint64_t next = 1;
  for (const auto& entry : ReadAll(*log)) {
    EXPECT_EQ(entry.header.first_sequence, next);
    EXPECT_TRUE(VerifyRecord(entry.record).ok());
    next += entry.header.rows;
  }
  EXPECT_EQ(next, end);
  const auto state = log->LoadFollower("live");
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  if (!state->has_value()) return;
  EXPECT_LE((*state)->applied_sequence, end) << "a state of events that are lost";
  EXPECT_TRUE((*state)->state == StateOf((*state)->applied_sequence));
}

TEST(EventLogCrash, KillLosesNothingThatWasAcknowledged) {
  std::mt19937_64 random(testing::RandomSeed(1709164800));
  TempDir dir;
  std::uint64_t acknowledged_end = 1;
  const int rounds = testing::RandomCases(24);
  for (int round = 0; round < rounds; ++round) {
    ChildProcess writer({"--write", dir.path(), std::to_string(random())});
    const std::size_t acks = 1 + random() % 25;
    std::string bytes;
    while (bytes.size() < acks * sizeof(std::uint64_t)) {
      const std::string part = writer.ReadSome(acks * sizeof(std::uint64_t) - bytes.size());
      ASSERT_FALSE(part.empty()) << "the writer ended by itself";
      bytes += part;
    }
    // Somewhere inside the append or the save that comes next.
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
    writer.Kill();
    writer.Wait();
    bytes += writer.ReadToEnd();
    bytes.resize(bytes.size() / sizeof(std::uint64_t) * sizeof(std::uint64_t));
    std::memcpy(&acknowledged_end, bytes.data() + bytes.size() - sizeof acknowledged_end,
                sizeof acknowledged_end);
    Verify(dir.path(), acknowledged_end);
    if (HasFailure()) return;
  }
  const auto report = EventLog::CheckDir(dir.path());
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->damage.empty()) << report->damage.front();
  EXPECT_GE(report->events + 1, acknowledged_end);
}

// Killed while the store is made: the next Open finishes the work.
TEST(EventLogCrash, AKilledFirstOpenCanBeRepeated) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 6; ++round) {
    TempDir dir;
    ChildProcess writer({"--write", dir / "store", "1"});
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 60));
    writer.Kill();
    writer.Wait();
    Verify(dir / "store", 1);
  }
}

}  // namespace
}  // namespace insightflow

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--write") == 0) {
    return insightflow::Write(argv[2], std::strtoull(argv[3], nullptr, 10));
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
