#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "lib/segments/patched_ints.h"
#include "tests/reference/segment_files.h"
#include "tests/reference/segment_twin.h"

namespace insightflow {
namespace {

using testing::FirstDifference;
using testing::ReadRows;
using testing::SegmentFiles;
using testing::SegmentTwin;
using testing::TwinRow;

constexpr std::uint64_t kSeed = 5;
constexpr SegmentKey kKey = {20'000, 12};  // 2024-10-04
constexpr std::int64_t kBegin = kKey.day * kDayMs;

struct Built {
  SegmentFiles files;
  SegmentMeta meta;
};

Built Build(const EventBatch& batch, const SegmentOptions& options = {}) {
  Built built;
  SegmentBuilder builder(kKey, kSeed, options);
  EXPECT_TRUE(builder.Add(batch, 100).ok());
  EXPECT_TRUE(builder.Finish(&built.files, &built.meta).ok());
  return built;
}

std::string Describe(const std::vector<TwinRow>& rows) {
  std::string text;
  for (const TwinRow& row : rows) text += row.Describe() + '\n';
  return text;
}

void ExpectComesBack(const EventBatch& batch, const SegmentOptions& options = {}) {
  Built built = Build(batch, options);
  SegmentTwin twin(kKey.day, kSeed, options);
  twin.Add(batch, 100);
  twin.Sort();
  std::vector<TwinRow> rows;
  const Status status = ReadRows(kKey, kSeed, &built.files, &rows);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(FirstDifference(twin.rows, rows), "");
}

// Every field, every form of id, rows without anything, two users.
EventBatch SmallBatch() {
  EventBatch batch;
  const std::vector<std::string> ids = {"0123456789abcdef0123456789abcdef",
                                        "018f3c2e-7a11-7c3d-9e2f-0a1b2c3d4e5f",
                                        "order-42",
                                        "",
                                        "",
                                        "0123456789ABCDEF0123456789ABCDEF"};
  for (std::size_t row = 0; row < ids.size(); ++row) {
    batch.PushRow(kBegin + static_cast<std::int64_t>(row * row % 7 * 1'000'000));
    for (std::size_t f = 0; f < kFieldCount; ++f) {
      if (row % 3 != 2 || f == 0) {
        batch.text[f].Set(row, std::string(kFieldRules[f].name) + std::to_string(row % 2));
      }
    }
    batch.event_id.Set(row, ids[row]);
    if (!ids[row].empty()) batch.keys[row] = EventIdKey(ids[row], kSeed);
  }
  batch.keys[3] = {11, 22};
  batch.SetPositionX(-5);
  batch.SetPositionY(std::numeric_limits<std::int32_t>::max());
  batch.SetClientSeq(std::numeric_limits<std::uint64_t>::max());
  batch.extra_data.Set(1, R"({"price":9.5})");
  batch.extra_data.Set(5, R"({"a":"中文"})");
  batch.flags[2] |= kTruncated;
  return batch;
}

EventBatch LargeBatch(std::size_t rows, std::size_t users) {
  EventBatch batch;
  for (std::size_t row = 0; row < rows; ++row) {
    batch.PushRow(kBegin + static_cast<std::int64_t>(row * 3));
    batch.column(Field::kUserId).Set(row, "user" + std::to_string(row * row % users));
    batch.column(Field::kSessionId).Set(row, "session" + std::to_string(row % users / 2));
    batch.column(Field::kEventType).Set(row, row % 5 == 0 ? "click" : "view");
    batch.column(Field::kPageUrl).Set(row, "/page/" + std::to_string(row % 300));
    const std::string id = std::to_string(row) + std::string(32 - std::to_string(row).size(), 'e');
    batch.event_id.Set(row, id);
    batch.keys[row] = EventIdKey(id, kSeed);
    batch.extra_data.Set(row, "{\"n\":" + std::to_string(row) + "}");
    if (row % 4 == 0) batch.SetPositionX(static_cast<std::int32_t>(row));
    batch.SetClientSeq(row + 100);
  }
  return batch;
}

// Properties of a few shapes, with numbers of every form, and rows without any.
EventBatch PropertiesBatch() {
  EventBatch batch;
  for (std::size_t row = 0; row < 900; ++row) {
    batch.PushRow(kBegin + static_cast<std::int64_t>(row));
    batch.column(Field::kUserId).Set(row, "u" + std::to_string(row % 10));
    if (row % 7 == 0) continue;
    const std::string n = std::to_string(row * row % 977);
    std::string text = R"({"country":")";
    text += row % 3 == 0 ? "CN" : "DE";
    text += R"(","load_ms":)" + n;
    if (row % 4 == 0) text += R"(,"price":)" + n + ".0" + std::to_string(row % 10);
    if (row == 100) text += R"(,"order":"00000000000001234567890123456789")";
    batch.extra_data.Set(row, text + "}");
  }
  return batch;
}

// Views have titles, clicks elements and positions, once each the other way; all in whole seconds.
EventBatch GuidedBatch(std::size_t rows) {
  EventBatch batch;
  for (std::size_t row = 0; row < rows; ++row) {
    batch.PushRow(kBegin + static_cast<std::int64_t>(row * row % 86'400 * 1'000));
    const bool view = row % 3 != 0;
    const std::string page = std::to_string(row * row % 131);
    batch.column(Field::kUserId).Set(row, "u" + std::to_string(row % 20));
    batch.column(Field::kEventType).Set(row, view ? "view" : "click");
    batch.column(Field::kPageUrl).Set(row, "/" + page);
    if (view) batch.column(Field::kPageTitle).Set(row, row == 91 ? "Other" : "Page " + page);
    if (!view) batch.column(Field::kElement).Set(row, "button" + std::to_string(row % 16));
    if (view != (row == 96)) continue;
    batch.SetPositionX(static_cast<std::int32_t>(row % 64 * 20));
    batch.SetPositionY(static_cast<std::int32_t>(row % 128 * 5) - 20);
  }
  return batch;
}

EventBatch BareBatch() {
  EventBatch batch;
  batch.PushRow(kBegin);
  batch.column(Field::kUserId).Set(0, "u");
  return batch;
}

TEST(SegmentTest, RowsComeBack) {
  ExpectComesBack(BareBatch());
  ExpectComesBack(SmallBatch());
  ExpectComesBack(SmallBatch(), {.block_rows = 2});
  ExpectComesBack(PropertiesBatch());
  ExpectComesBack(PropertiesBatch(), {.block_rows = 400});
  ExpectComesBack(GuidedBatch(2'000));
  ExpectComesBack(GuidedBatch(2'000), {.block_rows = 300});
  ExpectComesBack(LargeBatch(1'000, 31));
  ExpectComesBack(LargeBatch(1'000, 1), {.block_rows = 100});
}

TEST(SegmentTest, FullBlocksComeBack) {
  ExpectComesBack(LargeBatch(2 * kSegmentBlockRowsMax, 20'011));
  ExpectComesBack(LargeBatch(2 * kSegmentBlockRowsMax + 1, 3));
}

TEST(SegmentTest, LongestValuesComeBack) {
  EventBatch batch;
  for (std::size_t row = 0; row < 3; ++row) {
    batch.PushRow(kBegin + kDayMs - 1);
    for (std::size_t f = 0; f < kFieldCount; ++f) {
      batch.text[f].Set(row, std::string(kFieldRules[f].bytes_max, static_cast<char>('a' + row)));
    }
    batch.event_id.Set(row, std::string(kEventIdBytesMax, static_cast<char>('0' + row)));
    batch.keys[row] = EventIdKey(batch.event_id.At(row), kSeed);
    batch.extra_data.Set(row, std::string(kExtraDataBytesMax, row == 1 ? '\0' : '{'));
  }
  ExpectComesBack(batch);
}

TEST(SegmentTest, ATextOfTooManyValuesHasADictionaryABlock) {
  EventBatch many;
  EventBatch large;
  for (std::size_t row = 0; row <= kSegmentDictEntriesMax; ++row) {
    many.PushRow(kBegin);
    many.column(Field::kUserId).Set(row, "u");
    many.column(Field::kPageUrl).Set(row, "/" + std::to_string(row));
  }
  for (std::size_t row = 0; row < 600; ++row) {
    large.PushRow(kBegin);
    large.column(Field::kReferrer).Set(row, std::to_string(row) + std::string(2'000, 'r'));
  }
  EXPECT_FALSE(Build(many).meta.HasDictionary(Field::kPageUrl));
  EXPECT_FALSE(Build(large).meta.HasDictionary(Field::kReferrer));
  ExpectComesBack(many);
  ExpectComesBack(large);
}

TEST(SegmentTest, MoreTypesThanAByteHolds) {
  for (const std::size_t types : {254, 255, 256, 257, 700}) {
    EventBatch batch;
    for (std::size_t row = 0; row < types; ++row) {
      batch.PushRow(kBegin + static_cast<std::int64_t>(row));
      batch.column(Field::kUserId).Set(row, "u");
      batch.column(Field::kEventType).Set(row, "type" + std::to_string(row));
    }
    EXPECT_EQ(Build(batch).meta.has_narrow_types(), types <= kNarrowTypesMax);
    ExpectComesBack(batch, {.block_rows = 16});
  }
}

TEST(SegmentTest, FiltersSayWhichTypesABlockHas) {
  EventBatch batch;
  for (std::size_t row = 0; row < 40; ++row) {
    batch.PushRow(kBegin + static_cast<std::int64_t>(row));
    batch.column(Field::kUserId).Set(row, "u");
    if (row != 0) batch.column(Field::kEventType).Set(row, row < 30 ? "view" : "click");
  }
  const SegmentMeta meta = Build(batch, {.block_rows = 10}).meta;
  ASSERT_EQ(meta.blocks.size(), 4u);
  for (std::uint32_t block = 0; block < 4; ++block) {
    EXPECT_EQ(meta.MayHaveType(block, 1), block < 3);  // views are more
    EXPECT_EQ(meta.MayHaveType(block, 2), block == 3);
  }
  EXPECT_EQ(meta.blocks[3].min_time_ms, kBegin + 30);
  EXPECT_EQ(meta.blocks[3].max_time_ms, kBegin + 39);
  EXPECT_EQ(meta.min_sequence, 100u);
  EXPECT_EQ(meta.max_sequence, 139u);
  EXPECT_EQ(meta.users, 1u);
}

TEST(SegmentTest, OnlyRowsOfTheDayAreTaken) {
  EventBatch batch;
  for (const std::int64_t time : {kBegin - 1, kBegin, kBegin + kDayMs - 1, kBegin + kDayMs}) {
    batch.column(Field::kUserId).Set(batch.PushRow(time), "u");
  }
  SegmentBuilder builder(kKey, kSeed);
  ASSERT_TRUE(builder.Add(batch, 7).ok());
  EXPECT_EQ(builder.rows(), 2u);
  ExpectComesBack(batch);
}

TEST(SegmentTest, OnlyNamedColumnsAreFetched) {
  Built built = Build(LargeBatch(500, 20));
  const SegmentReader reader = *SegmentReader::Open(kKey, built.files.Meta());
  ReadScratch scratch;
  SegmentBlock block;
  const auto read = [&](ColumnSet columns) {
    built.files.fetched.clear();
    ASSERT_TRUE(reader.ReadBlock(0, columns, &built.files, &scratch, &block).ok());
  };
  read({SegmentColumn::kTime, ColumnOf(Field::kEventType)});
  EXPECT_EQ(built.files.fetched.size(), 2u);
  EXPECT_EQ(block.time_ms.size(), 500u);
  EXPECT_EQ(block.type_codes.size(), 500u);
  EXPECT_TRUE(block.sequence.empty() && block.extra_data.empty());
  read({SegmentColumn::kClientSeq});
  EXPECT_EQ(built.files.fetched.size(), 3u);  // and the flags, and the types that foretell them
  EXPECT_TRUE(block.time_ms.empty());
  read({ColumnOf(Field::kTabId), SegmentColumn::kPositionY});
  EXPECT_EQ(built.files.fetched.size(), 2u);  // no row has them; the flags and types
}

TEST(SegmentTest, WhatOtherColumnsForetellTakesFewBytes) {
  const Built built = Build(GuidedBatch(16'000));
  const auto bytes = [&](SegmentColumn column) {
    return built.files.chunks.at({column, 0}).size();
  };
  EXPECT_LT(bytes(ColumnOf(Field::kPageTitle)), 40u);
  EXPECT_LT(bytes(SegmentColumn::kFlags), 40u);
  EXPECT_LT(bytes(ColumnOf(Field::kElement)), 16'000u / 3 * 4 / 8 + 40);
  EXPECT_LT(bytes(SegmentColumn::kPositionX), 16'000u / 3 * 6 / 8 + 40);
  EXPECT_LT(bytes(SegmentColumn::kTime), 16'000u * 17 / 8);
}

TEST(SegmentTest, EveryFlippedByteIsNoticed) {
  const Built built = Build(SmallBatch(), {.block_rows = 4});
  std::vector<TwinRow> rows;
  for (const auto& [key, chunk] : built.files.chunks) {
    for (std::size_t at = 0; at < chunk.size(); ++at) {
      SegmentFiles damaged = built.files;
      damaged.chunks[key][at] = static_cast<char>(chunk[at] ^ 0x10);
      const Status status = ReadRows(kKey, kSeed, &damaged, &rows);
      ASSERT_EQ(status.code(), StatusCode::kDataLoss);
      ASSERT_NE(status.message().find("day 2024-10-04, segment 12, column " +
                                      std::string(ColumnName(key.first))),
                std::string::npos)
          << status.message();
    }
    SegmentFiles cut = built.files;
    cut.chunks[key].pop_back();
    EXPECT_EQ(ReadRows(kKey, kSeed, &cut, &rows).code(), StatusCode::kDataLoss);
    cut.chunks.erase(key);
    EXPECT_EQ(ReadRows(kKey, kSeed, &cut, &rows).code(), StatusCode::kDataLoss);
  }
}

TEST(SegmentTest, AChunkUnderAnotherKeyIsNoticed) {
  Built built = Build(LargeBatch(40, 40), {.block_rows = 20});
  const SegmentReader reader = *SegmentReader::Open(kKey, built.files.Meta());
  ReadScratch scratch;
  SegmentBlock block;
  auto& chunks = built.files.chunks;
  chunks[{SegmentColumn::kTime, 1}] = chunks[{SegmentColumn::kTime, 0}];
  const Status status = reader.ReadBlock(1, {SegmentColumn::kTime}, &built.files, &scratch, &block);
  EXPECT_EQ(status.message(), "day 2024-10-04, segment 12, column time, block 1: wrong checksum");
  EXPECT_EQ(block.rows, 0u);
  chunks[{SegmentColumn::kSequence, 0}] = chunks[{SegmentColumn::kTime, 0}];
  EXPECT_FALSE(
      reader.ReadBlock(0, {SegmentColumn::kSequence}, &built.files, &scratch, &block).ok());
  for (const SegmentKey& other : {SegmentKey{20'001, 12}, SegmentKey{20'000, 13}}) {
    EXPECT_FALSE(SegmentReader::Open(other, built.files.Meta()).ok());
  }
}

TEST(SegmentTest, AnUnknownEncodingIsOfANewerVersion) {
  const Built built = Build(GuidedBatch(2'000));
  ASSERT_TRUE(built.files.chunks.contains({ColumnOf(Field::kPageUrl), kDictionaryBlock}));
  ASSERT_TRUE(built.files.chunks.contains({ColumnOf(Field::kPageTitle), kTitlesBlock}));
  for (const auto& [key, chunk] : built.files.chunks) {
    SegmentFiles files = built.files;
    files.chunks[key][0] = 9;
    files.Reseal(kKey);
    std::vector<TwinRow> rows;
    const Status status = ReadRows(kKey, kSeed, &files, &rows);
    const bool is_meta = key.first == SegmentColumn::kMeta;
    EXPECT_EQ(status.code(), is_meta ? StatusCode::kFailedPrecondition : StatusCode::kDataLoss);
    EXPECT_NE(status.message().find(std::string(ColumnName(key.first)) + ", "), std::string::npos);
    EXPECT_NE(status.message().find("written by a newer version"), std::string::npos)
        << status.message();
  }
}

TEST(SegmentTest, AnErrorOfTheSinkEndsTheBuild) {
  class Full final : public ChunkSink {
    Status Write(SegmentColumn, std::uint32_t, std::string_view) override {
      return ++writes_ < 5 ? Status::Ok() : ResourceExhausted("full");
    }
    int writes_ = 0;
  };
  Full sink;
  SegmentMeta meta;
  SegmentBuilder builder(kKey, kSeed);
  ASSERT_TRUE(builder.Add(SmallBatch(), 1).ok());
  EXPECT_EQ(builder.Finish(&sink, &meta).code(), StatusCode::kResourceExhausted);
}

template <typename T>
void ExpectPatchedComesBack(const std::vector<T>& values, std::size_t bytes_max) {
  PatchScratch scratch;
  std::string out;
  PutPatched<T>(&out, values, &scratch);
  EXPECT_LE(out.size(), bytes_max);
  ByteReader in(out);
  std::vector<T> read(values.size());
  ASSERT_TRUE(GetPatched<T>(&in, read, &scratch));
  EXPECT_EQ(read, values);
  EXPECT_TRUE(in.empty());
  std::vector<T> steps;
  out.clear();
  PutSteps<T>(&out, values, &steps, &scratch);
  in = ByteReader(out);
  std::vector<T> taken(values.size());
  ASSERT_TRUE(TakeSteps<T>(&in, steps, &scratch, [&](std::size_t i, T v) { taken[i] = v; }));
  EXPECT_EQ(taken, values);
}

TEST(PatchedIntsTest, EveryWidthComesBack) {
  ExpectPatchedComesBack<std::uint8_t>({}, 0);
  ExpectPatchedComesBack<std::uint8_t>({255, 0, 1}, 10);
  ExpectPatchedComesBack<std::uint64_t>({0, UINT64_MAX, 0, UINT64_MAX}, 40);
  ExpectPatchedComesBack<std::uint32_t>({UINT32_MAX, 0, 5}, 20);
  std::vector<std::uint32_t> few(1'000, 3);
  few[0] = 2;
  few[999] = UINT32_MAX;
  ExpectPatchedComesBack(few, 140);
  for (int bits = 0; bits < 64; ++bits) {
    ExpectPatchedComesBack<std::uint64_t>({7, 7 + (std::uint64_t{1} << bits), 8}, 50);
    std::vector<std::uint64_t> outlier(300, std::uint64_t{1} << (bits / 2));
    outlier[17] += std::uint64_t{1} << bits;
    ExpectPatchedComesBack(outlier, 60);
  }
}

// Files that this and earlier versions wrote. INSIGHTFLOW_GOLDEN_WRITE=1 writes those of a new
// version of the format, beside the old ones, which stay as they are.
class SegmentGoldenTest : public ::testing::TestWithParam<const char*> {
 protected:
  std::filesystem::path Path(const std::string& extension) const {
    return std::filesystem::path(INSIGHTFLOW_SOURCE_DIR) / "tests/golden/formats" /
           (std::string("segment-") + GetParam() + extension);
  }
  static std::string Read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Built Segment() const {
    const std::string name = std::string(GetParam()).substr(3);
    return name == "bare"         ? Build(BareBatch())
           : name == "small"      ? Build(SmallBatch(), {.block_rows = 4})
           : name == "properties" ? Build(PropertiesBatch(), {.block_rows = 400})
           : name == "guided"     ? Build(GuidedBatch(400), {.block_rows = 200})
                                  : Build(LargeBatch(300, 40), {.block_rows = 128});
  }
};

TEST_P(SegmentGoldenTest, StaysReadable) {
  Built built = Segment();
  const bool newest = std::string_view(GetParam()).starts_with("v3-");
  if (newest && std::getenv("INSIGHTFLOW_GOLDEN_WRITE") != nullptr) {
    std::vector<TwinRow> rows;
    ASSERT_TRUE(ReadRows(kKey, kSeed, &built.files, &rows).ok());
    std::ofstream(Path(".bin"), std::ios::binary) << built.files.Joined();
    std::ofstream(Path(".txt"), std::ios::binary) << Describe(rows);
  }
  SegmentFiles files = SegmentFiles::Split(Read(Path(".bin")));
  ASSERT_FALSE(files.chunks.empty()) << Path(".bin") << " is missing";
  std::vector<TwinRow> rows;
  const Status status = ReadRows(kKey, kSeed, &files, &rows);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(Describe(rows), Read(Path(".txt")));
  // What Zstandard makes of chunks is its version's business; others have such.
  const std::string_view name = GetParam();
  if (name == "v1-bare" || name == "v3-small") {
    EXPECT_EQ(built.files.Joined(), files.Joined()) << "a new format needs a new version";
  }
}

INSTANTIATE_TEST_SUITE_P(Segments, SegmentGoldenTest,
                         ::testing::Values("v1-bare", "v1-small", "v1-large", "v2-properties",
                                           "v3-small", "v3-properties", "v3-guided"));

}  // namespace
}  // namespace insightflow
