#include "lib/engine/merge_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <numeric>
#include <span>
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

// The same of a day as PickMerges does it.
void MergeDay(std::uint64_t newest, std::vector<SegmentExtent>* day, std::uint64_t* written) {
  while (true) {
    Rows rows;
    for (const SegmentExtent& segment : *day) rows.push_back(segment.rows);
    MergeRange range = PickSettled(std::span(rows).first(CountSettled(*day, newest)));
    if (range.count == 0) range = PickRange(rows);
    if (range.count == 0) return;
    const auto begin = day->begin() + static_cast<std::ptrdiff_t>(range.begin);
    const auto end = begin + static_cast<std::ptrdiff_t>(range.count);
    for (auto next = begin + 1; next != end; ++next) begin->rows += next->rows;
    begin->last = std::prev(end)->last;
    *written += begin->rows;
    day->erase(begin + 1, end);
  }
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

TEST(MergePolicy, WhatTheLogHasGrownBehindHasSettled) {
  const std::vector<SegmentExtent> day = {{600, 600}, {360, 960}, {40, 1'000}};
  EXPECT_EQ(CountSettled(day, 1'000), 0u);
  EXPECT_EQ(CountSettled(day, 1'459), 0u);
  EXPECT_EQ(CountSettled(day, 1'460), 2u) << "so few rows are no growth";
  EXPECT_EQ(CountSettled(day, 1'500), 3u);
  EXPECT_EQ(CountSettled({}, 1'500), 0u);
}

TEST(MergePolicy, NothingHasSettledInADayThatGrows) {
  EXPECT_EQ(CountSettled(std::vector<SegmentExtent>{{600, 600}, {400, 2'000}}, 2'000), 0u);
  // A late event now and then is no growth.
  EXPECT_EQ(CountSettled(std::vector<SegmentExtent>{{999, 999}, {1, 2'000}}, 2'000), 1u);
  EXPECT_EQ(CountSettled(std::vector<SegmentExtent>{{1'000, 2'000}}, 2'000), 0u);
  // A day that is larger than a segment need not wait for as many rows as it has.
  const std::vector<SegmentExtent> large(20, {kMax, 20ull * kMax});
  EXPECT_EQ(CountSettled(large, 20ull * kMax + kMax / 2), 20u);
}

TEST(MergePolicy, SettledSegmentsBecomeOneWhereThatIsWorthIt) {
  const auto expect = [](const Rows& rows, std::size_t begin, std::size_t count) {
    const MergeRange range = PickSettled(rows);
    EXPECT_EQ(range.begin, begin);
    EXPECT_EQ(range.count, count);
  };
  expect({}, 0, 0);
  expect({5}, 0, 0);
  expect({200'000, 133'000}, 0, 2);
  expect({4'000'000, 1'000'000, 300'000, 9}, 0, 4);
  expect({1, 1}, 0, 2);
  expect({1'000'000, 100'000}, 0, 0);  // would write much for little
  expect({1'000'000, 1, 100'000, 50'000}, 0, 4);
  expect({1'000'000, 10, 10'000}, 1, 2);
  expect({28'000, 9}, 0, 2);  // little to write
  expect({kMax, kMax / 2, kMax / 2, 70}, 1, 2);
  expect({kMax, kMax}, 0, 0);
  expect(Rows(20, 100'000), 0, kMergeInputsMax);
}

// Day after day, with late events of all days before: each day that is over has one segment beside
// those of its late events, and rows are written few times.
TEST(MergePolicy, DaysThatAreOverHaveOneSegment) {
  struct Day {
    std::vector<SegmentExtent> segments;
    std::uint64_t rows = 0;
  };
  for (const std::uint32_t late : {0u, 1u, 700u, 5'000u}) {
    SCOPED_TRACE(late);
    std::vector<Day> days(30);
    std::uint64_t newest = 0;
    std::uint64_t written = 0;
    for (std::size_t step = 0; step < 10 * days.size(); ++step) {
      const std::size_t today = step / 10;
      for (std::size_t d = 0; d <= today; ++d) {
        const std::uint32_t rows = d == today ? 250'000 : late;
        newest += rows;
        if (rows > 0) days[d].segments.push_back({rows, newest});
        days[d].rows += rows;
      }
      for (std::size_t d = 0; d <= today; ++d) MergeDay(newest, &days[d].segments, &written);
    }
    EXPECT_LE(written, 6 * newest);
    for (std::size_t d = 0; d + 1 < days.size(); ++d) {
      const auto& segments = days[d].segments;
      EXPECT_LE(segments.size(), late == 0 ? 1u : 8u);
      EXPECT_GE(segments.front().rows, days[d].rows / 2);
    }
  }
}

// Whatever comes late, and whenever, a row is written few times.
TEST(MergePolicy, LittleIsRewrittenHoweverADayGrows) {
  for (const std::uint32_t divisor : {3u, 7u, 8u, 30u}) {
    std::vector<SegmentExtent> day = {{40'000, 40'000}};
    std::uint64_t newest = 40'000;
    std::uint64_t written = 0;
    std::uint64_t rows = newest;
    while (rows < kMax - kMax / 3) {
      const auto more = static_cast<std::uint32_t>(rows / divisor);
      day.push_back({more, newest += more});
      rows += more;
      newest += rows;  // of another day
      MergeDay(newest, &day, &written);
    }
    EXPECT_LE(written, 12 * rows) << divisor;
    EXPECT_LE(day.size(), 4u) << divisor;
  }
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
