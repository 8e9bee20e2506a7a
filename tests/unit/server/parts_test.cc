#include "server/app/parts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/random_cases.h"

namespace insightflow::server {
namespace {

// Hands out `text`, at most `step` bytes a call.
Importer::ReadFunction Reader(std::string_view text, std::size_t step) {
  return [text, step](char* buffer, std::size_t size) mutable -> Result<std::size_t> {
    const std::size_t taken = text.copy(buffer, std::min(size, step));
    text.remove_prefix(taken);
    return taken;
  };
}

std::vector<ImportPart> Cut(std::string_view text, ImportFormat format, std::size_t part_bytes,
                            std::size_t step = 1000) {
  PartCutter cutter(format, part_bytes);
  const Importer::ReadFunction read = Reader(text, step);
  std::vector<ImportPart> parts;
  ImportPart part;
  while (true) {
    const Result<bool> more = cutter.Next(read, &part);
    EXPECT_TRUE(more.ok());
    if (!more.ok() || !*more) return parts;
    parts.push_back(part);
  }
}

std::uint64_t Newlines(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Parts, CutBehindLines) {
  const auto parts = Cut("aa\nbb\ncc\nd", ImportFormat::kNdjson, 7);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].body, "aa\nbb\n");
  EXPECT_EQ(parts[0].first_line, 1u);
  EXPECT_EQ(parts[1].body, "cc\nd");
  EXPECT_EQ(parts[1].first_line, 3u);
}

TEST(Parts, ASmallOrEmptyFileIsOnePart) {
  EXPECT_EQ(Cut("", ImportFormat::kCsv, 10).size(), 1u);
  EXPECT_EQ(Cut("", ImportFormat::kNdjson, 10).at(0).body, "");
  const auto exact = Cut("12345678\n", ImportFormat::kNdjson, 9);
  ASSERT_EQ(exact.size(), 1u);
  EXPECT_EQ(exact[0].body, "12345678\n");
}

TEST(Parts, CsvRepeatsItsHeaderAndKeepsRecordsWhole) {
  const std::string header = "h,\"h\n2\"\n";
  const std::string first = "1,\"a\nb\"\n";
  const std::string rest = "2,\"c\"\"\nd\"\n3,e\n";
  const auto parts = Cut(header + first + rest, ImportFormat::kCsv, 18);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].body, header + first);
  EXPECT_EQ(parts[0].first_line, 1u);
  EXPECT_EQ(parts[1].body, header + rest);
  EXPECT_EQ(parts[1].first_line, 3u) << "line 3 of the body is line 5 of the file";
}

TEST(Parts, WholeCsvRecordsEndBehindTheirNewlines) {
  EXPECT_EQ(WholeCsvRecords(""), 0u);
  EXPECT_EQ(WholeCsvRecords("a,b"), 0u);
  EXPECT_EQ(WholeCsvRecords("a,b\nc"), 4u);
  EXPECT_EQ(WholeCsvRecords("a\nb\n", 1), 2u);
  EXPECT_EQ(WholeCsvRecords("\"a\nb\""), 0u);
  EXPECT_EQ(WholeCsvRecords("\"a\"\"\n\"\n\n"), 8u);
  EXPECT_EQ(WholeCsvRecords("a\"b\nc\n"), 6u) << "a quote within a cell is a letter";
  EXPECT_EQ(WholeCsvRecords("\"a\"\r\n"), 5u);
}

TEST(Parts, ALineThatIsLongerThanAPartIsCut) {
  const auto parts = Cut("1234567890\nab\n", ImportFormat::kNdjson, 4);
  std::string all;
  for (const ImportPart& part : parts) {
    EXPECT_LE(part.body.size(), 4u);
    all += part.body;
  }
  EXPECT_EQ(all, "1234567890\nab\n");
  EXPECT_EQ(Cut("h\n\"never closed\n1\n2\n", ImportFormat::kCsv, 8).at(0).body, "h\n");
}

TEST(Parts, DependOnTheBytesAloneAndStayWhenTheFileGrows) {
  testing::Random random(testing::RandomSeed());
  for (int i = testing::RandomCases(300); i > 0; --i) {
    const auto format = random.OneIn(2) ? ImportFormat::kCsv : ImportFormat::kNdjson;
    std::string text;
    for (std::int64_t n = random.Below(200); n > 0; --n) text += "ab,\"\n\n"[random.Below(6)];
    const auto part_bytes = static_cast<std::size_t>(random.Between(1, 60));
    const auto parts =
        Cut(text, format, part_bytes, static_cast<std::size_t>(random.Between(1, 9)));
    const auto again = Cut(text, format, part_bytes);
    const auto grown = Cut(text + "x\ny\n", format, part_bytes);
    const std::size_t header =
        format == ImportFormat::kCsv ? WholeCsvRecords(text.substr(0, part_bytes), 1) : 0;
    std::string all;
    ASSERT_EQ(parts.size(), again.size());
    for (std::size_t p = 0; p < parts.size(); ++p) {
      EXPECT_EQ(parts[p].body, again[p].body);
      if (p + 1 < parts.size()) {
        EXPECT_EQ(parts[p].body, grown.at(p).body);
      }
      const std::uint64_t lines_before =
          Newlines(all) - (p == 0 ? 0 : Newlines(all.substr(0, header)));
      EXPECT_EQ(parts[p].first_line, 1 + lines_before);
      all += p == 0 ? parts[p].body : parts[p].body.substr(header);
    }
    EXPECT_EQ(all, text);
  }
}

TEST(Parts, AnErrorOfTheFileComesBack) {
  PartCutter cutter(ImportFormat::kNdjson, 4);
  ImportPart part;
  const auto fails = [](char*, std::size_t) -> Result<std::size_t> { return DataLoss("torn"); };
  EXPECT_EQ(cutter.Next(fails, &part).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace insightflow::server
