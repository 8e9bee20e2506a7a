// A merged segment is byte for byte what the builder makes of all rows at once.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "lib/segments/segment_merger.h"
#include "tests/reference/random_batch.h"
#include "tests/reference/segment_files.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using testing::RandomBatch;
using testing::RandomSeed;
using testing::SegmentFiles;

constexpr std::uint64_t kSeed = RandomBatch::kHashSeed;
constexpr std::uint32_t kDay = 19'700;
constexpr SegmentKey kKey = {kDay, 1'000};
constexpr std::int64_t kBegin = std::int64_t{kDay} * kDayMs;

std::uint64_t TinyHash(std::string_view user_id, std::uint64_t seed) {
  return HashBytes(user_id, seed) % 3;
}

// Rows that go to some segments and, all of them, to the one that a merge should make.
class Parts {
 public:
  Parts(std::size_t count, const SegmentOptions& options)
      : options_(options), whole_(kKey, kSeed, options) {
    for (std::size_t i = 0; i < count; ++i) {
      builders_.emplace_back(SegmentKey{kDay, i + 1}, kSeed, options);
    }
  }

  void Add(std::size_t part, const EventBatch& batch, std::uint64_t first_sequence) {
    ASSERT_TRUE(builders_[part].Add(batch, first_sequence).ok());
    ASSERT_TRUE(whole_.Add(batch, first_sequence).ok());
  }

  void ExpectMergeIsTheWhole() {
    if (whole_.rows() == 0) return;
    SegmentFiles whole;
    SegmentMeta whole_meta;
    ASSERT_TRUE(whole_.Finish(&whole, &whole_meta).ok());
    Build();
    SegmentFiles merged;
    SegmentMeta meta;
    const Status status = MergeSegments(
        inputs_, kKey, options_, [] { return false; }, &merged, &meta);
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(meta, whole_meta);
    ASSERT_EQ(merged.chunks.size(), whole.chunks.size());
    for (const auto& [key, chunk] : whole.chunks) {
      ASSERT_TRUE(merged.chunks[key] == chunk)
          << "column " << ColumnName(key.first) << ", block " << key.second;
    }
  }

  const std::vector<MergeInput>& Build() {
    for (SegmentBuilder& builder : builders_) {
      if (builder.rows() == 0) continue;
      files_.push_back(std::make_unique<SegmentFiles>());
      SegmentMeta meta;
      EXPECT_TRUE(builder.Finish(files_.back().get(), &meta).ok());
      readers_.push_back(
          std::make_unique<SegmentReader>(*SegmentReader::Open(meta.key, files_.back()->Meta())));
      inputs_.push_back({readers_.back().get(), files_.back().get()});
    }
    return inputs_;
  }
  std::size_t size() const { return builders_.size(); }
  SegmentFiles& files(std::size_t i) { return *files_[i]; }

 private:
  const SegmentOptions options_;
  SegmentBuilder whole_;
  std::vector<SegmentBuilder> builders_;
  std::vector<std::unique_ptr<SegmentFiles>> files_;
  std::vector<std::unique_ptr<SegmentReader>> readers_;
  std::vector<MergeInput> inputs_;
};

class MergerTest : public ::testing::Test {
 protected:
  void Fill(std::size_t rows, EventBatch* batch) {
    random_.Fill(rows, batch);
    const std::uint64_t spread = random_.Chance(50) ? kDayMs : 5;
    const std::int64_t step = random_.Chance(30) ? 1'000 : 1;
    for (std::int64_t& time : batch->time_ms) {
      time = kBegin + static_cast<std::int64_t>(random_.Below(spread)) / step * step;
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
  EventBatch batch_;
};

TEST_F(MergerTest, MakesWhatTheBuilderMakes) {
  for (int i = 0, cases = testing::RandomCases(300); i < cases; ++i) {
    Parts parts(1 + random_.Below(5), Options());
    random_.FollowTypes(i % 2 == 1);
    const std::size_t count = parts.size();
    std::uint64_t sequence = 1 + random_.Below(1'000'000);
    for (std::uint64_t left = 1 + random_.Below(8); left > 0; --left) {
      Fill(1 + random_.Below(i % 20 == 0 ? 1'500 : 60), &batch_);
      parts.Add(random_.Below(count), batch_, sequence);
      sequence += batch_.rows + random_.Below(3);
    }
    parts.ExpectMergeIsTheWhole();
    if (HasFatalFailure()) FAIL() << "round " << i;
  }
}

// Where the limits of a segment's dictionary lie between the parts and the whole.
TEST_F(MergerTest, GivesUpADictionaryThatGetsTooLarge) {
  for (const std::size_t parts_count : {2, 3}) {
    Parts parts(parts_count, {});
    for (std::size_t part = 0; part < parts_count; ++part) {
      batch_.Clear();
      for (std::size_t row = 0; row < 40'000; ++row) {
        batch_.PushRow(kBegin + static_cast<std::int64_t>(row));
        const std::string number = std::to_string(row * parts_count + part);
        batch_.column(Field::kUserId).Set(row, "u" + std::to_string(row % 700));
        batch_.column(Field::kPageUrl).Set(row, "/" + number);  // too many
        batch_.column(Field::kEventType).Set(row, "t" + std::to_string(row % 150 + 100 * part));
        if (row % 64 == 0) {
          batch_.column(Field::kReferrer).Set(row, std::string(1'000, 'r') + number);  // too long
        }
      }
      parts.Add(part, batch_, 1 + 40'000 * part);
    }
    parts.ExpectMergeIsTheWhole();
  }
}

TEST_F(MergerTest, NamesADamagedInputAndCanBeGivenUp) {
  Parts parts(2, {});
  for (std::size_t part = 0; part < 2; ++part) {
    Fill(500, &batch_);
    parts.Add(part, batch_, 1 + 500 * part);
  }
  const auto& inputs = parts.Build();
  SegmentFiles merged;
  SegmentMeta meta;
  int asked = 0;
  EXPECT_EQ(MergeSegments(
                inputs, kKey, {}, [&] { return ++asked > 0; }, &merged, &meta)
                .code(),
            StatusCode::kFailedPrecondition);
  std::string& chunk = parts.files(1).chunks[{SegmentColumn::kTime, 0}];
  chunk[chunk.size() / 2] = static_cast<char>(chunk[chunk.size() / 2] ^ 1);
  const Status status = MergeSegments(
      inputs, kKey, {}, [] { return false; }, &merged, &meta);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("segment 2, column time"), std::string::npos);
}

}  // namespace
}  // namespace insightflow
