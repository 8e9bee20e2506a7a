// A file of the dedupe window that is damaged in any way is ignored.

#include "lib/log/dedupe_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/random_cases.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

constexpr std::size_t kBudget = std::size_t{1} << 20;
constexpr std::int64_t kWindowMs = 1'000'000;
constexpr std::uint64_t kSeed = 77;

class DedupeFileDamageTest : public ::testing::Test {
 protected:
  // Full and compact tables, of several generations.
  void SetUp() override {
    DedupeWindow window(kBudget, kWindowMs);
    std::vector<std::uint8_t> fresh;
    const std::int64_t batches = random_.OneIn(2) ? random_.Between(1, 10) : 60;
    for (std::int64_t i = 0; i < batches; ++i) {
      std::vector<Hash128> keys(1'000);
      for (Hash128& key : keys) key = {random_.engine()(), random_.engine()()};
      window.Insert(keys, i * 10'000, &fresh);
    }
    ASSERT_TRUE(WriteDedupeFile(dir_.path(), kSeed, {1, 2, 3}, window).ok());
    std::ifstream in(dir_ / "DEDUPE", std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
    ASSERT_TRUE(Loads(bytes_));
  }

  bool Loads(const std::string& bytes) {
    std::ofstream(dir_ / "DEDUPE", std::ios::binary) << bytes;
    DedupeWindow window(kBudget, kWindowMs);
    const auto mark = ReadDedupeFile(
        dir_.path(), kSeed, [](const DedupeMark&) { return true; }, &window);
    EXPECT_EQ(mark.has_value(), window.size() != 0);
    return mark.has_value();
  }

  // Half of the places are in the header.
  std::size_t Place() {
    const auto size = static_cast<std::int64_t>(bytes_.size());
    return static_cast<std::size_t>(random_.Below(random_.OneIn(2) ? size : 1'500));
  }

  std::string Damaged() {
    std::string bytes = bytes_;
    switch (random_.Below(6)) {
      case 0: bytes.resize(Place()); break;
      case 1: bytes.append(static_cast<std::size_t>(random_.Between(1, 5'000)), '\0'); break;
      case 2: bytes.erase(Place(), 1); break;
      case 3: {  // a part that never came to the disk
        const std::size_t at = Place();
        const std::size_t count = std::min<std::size_t>(4096, bytes.size() - at);
        bytes.replace(at, count, count, '\0');
        break;
      }
      default:
        for (std::int64_t flips = random_.Between(1, 3); flips > 0; --flips) {
          bytes[Place()] ^= static_cast<char>(1 << random_.Below(8));
        }
    }
    return bytes;
  }

  testing::Random random_{testing::RandomSeed()};
  TempDir dir_;
  std::string bytes_;
};

TEST_F(DedupeFileDamageTest, IsIgnored) {
  for (int i = testing::RandomCases(2'000); i > 0; --i) {
    const std::string damaged = Damaged();
    if (damaged == bytes_) continue;
    ASSERT_FALSE(Loads(damaged)) << i;
  }
  EXPECT_TRUE(Loads(bytes_));
}

}  // namespace
}  // namespace insightflow
