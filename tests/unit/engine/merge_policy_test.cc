#include "lib/engine/merge_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/segments/segment_merger.h"

namespace insightflow {
namespace {

using Rows = std::vector<std::uint32_t>;

constexpr std::uint32_t kMax = kSegmentRowsMax;

void ExpectRange(const Rows& rows, std::size_t begin, std::size_t count) {
  const MergeRange range = PickRange(rows);
  EXPECT_EQ(range.begin, begin);
  EXPECT_EQ(range.count, count);
}

TEST(MergePolicy, LeavesFewOrUnlikeSegmentsAlone) {
  ExpectRange({}, 0, 0);
  ExpectRange({1, 1, 1}, 0, 0);
  ExpectRange({10'000, 10'000, 10'000, 50'000}, 0, 0);
}

TEST(MergePolicy, MergesFourOfSimilarSize) {
  ExpectRange({10'000, 20'000, 30'000, 40'000}, 0, 4);
  ExpectRange({100, 50'000, 60'000, 70'000, 80'000, 900'000}, 1, 4);
  ExpectRange({1, 2, 3, 4'000}, 0, 4);  // all small
}

TEST(MergePolicy, KeepsToTheCaps) {
  ExpectRange(Rows(40, 5), 0, kMergeInputsMax);
  ExpectRange(Rows(4, kMax / 3), 0, 3);
  ExpectRange(Rows(9, kMax), 0, 0);
  ExpectRange(Rows(9, kMax / 2 + 1), 0, 0);
}

TEST(MergePolicy, WaitsForAsManyAsItIsTold) {
  EXPECT_EQ(PickRange(Rows(kMergeInputsMax - 1, 50'000), kMergeInputsMax).count, 0u);
  EXPECT_EQ(PickRange(Rows(kMergeInputsMax, 50'000), kMergeInputsMax).count, kMergeInputsMax);
}

// A day that grows step by step has few segments, and each row is written few times.
TEST(MergePolicy, FewSegmentsAndLittleRewriting) {
  Rows rows;
  std::uint64_t written = 0;
  constexpr std::uint64_t kSteps = 2'000;
  constexpr std::uint32_t kStep = 50'000;
  std::size_t most = 0;
  for (std::uint64_t i = 0; i < kSteps; ++i) {
    rows.insert(std::lower_bound(rows.begin(), rows.end(), kStep), kStep);
    for (MergeRange range = PickRange(rows); range.count > 0; range = PickRange(rows)) {
      std::uint32_t sum = 0;
      for (std::size_t k = 0; k < range.count; ++k) sum += rows[range.begin + k];
      const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(range.begin);
      rows.erase(begin, begin + static_cast<std::ptrdiff_t>(range.count));
      rows.insert(std::lower_bound(rows.begin(), rows.end(), sum), sum);
      written += sum;
    }
    most = std::max(most, rows.size());
  }
  EXPECT_LE(most, 30u);
  EXPECT_LE(written, 6 * kSteps * kStep);
}

}  // namespace
}  // namespace insightflow
