#include "lib/log/codec.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/reference/random_batch.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using testing::FirstDifference;
using testing::RandomBatch;
using testing::RandomSeed;

constexpr std::uint64_t kSeed = RandomBatch::kHashSeed;

class CodecPropertyTest : public ::testing::Test {
 protected:
  const std::uint64_t seed_ = RandomSeed();
  RandomBatch random_{seed_};
};

TEST_F(CodecPropertyTest, EveryBatchComesBack) {
  EventBatch batch;
  EventBatch decoded;
  for (int i = 0; i < 300; ++i) {
    random_.Fill(1 + random_.Below(i % 10 == 0 ? 1'500 : 40), &batch);
    std::string record;
    EncodeRecord(batch, &record);
    const Status status = DecodeRecord(record, {}, kSeed, &decoded);
    ASSERT_TRUE(status.ok()) << status.ToString();
    ASSERT_EQ(FirstDifference(batch, decoded), "");
    ASSERT_TRUE(VerifyRecord(record).ok());
    ASSERT_EQ(RecordRows(record).value(), batch.rows);
  }
}

TEST_F(CodecPropertyTest, EqualRowsGiveEqualBytes) {
  EventBatch batch;
  EventBatch decoded;
  for (int i = 0; i < 200; ++i) {
    random_.Fill(1 + random_.Below(100), &batch);
    std::string record;
    EncodeRecord(batch, &record);
    ASSERT_TRUE(DecodeRecord(record, {}, kSeed, &decoded).ok());
    std::string again;
    EncodeRecord(decoded, &again);
    ASSERT_EQ(record, again);
  }
}

TEST_F(CodecPropertyTest, FilteredRowsComeBack) {
  EventBatch batch;
  EventBatch decoded;
  for (int i = 0; i < 200; ++i) {
    random_.Fill(2 + random_.Below(60), &batch);
    std::vector<std::uint8_t> keep(batch.rows);
    for (std::uint8_t& k : keep) k = random_.Chance(50) ? 1 : 0;
    keep[random_.Below(keep.size())] = 1;
    batch.Filter(keep);
    std::string record;
    EncodeRecord(batch, &record);
    ASSERT_TRUE(DecodeRecord(record, {}, kSeed, &decoded).ok());
    ASSERT_EQ(FirstDifference(batch, decoded), "");
  }
}

TEST_F(CodecPropertyTest, EveryFlippedBitAndEveryCutIsFound) {
  EventBatch batch;
  EventBatch decoded;
  for (int i = 0; i < 20; ++i) {
    random_.Fill(1 + random_.Below(80), &batch);
    std::string record;
    EncodeRecord(batch, &record);
    for (int flip = 0; flip < 200; ++flip) {
      std::string damaged = record;
      const std::size_t at = random_.Below(record.size());
      damaged[at] = static_cast<char>(damaged[at] ^ 1 << random_.Below(8));
      const Status status = DecodeRecord(damaged, {}, kSeed, &decoded);
      ASSERT_EQ(status.code(), StatusCode::kDataLoss) << "byte " << at;
      ASSERT_EQ(decoded.rows, 0u);
    }
    for (int cut = 0; cut < 50; ++cut) {
      const std::string damaged = record.substr(0, random_.Below(record.size()));
      ASSERT_EQ(VerifyRecord(damaged).code(), StatusCode::kDataLoss);
    }
    ASSERT_EQ(VerifyRecord(record + '\0').code(), StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace insightflow
