#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "lib/decode/csv.h"
#include "lib/model/key.h"
#include "tests/support/decoding.h"

namespace insightflow::testing {
namespace {

using Map = std::vector<std::pair<std::string, std::string>>;

CsvSchema Schema(std::string_view header, const Map& map = {}) {
  auto schema = CsvSchema::Create(header, map);
  EXPECT_TRUE(schema.ok()) << schema.status().ToString();
  return schema.ok() ? *schema : CsvSchema();
}

Decoded DecodeCsv(std::string_view header, std::string_view records, const Map& map = {}) {
  Decoded decoded;
  Decoder().DecodeCsv(records, 2, Schema(header, map), Context(), &decoded.out);
  ExpectAccounted(decoded.out);
  return decoded;
}

constexpr std::string_view kHeader = "user_id,event_type,timestamp";

TEST(CsvSchemaTest, MapsColumnsByNameAndByMap) {
  using Kind = CsvSchema::Target::Kind;
  const CsvSchema schema =
      Schema("\xef\xbb\xbfwho,event_type,event,timestamp,seq,price,\"a \"\"b\"\"\",\r\n",
             {{"user_id", "who"}, {"event_type", "event"}});
  const auto& targets = schema.targets();
  ASSERT_EQ(targets.size(), 8u);
  EXPECT_EQ(targets[0].kind, Kind::kText);
  EXPECT_EQ(targets[0].field, Field::kUserId);
  EXPECT_EQ(targets[1].kind, Kind::kExtra);  // its field is mapped to another column
  EXPECT_EQ(targets[1].name, "event_type");
  EXPECT_EQ(targets[2].field, Field::kEventType);
  EXPECT_EQ(targets[3].kind, Kind::kTime);
  EXPECT_EQ(targets[4].kind, Kind::kClientSeq);
  EXPECT_EQ(targets[5].kind, Kind::kExtra);
  EXPECT_EQ(targets[6].name, "a \"b\"");
  EXPECT_EQ(targets[7].name, "column_8");
}

TEST(CsvSchemaTest, RefusesWhatItCannotMap) {
  const std::vector<std::pair<std::string, Map>> bad = {
      {"user_id,event_type", {}},
      {"user_id,timestamp", {}},
      {"event_type,timestamp", {}},
      {"", {}},
      {"user_id,event_type,timestamp,x,x", {}},
      {"user_id,event_type,timestamp", {{"no_such_field", "user_id"}}},
      {"user_id,event_type,timestamp", {{"page_url", "missing"}}},
      {"user_id,event_type,timestamp,a,b", {{"page_url", "a"}, {"page_url", "b"}}},
      {"user_id,event_type,timestamp,a", {{"page_url", "a"}, {"element", "a"}}},
      {"user_id,event_type,timestamp,\"open", {}},
      {"user_id,event_type,timestamp,\xff", {}}};
  for (const auto& [header, map] : bad) {
    const auto schema = CsvSchema::Create(header, map);
    ASSERT_FALSE(schema.ok()) << header;
    EXPECT_EQ(schema.status().code(), StatusCode::kInvalidArgument);
  }
}

TEST(CsvSchemaTest, SaysWhatThereIsInstead) {
  const auto message = [](const std::string& header) {
    return CsvSchema::Create(header, {}).status().message();
  };
  EXPECT_EQ(message("User,event_type,timestamp"),
            "no CSV column is named or mapped to \"user_id\"; the columns are User, event_type, "
            "timestamp");
  for (const char* header : {"user_id;event_type;timestamp", "user_id\tevent_type\ttimestamp"}) {
    EXPECT_EQ(message(header), "the CSV header has no commas; cells must be separated by commas");
  }
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "column" + std::to_string(i) + ",";
  EXPECT_LT(message(many + "end").size(), 400u);
}

TEST(CsvTest, ReadsRecords) {
  const Decoded d = DecodeCsv(
      "user_id,event_type,timestamp,page_title,position_x,position_y,seq,ip_address,price,note",
      "u1,view,2023-11-14 22:13:19,\"a \"\"b\"\", c\nd\",1.5,,7,1.2.3.4,9.50,007\r\n"
      "u2,click,1699999999,,,,,,,\n"
      "\"u3\",\"view\",\"1699999999123\",x,,-3,,,1e400,\"12\"");
  ASSERT_EQ(d.out.batch.rows, 3u) << d.Verdict();
  EXPECT_EQ(d.Text(Field::kPageTitle, 0), "a \"b\", c\nd");
  EXPECT_EQ(d.out.batch.time_ms,
            (std::vector<std::int64_t>{1699999999000, 1699999999000, 1699999999123}));
  EXPECT_EQ(d.out.batch.position_x[0], 2);
  EXPECT_EQ(d.out.batch.position_y[2], -3);
  EXPECT_EQ(d.out.batch.client_seq[0], 7u);
  EXPECT_EQ(d.Text(Field::kIpAddress, 0), "1.2.3.0");
  EXPECT_EQ(d.Extra(0), R"({"price":9.50,"note":"007"})");
  EXPECT_EQ(d.Extra(1), "");
  EXPECT_EQ(d.Extra(2), R"({"price":"1e400","note":12})");
  EXPECT_EQ(d.out.batch.flags[1], kLineKey);
  EXPECT_EQ(d.out.batch.keys[1], HashBytes128("u2,click,1699999999,,,,,,,", kHashSeed));
}

TEST(CsvTest, CellsThatLookLikeNumbersButAreNotSafeStayText) {
  const std::vector<std::pair<std::string, std::string>> cells = {
      {"1", "1"},
      {"-1.5e3", "-1.5e3"},
      {"+1", "\"+1\""},
      {"01", "\"01\""},
      {" 1", "\" 1\""},
      {"1x", "\"1x\""},
      {"true", "\"true\""},
      {"null", "\"null\""},
      {"9223372036854775807", "9223372036854775807"},
      {"9223372036854775808", "\"9223372036854775808\""},
      {"a\\b\t", "\"a\\\\b\\t\""},
      {"{}", "\"{}\""}};
  for (const auto& [cell, json] : cells) {
    const Decoded d = DecodeCsv("user_id,event_type,timestamp,x", "u,v,1," + cell);
    EXPECT_EQ(d.Extra(), "{\"x\":" + json + "}") << cell;
  }
}

TEST(CsvTest, Times) {
  const std::vector<std::pair<std::string, std::int64_t>> good = {
      {"1", 1000},
      {"99999999999", 99999999999000 > kNow ? 0 : 0},
      {"1699999999", 1699999999000},
      {"169999999900", 169999999900},
      {"2023-11-14T22:13:19Z", 1699999999000},
      {"2023-11-14T22:13:19", 1699999999000},
      {"2023-11-14 22:13:19.25", 1699999999250},
      {"2023-11-15 01:43:19+03:30", 1699999999000},
      {"2023-11-14 22:13", 1699999980000}};
  for (const auto& [cell, ms] : good) {
    const Decoded d = DecodeCsv(kHeader, "u,v," + cell);
    if (ms == 0) {
      EXPECT_EQ(d.Verdict(), "bad_time timestamp") << cell;  // seconds, in the year 5138
      continue;
    }
    ASSERT_EQ(d.Verdict(), "accepted") << cell;
    EXPECT_EQ(d.out.batch.time_ms[0], ms) << cell;
  }
  for (const char* cell :
       {"0", "-5", "1.5", "2023-11-14", "14/11/2023", "x", "999999999999999", "\"\"\"\""}) {
    EXPECT_EQ(DecodeCsv(kHeader, "u,v," + std::string(cell)).Verdict(), "bad_time timestamp");
  }
}

TEST(CsvTest, EmptyCellsAreAbsent) {
  EXPECT_EQ(DecodeCsv(kHeader, ",v,1").Verdict(), "missing_field user_id");
  EXPECT_EQ(DecodeCsv(kHeader, "u,\"\",1").Verdict(), "missing_field event_type");
  EXPECT_EQ(DecodeCsv(kHeader, "u,v,").Verdict(), "missing_field timestamp");
  EXPECT_EQ(DecodeCsv(kHeader, "u,v,1").Verdict(), "accepted");
}

TEST(CsvTest, BadRecordsAreRejectedWithTheirLine) {
  const Decoded d = DecodeCsv("user_id,event_type,timestamp,x",
                              "u,v,1,\"two\nlines\"\n\n\r\nu,v,1\nu,v,1,a,b\nu,v,1,\"a\"b\n"
                              "u,v,1,\xff\nu,v,1,a\"b\nu,v,1,\"open\n");
  EXPECT_EQ(d.out.received, 7u);
  EXPECT_EQ(d.out.batch.rows, 2u);
  ASSERT_EQ(d.out.rejected.size(), 5u);
  const std::vector<std::size_t> lines = {6, 7, 8, 9, 11};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(d.out.rejected[i].why.index, lines[i]);
    EXPECT_EQ(d.Verdict(i), i == 3 ? "bad_string " : "bad_line ");
  }
  EXPECT_EQ(d.Extra(1), R"({"x":"a\"b"})");
  EXPECT_EQ(DecodeCsv("user_id,event_type,timestamp,position_x", "u,v,1,x").Verdict(),
            "bad_type position_x");
  EXPECT_EQ(DecodeCsv("user_id,event_type,timestamp,position_x", "u,v,1,1e10").Verdict(),
            "int_range position_x");
  EXPECT_EQ(DecodeCsv("user_id,event_type,timestamp,seq", "u,v,1,-1").Verdict(), "int_range seq");
}

TEST(CsvTest, AStrayQuoteCostsItsLineOnly) {
  const std::string header = "user_id,event_type,timestamp,x";
  for (const std::string end : {"u5,v,5,a\nu6,v,6,b", "u5,v,5,\"a, b\"\nu6,v,6,b\n"}) {
    const Decoded d = DecodeCsv(header, "u1,v,1,a\nu2,v,2,\"open\nu3,v,3,a\nu4,v,4,a\n" + end);
    EXPECT_EQ(d.out.batch.rows, 5u);
    ASSERT_EQ(d.out.rejected.size(), 1u);
    EXPECT_EQ(d.out.rejected[0].why.index, 3u);
    EXPECT_EQ(d.Verdict(0), "bad_line ");
    EXPECT_EQ(d.Text(Field::kUserId, 1), "u3");
  }
}

// Each line leaves a quote open from wherever one begins to read.
TEST(CsvTest, StrayQuotesEverywhereDoNotMakeTheTextBeReadOverAndOver) {
  constexpr int kLines = 200'000;
  std::string records = "u1,v,1,a\n";
  for (int i = 0; i < kLines; ++i) records += "x\",\"y\n";
  const Decoded d = DecodeCsv("user_id,event_type,timestamp,x", records);
  EXPECT_EQ(d.out.batch.rows, 1u);
  EXPECT_GT(d.out.rejected.size(), 16u);  // line by line at first, then what is left at once
  EXPECT_LT(d.out.rejected.size(), 40u);
  for (const RejectedEvent& rejected : d.out.rejected) {
    EXPECT_EQ(rejected.why.code, RejectCode::kBadLine);
  }
}

TEST(CsvTest, AnEventIdIsTheKey) {
  const Decoded d = DecodeCsv("event_id,user_id,event_type,timestamp", "e1,u,v,1\n,u,v,1");
  EXPECT_EQ(d.out.batch.keys[0], EventIdKey("e1", kHashSeed));
  EXPECT_EQ(d.out.batch.flags[0] & kLineKey, 0);
  EXPECT_EQ(d.out.batch.flags[1] & kLineKey, kLineKey);
}

TEST(CsvTest, AColumnOfExtraDataHoldsObjects) {
  const std::string_view header = "user_id,event_type,timestamp,extra_data,x";
  EXPECT_EQ(DecodeCsv(header, R"(u,v,1,"{ ""element"" : ""E"" }",5)").Extra(),
            R"({"element":"E","x":5})");
  EXPECT_EQ(DecodeCsv(header, R"(u,v,1,"{""element"":""E""}",)").Text(Field::kElement), "E");
  EXPECT_EQ(DecodeCsv(header, R"(u,v,1,{},5)").Extra(), R"({"x":5})");
  EXPECT_EQ(DecodeCsv(header, R"(u,v,1,{},)").Extra(), "{}");
  EXPECT_EQ(DecodeCsv(header, R"(u,v,1,"{""\u0078"":1,""a"":2}",5)").Extra(),
            R"({"\u0078":1,"a":2})");
  EXPECT_EQ(DecodeCsv("user_id,event_type,timestamp,x,y,extra_data", R"(u,v,1,5,6,"{""x"":null}")")
                .Extra(),
            R"({"x":null,"y":6})");
  EXPECT_EQ(DecodeCsv(header, R"(u,v,1,[],5)").Verdict(), "bad_type extra_data");
  EXPECT_EQ(DecodeCsv(header, R"(u,v,1,{} {},5)").Verdict(), "bad_type extra_data");
  EXPECT_EQ(DecodeCsv(header, R"(u,v,1,"{""a"":99999999999999999999}",5)").Verdict(),
            "int_range extra_data");
}

// Exports put an apostrophe in front of what a spreadsheet would take for a formula.
TEST(CsvTest, TheMarkOfAFormulaIsTakenOff) {
  const std::vector<std::pair<std::string, std::string>> cells = {
      {"'=1", "=1"},    {"''=1", "'=1"},     {"'-", "-"},       {"'@a", "@a"},
      {"'+a", "+a"},    {"\"'\ta\"", "\ta"}, {"\"'\r\"", "\r"}, {"=1", "=1"},
      {"'a=1", "'a=1"}, {"'", "'"},          {"''", "''"},
  };
  for (const auto& [cell, text] : cells) {
    const Decoded decoded =
        DecodeCsv("user_id,event_type,timestamp,element", "u,view,1700000000000," + cell + "\n");
    ASSERT_EQ(decoded.out.batch.rows, 1u) << cell;
    EXPECT_EQ(decoded.out.batch.Text(Field::kElement, 0), text);
  }
}

TEST(CsvTest, RecordsEnd) {
  EXPECT_EQ(FindCsvRecordsEnd(""), 0u);
  EXPECT_EQ(FindCsvRecordsEnd("a,b"), 0u);
  EXPECT_EQ(FindCsvRecordsEnd("a,b\n"), 4u);
  EXPECT_EQ(FindCsvRecordsEnd("a,b\nc"), 4u);
  EXPECT_EQ(FindCsvRecordsEnd("a,\"b\nc\"\nd"), 8u);
  EXPECT_EQ(FindCsvRecordsEnd("a,\"b\nc"), 0u);
  EXPECT_EQ(FindCsvRecordsEnd("a,\"b\"\"\n\"\nd"), 9u);
  EXPECT_EQ(FindCsvRecordsEnd("a\"b\nc\n"), 6u);
  EXPECT_EQ(FindCsvRecordsEnd("\"a\"\r\n\"b"), 5u);
}

std::string Unzip(const std::string& path) {
  std::string text;
  FILE* pipe = popen(("gzip -dc '" + path + "'").c_str(), "r");
  if (pipe == nullptr) return text;
  char buffer[65536];
  for (std::size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  pclose(pipe);
  return text;
}

TEST(CsvTest, ARealFileIsTakenWhole) {
  const std::string text = Unzip(INSIGHTFLOW_SOURCE_DIR "/../shared/data/ecom.csv.gz");
  ASSERT_FALSE(text.empty()) << "../shared/data/ecom.csv.gz is missing beside the project";
  const std::size_t header = text.find('\n');
  DecodeContext context = Context();
  context.received_ms = 1'800'000'000'000;  // the file is of 2024
  Decoded d;
  Decoder().DecodeCsv(std::string_view(text).substr(header + 1), 2,
                      Schema(text.substr(0, header), {{"event_type", "event"}}), context, &d.out);
  EXPECT_EQ(d.out.received, 31'106u);
  EXPECT_EQ(d.out.batch.rows, 31'106u);
  EXPECT_EQ(d.Text(Field::kUserId, 0), "user_0000");
  EXPECT_EQ(d.Text(Field::kEventType, 0), "home");
  EXPECT_EQ(d.out.batch.time_ms[0], 1710325274000);
  EXPECT_EQ(d.Extra(0), R"({"platform":"desktop","acquisition_channel":"email",)"
                        R"("user_cohort":"2024-01","user_lifecycle":"returning"})");
  EXPECT_EQ(d.out.batch.column(Field::kUserId).entries(), 600u);
}

}  // namespace
}  // namespace insightflow::testing
