#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/reference/random_batch.h"
#include "tests/reference/segment_files.h"
#include "tests/reference/segment_twin.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using testing::FirstDifference;
using testing::RandomBatch;
using testing::RandomSeed;
using testing::ReadRows;
using testing::SegmentFiles;
using testing::SegmentTwin;
using testing::TwinRow;

constexpr std::uint64_t kSeed = RandomBatch::kHashSeed;
constexpr SegmentKey kKey = {19'700, 7};

// Few hashes, so that many users share one.
std::uint64_t TinyHash(std::string_view user_id, std::uint64_t seed) {
  return HashBytes(user_id, seed) % 3;
}

class SegmentPropertyTest : public ::testing::Test {
 protected:
  // Random rows of which most lie in the day or at its edges, with many ties.
  void Fill(std::size_t rows, EventBatch* batch) {
    random_.Fill(rows, batch);
    constexpr std::int64_t kBegin = kKey.day * kDayMs;
    const std::uint64_t spread = random_.Chance(50) ? kDayMs : 5;
    const std::int64_t step = random_.Chance(30) ? 1'000 : 1;
    for (std::int64_t& time : batch->time_ms) {
      const auto offset = static_cast<std::int64_t>(random_.Below(spread));
      if (random_.Chance(90) || step > 1) time = kBegin + offset / step * step;
      if (step > 1) continue;
      if (random_.Chance(5)) time = kBegin + kDayMs - 1 + (random_.Chance(50) ? 1 : 0);
      if (random_.Chance(5)) time = kBegin - (random_.Chance(50) ? 1 : 0);
    }
  }
  SegmentOptions Options() {
    SegmentOptions options;
    constexpr std::uint32_t kBlockRows[] = {1, 2, 7, 100, kSegmentBlockRowsMax};
    options.block_rows = kBlockRows[random_.Below(std::size(kBlockRows))];
    if (random_.Chance(30)) options.user_hash = TinyHash;
    return options;
  }

  const std::uint64_t seed_ = RandomSeed();
  RandomBatch random_{seed_};
};

TEST_F(SegmentPropertyTest, HoldsWhatTheTwinHolds) {
  EventBatch batch;
  std::set<std::pair<SegmentColumn, char>> seen;
  // Goes on until every encoding that this version writes was met.
  const std::set<std::pair<SegmentColumn, char>> expected = {
      {SegmentColumn::kTime, 1},        {SegmentColumn::kTime, 2},
      {SegmentColumn::kFlags, 1},       {SegmentColumn::kFlags, 2},
      {SegmentColumn::kPositionX, 1},   {SegmentColumn::kPositionX, 2},
      {SegmentColumn::kExtraData, 1},   {ColumnOf(Field::kPageTitle), 1},
      {ColumnOf(Field::kPageTitle), 4}, {ColumnOf(Field::kPageTitle), 5},
      {ColumnOf(Field::kElement), 4},   {ColumnOf(Field::kSessionId), 2},
      {ColumnOf(Field::kEventType), 3}, {ColumnOf(Field::kElementText), 1},
      {ColumnOf(Field::kUserAgent), 1}};
  const auto all_met = [&] {
    return std::includes(seen.begin(), seen.end(), expected.begin(), expected.end());
  };
  for (int i = 0; i < 300 || (i < 5'000 && !all_met()); ++i) {
    const SegmentOptions options = Options();
    random_.FollowTypes(i % 2 == 1);
    SegmentBuilder builder(kKey, kSeed, options);
    SegmentTwin twin(kKey.day, kSeed, options);
    std::uint64_t sequence = 1 + random_.Below(1'000'000);
    for (std::uint64_t left = 1 + random_.Below(4); left > 0; --left) {
      Fill(1 + random_.Below(i % 10 == 0 ? 1'500 : 60), &batch);
      ASSERT_TRUE(builder.Add(batch, sequence).ok());
      twin.Add(batch, sequence);
      sequence += batch.rows + random_.Below(3);
    }
    ASSERT_EQ(builder.rows(), twin.rows.size());
    if (twin.rows.empty()) continue;
    twin.Sort();
    SegmentFiles files;
    SegmentMeta meta;
    ASSERT_TRUE(builder.Finish(&files, &meta).ok());
    std::vector<TwinRow> rows;
    const Status status = ReadRows(kKey, kSeed, &files, &rows);
    ASSERT_TRUE(status.ok()) << status.ToString();
    ASSERT_EQ(FirstDifference(twin.rows, rows), "");
    ASSERT_EQ(SegmentReader::Open(kKey, files.Meta())->meta(), meta);
    for (const auto& [key, chunk] : files.chunks) seen.emplace(key.first, chunk[0]);
  }
  for (const auto& encoding : expected) {
    EXPECT_TRUE(seen.contains(encoding))
        << ColumnName(encoding.first) << ' ' << static_cast<int>(encoding.second);
  }
}

TEST_F(SegmentPropertyTest, EqualRowsGiveEqualBytesHoweverTheyCame) {
  EventBatch batch;
  for (int i = 0; i < 60; ++i) {
    const SegmentOptions options = Options();
    random_.FollowTypes(i % 2 == 1);
    Fill(2 + random_.Below(100), &batch);
    SegmentBuilder whole(kKey, kSeed, options);
    SegmentBuilder cut(kKey, kSeed, options);
    ASSERT_TRUE(whole.Add(batch, 5).ok());
    if (whole.rows() == 0) continue;
    const std::size_t at = 1 + random_.Below(batch.rows - 1);
    for (const bool first : {false, true}) {  // the later part comes first
      EventBatch part = batch;
      std::vector<std::uint8_t> keep(batch.rows);
      for (std::size_t row = 0; row < keep.size(); ++row) keep[row] = (row < at) == first ? 1 : 0;
      part.Filter(keep);
      ASSERT_TRUE(cut.Add(part, first ? 5 : 5 + at).ok());
    }
    SegmentFiles from_whole;
    SegmentFiles from_cut;
    SegmentMeta meta;
    ASSERT_TRUE(whole.Finish(&from_whole, &meta).ok());
    ASSERT_TRUE(cut.Finish(&from_cut, &meta).ok());
    ASSERT_EQ(from_whole.Joined(), from_cut.Joined());
  }
}

TEST_F(SegmentPropertyTest, DamageBehindAChecksumIsRefusedOrHarmless) {
  EventBatch batch;
  for (int i = 0; i < 40; ++i) {
    SegmentBuilder builder(kKey, kSeed, Options());
    random_.FollowTypes(i % 2 == 1);
    Fill(1 + random_.Below(80), &batch);
    ASSERT_TRUE(builder.Add(batch, 5).ok());
    if (builder.rows() == 0) continue;
    SegmentFiles files;
    SegmentMeta meta;
    ASSERT_TRUE(builder.Finish(&files, &meta).ok());
    for (int flip = 0; flip < 100; ++flip) {
      SegmentFiles damaged = files;
      auto chunk = damaged.chunks.begin();
      std::advance(chunk, random_.Below(damaged.chunks.size()));
      char& byte = chunk->second[random_.Below(chunk->second.size())];
      byte = static_cast<char>(byte ^ 1 << random_.Below(8));
      damaged.Reseal(kKey);
      std::vector<TwinRow> rows;
      const Status status = ReadRows(kKey, kSeed, &damaged, &rows);
      const bool seems_newer = status.code() == StatusCode::kFailedPrecondition &&
                               chunk->first.first == SegmentColumn::kMeta;
      ASSERT_TRUE(status.ok() || status.code() == StatusCode::kDataLoss || seems_newer)
          << status.ToString();
    }
  }
}

}  // namespace
}  // namespace insightflow
