#include "lib/log/event_log.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/unit/log/log_fixture.h"

namespace insightflow {
namespace {

TEST(EventLog, StartsEmpty) {
  TempDir dir;
  const auto log = OpenLog(dir / "new/store");
  EXPECT_FALSE(log->last().has_value());
  EXPECT_NE(log->hash_seed(), 0u);
  EXPECT_TRUE(log->Health().ok());
  for (const auto& reader : {log->ReadFrom(0), log->ReadLast(), log->ReadReceivedSince(0)}) {
    EXPECT_FALSE(reader->Valid());
    EXPECT_TRUE(reader->status().ok());
  }
  EXPECT_TRUE(log->Append({}, {}, 0, true).ok());
  EXPECT_TRUE(log->Sync().ok());
  const auto report = log->Check();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->records, 0u);
  EXPECT_TRUE(report->damage.empty());
}

TEST(EventLog, KeepsEntriesAcrossReopening) {
  TempDir dir;
  std::uint64_t seed = 0;
  std::vector<StoredEntry> expected;
  for (int round = 0; round < 4; ++round) {
    const auto log = OpenLog(dir.path());
    if (round > 0) {
      EXPECT_EQ(log->hash_seed(), seed);
    }
    seed = log->hash_seed();
    for (std::uint32_t i = 1; i <= 5; ++i) {
      const std::string record = MakeRecord(i, round * 10 + i);
      ASSERT_TRUE(AppendOne(log.get(), i, round * 100 + i, record, i % 2 == 0).ok());
      expected.push_back({*log->last(), record});
    }
    EXPECT_EQ(ReadAll(*log), expected);
    if (round % 2 == 0) {
      EXPECT_TRUE(log->Close().ok());
    }
  }
  const auto log = OpenLog(dir.path());
  EXPECT_EQ(ReadAll(*log), expected);
  EXPECT_EQ(log->last()->first_sequence + log->last()->rows, 61u);
  const auto report = log->Check();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->records, 20u);
  EXPECT_EQ(report->events, 60u);
  EXPECT_GT(report->bytes, 0u);
  EXPECT_TRUE(report->damage.empty()) << report->damage.front();
}

TEST(EventLog, WorksInMemory) {
  const auto log = OpenLog("");
  ASSERT_TRUE(AppendOne(log.get(), 3, 5, MakeRecord(3, 1)).ok());
  EXPECT_EQ(ReadAll(*log).size(), 1u);
  EXPECT_TRUE(log->Sync().ok());
  const auto report = log->Check();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->events, 3u);
  EXPECT_TRUE(report->damage.empty()) << report->damage.front();
  TempDir dir;
  EXPECT_EQ(log->Backup(dir / "copy").code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(log->Close().ok());
  EXPECT_FALSE(OpenLog("")->last().has_value());
}

TEST(EventLog, WritesGroupsAtomically) {
  TempDir dir;
  const auto log = OpenLog(dir.path());
  const std::string record = MakeRecord(2, 1);
  std::array<LogAppend, 3> group;
  for (std::size_t i = 0; i < group.size(); ++i) {
    group[i].header = {.first_sequence = 1 + 2 * i, .rows = 2, .received_ms = 7, .max_time_ms = 9};
    group[i].record = record;
  }
  const std::vector<RejectedEvent> rejected = {Rejected(4, "{}")};
  ASSERT_TRUE(log->Append(group, rejected, 7, true).ok());
  EXPECT_EQ(ReadAll(*log).size(), 3u);
  EXPECT_EQ(log->failed_events(), 1u);
}

TEST(EventLog, RefusesWrongOrderAndWritesNothing) {
  TempDir dir;
  const auto log = OpenLog(dir.path());
  const std::string record = MakeRecord(2, 1);
  const auto append = [&](LogEntryHeader header, std::string_view bytes) {
    const LogAppend entry = {header, bytes};
    return log->Append({&entry, 1}, {}, 0, true).code();
  };
  EXPECT_EQ(append({2, 2, 0, 0}, record), StatusCode::kInternal);
  EXPECT_EQ(append({0, 2, 0, 0}, record), StatusCode::kInternal);
  EXPECT_EQ(append({1, 0, 0, 0}, record), StatusCode::kInternal);
  EXPECT_EQ(append({1, 2, 0, 0}, ""), StatusCode::kInternal);
  EXPECT_EQ(append({1, 2, 10, 20}, record), StatusCode::kOk);
  EXPECT_EQ(append({1, 2, 10, 20}, record), StatusCode::kInternal);
  EXPECT_EQ(append({4, 2, 10, 20}, record), StatusCode::kInternal);
  EXPECT_EQ(append({3, 2, 9, 20}, record), StatusCode::kInternal);
  EXPECT_EQ(append({3, 2, 10, 19}, record), StatusCode::kInternal);
  EXPECT_EQ(append({3, 2, 10, 20}, record), StatusCode::kOk);
  EXPECT_TRUE(log->Health().ok());
  EXPECT_EQ(ReadAll(*log).size(), 2u);
}

TEST(EventLog, RefusesWhileTheDiskIsNearlyFullAndGoesOn) {
  TempDir dir;
  EventLogOptions options = OptionsFor(dir.path());
  options.disk_free_min = std::size_t{1} << 60;
  {
    const auto log = OpenLog(options);
    const Status status = AppendOne(log.get(), 1, 1, MakeRecord(1, 1));
    EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
    EXPECT_NE(status.message().find("free space"), std::string::npos) << status.message();
    EXPECT_EQ(log->Health().code(), StatusCode::kResourceExhausted);
    EXPECT_FALSE(log->last().has_value());
    EXPECT_EQ(log->SaveFollower("live", 1, "x").code(), StatusCode::kResourceExhausted);
    EXPECT_TRUE(log->Close().ok());
  }
  const auto log = OpenLog(dir.path());
  EXPECT_TRUE(AppendOne(log.get(), 1, 1, MakeRecord(1, 1)).ok());
}

TEST(EventLog, HoldsHugeRecords) {
  TempDir dir;
  const std::string record = MakeRecord(400, 5, 16'000);
  ASSERT_GT(record.size(), std::size_t{2} << 20);
  {
    const auto log = OpenLog(dir.path());
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(AppendOne(log.get(), 400, i, record).ok());
  }
  const auto log = OpenLog(dir.path());
  const auto entries = ReadAll(*log);
  ASSERT_EQ(entries.size(), 3u);
  for (const auto& entry : entries) EXPECT_TRUE(entry.record == record);
  EXPECT_GT(log->disk_bytes(), 3 * record.size() / 2);
}

TEST(EventLog, BacksUpIntoANewFolder) {
  TempDir dir;
  const auto log = OpenLog(dir / "store");
  ASSERT_TRUE(AppendOne(log.get(), 2, 1, MakeRecord(2, 1)).ok());
  ASSERT_TRUE(log->SaveFollower("live", 2, "state").ok());
  ASSERT_TRUE(log->Backup(dir / "copy").ok());
  EXPECT_EQ(log->Backup(dir / "copy").code(), StatusCode::kAlreadyExists);
  EXPECT_FALSE(log->Backup(dir / "no/such/parent").ok());
  ASSERT_TRUE(AppendOne(log.get(), 2, 2, MakeRecord(2, 2)).ok()) << "a failed backup stops nothing";

  const auto copy = OpenLog(dir / "copy");
  EXPECT_EQ(copy->hash_seed(), log->hash_seed());
  EXPECT_EQ(ReadAll(*copy).size(), 1u);
  EXPECT_EQ((*copy->LoadFollower("live"))->state, "state");
  ASSERT_TRUE(AppendOne(copy.get(), 5, 3, MakeRecord(5, 3)).ok());
  EXPECT_EQ(ReadAll(*log).size(), 2u) << "the two live their own lives";
  ASSERT_TRUE(copy->Close().ok());
  const auto report = EventLog::CheckDir(dir / "copy");
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->events, 7u);
  EXPECT_TRUE(report->damage.empty()) << report->damage.front();
}

}  // namespace
}  // namespace insightflow
