// A disk that fails: the first failed write stops the log, says so, and loses nothing that was
// acknowledged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>

#include "tests/unit/log/log_fixture.h"

namespace insightflow {
namespace {

using ::testing::HasSubstr;

enum class Fault { kNone, kAppend, kSync };

// Fails appends or syncs of files whose name ends in a given way, from the nth call on.
class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FaultyFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultyFileSystem"; }

  void Arm(Fault fault, int after, const rocksdb::IOStatus& error,
           const std::string& suffix = ".log") {
    error_ = error;
    suffix_ = suffix;
    calls_left_ = after;
    fault_ = fault;
  }
  void Heal() { fault_ = Fault::kNone; }
  rocksdb::IOStatus Check(Fault operation, const std::string& name) {
    if (fault_ != operation || !name.ends_with(suffix_)) return rocksdb::IOStatus::OK();
    return calls_left_.fetch_sub(1) > 0 ? rocksdb::IOStatus::OK() : error_;
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;

 private:
  std::atomic<Fault> fault_ = Fault::kNone;
  std::atomic<int> calls_left_ = 0;
  rocksdb::IOStatus error_;
  std::string suffix_;
};

class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, FaultyFileSystem* fs,
             std::string name)
      : FSWritableFileOwnerWrapper(std::move(file)), fs_(fs), name_(std::move(name)) {}
  using FSWritableFileOwnerWrapper::Append;
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    const auto status = fs_->Check(Fault::kAppend, name_);
    return status.ok() ? FSWritableFileOwnerWrapper::Append(data, options, debug) : status;
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    const auto status = fs_->Check(Fault::kSync, name_);
    return status.ok() ? FSWritableFileOwnerWrapper::Sync(options, debug) : status;
  }

 private:
  FaultyFileSystem* const fs_;
  const std::string name_;
};

rocksdb::IOStatus FaultyFileSystem::NewWritableFile(const std::string& name,
                                                    const rocksdb::FileOptions& options,
                                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                    rocksdb::IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSWritableFile> inner;
  const auto status = FileSystemWrapper::NewWritableFile(name, options, &inner, debug);
  if (status.ok()) *file = std::make_unique<FaultyFile>(std::move(inner), this, name);
  return status;
}

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
