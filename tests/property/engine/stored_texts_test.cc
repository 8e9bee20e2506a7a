// A segment of records that were decoded without making texts of what is stored is byte for byte
// that of their batches, however many small ones these are.
#include <gtest/gtest.h>

#include <string>

#include "lib/log/codec.h"
#include "lib/segments/segment_builder.h"
#include "tests/reference/random_batch.h"
#include "tests/reference/segment_files.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using testing::RandomBatch;
using testing::RandomSeed;
using testing::SegmentFiles;

constexpr SegmentKey kKey = {19'700, 7};
constexpr std::uint64_t kSeed = RandomBatch::kHashSeed;

class StoredTextsTest : public ::testing::Test {
 protected:
  const std::uint64_t seed_ = RandomSeed();
  RandomBatch random_{seed_};
};

TEST_F(StoredTextsTest, SegmentsAreTheSame) {
  EventBatch batch;
  EventBatch decoded;
  StoredTexts stored;
  int shaped = 0;
  for (int round = 0; round < 60; ++round) {
    SegmentOptions options;
    options.block_rows = random_.Chance(50) ? 600 : kSegmentBlockRowsMax;
    SegmentBuilder of_texts(kKey, kSeed, options);
    SegmentBuilder of_stored(kKey, kSeed, options);
    const bool alike = random_.Chance(50);  // so that often no batch has other texts
    const bool small = random_.Chance(50);  // batches, whose texts are not stored as shapes
    EventBatch all;
    std::uint64_t sequence = 1;
    for (std::uint64_t left = 1 + random_.Below(small ? 30 : 4); left > 0; --left) {
      random_.Fill(1 + random_.Below(small ? 60 : 900), &batch);
      for (std::size_t row = 0; row < batch.rows; ++row) {
        const auto late = static_cast<std::int64_t>(random_.Below(1'000));
        batch.time_ms[row] = kKey.day * kDayMs + late - (random_.Chance(3) ? 1'000 : 0);
      }
      if (alike) {
        batch.extra_data.Clear();
        for (std::size_t row = 0; row < batch.rows; ++row) {
          const std::string number = std::to_string(random_.Below(2'000));
          const std::string day = std::to_string(random_.Below(99) + 1'000).substr(2);
          batch.extra_data.Set(row, random_.Chance(10) ? ""
                                    : random_.Chance(50)
                                        ? "{\"n\":" + number + "}"
                                        : "{\"day\":\"" + day + "\",\"of\":" + number + "0}");
        }
      }
      std::string record;
      EncodeRecord(batch, &record);
      ASSERT_TRUE(DecodeRecord(record, &decoded, &stored).ok());
      ASSERT_EQ(decoded.rows, batch.rows);
      shaped += stored.extra_data.rows.empty() ? 0 : 1;
      all.Append(batch);
      ASSERT_TRUE(of_stored.Add(decoded, stored, sequence).ok());
      sequence += batch.rows;
    }
    ASSERT_TRUE(of_texts.Add(all, 1).ok());
    ASSERT_EQ(of_texts.rows(), of_stored.rows());
    if (of_texts.rows() == 0) continue;
    SegmentFiles texts_files;
    SegmentFiles stored_files;
    SegmentMeta meta;
    ASSERT_TRUE(of_texts.Finish(&texts_files, &meta).ok());
    ASSERT_TRUE(of_stored.Finish(&stored_files, &meta).ok());
    ASSERT_EQ(texts_files.chunks, stored_files.chunks) << "round " << round;
  }
  EXPECT_GT(shaped, 10);
}

}  // namespace
}  // namespace insightflow
