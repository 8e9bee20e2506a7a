#include "benchmarks/common/measure.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace insightflow::benchmarks {
namespace {

TEST(Summarize, TakesNearestRanks) {
  std::vector<double> values;
  for (int i = 1000; i >= 1; --i) values.push_back(i);
  const Latencies latencies = Summarize(values);
  EXPECT_EQ(latencies.count, 1000u);
  EXPECT_EQ(latencies.p50, 500);
  EXPECT_EQ(latencies.p99, 990);
  EXPECT_EQ(latencies.p999, 999);
  EXPECT_EQ(latencies.max, 1000);
}

TEST(Summarize, OfOneAndOfNone) {
  EXPECT_EQ(Summarize({3.5}).p999, 3.5);
  EXPECT_EQ(Summarize({}).max, 0);
}

TEST(Memory, SeesWhatIsTouched) {
  const std::uint64_t before = ReadMemory(0).anonymous;
  std::vector<char> block(64 << 20, 1);
  EXPECT_GE(ReadMemory(0).anonymous, before + (60 << 20)) << block.back();
  EXPECT_EQ(ReadMemory(getpid()).shared, ReadMemory(0).shared);
}

TEST(Memory, OfNobodyIsZero) { EXPECT_EQ(ReadMemory(1 << 30).used(), 0u); }

TEST(MemoryPeak, CoversTheEnd) {
  MemoryPeak peak(0);
  EXPECT_GE(peak.Stop(), ReadMemory(0).anonymous / 2);
  EXPECT_EQ(peak.Stop(), peak.Stop());
}

TEST(ScratchDir, HoldsFilesAndGoesAway) {
  std::string path;
  {
    ScratchDir dir("");
    path = dir.path();
    ASSERT_FALSE(path.empty());
    std::ofstream(path + "/a") << std::string(100'000, 'x');
    EXPECT_GE(DiskBytes(path), 100'000u);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(DiskBytes(path), 0u);
}

TEST(JsonObject, KeepsOrderAndEscapes) {
  JsonObject inner;
  inner.Add("n", 0.5);
  JsonObject object;
  object.Add("a", std::uint64_t{7}).Add("b\"", "x\\y\n").Add("c", inner);
  object.Add("d", std::vector<double>{1, 2}).Add("e", std::vector<JsonObject>{inner, inner});
  EXPECT_EQ(object.str(),
            R"({"a":7,"b\"":"x\\y ","c":{"n":0.5},"d":[1,2],"e":[{"n":0.5},{"n":0.5}]})");
}

}  // namespace
}  // namespace insightflow::benchmarks
