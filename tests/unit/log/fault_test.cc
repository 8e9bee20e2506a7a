// A disk that fails: the first failed write stops the log, says so, and loses nothing that was
// acknowledged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include "tests/support/faulty_file_system.h"
#include "tests/unit/log/log_fixture.h"

namespace insightflow {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* name;
  Fault fault;
  bool no_space;
};

class FaultTest : public ::testing::TestWithParam<Case> {
 protected:
  static rocksdb::IOStatus Error() {
    return GetParam().no_space ? rocksdb::IOStatus::NoSpace("No space left on device")
                               : rocksdb::IOStatus::IOError("Input/output error");
  }
  EventLogOptions Options() {
    EventLogOptions options = OptionsFor(dir_.path());
    options.env = env_.get();
    return options;
  }
  Status AppendRecord(EventLog* log, int i) {
    return AppendOne(log, 2, i, MakeRecord(2, static_cast<std::uint64_t>(i)));
  }

  TempDir dir_;
  std::shared_ptr<FaultyFileSystem> fs_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(fs_);
};

TEST_P(FaultTest, AFailedWriteStopsTheLogForGood) {
  for (const int after : {0, 4}) {
    std::size_t acknowledged = 0;
    {
      const auto log = OpenLog(Options());
      acknowledged = ReadAll(*log).size();
      const int first = static_cast<int>(acknowledged);
      fs_->Arm(GetParam().fault, after, Error());
      Status status;
      for (int i = first; status.ok(); ++i) {
        ASSERT_LT(i, first + 20);
        status = AppendRecord(log.get(), i);
        if (status.ok()) ++acknowledged;
      }
      EXPECT_EQ(status.code(), StatusCode::kUnavailable);
      EXPECT_THAT(status.message(), HasSubstr(GetParam().no_space ? "No space" : "Input/output"));
      EXPECT_EQ(log->last().has_value() ? log->last()->first_sequence + log->last()->rows : 1u,
                2 * acknowledged + 1)
          << "what failed is not counted";
      fs_->Heal();  // a disk that works again changes nothing
      EXPECT_EQ(AppendRecord(log.get(), 100).code(), StatusCode::kUnavailable);
      EXPECT_EQ(log->Sync().code(), StatusCode::kUnavailable);
      EXPECT_EQ(log->SaveFollower("live", 1, "x").code(), StatusCode::kUnavailable);
      EXPECT_EQ(log->Health().message(), status.message());
      EXPECT_EQ(log->Close().code(), StatusCode::kUnavailable);
    }
    const auto log = OpenLog(Options());
    EXPECT_TRUE(log->Health().ok());
    const auto entries = ReadAll(*log);
    EXPECT_GE(entries.size(), acknowledged);
    EXPECT_LE(entries.size(), acknowledged + 1) << "the failed one may have arrived";
    const auto report = log->Check();
    ASSERT_TRUE(report.ok());
    EXPECT_TRUE(report->damage.empty()) << report->damage.front();
  }
}

TEST_P(FaultTest, AFailedBackgroundWriteStopsTheLog) {
  std::size_t acknowledged = 0;
  {
    const auto log = OpenLog(Options());
    fs_->Arm(GetParam().fault, 0, Error(), ".sst");
    const std::string record = MakeRecord(100, 1, 16'000);
    Status status;
    for (int i = 0; status.ok(); ++i) {
      ASSERT_LT(i, 500);
      status = AppendOne(log.get(), 100, i, record, false);
      if (status.ok()) ++acknowledged;
    }
    EXPECT_EQ(status.code(), StatusCode::kUnavailable);
    EXPECT_EQ(log->Health().code(), StatusCode::kUnavailable);
    fs_->Heal();
    EXPECT_EQ(AppendOne(log.get(), 100, 1000, record).code(), StatusCode::kUnavailable);
  }
  const auto log = OpenLog(Options());
  EXPECT_GE(ReadAll(*log).size(), acknowledged);
}

TEST_P(FaultTest, OpeningFailsWithTheCause) {
  fs_->Arm(GetParam().fault, 0, Error(), GetParam().fault == Fault::kSync ? ".log" : "");
  const auto log = EventLog::Open(Options());
  ASSERT_FALSE(log.ok());
  EXPECT_TRUE(log.status().code() == StatusCode::kUnavailable ||
              log.status().code() == StatusCode::kResourceExhausted)
      << log.status().ToString();
  fs_->Heal();
  EXPECT_TRUE(AppendRecord(OpenLog(Options()).get(), 1).ok()) << "the next attempt succeeds";
}

INSTANTIATE_TEST_SUITE_P(Disk, FaultTest,
                         ::testing::Values(Case{"AppendEio", Fault::kAppend, false},
                                           Case{"AppendNoSpace", Fault::kAppend, true},
                                           Case{"SyncEio", Fault::kSync, false},
                                           Case{"SyncNoSpace", Fault::kSync, true}),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace insightflow
