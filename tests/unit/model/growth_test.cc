// What containers take while they grow is never more than what was said beforehand. (Here, because
// hash tables are not known on the floor below.)
#include "lib/base/growth.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "tests/support/counted_memory.h"

namespace insightflow {
namespace {

// What is large is allocated in whole pages.
constexpr std::size_t kRounding = std::size_t{2} << 12;

// Calls add(i) for many i, `batch` at a time, before each of which said() is asked.
template <typename Said, typename Add>
void ExpectWithinWhatWasSaid(std::size_t batch, Said said, Add add) {
  const std::size_t empty = CountedMemory::Begin();
  for (std::size_t i = 0; i < 300'000;) {
    const std::size_t most = said(batch);
    CountedMemory::Begin();
    for (std::size_t k = 0; k < batch; ++k) add(i++);
    ASSERT_LE(CountedMemory::peak() - empty, most + kRounding) << i << ", " << batch << " a time";
  }
}

constexpr std::size_t kBatches[] = {1, 100, 1'000, 70'000};

TEST(Growth, OfVectors) {
  for (const std::size_t batch : kBatches) {
    std::vector<std::uint64_t> vector;
    ExpectWithinWhatWasSaid(
        batch, [&](std::size_t more) { return BytesWith(vector, more); },
        [&](std::size_t i) { vector.push_back(i); });
  }
}

TEST(Growth, OfHashTables) {
  for (const std::size_t batch : kBatches) {
    absl::flat_hash_map<std::uint64_t, std::uint32_t> map;
    ExpectWithinWhatWasSaid(
        batch, [&](std::size_t more) { return TableBytesWith(map, more); },
        [&](std::size_t i) { map.emplace(i * 7'919, 1); });
    absl::flat_hash_set<std::uint32_t> set;
    ExpectWithinWhatWasSaid(
        batch, [&](std::size_t more) { return TableBytesWith(set, more); },
        [&](std::size_t i) { set.insert(static_cast<std::uint32_t>(i)); });
  }
}

TEST(Growth, OfVectorsByCode) {
  std::vector<std::uint32_t> by_code;
  for (std::size_t size = 1; size < 1'000'000; size += size / 3 + 1) {
    const std::size_t before = CountedMemory::Begin() - CapacityBytes(by_code);
    const std::size_t most = BytesGrownTo(by_code, size);
    GrowTo(&by_code, size);
    EXPECT_GE(by_code.size(), size);
    EXPECT_LE(CountedMemory::peak(), before + most + kRounding);
    EXPECT_LE(by_code.capacity(), 3 * size / 2 + 1);
  }
}

// A few ten thousand entries are not taken to come at once where a container is small.
TEST(Growth, FewEntriesDoubleAtMost) {
  EXPECT_EQ(MostToCome(0, 32'768), 1'024u);
  EXPECT_EQ(MostToCome(10'000, 32'768), 11'024u);
  EXPECT_EQ(MostToCome(10'000, 500), 500u);
  EXPECT_EQ(MostToCome(0, 1'000'000), 1'000'000u);
}

}  // namespace
}  // namespace insightflow
