#include "lib/engine/merge_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "lib/segments/memory_segment.h"
#include "lib/segments/segment_builder.h"
#include "lib/segments/segment_merger.h"

namespace insightflow {
namespace {

using Rows = std::vector<std::uint32_t>;

constexpr std::uint32_t kMax = kSegmentRowsMax;

// Merges while there is something to merge; the most segments that there were in between.
std::size_t MergeAll(Rows* rows, std::uint64_t* written) {
  const std::size_t most = rows->size();
  for (MergeRange range = PickRange(*rows); range.count > 0; range = PickRange(*rows)) {
    const auto begin = rows->begin() + static_cast<std::ptrdiff_t>(range.begin);
    const auto end = begin + static_cast<std::ptrdiff_t>(range.count);
    const std::uint32_t sum = std::accumulate(begin, end, std::uint32_t{0});
    EXPECT_LE(sum, kMax);
    *begin = sum;
    rows->erase(begin + 1, end);
    if (written != nullptr) *written += sum;
  }
  return most;
}

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
  ExpectRange({900'000, 80'000, 50'000, 70'000, 60'000, 9'000}, 1, 5);  // the last comes along
  ExpectRange({1, 4'000, 2, 3}, 0, 4);                                  // all small
}

TEST(MergePolicy, MergesNeighboursOnly) {
  ExpectRange({50'000, 900'000, 50'000, 50'000, 900'000, 50'000}, 0, 0);
  ExpectRange({900'000, 50'000, 50'000, 50'000, 50'000, 900'000}, 1, 4);
  // Small ones between four similar ones do not keep these apart.
  ExpectRange({900'000, 10, 900'000, 10, 10, 900'000, 900'000, 10}, 0, 8);
  // The smallest go first.
  ExpectRange({900'000, 900'000, 900'000, 900'000, 10, 10, 10, 10}, 4, 4);
}

// No four of a size are neighbours here.
TEST(MergePolicy, SegmentsOfAlternatingSizesAreBounded) {
  Rows rows;
  std::size_t most = 0;
  std::uint64_t written = 0;
  std::uint64_t all = 0;
  for (std::uint32_t i = 0; i < 3'000; ++i) {
    rows.push_back(i % 9 == 0 ? 262'144 : i % 3 == 0 ? 60'000 : 14'000);
    all += rows.back();
    most = std::max(most, MergeAll(&rows, &written));
  }
  EXPECT_LE(most, 33u);
  EXPECT_LE(written, 6 * all);
  for (std::uint32_t i = 0; i < 500; ++i) rows.push_back(i % 2 == 0 ? 2'000'000 : 5);
  MergeAll(&rows, nullptr);
  EXPECT_LE(rows.size(), 33u + 500 / 2 / 8);  // eight of the large ones are a whole segment
}

TEST(MergePolicy, KeepsToTheCaps) {
  ExpectRange(Rows(40, 5), 0, kMergeInputsMax);
  ExpectRange(Rows(4, kMax / 3), 0, 3);
  ExpectRange(Rows(9, kMax), 0, 0);
  ExpectRange(Rows(9, kMax / 2 + 1), 0, 0);
}

// As it was in the log before one of the five became unreadable.
TEST(MergePolicy, WhatCannotBeReadPartsItsNeighbours) {
  constexpr std::uint32_t kDay = 20'000;
  SegmentList segments;
  for (std::uint64_t id = 1; id <= 8; ++id) {
    if (id == 4) continue;
    SegmentBuilder builder({kDay, id}, 1);
    EventBatch batch;
    batch.column(Field::kUserId).Set(batch.PushRow(std::int64_t{kDay} * kDayMs), "u");
    ASSERT_TRUE(builder.Add(batch, 10 * id).ok());
    MemorySegment chunks;
    SegmentMeta meta;
    ASSERT_TRUE(builder.Finish(&chunks, &meta).ok());
    segments.push_back(std::make_shared<StoredSegment>(nullptr, *chunks.Open({kDay, id}), 1));
  }
  UnreadableSegment lost;
  lost.entry.key = {kDay, 4};
  lost.entry.min_sequence = lost.entry.max_sequence = 40;
  EXPECT_EQ(PickMerges(segments, 4)[0].size(), 7u);
  const auto parted = PickMerges(segments, 4, {}, {&lost, 1});
  ASSERT_EQ(parted.size(), 1u);
  EXPECT_EQ(parted[0].size(), 4u);
  EXPECT_EQ(parted[0][0]->key().id, 5u);
  ++lost.entry.key.day;
  EXPECT_EQ(PickMerges(segments, 4, {}, {&lost, 1})[0].size(), 7u) << "of another day";
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
    rows.push_back(kStep);
    MergeAll(&rows, &written);
    most = std::max(most, rows.size());
  }
  EXPECT_LE(most, 30u);
  EXPECT_LE(written, 6 * kSteps * kStep);
}

}  // namespace
}  // namespace insightflow
