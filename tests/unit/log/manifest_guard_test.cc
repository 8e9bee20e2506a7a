// The look at a manifest: every bit of every header counts, and what a crash leaves is accepted.
#include "lib/store/manifest_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

#include "lib/store/rocks_log_scan.h"
#include "tests/unit/log/log_fixture.h"

namespace insightflow {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kBlockBytes = 32 << 10;

class ManifestGuard : public ::testing::Test {
 protected:
  ManifestGuard() {
    const auto log = OpenLog(dir_.path());
    EXPECT_TRUE(AppendOne(log.get(), 3, 1, MakeRecord(3, 1)).ok());
    EXPECT_TRUE(log->Close().ok());
    for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
      if (file.path().filename().string().starts_with("MANIFEST-")) path_ = file.path();
    }
    std::ifstream in(path_, std::ios::binary);
    sound_.assign(std::istreambuf_iterator<char>(in), {});
  }

  void Write(std::string_view bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }
  Status Guard(std::string_view bytes) const {
    Write(bytes);
    return GuardManifest(dir_.path());
  }

  // Where the records of a file of one block begin.
  std::vector<std::size_t> Records() const {
    std::vector<std::size_t> begins;
    for (std::size_t at = 0; at + kHeaderBytes <= sound_.size();) {
      begins.push_back(at);
      const auto low = static_cast<unsigned char>(sound_[at + 4]);
      const auto high = static_cast<unsigned char>(sound_[at + 5]);
      at += kHeaderBytes + low + high * std::size_t{256};
    }
    return begins;
  }

  TempDir dir_;
  std::string path_;
  std::string sound_;
};

TEST_F(ManifestGuard, SeesEveryBitOfEveryHeader) {
  ASSERT_LT(sound_.size(), kBlockBytes);
  const std::vector<std::size_t> records = Records();
  ASSERT_GE(records.size(), 4u);
  EXPECT_TRUE(Guard(sound_).ok());
  for (const std::size_t begin : records) {
    for (std::size_t bit = 0; bit < kHeaderBytes * 8; ++bit) {
      std::string damaged = sound_;
      damaged[begin + bit / 8] ^= static_cast<char>(1 << bit % 8);
      EXPECT_EQ(Guard(damaged).code(), StatusCode::kDataLoss) << "bit " << bit << " at " << begin;
    }
  }
}

TEST_F(ManifestGuard, AcceptsEveryTornTail) {
  for (std::size_t size = 0; size < sound_.size(); ++size) {
    const Status status = Guard(std::string_view(sound_).substr(0, size));
    EXPECT_TRUE(status.ok()) << size << ": " << status.message();
  }
}

TEST_F(ManifestGuard, KeepsADamagedStoreFromOpeningAndSaysWhere) {
  std::string damaged = sound_;
  const std::size_t begin = Records().back();
  damaged[begin + 5] ^= 0x10;
  Write(damaged);
  const Status status = EventLog::Open(OptionsFor(dir_.path())).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr(path_ + " is damaged: bytes " + std::to_string(begin)));
  EXPECT_THAT(status.message(), HasSubstr("insightflow check"));
  const auto report = EventLog::CheckDir(dir_.path());
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->damage.empty());
}

TEST_F(ManifestGuard, LeavesALostManifestToRocksDb) {
  std::filesystem::remove(path_);
  EXPECT_TRUE(GuardManifest(dir_.path()).ok());
  std::filesystem::remove(dir_ / "CURRENT");
  EXPECT_TRUE(GuardManifest(dir_.path()).ok());
}

}  // namespace
}  // namespace insightflow
