#include "server/app/log.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <regex>
#include <sstream>
#include <string>

#include "server/app/json.h"
#include "server/app/progress.h"
#include "server/app/report.h"

namespace insightflow::server {
namespace {

template <typename Write>
std::string Written(LogFormat format, LogLevel level, Write write) {
  std::ostringstream out;
  {
    Log log(format, level, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
    write(log);
  }
  return out.str();
}

std::string Escaped(std::string_view text) {
  std::string out;
  AppendEscaped(text, &out);
  return out;
}

TEST(Log, WritesJsonLines) {
  const std::string line = Written(LogFormat::kJson, LogLevel::kInfo, [](Log& log) {
    log.Write(LogLevel::kInfo, "it said \"hi\"",
              {{"path", std::string_view("/a\nb")}, {"bytes", std::uint64_t{7}}, {"ms", 1.5}});
  });
  const std::regex expected(
      R"re(\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"info",)re"
      R"re("message":"it said \\"hi\\"","path":"/a\\u000ab","bytes":7,"ms":1\.500\}\n)re");
  EXPECT_TRUE(std::regex_match(line, expected)) << line;
}

TEST(Log, WritesText) {
  const std::string line = Written(LogFormat::kText, LogLevel::kInfo, [](Log& log) {
    log.Write(LogLevel::kWarn, "slow", {{"path", std::string_view("/\x1b[2J")}});
  });
  EXPECT_NE(line.find(" warning slow path=\"/\\u001b[2J\"\n"), std::string::npos) << line;
}

TEST(Log, KeepsToItsLevel) {
  EXPECT_EQ(Written(LogFormat::kText, LogLevel::kWarn,
                    [](Log& log) {
                      EXPECT_FALSE(log.Enabled(LogLevel::kInfo));
                      log.Write(LogLevel::kInfo, "no");
                      log.Write(LogLevel::kDebug, "no");
                    }),
            "");
}

TEST(Log, EscapesWhatATerminalOrAParserWouldTrip) {
  EXPECT_EQ(Escaped("plain é €"), "plain é €");
  EXPECT_EQ(Escaped("\"\\"), "\\\"\\\\");
  EXPECT_EQ(Escaped(std::string_view("\0\x1f\x7f", 3)), "\\u0000\\u001f\\u007f");
  EXPECT_EQ(Escaped("a\xff"), "a\\ufffd");
  EXPECT_EQ(Escaped("\xc2\x9b!"), "\\ufffd!");  // a control character of Latin-1
  EXPECT_EQ(Escaped("\xe2\x82"), "\\ufffd\\ufffd");
}

TEST(Utf8, IsStrict) {
  for (const char* good : {"", "a", "é", "€", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

TEST(IsoTime, IsUtcWithMilliseconds) {
  EXPECT_EQ(IsoTime(FromMillis(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(IsoTime(FromMillis(1'709'209'805'123)), "2024-02-29T12:30:05.123Z");
  EXPECT_EQ(IsoTime(FromMillis(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(IsoTime(FromMillis(INT64_MAX)), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(IsoTime(FromMillis(INT64_MIN)), "0000-01-01T00:00:00.000Z");
}

TEST(ProgressLine, TellsShareRateAndTimeLeft) {
  using std::chrono::seconds;
  EXPECT_EQ(ProgressLine("a.log", {512, 2048, 3'000'000, seconds(3)}, 79),
            "a.log  [#####---------------]  25%  512 B  1,000,000 lines/s  ETA 0:09");
  EXPECT_EQ(ProgressLine("-", {5 << 20, 0, 999, seconds(1)}, 79), "-  5.0 MiB  999 lines/s");
  EXPECT_EQ(ProgressLine("a", {0, 10, 0, seconds(0)}, 79),
            "a  [--------------------]  0%  0 B  0 lines/s");
  EXPECT_EQ(ProgressLine("a", {10, 10, 1, seconds(90)}, 79),
            "a  [####################]  100%  10 B  0 lines/s");
  EXPECT_EQ(ProgressLine("a", {20, 10, 1, seconds(90)}, 79),
            "a  [####################]  100%  20 B  0 lines/s");
}

TEST(ProgressLine, FitsTheTerminal) {
  const ProgressState half = {512, 1024, 10, std::chrono::seconds(1)};
  const std::string numbers = "  50%  512 B  10 lines/s  ETA 0:01";
  const std::string bar = "  [##########----------]";
  EXPECT_EQ(ProgressLine("/var/log/access.log", half, 79), "access.log" + bar + numbers);
  EXPECT_EQ(ProgressLine("/a/0123456789.log", half, 70), "...56789.log" + bar + numbers);
  EXPECT_EQ(ProgressLine("/a/0123456789.log", half, 60), "0123456789.log" + numbers);
  EXPECT_EQ(ProgressLine("0123456789.log", half, 44), "...789.log" + numbers);
  EXPECT_EQ(ProgressLine("0123456789.log", half, 20), "..." + numbers);
  EXPECT_EQ(ProgressLine("0123456789é€.log", half, 44), "...9é€.log" + numbers);
  EXPECT_EQ(ProgressLine("0123456789é€log", half, 42), "...é€log" + numbers);
  EXPECT_EQ(ProgressLine("a\x1b[31m\n.log", half, 79), "a?[31m?.log" + bar + numbers);
}

TEST(Shown, SteersNoTerminal) {
  EXPECT_EQ(Shown(""), "");
  EXPECT_EQ(Shown("a é€ \U0001f600~"), "a é€ \U0001f600~");
  EXPECT_EQ(Shown("a\nb\r\x1b[2J\x7f\t"), "a?b??[2J??");
  EXPECT_EQ(Shown("\u0080\u009b1m\u00a0"), "??1m\u00a0");
  EXPECT_EQ(Shown("cut \xc2"), "cut \xc2");
  EXPECT_EQ(Shown(std::string_view("\0a", 2)), "?a");
}

}  // namespace
}  // namespace insightflow::server
