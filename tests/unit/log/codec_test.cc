#include "lib/log/codec.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lib/base/packed_ints.h"
#include "lib/log/record_format.h"
#include "lib/model/event_id_form.h"
#include "tests/reference/random_batch.h"
#include "tests/reference/reseal_record.h"

namespace insightflow {
namespace {

using testing::FirstDifference;

constexpr std::uint64_t kSeed = 5;

std::string Encode(const EventBatch& batch) {
  std::string record;
  EncodeRecord(batch, &record);
  return record;
}

// Every field, every form of id, rows without anything.
EventBatch SmallBatch() {
  EventBatch batch;
  const std::vector<std::string> ids = {"0123456789abcdef0123456789abcdef",
                                        "018f3c2e-7a11-7c3d-9e2f-0a1b2c3d4e5f",
                                        "order-42",
                                        "",
                                        "",
                                        "0123456789ABCDEF0123456789ABCDEF"};
  for (std::size_t row = 0; row < ids.size(); ++row) {
    batch.PushRow(1'700'000'000'000 + static_cast<std::int64_t>(row * row) - 3);
    for (std::size_t f = 0; f < kFieldCount; ++f) {
      if (row % 3 != 2) {
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

EventBatch LargeBatch(std::size_t rows = 1'000) {
  EventBatch batch;
  for (std::size_t row = 0; row < rows; ++row) {
    batch.PushRow(1'700'000'000'000 + static_cast<std::int64_t>(row * 3));
    batch.column(Field::kUserId).Set(row, "user" + std::to_string(row * row % 311));
    batch.column(Field::kEventType).Set(row, row % 5 == 0 ? "click" : "view");
    batch.column(Field::kPageUrl).Set(row, "/page/" + std::to_string(row));
    const std::string id = std::to_string(row) + std::string(32 - std::to_string(row).size(), 'e');
    batch.event_id.Set(row, id);
    batch.keys[row] = EventIdKey(id, kSeed);
    batch.extra_data.Set(row, "{\"n\":" + std::to_string(row) + "}");
    if (row % 4 == 0) batch.SetPositionX(static_cast<std::int32_t>(row));
    batch.SetClientSeq(row + 100);
  }
  return batch;
}

// Columns whose entries are packed: an even and an odd count of digits, UUIDs, a few distinct.
EventBatch IdsBatch(std::size_t rows = 40) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  EventBatch batch;
  for (std::size_t row = 0; row < rows; ++row) {
    batch.PushRow(1'700'000'000'000);
    char text[64];
    const auto set = [&](Field field, const char* format, auto... values) {
      std::snprintf(text, sizeof text, format, values...);
      batch.column(field).Set(row, text);
    };
    const unsigned long long mixed = (row + 1) * kOdd;
    set(Field::kSessionId, "%016llx", mixed);
    set(Field::kUserId, "user-%05llu", mixed % 100'000);
    set(Field::kTabId, "%08llx-0000-7000-8000-00000000%04llx", mixed >> 32, mixed & 0xffff);
    set(Field::kPageTitle, "Product %06llx", mixed % 20 << 16 | 0x1234);
  }
  return batch;
}

// Properties of a few shapes, with numbers of every form, and rows without any.
EventBatch PropertiesBatch(std::size_t rows = 300) {
  EventBatch batch;
  for (std::size_t row = 0; row < rows; ++row) {
    batch.PushRow(1'700'000'000'000);
    if (row % 7 == 0) continue;
    const std::string n = std::to_string(row * row % 977);
    const std::string country = row % 3 == 0 ? "CN" : "DE";
    std::string text = R"({"country":")" + country + R"(","load_ms":)" + n;
    if (row % 4 == 0) text += R"(,"price":)" + n + ".0" + std::to_string(row % 10);
    if (row % 5 == 0) text += R"(,"at":170000000)" + std::to_string(1'000 + row);
    if (row == 100) text += R"(,"order":"00000000000001234567890123456789")";
    batch.extra_data.Set(row, text + "}");
  }
  return batch;
}

EventBatch BareBatch() {
  EventBatch batch;
  batch.PushRow(std::numeric_limits<std::int64_t>::min());
  return batch;
}

void ExpectComesBack(const EventBatch& batch) {
  const std::string record = Encode(batch);
  EventBatch decoded;
  const Status status = DecodeRecord(record, {}, kSeed, &decoded);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(FirstDifference(batch, decoded), "");
}

TEST(CodecTest, BatchesComeBack) {
  ExpectComesBack(BareBatch());
  ExpectComesBack(SmallBatch());
  ExpectComesBack(PropertiesBatch());
  ExpectComesBack(LargeBatch());
  ExpectComesBack(IdsBatch());
}

TEST(CodecTest, AppendsToWhatIsThere) {
  std::string record = "before";
  EncodeRecord(SmallBatch(), &record);
  EXPECT_EQ(record, "before" + Encode(SmallBatch()));
}

TEST(CodecTest, LongestValuesComeBack) {
  EventBatch batch;
  for (std::size_t row = 0; row < 3; ++row) {
    batch.PushRow(1);
    for (std::size_t f = 0; f < kFieldCount; ++f) {
      batch.text[f].Set(row, std::string(kFieldRules[f].bytes_max, static_cast<char>('a' + row)));
    }
    batch.event_id.Set(row, std::string(kEventIdBytesMax, static_cast<char>('0' + row)));
    batch.keys[row] = EventIdKey(batch.event_id.At(row), kSeed);
    batch.extra_data.Set(row, std::string(kExtraDataBytesMax, '{'));
  }
  ExpectComesBack(batch);
}

TEST(CodecTest, ManyRowsAndWideCodesComeBack) {
  EventBatch batch;
  for (std::size_t row = 0; row < 100'000; ++row) {
    batch.PushRow(static_cast<std::int64_t>(row * 7'919 % 100'000));
    batch.column(Field::kUserId).Set(row, std::to_string(row * 31 % 70'000));
  }
  ExpectComesBack(batch);
}

TEST(CodecTest, PartsAreIndependent) {
  const EventBatch batch = SmallBatch();
  const std::string record = Encode(batch);
  EventBatch decoded;
  ASSERT_TRUE(DecodeRecord(record, {true, false, false}, kSeed, &decoded).ok());
  EXPECT_EQ(decoded.rows, batch.rows);
  EXPECT_EQ(decoded.time_ms, batch.time_ms);
  EXPECT_TRUE(decoded.event_id.empty() && decoded.extra_data.empty());
  EXPECT_EQ(decoded.keys, std::vector<Hash128>(batch.rows));

  ASSERT_TRUE(DecodeRecord(record, {false, true, false}, kSeed, &decoded).ok());
  EXPECT_EQ(decoded.keys, batch.keys);
  EXPECT_EQ(decoded.event_id.At(2), "order-42");
  EXPECT_EQ(decoded.time_ms, std::vector<std::int64_t>(batch.rows));
  EXPECT_TRUE(decoded.column(Field::kUserId).empty());

  ASSERT_TRUE(DecodeRecord(record, {false, false, true}, kSeed, &decoded).ok());
  EXPECT_EQ(decoded.extra_data.At(1), R"({"price":9.5})");
  EXPECT_TRUE(decoded.event_id.empty());
}

TEST(CodecTest, KeysOfIdsFollowTheSeed) {
  EventBatch decoded;
  ASSERT_TRUE(DecodeRecord(Encode(SmallBatch()), {}, kSeed + 1, &decoded).ok());
  EXPECT_EQ(decoded.keys[2], EventIdKey("order-42", kSeed + 1));
  EXPECT_EQ(decoded.keys[3], (Hash128{11, 22}));
  EXPECT_EQ(decoded.keys[4], Hash128{});
}

TEST(CodecTest, ADifferentPartDamagedDoesNotStopAReader) {
  std::string record = Encode(LargeBatch());
  record.back() = static_cast<char>(record.back() ^ 1);  // in extra_data
  EventBatch decoded;
  EXPECT_TRUE(DecodeRecord(record, {true, true, false}, kSeed, &decoded).ok());
  EXPECT_EQ(DecodeRecord(record, {}, kSeed, &decoded).code(), StatusCode::kDataLoss);
  EXPECT_EQ(VerifyRecord(record).code(), StatusCode::kDataLoss);
}

TEST(CodecTest, RowsComeFromTheHeader) {
  EXPECT_EQ(RecordRows(Encode(LargeBatch())).value(), 1'000u);
  for (const std::string& bytes : {std::string(), std::string("\1"), std::string(64, '\0'),
                                   std::string(64, '\1'), std::string(1'000, '\xff')}) {
    EXPECT_EQ(RecordRows(bytes).status().code(), StatusCode::kDataLoss);
  }
}

TEST(CodecTest, UnusedEntriesAreNotStored) {
  EventBatch batch = SmallBatch();
  const std::string record = Encode(batch);
  for (int i = 0; i < 1'000; ++i) batch.column(Field::kUserId).Intern(std::to_string(i));
  EXPECT_EQ(Encode(batch), record);
}

TEST(CodecTest, IdsInHexTakeSixteenBytes) {
  EventBatch batch = LargeBatch();
  const std::size_t with_ids = Encode(batch).size();
  batch.event_id.Clear();
  batch.keys.assign(batch.rows, Hash128{});
  EXPECT_LT(with_ids - Encode(batch).size(), 16'004u);
}

TEST(CodecTest, PropertiesTakeTheirNumbersOnly) {
  EventBatch batch = PropertiesBatch(5'000);
  const std::size_t with_properties = Encode(batch).size();
  batch.extra_data.Clear();
  EXPECT_LT(with_properties - Encode(batch).size(), 5'000u * 5);
}

TEST(CodecTest, SequencesCostNothing) {
  EventBatch batch;
  for (std::size_t row = 0; row < 1'000; ++row) {
    batch.PushRow(1'700'000'000'000 + static_cast<std::int64_t>(row));
    batch.SetClientSeq(row);
  }
  EXPECT_LT(Encode(batch).size(), 200u);
}

// The header and the counts of a sealed record may lie.
TEST(CodecTest, HostileSizesAreRefused) {
  const std::string record = Encode(LargeBatch());
  EventBatch decoded;
  const auto refused = [&](const std::function<void(RecordHeader*)>& change) {
    std::string hostile = record;
    RecordHeader header;
    std::memcpy(&header, hostile.data(), sizeof header);
    change(&header);
    std::memcpy(hostile.data(), &header, sizeof header);
    testing::ResealRecord(&hostile);
    return DecodeRecord(hostile, {}, kSeed, &decoded).code() == StatusCode::kDataLoss &&
           decoded.rows == 0;
  };
  EXPECT_FALSE(refused([](RecordHeader*) {}));
  for (const int version : {0, 1, 2, kRecordVersion + 1, 255}) {
    EXPECT_TRUE(refused([&](RecordHeader* h) { h->version = static_cast<std::uint8_t>(version); }));
  }
  EXPECT_TRUE(refused([](RecordHeader* h) { h->reserved = 1; }));
  EXPECT_TRUE(refused([](RecordHeader* h) { h->compressed |= 8; }));
  EXPECT_TRUE(refused([](RecordHeader* h) { h->compressed ^= 1; }));
  for (const std::uint32_t rows : {0u, 1u, 999u, 1'001u, kRecordRowsMax, 1u << 31, UINT32_MAX}) {
    EXPECT_TRUE(refused([&](RecordHeader* h) { h->rows = rows; })) << rows;
  }
  for (std::size_t s = 0; s < kRecordSections; ++s) {
    for (const std::uint32_t bytes : {0u, 2u, 1'000'000u, 1u << 30, UINT32_MAX}) {
      EXPECT_TRUE(refused([&](RecordHeader* h) { h->sections[s].raw_bytes = bytes; }));
      EXPECT_TRUE(refused([&](RecordHeader* h) { h->sections[s].stored_bytes = bytes; }));
    }
  }
}

// Whatever one byte behind the checksums becomes, the answer is rows or kDataLoss.
TEST(CodecTest, AnySealedByteIsSafe) {
  const std::string record = Encode(SmallBatch());
  EventBatch decoded;
  for (std::size_t at = 0; at < record.size(); ++at) {
    for (const int value : {0x00, 0x01, 0x04, 0x7f, 0x80, 0xff}) {
      std::string hostile = record;
      hostile[at] = static_cast<char>(value);
      testing::ResealRecord(&hostile);
      const Status status = DecodeRecord(hostile, {}, kSeed, &decoded);
      if (!status.ok()) {
        ASSERT_EQ(status.code(), StatusCode::kDataLoss);
        continue;
      }
      for (std::size_t row = 0; row < decoded.rows; ++row) testing::DescribeRow(decoded, row);
    }
  }
}

TEST(CodecTest, ThreadsDoNotShareScratch) {
  const EventBatch large = LargeBatch();
  const std::string record = Encode(large);
  std::vector<std::thread> threads;
  std::vector<std::string> wrong(4);
  for (std::string& result : wrong) {
    threads.emplace_back([&] {
      EventBatch decoded;
      for (int i = 0; i < 20; ++i) {
        if (Encode(large) != record) result = "bytes differ";
        if (!DecodeRecord(record, {}, kSeed, &decoded).ok()) result = "not decoded";
      }
      if (result.empty()) result = FirstDifference(large, decoded);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& result : wrong) EXPECT_EQ(result, "");
}

TEST(EventIdFormTest, OnlyExactFormsArePacked) {
  std::uint8_t packed[kPackedIdBytes];
  const std::string hex = "00112233445566778899aabbccddeeff";
  const std::string uuid = "00112233-4455-6677-8899-aabbccddeeff";
  EXPECT_EQ(PackEventId(hex, packed), EventIdForm::kHex);
  char text[kUuidBytes];
  UnpackHexId(packed, text);
  EXPECT_EQ(std::string_view(text, kHexIdBytes), hex);
  EXPECT_EQ(PackEventId(uuid, packed), EventIdForm::kUuid);
  UnpackUuid(packed, text);
  EXPECT_EQ(std::string_view(text, kUuidBytes), uuid);
  for (std::size_t at = 0; at < uuid.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
      std::string changed = uuid;
      changed[at] = static_cast<char>(c);
      const bool right = uuid[at] == '-' ? c == '-' : digit;
      ASSERT_EQ(PackEventId(changed, packed) == EventIdForm::kUuid, right) << changed;
      if (at >= hex.size()) continue;
      changed = hex;
      changed[at] = static_cast<char>(c);
      ASSERT_EQ(PackEventId(changed, packed) == EventIdForm::kHex, digit) << changed;
    }
  }
  EXPECT_EQ(PackEventId(hex.substr(1), packed), EventIdForm::kText);
  EXPECT_EQ(PackEventId(uuid + "0", packed), EventIdForm::kText);
}

template <typename T>
void ExpectIntsComeBack(const std::vector<T>& values, std::size_t bytes_max) {
  std::string out;
  PutInts<T>(&out, values, true);
  EXPECT_LE(out.size(), bytes_max);
  ByteReader in(out);
  std::vector<T> read;
  ASSERT_TRUE(GetInts(&in, values.size(), &read));
  EXPECT_EQ(read, values);
  EXPECT_TRUE(in.empty());
}

TEST(PackedIntsTest, EveryWidthComesBack) {
  ExpectIntsComeBack<std::uint64_t>({}, 0);
  ExpectIntsComeBack<std::uint64_t>({UINT64_MAX}, 11);
  ExpectIntsComeBack<std::uint64_t>({0, UINT64_MAX, 0, UINT64_MAX}, 40);
  ExpectIntsComeBack<std::uint32_t>({UINT32_MAX, 0, 5, 1u << 31}, 22);
  ExpectIntsComeBack<std::uint32_t>(std::vector<std::uint32_t>(1'000, 9), 2);
  std::vector<std::uint64_t> rising(1'000);
  for (std::size_t i = 0; i < rising.size(); ++i) rising[i] = (std::uint64_t{1} << 40) + i * 1'000;
  ExpectIntsComeBack<std::uint64_t>(rising, 10);
  for (int bits = 0; bits < 64; ++bits) {
    ExpectIntsComeBack<std::uint64_t>({7, 7 + (std::uint64_t{1} << bits), 8}, 40);
  }
}

TEST(PackedIntsTest, SmallRangesTakeBits) {
  for (std::size_t n = 1; n < 40; ++n) {
    for (const auto& [range, bits] : {std::pair{1u, 1u},
                                      {3u, 2u},
                                      {4u, 4u},
                                      {15u, 4u},
                                      {16u, 8u},
                                      {0x1ffu, 9u},
                                      {0xfffu, 12u},
                                      {0x1fffu, 16u}}) {
      std::vector<std::uint32_t> values(n, 1000);
      for (std::size_t i = 0; i < n; ++i) values[i] += static_cast<std::uint32_t>(i * i) % range;
      values.front() = 1000;
      values.back() = 1000 + range;
      ExpectIntsComeBack<std::uint32_t>(values, 4 + (bits * n + 7) / 8 + bits / 9);
    }
  }
}

TEST(PackedIntsTest, AFillingThatIsSetIsRefused) {
  std::vector<std::uint32_t> read;
  for (const std::string_view bytes : {std::string_view("\x10\0\x0f", 3), {"\x10\0\x07", 3}}) {
    ByteReader in(bytes);
    EXPECT_EQ(GetInts(&in, 3, &read), bytes[2] == 7);
  }
}

// Files that this and earlier versions wrote. INSIGHTFLOW_GOLDEN_WRITE=1 writes those of a new
// version of the format, beside the old ones, which stay as they are.
constexpr std::string_view kNewestGolden = "v3-";

class GoldenTest : public ::testing::TestWithParam<const char*> {
 protected:
  std::filesystem::path Path(const std::string& extension) const {
    return std::filesystem::path(INSIGHTFLOW_SOURCE_DIR) / "tests/golden/formats" /
           (std::string("record-") + GetParam() + extension);
  }
  static std::string Read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  EventBatch Batch() const {
    const std::string name = std::string(GetParam()).substr(kNewestGolden.size());
    return name == "bare"         ? BareBatch()
           : name == "small"      ? SmallBatch()
           : name == "ids"        ? IdsBatch()
           : name == "properties" ? PropertiesBatch()
                                  : LargeBatch(100);
  }
  static std::string Describe(const EventBatch& batch) {
    std::string text;
    for (std::size_t row = 0; row < batch.rows; ++row) {
      text += testing::DescribeRow(batch, row) + '\n';
    }
    return text;
  }
};

TEST_P(GoldenTest, StaysReadable) {
  const bool newest = std::string_view(GetParam()).starts_with(kNewestGolden);
  if (newest && std::getenv("INSIGHTFLOW_GOLDEN_WRITE") != nullptr) {
    std::ofstream(Path(".bin"), std::ios::binary) << Encode(Batch());
    std::ofstream(Path(".txt"), std::ios::binary) << Describe(Batch());
  }
  const std::string record = Read(Path(".bin"));
  ASSERT_FALSE(record.empty()) << Path(".bin") << " is missing";
  EventBatch decoded;
  const Status status = DecodeRecord(record, {}, kSeed, &decoded);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(Describe(decoded), Read(Path(".txt")));
  if (newest) {
    EXPECT_EQ(Encode(Batch()), record) << "a new format needs a new version";
  }
}

INSTANTIATE_TEST_SUITE_P(Records, GoldenTest,
                         ::testing::Values("v1-bare", "v1-small", "v1-large", "v2-bare", "v2-small",
                                           "v2-large", "v2-ids", "v3-bare", "v3-small", "v3-large",
                                           "v3-ids", "v3-properties"));

}  // namespace
}  // namespace insightflow
