// Every way in which a store refuses to open: the code, and that the message says what to do.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>

#include "lib/base/coding.h"
#include "lib/store/durable_mark.h"
#include "lib/store/store.h"
#include "tests/unit/log/child_process.h"
#include "tests/unit/log/log_fixture.h"

namespace insightflow {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

void Touch(const std::string& path, const std::string& text = "") { std::ofstream(path) << text; }

Status OpenStatus(const EventLogOptions& options) { return EventLog::Open(options).status(); }
Status OpenStatus(const std::string& dir) { return OpenStatus(OptionsFor(dir)); }

void MakeStore(const std::string& dir, int entries = 3) {
  const auto log = OpenLog(dir);
  for (int i = 1; i <= entries; ++i) {
    ASSERT_TRUE(AppendOne(log.get(), 2, i, MakeRecord(2, static_cast<std::uint64_t>(i))).ok());
  }
  ASSERT_TRUE(log->Close().ok());
}

TEST(Open, RefusesTwiceInOneProcess) {
  TempDir dir;
  const auto log = OpenLog(dir.path());
  const Status status = OpenStatus(dir.path());
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("process " + std::to_string(::getpid()) + " since 2"));
  EXPECT_EQ(EventLog::CheckDir(dir.path()).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(log->Close().ok());
  EXPECT_TRUE(OpenStatus(dir.path()).ok()) << "free again after Close";
}

TEST(Open, NamesTheProcessThatHoldsTheStore) {
  TempDir dir;
  ChildProcess child({"--hold", dir.path()});
  ASSERT_EQ(child.ReadSome(1), "+");
  const Status status = OpenStatus(dir.path());
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("process " + std::to_string(child.pid()) + " since"));
  EXPECT_THAT(status.message(), HasSubstr("stop that first"));
  child.Kill();
  child.Wait();
  EXPECT_TRUE(OpenStatus(dir.path()).ok()) << "a killed holder leaves no lock";
}

TEST(Open, RefusesForeignFoldersAndLeavesThemAlone) {
  TempDir dir;
  Touch(dir / "holiday.jpg");
  const Status status = OpenStatus(dir.path());
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("choose an empty folder"));
  EXPECT_FALSE(std::filesystem::exists(dir / "OWNER"));
  EXPECT_EQ(OpenStatus(dir / "holiday.jpg").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(EventLog::CheckDir(dir.path()).status().code(), StatusCode::kNotFound);
}

TEST(Open, AcceptsWhatAKilledFirstOpenLeaves) {
  TempDir dir;
  for (const char* name : {"OWNER", "LOCK", "LOG", "IDENTITY", "MANIFEST-000001", "000001.dbtmp",
                           "DEDUPE", "DEDUPE.tmp"}) {
    Touch(dir / name);
  }
  EXPECT_TRUE(OpenStatus(dir.path()).ok());
}

TEST(Open, FindsNothingWithoutCreating) {
  TempDir dir;
  EventLogOptions options = OptionsFor(dir / "none");
  options.create_if_missing = false;
  EXPECT_EQ(OpenStatus(options).code(), StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(options.dir));
  options.dir = dir.path();
  EXPECT_EQ(OpenStatus(options).code(), StatusCode::kNotFound);
  EXPECT_EQ(EventLog::CheckDir(dir / "none").status().code(), StatusCode::kNotFound);
  MakeStore(dir.path());
  EXPECT_TRUE(OpenStatus(options).ok());
}

TEST(Open, NeedsPermission) {
  TempDir dir;
  MakeStore(dir / "store");
  ASSERT_EQ(::chmod((dir / "store").c_str(), 0), 0);
  ASSERT_EQ(::chmod(dir.path().c_str(), 0755), 0);
  ChildProcess child({"--open-as-nobody", dir / "store"});
  EXPECT_THAT(child.ReadToEnd(), HasSubstr("permission_denied: "));
  ASSERT_EQ(::chmod((dir / "store").c_str(), 0755), 0);
}

TEST(Open, RefusesALostCurrentFileInsteadOfStartingAfresh) {
  TempDir dir;
  MakeStore(dir.path());
  std::filesystem::remove(dir / "CURRENT");
  const Status status = OpenStatus(dir.path());
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("insightflow check --data " + dir.path()));
  const auto report = EventLog::CheckDir(dir.path());
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->damage.empty());
}

TEST(Open, OtherProgramsLogsAreNoStore) {
  TempDir dir;
  std::ofstream(dir / "app.log") << "a line\n";
  EXPECT_EQ(EventLog::CheckDir(dir.path()).status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(dir / "OWNER"));
  EXPECT_THAT(OpenStatus(dir.path()).message(), HasSubstr("choose an empty folder"));
}

TEST(Open, RefusesLostFiles) {
  for (const std::string suffix : {".sst", "MANIFEST"}) {
    TempDir dir;
    MakeStore(dir.path());
    for (const auto& file : std::filesystem::directory_iterator(dir.path())) {
      const std::string name = file.path().filename();
      if (name.ends_with(suffix) || name.starts_with(suffix)) std::filesystem::remove(file);
    }
    const Status status = OpenStatus(dir.path());
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << suffix << ": " << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr("restore a backup"));
    const auto report = EventLog::CheckDir(dir.path());
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_FALSE(report->damage.empty());
    // Who checks follows that advice already.
    EXPECT_THAT(report->damage, Each(Not(HasSubstr("insightflow check"))));
  }
}

// The write-ahead log of a killed process is gone, or shorter: RocksDB alone says nothing.
TEST(Open, NoticesThatAcknowledgedWritesAreMissing) {
  for (const bool remove : {true, false}) {
    TempDir dir;
    ChildProcess child({"--append", dir.path()});
    ASSERT_EQ(child.ReadSome(1), "+");
    child.Kill();
    child.Wait();
    for (const auto& file : std::filesystem::directory_iterator(dir.path())) {
      if (file.path().extension() != ".log") continue;
      if (remove) {
        std::filesystem::remove(file);
      } else {
        std::filesystem::resize_file(file, file.file_size() - 10);
      }
    }
    for (int i = 0; i < 2; ++i) {
      const Status status = OpenStatus(dir.path());
      EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status.ToString();
      EXPECT_THAT(status.message(), HasSubstr("the log reached up to event 6")) << i;
    }
    const auto report = EventLog::CheckDir(dir.path());
    ASSERT_TRUE(report.ok());
    EXPECT_FALSE(report->damage.empty());
  }
}

TEST(Open, IgnoresAWriteThatACrashCutShort) {
  TempDir dir;
  ChildProcess child({"--append", dir.path()});
  ASSERT_EQ(child.ReadSome(1), "+");
  child.Kill();
  child.Wait();
  for (const auto& file : std::filesystem::directory_iterator(dir.path())) {
    if (file.path().extension() != ".log" || file.file_size() == 0) continue;
    std::ofstream(file.path(), std::ios::app | std::ios::binary)
        << std::string("\x12\x34\x56\x78\xff\x00\x01garbage", 14);
  }
  EXPECT_EQ(ReadAll(*OpenLog(dir.path())).size(), 3u);
}

TEST(Open, RefusesANewerFormat) {
  TempDir dir;
  {
    StoreOptions options;
    options.dir = dir.path();
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok());
    std::string format;
    PutFixed(&format, kStoreFormat + 1);
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put((*store)->family(Family::kMeta), "format", format).ok());
    ASSERT_TRUE((*store)->Write(&batch, true).ok());
    ASSERT_TRUE((*store)->Close().ok());
  }
  const Status status = OpenStatus(dir.path());
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("use a newer build"));
  EXPECT_EQ(EventLog::CheckDir(dir.path()).status().code(), StatusCode::kFailedPrecondition);
}

TEST(Open, WithoutAMarkOpensAndMakesOne) {
  TempDir dir;
  MakeStore(dir.path());
  std::filesystem::remove(dir / kDurableMarkName);
  EXPECT_EQ(ReadAll(*OpenLog(dir.path())).size(), 3u);
  EXPECT_TRUE(std::filesystem::exists(dir / kDurableMarkName));
}

TEST(Open, ExplainsADamagedMark) {
  TempDir dir;
  MakeStore(dir.path());
  Touch(dir / kDurableMarkName, std::string(1024, 'x'));
  const Status status = OpenStatus(dir.path());
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("remove that file"));
}

int HoldStore(const std::string& dir, int entries) {
  auto log = EventLog::Open(OptionsFor(dir));
  if (!log.ok()) return 1;
  for (int i = 1; i <= entries; ++i) {
    if (!AppendOne(log->get(), 2, i, MakeRecord(2, static_cast<std::uint64_t>(i))).ok()) return 1;
  }
  std::fputs("+", stdout);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}

int OpenAsNobody(const std::string& dir) {
  constexpr uid_t kNobody = 65534;
  if (::geteuid() == 0 && ::setuid(kNobody) != 0) return 1;
  std::puts(OpenStatus(dir).ToString().c_str());
  std::puts(EventLog::CheckDir(dir).status().ToString().c_str());
  return 0;
}

}  // namespace
}  // namespace insightflow

int main(int argc, char** argv) {
  const std::string role = argc > 2 ? argv[1] : "";
  if (role == "--hold") return insightflow::HoldStore(argv[2], 0);
  if (role == "--append") return insightflow::HoldStore(argv[2], 3);
  if (role == "--open-as-nobody") return insightflow::OpenAsNobody(argv[2]);
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
