// Entries without the write-ahead log: what a crash leaves of them, and of what comes after them. A
// copy of the open store's folder is what a process killed at that moment leaves.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>

#include "lib/store/store.h"
#include "tests/support/faulty_file_system.h"
#include "tests/unit/log/log_fixture.h"

namespace insightflow {
namespace {

using ::testing::HasSubstr;

class UnloggedTest : public testing::Test {
 protected:
  void SetUp() override {
    EventLogOptions options = OptionsFor(dir_ / "store");
    options.env = env_.get();
    log_ = OpenLog(options);
    ASSERT_NE(log_, nullptr);
    ASSERT_TRUE(AppendOne(log_.get(), 1, 1, MakeRecord(1, 1)).ok());
    for (int i = 2; i <= 4; ++i) ASSERT_TRUE(AppendUnlogged(i).ok());
  }

  Status AppendUnlogged(int i) {
    return AppendOneUnlogged(log_.get(), 1, i, MakeRecord(1, static_cast<std::uint64_t>(i)));
  }

  // Opens what a kill would leave now.
  std::unique_ptr<EventLog> Killed() {
    const std::string copy = dir_ / ("killed" + std::to_string(copies_++));
    std::filesystem::copy(dir_ / "store", copy, std::filesystem::copy_options::recursive);
    return OpenLog(copy);
  }
  std::size_t LeftByKill() {
    const auto log = Killed();
    return log == nullptr ? 0 : ReadAll(*log).size();
  }

  TempDir dir_;
  std::shared_ptr<FaultyFileSystem> fs_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(fs_);
  std::unique_ptr<EventLog> log_;
  int copies_ = 0;
};

TEST_F(UnloggedTest, AreReadAtOnceAndCostNoLogWrite) {
  EXPECT_EQ(ReadAll(*log_).size(), 4u);
  EXPECT_EQ(log_->last()->first_sequence, 4u);
  fs_->Arm(Fault::kAppend, 0, rocksdb::IOStatus::IOError("Input/output"), ".log");
  EXPECT_TRUE(AppendUnlogged(5).ok());
  fs_->Heal();
  EXPECT_TRUE(log_->Close().ok());
  log_ = OpenLog(dir_ / "store");
  EXPECT_EQ(ReadAll(*log_).size(), 5u);
}

TEST_F(UnloggedTest, AKillBeforeASyncTakesThemAndTheLogGoesOn) {
  const auto log = Killed();
  EXPECT_EQ(ReadAll(*log).size(), 1u);
  EXPECT_TRUE(AppendOne(log.get(), 1, 2, MakeRecord(1, 2)).ok());
  const auto report = log->Check();
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->damage.empty()) << report->damage.front();
  EXPECT_EQ(report->events, 2u);
}

TEST_F(UnloggedTest, ASyncKeepsThem) {
  ASSERT_TRUE(log_->Sync().ok());
  EXPECT_EQ(LeftByKill(), 4u);
  ASSERT_TRUE(AppendUnlogged(5).ok());
  EXPECT_EQ(LeftByKill(), 4u);
  ASSERT_TRUE(log_->Append({}, {}, 0, true).ok());
  EXPECT_EQ(LeftByKill(), 5u);
}

TEST_F(UnloggedTest, WhatIsAppendedBehindThemKeepsThem) {
  ASSERT_TRUE(AppendOne(log_.get(), 1, 5, MakeRecord(1, 5), false).ok());
  EXPECT_EQ(LeftByKill(), 5u);
  ASSERT_TRUE(AppendUnlogged(6).ok());
  ASSERT_TRUE(log_->Append({}, {{Rejected(0, "x")}}, 6, false).ok());
  EXPECT_EQ(LeftByKill(), 6u);
}

// A state that is ahead of the log would hide the events that come at its sequences then.
TEST_F(UnloggedTest, ASavedStateKeepsThem) {
  for (const std::size_t bytes : {std::size_t{10}, std::size_t{3} << 20}) {
    const auto last = log_->last()->first_sequence + 1;
    ASSERT_TRUE(AppendUnlogged(static_cast<int>(last)).ok());
    ASSERT_TRUE(log_->SaveFollower("live", last, std::string(bytes, 'x')).ok());
    const auto killed = Killed();
    EXPECT_EQ(ReadAll(*killed).size(), last);
    EXPECT_EQ((*killed->LoadFollower("live"))->applied_sequence, last);
  }
}

TEST_F(UnloggedTest, ABackupHasThem) {
  ASSERT_TRUE(log_->Backup(dir_ / "backup").ok());
  EXPECT_EQ(ReadAll(*OpenLog(dir_ / "backup")).size(), 4u);
}

TEST_F(UnloggedTest, AreSentToTheDiskInTheBackground) {
  const auto filled = [&] {
    std::string bytes;
    log_->store().db().GetProperty(log_->store().family(Family::kLog),
                                   "rocksdb.num-files-at-level0", &bytes);
    return bytes != "0";
  };
  EXPECT_FALSE(filled());
  log_->BeginSync();
  while (!filled()) std::this_thread::yield();
  EXPECT_EQ(LeftByKill(), 4u);
}

TEST_F(UnloggedTest, ADiskThatFailsStopsTheLog) {
  fs_->Arm(Fault::kAppend, 0, rocksdb::IOStatus::IOError("Input/output error"), ".sst");
  const Status status = log_->Sync();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("Input/output"));
  fs_->Heal();
  EXPECT_EQ(AppendUnlogged(5).code(), StatusCode::kUnavailable);
  EXPECT_EQ(AppendOne(log_.get(), 1, 5, MakeRecord(1, 5)).code(), StatusCode::kUnavailable);
  EXPECT_EQ(log_->SaveFollower("live", 4, "x").code(), StatusCode::kUnavailable);
  EXPECT_EQ(log_->Health().code(), StatusCode::kUnavailable);
  log_ = nullptr;
  EXPECT_GE(ReadAll(*OpenLog(dir_ / "store")).size(), 1u);
}

TEST_F(UnloggedTest, WrongOrderIsRefused) {
  const std::string record = MakeRecord(1, 5);
  LogAppend wrong = EntryBehind(log_.get(), 1, 5, record);
  ++wrong.header.first_sequence;
  EXPECT_EQ(log_->AppendUnlogged({&wrong, 1}).code(), StatusCode::kInternal);
  EXPECT_TRUE(log_->AppendUnlogged({}).ok());
}

}  // namespace
}  // namespace insightflow
