// The bytes of the manifest and of receipts.
#include "lib/segments/segment_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "lib/base/coding.h"
#include "lib/base/hash.h"

namespace insightflow {
namespace {

using ::testing::HasSubstr;

SegmentManifest Manifest() {
  SegmentManifest manifest;
  manifest.next_id = 300;
  manifest.folded_sequence = 1'000'000'000'000;
  const std::int64_t begin = 20'000 * kDayMs;
  manifest.segments = {
      {{0, 7}, 1, 99, 3, 3, 5, 5},
      {{20'000, 2}, 262'144, 7'000'000, 4, 900'000'000'000, begin, begin + kDayMs - 1},
      {{20'000, 299}, kSegmentRowsMax, 1ull << 40, 5, 1'000'000'000'000, begin + 1, begin + 2}};
  return manifest;
}

Receipts SomeReceipts() {
  Receipts receipts;
  receipts.Add(1'000, 7, 1'700'000'000'000);
  receipts.Add(1'007, 1, 1'700'000'000'000);
  receipts.Add(1'008, 1'000'000, 1'700'000'000'001);
  receipts.Add(1'001'008, 1, 1'800'000'000'000);
  return receipts;
}

std::string Golden(const std::string& name, const std::string& bytes) {
  const auto path = std::filesystem::path(INSIGHTFLOW_SOURCE_DIR) / "tests/golden/formats" / name;
  if (std::getenv("INSIGHTFLOW_GOLDEN_WRITE") != nullptr) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// With version 9 and a checksum that matches.
std::string Newer(std::string bytes) {
  bytes[0] = 9;
  bytes.resize(bytes.size() - sizeof(std::uint64_t));
  PutFixed(&bytes, HashBytes(bytes, 1));
  return bytes;
}

template <typename T>
void ExpectRefusesDamage(const std::string& bytes, Status (*decode)(std::string_view, T*)) {
  T value;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = bytes;
      bad[i] = static_cast<char>(bad[i] ^ 1 << bit);
      EXPECT_EQ(decode(bad, &value).code(), StatusCode::kDataLoss) << i << ", " << bit;
    }
    EXPECT_EQ(decode(std::string_view(bytes).substr(0, i), &value).code(), StatusCode::kDataLoss);
  }
  const Status newer = decode(Newer(bytes), &value);
  EXPECT_EQ(newer.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(newer.message(), HasSubstr("version 9"));
}

SegmentManifest WithErasures() {
  SegmentManifest manifest = Manifest();
  manifest.last_erasure = 1'000;
  manifest.erasures = {{1, 0xfedcba9876543210, 17, "u1"},
                       {999, 5, 1'000'000'000'000, std::string(64, 'x')},
                       {1'000, 0, 3, "\xe5\x90\x8d"}};
  return manifest;
}

std::string ReadGolden(const std::string& name) {
  const auto path = std::filesystem::path(INSIGHTFLOW_SOURCE_DIR) / "tests/golden/formats" / name;
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(SegmentManifest, AnOldOneIsRead) {
  SegmentManifest manifest;
  ASSERT_TRUE(DecodeManifest(ReadGolden("segment-manifest-v1.bin"), &manifest).ok());
  EXPECT_EQ(manifest, Manifest());
}

TEST(SegmentManifest, ComesBack) {
  const std::string bytes = EncodeManifest(WithErasures());
  EXPECT_EQ(Golden("segment-manifest-v2.bin", bytes), bytes);
  SegmentManifest manifest;
  ASSERT_TRUE(DecodeManifest(bytes, &manifest).ok());
  EXPECT_EQ(manifest, WithErasures());
  ASSERT_TRUE(DecodeManifest(EncodeManifest(Manifest()), &manifest).ok());
  EXPECT_EQ(manifest, Manifest());
  ASSERT_TRUE(DecodeManifest(EncodeManifest({}), &manifest).ok());
  EXPECT_EQ(manifest, SegmentManifest());
  ExpectRefusesDamage(bytes, DecodeManifest);
}

TEST(SegmentManifest, RefusesWhatCannotBe) {
  const auto refused = [](const SegmentManifest& manifest) {
    SegmentManifest decoded;
    return DecodeManifest(EncodeManifest(manifest), &decoded).code() == StatusCode::kDataLoss;
  };
  SegmentManifest manifest = Manifest();
  std::swap(manifest.segments[1], manifest.segments[2]);
  EXPECT_TRUE(refused(manifest)) << "not in order";
  manifest = Manifest();
  manifest.next_id = 299;
  EXPECT_TRUE(refused(manifest)) << "an id that would be given again";
  manifest = Manifest();
  manifest.folded_sequence = 10;
  EXPECT_TRUE(refused(manifest)) << "rows of the log's rest";
  manifest = Manifest();
  manifest.segments[0].rows = 0;
  EXPECT_TRUE(refused(manifest));
}

TEST(Receipts, ComeBack) {
  const std::string bytes = EncodeReceipts(SomeReceipts());
  EXPECT_EQ(Golden("segment-receipts-v1.bin", bytes), bytes);
  Receipts receipts;
  ASSERT_TRUE(DecodeReceipts(bytes, &receipts).ok());
  EXPECT_EQ(receipts, SomeReceipts());
  EXPECT_EQ(receipts.list.size(), 3u) << "entries received together share one";
  EXPECT_EQ(receipts.end_sequence, 1'001'009u);
  ExpectRefusesDamage(bytes, DecodeReceipts);
}

}  // namespace
}  // namespace insightflow
