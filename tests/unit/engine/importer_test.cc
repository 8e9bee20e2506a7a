#include "insightflow/importer.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include "lib/engine/tuned_engine.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

class ImporterTest : public testing::Test {
 protected:
  ImporterTest() {
    options_.data_dir = dir_.path();
    options_.dedupe_bytes_max = 16u << 20;
    engine_ = *Engine::Open(options_);
  }

  Result<IngestResult> Import(const ImportOptions& options, std::string_view text,
                              std::size_t chunk = 1 << 16) {
    auto importer = Importer::Create(*engine_, options);
    if (!importer.ok()) return importer.status();
    for (std::size_t at = 0; at < text.size(); at += chunk) {
      if (Status status = (*importer)->Add(text.substr(at, chunk)); !status.ok()) return status;
    }
    return (*importer)->Finish();
  }

  static std::string Line(int i) {
    return R"({"user_id":"u)" + std::to_string(i % 7) + R"(","event_type":"view","page_url":"/)" +
           std::to_string(i % 5) + R"(","timestamp":)" + std::to_string(1'000 + i) + "}\n";
  }

  TempDir dir_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
};

// Lines are written as they come, and vouched for once at the end.
TEST_F(ImporterTest, EndsWhenAllIsOnTheDisk) {
  const auto fs = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(fs);
  EngineTuning tuning;
  tuning.env = env.get();
  engine_ = nullptr;
  engine_ = *TunedEngine::Open(options_, tuning);
  fs->Arm(Fault::kSync, 1'000, rocksdb::IOStatus::IOError("Input/output"));
  EXPECT_EQ(Import({}, Line(1))->accepted, 1u);
  EXPECT_LT(fs->calls_left(), 1'000) << "synced before Finish returned";
  fs->Arm(Fault::kSync, 0, rocksdb::IOStatus::IOError("Input/output"));
  EXPECT_EQ(Import({}, Line(1) + Line(2)).status().code(), StatusCode::kUnavailable);
  fs->Heal();
  engine_ = nullptr;
  engine_ = *Engine::Open(options_);
  EXPECT_EQ(Import({}, Line(1) + Line(2) + Line(3))->received, 3u);
  EXPECT_EQ(engine_->Totals().total, 3u);
}

TEST_F(ImporterTest, TakesAFileInParts) {
  const std::string first = Line(1) + "nonsense\n" + Line(2) + Line(1);
  const std::string second = "\xEF\xBB\xBF" + Line(3) + Line(1) + Line(2) + Line(1);
  ASSERT_EQ(Import({}, first + second)->accepted, 6u);
  auto importer = Importer::Create(*engine_, {});
  FileParts parts(ImportFormat::kNdjson);
  std::uint64_t line = 1;
  for (const std::string& text : {first, second}) {
    ASSERT_TRUE((*importer)->BeginPart(parts.Next(text, line)).ok());
    ASSERT_TRUE((*importer)->Add(text).ok());
    const auto result = (*importer)->Finish();
    EXPECT_EQ(result->accepted, 0u);
    ASSERT_EQ(result->errors.size(), 1u);
    EXPECT_EQ(result->errors[0].index, line == 1 ? 2u : 5u) << "a byte order mark is at the front";
    line += 4;
  }
  EXPECT_EQ(Import({}, second)->accepted, 1u) << "a file of its own: behind its mark is a line";
}

TEST_F(ImporterTest, APartOfCsvHasTheFilesHeader) {
  const std::string header = "\xEF\xBB\xBFuser_id,event_type,timestamp,page_title\n";
  const std::string first = "u,view,5,\"a\n\"\nu,view,6,b\n";
  const std::string second = "u,view,6,b\nu,view,never,b\nu,view,5,\"a\n\"\n";
  ImportOptions options;
  options.format = ImportFormat::kCsv;
  ASSERT_EQ(Import(options, header + first + second)->accepted, 4u);
  auto importer = Importer::Create(*engine_, options);
  FileParts parts(options.format);
  std::uint64_t line = 1;
  for (const std::string& text : {header + first, header + second}) {
    ASSERT_TRUE((*importer)->BeginPart(parts.Next(text, line)).ok());
    ASSERT_TRUE((*importer)->Add(text).ok());
    const auto result = (*importer)->Finish();
    EXPECT_EQ(result->duplicates, 2u);
    EXPECT_EQ(result->accepted, 0u);
    EXPECT_EQ(result->errors.size(), line == 4 ? 1u : 0u);
    for (const Rejection& error : result->errors) EXPECT_EQ(error.index, 6u);
    line = 4;  // the header stands in for the last line of the first part
  }
}

TEST_F(ImporterTest, RefusesWhatIsNoPart) {
  auto importer = Importer::Create(*engine_, {});
  const auto begin = [&](FilePart part) { return (*importer)->BeginPart(std::move(part)).code(); };
  EXPECT_EQ(begin({0, {}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(begin({5, {{4, 1}}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(begin({5, {{5, 0}}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(begin({5, {{6, 1}, {6, 1}}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(begin({5, {{5, 1}, {6, 2}}}), StatusCode::kOk);
  ASSERT_TRUE((*importer)->Add("x").ok());
  EXPECT_EQ(begin({5, {}}), StatusCode::kFailedPrecondition);
  ASSERT_TRUE((*importer)->Finish().ok());
  EXPECT_EQ(begin({5, {}}), StatusCode::kOk);
}

TEST_F(ImporterTest, TakesLinesWhateverTheCutsOfTheBytes) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += Line(i);
  text.pop_back();  // the last line has no newline
  std::uint64_t expected = 20;
  for (std::size_t chunk = 1; chunk < 90; chunk += 3) {
    const auto result = Import({}, text, chunk);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->received, 20u);
    EXPECT_EQ(result->accepted, expected);
    EXPECT_EQ(result->duplicates, 20u - expected);
    expected = 0;
  }
  EXPECT_EQ(engine_->Totals().total, 20u);
}

// A file as AddFrom reads it, `chunk` bytes at a time.
Importer::ReadFunction ReadFrom(std::string_view text, std::size_t chunk) {
  return [text, chunk](char* buffer, std::size_t size) mutable -> Result<std::size_t> {
    const std::size_t taken = text.copy(buffer, std::min(size, chunk));
    text.remove_prefix(taken);
    return taken;
  };
}

TEST_F(ImporterTest, ReadsAFileByItselfWhateverTheReadsBring) {
  std::string text;
  std::string unlike;
  for (int i = 0; text.size() < (5u << 20); ++i) {
    text += Line(i);
    if (i % 1000 == 0) unlike += std::to_string(i + 1) + ",";
    if (i % 1000 == 0) text.replace(text.rfind("view"), 4, "");
  }
  text.pop_back();  // the last line has no newline
  const auto lines = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  std::uint64_t accepted = lines - (lines + 999) / 1000;
  for (const std::size_t chunk : {std::size_t{700}, std::size_t{1} << 16, text.size()}) {
    ImportOptions options;
    options.errors_max = 1000;
    const auto importer = Importer::Create(*engine_, options);
    for (int again = 0; again < 2; ++again) {
      const auto result = (*importer)->AddFrom(ReadFrom(text, chunk));
      ASSERT_TRUE(result.ok()) << result.status().ToString();
      EXPECT_EQ(result->received, lines);
      EXPECT_EQ(result->accepted, accepted);
      accepted = 0;
      std::string rejected;
      for (const Rejection& error : result->errors) rejected += std::to_string(error.index) + ",";
      EXPECT_EQ(rejected, unlike);
    }
  }
}

TEST_F(ImporterTest, TakesLongLinesAndNoLinesFromAReader) {
  ImportOptions options;
  options.line_bytes_max = 1000;
  const auto importer = Importer::Create(*engine_, options);
  EXPECT_EQ((*importer)->AddFrom(ReadFrom("", 10))->received, 0u);
  const std::string text = Line(1) + std::string(9u << 20, 'x') + "\n" + Line(2);
  const auto result = (*importer)->AddFrom(ReadFrom(text, 1 << 20));
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->accepted, 2u);
  ASSERT_EQ(result->errors.size(), 1u);
  EXPECT_EQ(result->errors[0].index, 2u);
  EXPECT_EQ(result->errors[0].code, RejectCode::kTooLong);
}

TEST_F(ImporterTest, AnErrorOfTheReaderComesBack) {
  const auto importer = Importer::Create(*engine_, {});
  int reads = 0;
  const auto result =
      (*importer)->AddFrom([&reads](char* buffer, std::size_t) -> Result<std::size_t> {
        if (++reads == 3) return Status(StatusCode::kDataLoss, "the disk is gone");
        const std::string line = Line(reads);
        return line.copy(buffer, line.size());
      });
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kDataLoss);
  EXPECT_EQ((*importer)->AddFrom(ReadFrom(Line(1), 10)).status().code(), StatusCode::kDataLoss);
}

TEST_F(ImporterTest, EqualLinesCountEachAndARepeatedFileCountsOnce) {
  const std::string text = Line(1) + Line(1) + Line(2) + Line(1);
  EXPECT_EQ(Import({}, text)->accepted, 4u);
  EXPECT_EQ(Import({}, text)->duplicates, 4u);
  const auto longer = Import({}, text + Line(1) + Line(2));
  EXPECT_EQ(longer->accepted, 2u);
  EXPECT_EQ(longer->duplicates, 4u);
  ImportOptions other;
  other.source = "web2";
  EXPECT_EQ(Import(other, text)->accepted, 4u);
}

TEST_F(ImporterTest, ManyBlocksKeepTheOrderOfTheFile) {
  std::string text;
  constexpr int kLines = 60'000;
  for (int i = 0; i < kLines; ++i) text += Line(i);
  const auto result = Import({}, text, 1 << 20);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->accepted, static_cast<std::uint64_t>(kLines));
  const auto newest = engine_->UserEvents("u0", 1000);
  ASSERT_TRUE(newest.ok());
  for (std::size_t i = 1; i < newest->size(); ++i) {
    ASSERT_GT((*newest)[i - 1].sequence, (*newest)[i].sequence);
  }
  EXPECT_EQ(Import({}, text, 1 << 20)->duplicates, static_cast<std::uint64_t>(kLines));
}

TEST_F(ImporterTest, BadLinesCostOnlyThemselvesAndSayTheirNumber) {
  const auto result =
      Import({}, Line(1) + "nonsense\n\n" + Line(2) + "{\"user_id\":1}\n" + Line(3));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->accepted, 3u);
  EXPECT_EQ(result->rejected, 2u);
  ASSERT_EQ(result->errors.size(), 2u);
  EXPECT_EQ(result->errors[0].index, 2u);
  EXPECT_EQ(result->errors[1].index, 5u);
}

TEST_F(ImporterTest, ALineThatIsTooLongIsSkipped) {
  ImportOptions options;
  options.line_bytes_max = 1 << 20;
  const std::string giant(3 << 20, 'x');
  for (const std::size_t chunk : {std::size_t{1} << 16, std::size_t{8} << 20}) {
    const auto result = Import(options, Line(1) + giant + "\n" + Line(2), chunk);
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->received, 3u);
    EXPECT_EQ(result->rejected, 1u);
    ASSERT_EQ(result->errors.size(), 1u);
    EXPECT_EQ(result->errors[0].index, 2u);
    EXPECT_EQ(result->errors[0].code, RejectCode::kTooLong);
  }
  EXPECT_EQ(engine_->Totals().total, 2u);
}

// Whatever the line's size is to that of a block, and wherever in the file it stands.
TEST_F(ImporterTest, ALineIsAsLongAsItMayBe) {
  constexpr std::size_t kMax = 1000;
  const auto padded = [](std::string line, std::size_t size, std::string_view end) {
    line.resize(line.size() - end.size());
    return line + std::string(size - line.size() - end.size(), ' ') + std::string(end);
  };
  const std::string log =
      R"(1.2.3.4 - - [13/Mar/2024:10:21:14 +0000] "GET /a HTTP/1.1" 200 5 "-" "x")";
  struct Case {
    ImportFormat format;
    std::string header;
    std::string line;
    std::string end;
  };
  std::string json = Line(1);
  json.pop_back();
  const Case cases[] = {{ImportFormat::kNdjson, "", json, "}"},
                        {ImportFormat::kCombined, "", log, "\""},
                        {ImportFormat::kCsv, "user_id,event_type,timestamp,page_title\n",
                         "u1,view,1710325274,\"\n\"", "\""}};
  for (const Case& c : cases) {
    ImportOptions options;
    options.format = c.format;
    options.line_bytes_max = kMax;
    std::string text = c.header;
    for (const std::size_t size : {kMax, kMax + 1, kMax - 1, std::size_t{300'000}}) {
      text += padded(c.line, size, c.end) + "\n";
    }
    const auto result = Import(options, text + padded(c.line, kMax + 2, c.end), 1 << 16);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->received, 5u);
    EXPECT_EQ(result->accepted, 2u) << c.line;
    for (const Rejection& error : result->errors) EXPECT_EQ(error.code, RejectCode::kTooLong);
  }
}

TEST_F(ImporterTest, CsvFollowsItsHeaderAndItsMapping) {
  ImportOptions options;
  options.format = ImportFormat::kCsv;
  options.csv_map = {{"event_type", "event"}, {"timestamp", "at"}};
  const std::string text =
      "user_id,event,at,plan,n\r\nu1,view,2024-03-13 10:21:14,\"a \"\"b\"\"\",\"12\"\r\n"
      "u2,click,1710325274,,x\r\n";
  for (std::size_t chunk = 1; chunk <= text.size(); chunk += 5) {
    const auto result = Import(options, text, chunk);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->accepted + result->duplicates, 2u);
    EXPECT_EQ(result->rejected, 0u) << (result->errors.empty() ? "" : result->errors[0].message);
  }
  const auto events = engine_->UserEvents("u1", 10);
  ASSERT_EQ(events->size(), 1u);
  EXPECT_EQ((*events)[0].event.extra_data, R"({"plan":"a \"b\"","n":12})");
  EXPECT_EQ(ToMillis((*events)[0].event.timestamp), 1'710'325'274'000);
  options.csv_map = {{"event_type", "nowhere"}};
  EXPECT_EQ(Import(options, text).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Import(options, "").status().code(), StatusCode::kOk);
}

TEST(ImporterHeaderTest, IsJudgedBeforeThereIsAnEngine) {
  ImportOptions options;
  options.format = ImportFormat::kCsv;
  EXPECT_TRUE(Importer::CheckCsvHeader("user_id,event_type,timestamp\n1,2\n", options).ok());
  EXPECT_EQ(Importer::CheckCsvHeader("user_id,kind,timestamp\n", options).code(),
            StatusCode::kInvalidArgument);
  options.csv_map = {{"event_type", "kind"}};
  EXPECT_TRUE(Importer::CheckCsvHeader("user_id,kind,timestamp\r\n", options).ok());
  EXPECT_EQ(Importer::CheckCsvHeader("user_id,event_type,timestamp\n", options).code(),
            StatusCode::kInvalidArgument);
}

TEST_F(ImporterTest, GivingUpMidwayIsSafe) {
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += Line(i);
  {
    auto importer = Importer::Create(*engine_, {});
    ASSERT_TRUE((*importer)->Add(text).ok());
  }
  const auto result = Import({}, text);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->received, 40'000u);
  EXPECT_EQ(engine_->Totals().total, 40'000u);
}

TEST_F(ImporterTest, AnAccessLogCountsOnceAndItsTopPagesAgreeWithAnIndependentCount) {
  const std::string path = std::string(INSIGHTFLOW_SOURCE_DIR) + "/../shared/data/access.log";
  std::ifstream file(path);
  ASSERT_TRUE(file.is_open()) << "the shared data is missing: " << path;
  std::stringstream text;
  text << file.rdbuf();
  ImportOptions options;
  options.format = ImportFormat::kCombined;
  const auto result = Import(options, text.str());
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->accepted, 10'000u);
  EXPECT_EQ(result->rejected, 0u) << (result->errors.empty() ? "" : result->errors[0].message);
  EXPECT_EQ(Import(options, text.str())->duplicates, 10'000u);

  // The independent count: what awk '{print $7}' would see, on lines that are page views.
  std::map<std::string, std::uint64_t> views;
  for (std::string line; std::getline(text, line);) {
    const std::size_t quote = line.find('"');
    std::istringstream request(line.substr(quote + 1));
    std::string method, target, version;
    int status = 0;
    request >> method >> target >> version >> status;
    std::string page = target.substr(0, target.find_first_of("?#"));
    const std::string last = page.substr(page.rfind('/') + 1);
    const std::size_t dot = last.rfind('.');
    std::string extension = dot == std::string::npos ? "" : last.substr(dot + 1);
    for (char& c : extension) c = static_cast<char>(std::tolower(c));
    static const std::string kAssets =
        " css js mjs map json xml txt png jpg jpeg gif svg ico webp bmp avif tif tiff woff woff2 "
        "ttf otf "
        "eot mp3 ogg oga wav flac m4a aac opus mp4 webm avi mov mkv m4v ogv mpg mpeg zip gz tgz "
        "bz2 xz tar rar "
        "7z zst ";
    const bool asset =
        !extension.empty() && kAssets.find(" " + extension + " ") != std::string::npos;
    if (status < 400 && !asset) ++views[page];
  }
  std::vector<std::pair<std::uint64_t, std::string>> expected;
  for (const auto& [page, count] : views) expected.emplace_back(count, page);
  std::sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  const Ranking top = engine_->HotPages(Window::kAll, 20);
  ASSERT_EQ(top.rows.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(top.rows[i], (RankedCount{expected[i].second, expected[i].first, 0})) << i;
  }
}

}  // namespace
}  // namespace insightflow
