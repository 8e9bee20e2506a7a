// The folding follower: when it folds, what a failing disk and a damaged log do to it.
#include "lib/engine/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "insightflow/engine.h"
#include "lib/base/hash.h"
#include "lib/segments/segment_merger.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/folded_store.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kDay = 19'700;

EventBatch Rows(std::size_t rows, std::int64_t days = 1, std::int64_t first_day = kDay) {
  EventBatch batch;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto i = static_cast<std::int64_t>(row);
    batch.PushRow((first_day + i % days) * kDayMs + i);
    batch.column(Field::kUserId).Set(row, "u" + std::to_string(row % 10));
    batch.column(Field::kEventType).Set(row, "view");
  }
  return batch;
}

class FolderTest : public ::testing::Test {
 protected:
  EventLogOptions LogOptions(bool faulty = false) {
    EventLogOptions options;
    options.dir = dir_.path();
    options.disk_free_min = 0;
    if (faulty) options.env = env_.get();
    return options;
  }
  static Folder::Options ByHand() { return {false, 1'000}; }

  void Open(const Folder::Options& options) { Open(LogOptions(), options); }
  void Open(const EventLogOptions& log, const Folder::Options& options) {
    const Status status = store_.Open(log, options);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  void Append(const EventBatch& batch) {
    const Status status = store_.Append(batch, ++received_ms_);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  std::uint64_t Folded() const { return store_.segments->Snapshot()->folded_sequence; }
  std::size_t Segments() const { return store_.segments->Snapshot()->segments.size(); }
  void AwaitFolded(std::uint64_t sequence) const {
    while (Folded() < sequence) std::this_thread::yield();
  }
  void ExpectEverythingOnce(std::uint64_t rows) {
    std::vector<std::string> found;
    std::vector<std::string> logged;
    const Status status = ReadUnion(*store_.segments->Snapshot(), *store_.log, &found);
    ASSERT_TRUE(status.ok()) << status.ToString();
    ASSERT_TRUE(ReadLog(*store_.log, 1, &logged).ok());
    ASSERT_EQ(logged.size(), rows);
    ExpectEqualRows(logged, found);
  }

  TempDir dir_;
  std::shared_ptr<FaultyFileSystem> fs_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(fs_);
  FoldedStore store_;
  std::int64_t received_ms_ = 1'700'000'000'000;
};

TEST_F(FolderTest, FoldsWhenThereAreEnoughRows) {
  Open({true, 1'000});
  Append(Rows(999));
  EXPECT_EQ(Folded(), 0u);
  Append(Rows(1));
  AwaitFolded(1'000);
  Append(Rows(10));
  EXPECT_TRUE(store_.Close().ok());
  Open({true, 10});  // what was left when it closed is enough now
  AwaitFolded(1'010);
  ExpectEverythingOnce(1'010);
}

TEST_F(FolderTest, FoldsByHandAndMerges) {
  Open(ByHand());
  EXPECT_TRUE(store_.folder->Fold().ok()) << "an empty log";
  for (int i = 0; i < 3; ++i) {
    Append(Rows(50));
    ASSERT_TRUE(store_.folder->Fold().ok());
    EXPECT_EQ(Segments(), static_cast<std::size_t>(i + 1));
  }
  Append(Rows(50));
  ASSERT_TRUE(store_.folder->Fold().ok());
  EXPECT_EQ(Segments(), 1u);
  EngineMetrics metrics;
  store_.folder->FillMetrics(&metrics);
  EXPECT_EQ(metrics.folded_sequence, 200u);
  EXPECT_EQ(metrics.segment_merges, 1u);
  EXPECT_GT(metrics.segment_bytes, 0u);
  ExpectEverythingOnce(200);
  EXPECT_TRUE(store_.folder->Fold().ok()) << "nothing new";
}

TEST_F(FolderTest, ALongLogLeavesFewSegmentsBehindWhileItIsFolded) {
  std::size_t most = 0;
  Folder::Options options = {false, 50};
  options.folded = [&] { most = std::max(most, Segments()); };
  Open(options);
  for (int i = 0; i < 40; ++i) Append(Rows(50));
  ASSERT_TRUE(store_.folder->Fold().ok());
  EXPECT_EQ(most, kMergeInputsMax);
  EXPECT_EQ(Segments(), 1u);
  ExpectEverythingOnce(2'000);
}

TEST_F(FolderTest, ADayThatIsOverBecomesOneSegment) {
  Open(ByHand());
  for (int i = 0; i < 3; ++i) {
    Append(Rows(50));
    ASSERT_TRUE(store_.folder->Fold().ok());
  }
  Append(Rows(70, 1, kDay + 1));
  ASSERT_TRUE(store_.folder->Fold().ok());
  EXPECT_EQ(Segments(), 4u) << "may still grow";
  Append(Rows(5, 1, kDay + 1));
  ASSERT_TRUE(store_.folder->Fold().ok());
  EXPECT_EQ(Segments(), 3u);
  EXPECT_EQ(store_.segments->Snapshot()->segments.front()->meta().rows, 150u);
  ExpectEverythingOnce(225);
}

TEST_F(FolderTest, DaysThatAreOverWaitUntilTheLogIsFolded) {
  std::size_t most = 0;
  Folder::Options options = {false, 50};
  options.folded = [&] { most = std::max(most, Segments()); };
  Open(options);
  for (std::int64_t i = 0; i < 24; ++i) Append(Rows(50, 1, kDay + i / 3));
  ASSERT_TRUE(store_.folder->Fold().ok());
  EXPECT_EQ(most, 24u);
  EXPECT_EQ(Segments(), 7u + 3u);
  ExpectEverythingOnce(1'200);
}

TEST_F(FolderTest, ManyDaysAreFoldedInStepsOfBoundedMemory) {
  Folder::Options options = ByHand();
  options.bytes_max = 300'000;  // some 18 days
  Open(options);
  for (int i = 0; i < 4; ++i) Append(Rows(120, 60));
  ASSERT_TRUE(store_.folder->Fold().ok());
  EXPECT_EQ(Segments(), 60u) << "four of each day, merged";
  ExpectEverythingOnce(480);
}

// A write to RocksDB's manifest costs as much as there are segments: one for each of them that is
// replaced would make thousands of days take minutes.
TEST_F(FolderTest, ManySmallSegmentsAreReplacedTogether) {
  constexpr int kDays = 50;
  std::uint32_t first_day = 0;
  Folder::Options options = ByHand();
  options.first_day = [&] { return first_day; };
  Open(LogOptions(true), options);
  for (int i = 0; i < 3; ++i) {
    Append(Rows(2 * kDays, kDays));
    ASSERT_TRUE(store_.folder->Fold().ok());
  }
  const auto writes_of_fold = [&] {
    constexpr int kMany = 1'000'000;
    fs_->Arm(Fault::kSync, kMany, rocksdb::IOStatus::OK(), "MANIFEST");
    const Status status = store_.folder->Fold();
    EXPECT_TRUE(status.ok()) << status.ToString();
    return kMany - fs_->calls_left();
  };
  Append(Rows(2 * kDays, kDays));
  EXPECT_LT(writes_of_fold(), 10) << "merges";
  EXPECT_LT(Segments(), 2u * kDays);
  SegmentChange change;
  change.erasure = Erasure{.user_hash = HashBytes("u3", store_.log->hash_seed()),
                           .last_sequence = Folded(),
                           .user_id = "u3"};
  ASSERT_TRUE(store_.segments->Commit(std::move(change)).ok());
  EXPECT_LT(writes_of_fold(), 10) << "erasure";
  EXPECT_EQ(store_.segments->Snapshot()->rows(), 8u * kDays * 9 / 10);
  first_day = kDay + kDays;
  EXPECT_LT(writes_of_fold(), 10) << "expired days";
  EXPECT_EQ(Segments(), 0u);
}

// Who reads all segments lets go of those that were replaced meanwhile as one, and others need not
// wait for that.
TEST_F(FolderTest, ReadersLetGoTogether) {
  constexpr int kDays = 50;
  std::uint32_t first_day = 0;
  Folder::Options options = ByHand();
  options.first_day = [&] { return first_day; };
  Open(LogOptions(true), options);
  Append(Rows(kDays, kDays));
  ASSERT_TRUE(store_.folder->Fold().ok());
  constexpr int kMany = 1'000'000;
  {
    const auto together = store_.segments->DropTogether();
    SegmentList held = store_.segments->Snapshot()->segments;
    first_day = kDay + kDays;
    ASSERT_TRUE(store_.folder->Fold().ok());
    EXPECT_EQ(Segments(), 0u);
    EXPECT_TRUE(held.back()->NewSource()->Fetch(SegmentColumn::kMeta, kMetaBlock).ok());
    fs_->Arm(Fault::kSync, kMany, rocksdb::IOStatus::OK(), "MANIFEST");
    std::thread other(
        [segment = std::exchange(held.back(), nullptr)]() mutable { segment.reset(); });
    other.join();
    EXPECT_EQ(fs_->calls_left(), kMany - 1);
    held.clear();
    EXPECT_EQ(fs_->calls_left(), kMany - 1);
  }
  EXPECT_EQ(fs_->calls_left(), kMany - 2);
}

TEST_F(FolderTest, ManyThreadsMayAsk) {
  Open({true, 100});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) EXPECT_TRUE(store_.folder->Fold().ok());
    });
  }
  for (int i = 0; i < 50; ++i) Append(Rows(30));
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(store_.folder->Fold().ok());
  EXPECT_EQ(Folded(), 1'500u);
  ExpectEverythingOnce(1'500);
}

TEST_F(FolderTest, ClosingEndsAWait) {
  Open(ByHand());
  for (int i = 0; i < 20; ++i) Append(Rows(1'000));
  Status status;
  std::thread waiter([&] { status = store_.folder->Fold(); });
  store_.folder->Close();
  waiter.join();
  EXPECT_TRUE(status.ok() || status.code() == StatusCode::kFailedPrecondition);
  EXPECT_EQ(store_.folder->Fold().code(), StatusCode::kFailedPrecondition);
  ExpectEverythingOnce(20'000);
}

TEST_F(FolderTest, DamageInTheLogStopsItAndNothingIsSkipped) {
  Open({true, 100});
  Append(Rows(40));
  LogAppend entry;
  entry.header = {41, 10, received_ms_, received_ms_};
  entry.record = "no record";
  ASSERT_TRUE(store_.log->Append({&entry, 1}, {}, received_ms_, true).ok());
  Append(Rows(60));
  const Status status = store_.folder->Fold();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("log entry 41"));
  EXPECT_EQ(store_.folder->status(), status);
  EXPECT_EQ(Folded(), 40u) << "what lies before the damage is sound";
  Append(Rows(500));
  EXPECT_EQ(store_.folder->Fold().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Folded(), 40u);
  EXPECT_TRUE(store_.log->Health().ok()) << "events are taken all the same";
}

TEST_F(FolderTest, ANearlyFullDiskIsSaidAndLeavesEverything) {
  Open(ByHand());
  Append(Rows(100));
  ASSERT_TRUE(store_.Close().ok());
  EventLogOptions full = LogOptions();
  full.disk_free_min = std::size_t{1} << 60;
  Open(full, ByHand());
  EXPECT_EQ(store_.folder->Fold().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Folded(), 0u);
  ExpectEverythingOnce(100);
  ASSERT_TRUE(store_.Close().ok());
  Open(ByHand());
  EXPECT_TRUE(store_.folder->Fold().ok());
  ExpectEverythingOnce(100);
}

TEST_F(FolderTest, NoSpaceForASegmentIsTriedAgain) {
  Open(LogOptions(true), ByHand());
  Append(Rows(100));
  for (const Fault fault : {Fault::kAppend, Fault::kSync}) {
    fs_->Arm(fault, 0, rocksdb::IOStatus::NoSpace("No space left on device"), ".tmp");
    const Status status = store_.folder->Fold();
    EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status.ToString();
    EXPECT_EQ(Folded(), 0u);
    EXPECT_TRUE(store_.log->Health().ok());
    Append(Rows(10));
    fs_->Heal();
  }
  EXPECT_TRUE(store_.folder->Fold().ok());
  EXPECT_EQ(Folded(), 120u);
  ExpectEverythingOnce(120);
}

TEST_F(FolderTest, AnyOtherWriteErrorStopsTheStoreAndReopeningMendsIt) {
  const auto eio = rocksdb::IOStatus::IOError("Input/output error");
  const auto full = rocksdb::IOStatus::NoSpace("No space left on device");
  struct Case {
    Fault fault;
    rocksdb::IOStatus error;
    const char* part;
  };
  std::uint64_t rows = 0;
  for (const Case& c : {Case{Fault::kAppend, eio, ".tmp"}, Case{Fault::kSync, eio, ".tmp"},
                        Case{Fault::kAppend, eio, "MANIFEST"}, Case{Fault::kSync, full, "MANIFEST"},
                        Case{Fault::kAppend, full, ".log"}, Case{Fault::kSync, eio, ".log"}}) {
    SCOPED_TRACE(c.part);
    Open(LogOptions(true), ByHand());
    Append(Rows(100));
    rows += 100;
    ASSERT_TRUE(store_.log->Sync().ok());
    const std::uint64_t folded = Folded();
    fs_->Arm(c.fault, 0, c.error, c.part);
    EXPECT_EQ(store_.folder->Fold().code(), StatusCode::kUnavailable);
    EXPECT_EQ(Folded(), folded);
    EXPECT_EQ(store_.log->Health().code(), StatusCode::kUnavailable);
    fs_->Heal();
    EXPECT_EQ(store_.Close().code(), StatusCode::kUnavailable);
    Open(LogOptions(true), ByHand());
    ExpectEverythingOnce(rows);
    ASSERT_TRUE(store_.folder->Fold().ok());
    ExpectEverythingOnce(rows);
    ASSERT_TRUE(store_.Close().ok());
  }
}

// Copies taken while segments come and go open, and hold each event once.
TEST(EngineFold, BackupsWhileFolding) {
  TempDir dir;
  EngineOptions options;
  options.data_dir = dir / "store";
  options.dedupe_bytes_max = 4u << 20;
  options.disk_free_min = 0;
  options.fold_rows = 20;
  const auto engine = Engine::Open(options);
  ASSERT_TRUE(engine.ok());
  std::atomic<bool> done = false;
  std::thread ingest([&] {
    for (int i = 0; !done; ++i) {
      const std::string event = R"({"event_id":"e)" + std::to_string(i) +
                                R"(","user_id":"u","session_id":"s","event_type":"view",)" +
                                R"("page_url":"/","timestamp":1700000000000})";
      ASSERT_TRUE((*engine)->Ingest(event).ok());
    }
  });
  while ((*engine)->Metrics().segments == 0) std::this_thread::yield();
  for (int i = 0; i < 8; ++i) {
    const std::string copy = dir / std::to_string(i);
    ASSERT_TRUE((*engine)->Backup(copy).ok());
    FoldedStore store;
    EventLogOptions log;
    log.dir = copy;
    log.disk_free_min = 0;
    const Status opened = store.Open(log, {false, 1'000});
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    std::vector<std::string> found;
    const Status read = ReadUnion(*store.segments->Snapshot(), *store.log, &found);
    EXPECT_TRUE(read.ok()) << read.ToString();
    EXPECT_EQ(found.size() + 1, store.End());
  }
  done = true;
  ingest.join();
}

TEST(EngineFold, FoldsCountsAndChecks) {
  TempDir dir;
  EngineOptions options;
  options.data_dir = dir.path();
  options.dedupe_bytes_max = 4u << 20;
  options.disk_free_min = 0;
  options.fold = false;
  std::uint64_t bytes = 0;
  {
    const auto engine = Engine::Open(options);
    ASSERT_TRUE(engine.ok());
    for (int i = 0; i < 3; ++i) {
      const std::string event = R"({"event_id":"e)" + std::to_string(i) +
                                R"(","user_id":"u","session_id":"s","event_type":"view",)" +
                                R"("page_url":"/","timestamp":1700000000000})";
      ASSERT_TRUE((*engine)->Ingest(event).ok());
    }
    EXPECT_EQ((*engine)->Metrics().fold_lag_events, 3u);
    ASSERT_TRUE((*engine)->Fold().ok());
    const EngineMetrics metrics = (*engine)->Metrics();
    EXPECT_EQ(metrics.folded_sequence, 3u);
    EXPECT_EQ(metrics.fold_lag_events, 0u);
    EXPECT_EQ(metrics.segments, 1u);
    EXPECT_TRUE(metrics.fold_status.ok());
    bytes = metrics.segment_bytes;
    const auto report = (*engine)->Check();
    ASSERT_TRUE(report.ok());
    EXPECT_THAT(report->damage, IsEmpty());
    ASSERT_TRUE((*engine)->Backup(dir / "copy").ok());
    ASSERT_TRUE((*engine)->Close().ok());
    EXPECT_EQ((*engine)->Fold().code(), StatusCode::kFailedPrecondition);
  }
  for (const std::string& data : {dir.path(), dir / "copy"}) {
    const auto report = CheckStore(data);
    ASSERT_TRUE(report.ok());
    EXPECT_THAT(report->damage, IsEmpty());
    options.data_dir = data;
    const auto engine = Engine::Open(options);
    ASSERT_TRUE(engine.ok());
    EXPECT_EQ((*engine)->Metrics().segment_bytes, bytes);
  }
}

}  // namespace
}  // namespace insightflow
