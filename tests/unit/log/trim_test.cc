// A log whose first entries were trimmed: readers, reopening and the check see what is left.

#include <gtest/gtest.h>

#include "lib/log/log_base.h"
#include "lib/log/log_entry.h"
#include "tests/support/random_cases.h"
#include "tests/unit/log/log_fixture.h"

namespace insightflow {
namespace {

// `count` entries of 1, 2, 3, 1, 2, 3 … events, received at 10, 20, 30, …
std::vector<StoredEntry> Fill(EventLog* log, int count, std::size_t extra_bytes = 0) {
  std::vector<StoredEntry> entries;
  for (int i = 0; i < count; ++i) {
    const auto rows = static_cast<std::uint32_t>(i % 3 + 1);
    const std::string record = MakeRecord(rows, i, extra_bytes);
    const std::int64_t received = log->last() ? log->last()->received_ms + 10 : 10;
    EXPECT_TRUE(AppendOne(log, rows, received, record).ok());
    entries.push_back({*log->last(), record});
  }
  return entries;
}

TEST(Trim, ForgetsWholeEntriesOnly) {
  TempDir dir;
  const auto log = OpenLog(dir.path());
  ASSERT_TRUE(log->Trim(100).ok());
  EXPECT_EQ(log->begin(), 1u);
  auto entries = Fill(log.get(), 6);  // events 1, 2-3, 4-6, 7, 8-9, 10-12
  ASSERT_TRUE(log->Trim(1).ok());
  EXPECT_EQ(log->begin(), 1u);
  ASSERT_TRUE(log->Trim(5).ok());
  EXPECT_EQ(log->begin(), 4u);
  entries.erase(entries.begin(), entries.begin() + 2);
  EXPECT_EQ(ReadAll(*log), entries);
  ASSERT_TRUE(log->Trim(2).ok());
  EXPECT_EQ(log->begin(), 4u);
  const auto at = log->ReadFrom(8);
  ASSERT_TRUE(at->Valid());
  EXPECT_EQ(at->entry().header.first_sequence, 8u);
}

TEST(Trim, ReadersStopWhereTheLogBegins) {
  TempDir dir;
  const auto log = OpenLog(dir.path());
  Fill(log.get(), 6);
  const auto before = log->ReadFrom(1);
  ASSERT_TRUE(log->Trim(7).ok());
  EXPECT_TRUE(before->Valid()) << "a reader keeps what it saw";
  for (const std::uint64_t sequence : {0, 1, 3, 6, 7}) {
    const auto reader = log->ReadFrom(sequence);
    ASSERT_TRUE(reader->Valid()) << sequence;
    EXPECT_EQ(reader->entry().header.first_sequence, 7u);
    reader->Prev();
    EXPECT_FALSE(reader->Valid());
    EXPECT_TRUE(reader->status().ok());
  }
  EXPECT_EQ(log->ReadReceivedSince(0)->entry().header.first_sequence, 7u);
  EXPECT_EQ(log->ReadReceivedSince(50)->entry().header.first_sequence, 8u);
  EXPECT_FALSE(log->ReadReceivedSince(61)->Valid());
}

TEST(Trim, AnEmptyLogGoesOnWhereItEnded) {
  TempDir dir;
  std::vector<StoredEntry> entries;
  for (int round = 0; round < 3; ++round) {
    const auto log = OpenLog(dir.path());
    if (round > 0) {
      ASSERT_TRUE(log->last().has_value());
      EXPECT_EQ(EndOf(*log->last()), log->begin());
      EXPECT_FALSE(log->ReadFrom(1)->Valid());
      EXPECT_FALSE(log->ReadLast()->Valid());
      EXPECT_FALSE(log->ReadReceivedSince(0)->Valid());
      EXPECT_TRUE(log->ReadReceivedSince(0)->status().ok());
    }
    entries = Fill(log.get(), 4);
    EXPECT_EQ(entries.front().header.first_sequence, 1u + 7u * round);
    EXPECT_EQ(ReadAll(*log), entries);
    const auto before = log->Check();
    ASSERT_TRUE(before.ok());
    EXPECT_EQ(before->events, 7u);
    EXPECT_TRUE(before->damage.empty()) << before->damage.front();
    ASSERT_TRUE(log->Trim(EndOf(*log->last())).ok());
    EXPECT_TRUE(ReadAll(*log).empty());
    ASSERT_TRUE(log->Close().ok());
    const auto after = EventLog::CheckDir(dir.path());
    ASSERT_TRUE(after.ok());
    EXPECT_EQ(after->events, 0u);
    EXPECT_TRUE(after->damage.empty()) << after->damage.front();
  }
}

TEST(Trim, GivesTheDiskBack) {
  TempDir dir;
  const auto log = OpenLog(dir.path());
  Fill(log.get(), 300, 100'000);
  const std::uint64_t before = log->disk_bytes();
  EXPECT_GT(before, 50'000'000u);
  ASSERT_TRUE(log->TrimNow(EndOf(*log->last())).ok());
  EXPECT_LT(log->disk_bytes(), 100'000u);
}

TEST(Trim, NowLeavesNoFile) {
  TempDir dir;
  const auto log = OpenLog(dir.path());
  Fill(log.get(), 30, 100'000);
  ASSERT_TRUE(log->TrimNow(EndOf(*log->last())).ok());
  std::uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(dir.path())) {
    bytes += file.is_regular_file() ? file.file_size() : 0;
  }
  EXPECT_LT(bytes, 1'000'000u);
}

TEST(Trim, AnyEntryAfterAnyTrimIsRead) {
  testing::Random random(testing::RandomSeed());
  for (int left = testing::RandomCases(6); left > 0; --left) {
    TempDir dir;
    auto log = OpenLog(dir.path());
    std::vector<StoredEntry> kept;
    for (int step = 0; step < 12; ++step) {
      if (random.OneIn(3)) log = nullptr, log = OpenLog(dir.path());
      const auto added = Fill(log.get(), static_cast<int>(random.Below(5)));
      kept.insert(kept.end(), added.begin(), added.end());
      if (random.OneIn(2) && log->last()) {
        const std::uint64_t at = static_cast<std::uint64_t>(
            random.Between(0, static_cast<std::int64_t>(EndOf(*log->last())) + 1));
        ASSERT_TRUE(log->Trim(at).ok());
        std::erase_if(kept, [&](const auto& entry) { return EndOf(entry.header) <= at; });
      }
      ASSERT_EQ(ReadAll(*log), kept);
      for (const StoredEntry& entry : kept) {
        const auto reader =
            log->ReadFrom(entry.header.first_sequence + random.Below(entry.header.rows));
        ASSERT_TRUE(reader->Valid());
        EXPECT_EQ(reader->entry().header.first_sequence, entry.header.first_sequence);
      }
    }
    const auto report = log->Check();
    ASSERT_TRUE(report.ok());
    EXPECT_TRUE(report->damage.empty()) << report->damage.front();
  }
}

TEST(Trim, ADamagedNoteIsToldAndNothingIsOpened) {
  TempDir dir;
  {
    const auto log = OpenLog(dir.path());
    Fill(log.get(), 3);
    ASSERT_TRUE(log->Trim(4).ok());
    rocksdb::WriteBatch batch;
    PutLogBase(log->store(), {.first_sequence = 2, .rows = 0}, &batch);
    ASSERT_TRUE(log->store().Write(&batch, true).ok());
  }
  const auto log = EventLog::Open(OptionsFor(dir.path()));
  EXPECT_EQ(log.status().code(), StatusCode::kDataLoss);
  const auto report = EventLog::CheckDir(dir.path());
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->damage.size(), 1u);
}

}  // namespace
}  // namespace insightflow
