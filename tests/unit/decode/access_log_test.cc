#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "lib/decode/access_log.h"
#include "tests/support/decoding.h"

namespace insightflow::testing {
namespace {

std::string Line(std::string_view request, std::string_view status = "200",
                 std::string_view referrer = "-", std::string_view agent = "Mozilla/5.0") {
  return "203.0.113.9 - bob [14/Nov/2023:22:13:19 +0000] \"" + std::string(request) + "\" " +
         std::string(status) + " 512 \"" + std::string(referrer) + "\" \"" + std::string(agent) +
         "\"";
}

TEST(AccessLogTest, ReadsALine) {
  const Decoded d = DecodeCombined(Line("GET /a/b?x=1&token=t#f HTTP/1.1", "200",
                                        "https://site/?email=a@b&q=1", "Mozilla/5.0 (X11)"));
  ASSERT_EQ(d.Verdict(), "accepted");
  EXPECT_EQ(d.Text(Field::kPageUrl), "/a/b");
  EXPECT_EQ(d.Text(Field::kEventType), "view");
  EXPECT_EQ(d.Text(Field::kUserAgent), "Mozilla/5.0 (X11)");
  EXPECT_EQ(d.Text(Field::kReferrer), "https://site/?email=redacted&q=1");
  EXPECT_EQ(d.Text(Field::kIpAddress), "203.0.113.0");
  EXPECT_EQ(d.Text(Field::kSessionId), "");
  EXPECT_EQ(d.out.batch.time_ms[0], 1699999999000);
  EXPECT_EQ(d.Extra(),
            R"({"method":"GET","status":200,"bytes":512,)"
            R"("referrer":"https://site/?email=redacted&q=1","query":"x=1&token=redacted"})");
  EXPECT_EQ(d.out.batch.flags[0], kLineKey);
  EXPECT_EQ(d.out.batch.keys[0],
            HashBytes128(Line("GET /a/b?x=1&token=t#f HTTP/1.1", "200",
                              "https://site/?email=a@b&q=1", "Mozilla/5.0 (X11)"),
                         kHashSeed));
}

TEST(AccessLogTest, TheUserIsAFixedHashOfAddressAndAgent) {
  const Decoded d = DecodeCombined(Line("GET / HTTP/1.1") + "\n" + Line("POST /x HTTP/1.0") + "\n" +
                                   Line("GET / HTTP/1.1", "200", "-", "Other"));
  EXPECT_EQ(d.Text(Field::kUserId, 0), d.Text(Field::kUserId, 1));
  EXPECT_NE(d.Text(Field::kUserId, 0), d.Text(Field::kUserId, 2));
  // Golden: users of stored logs must stay who they are.
  EXPECT_EQ(d.Text(Field::kUserId, 0), "2eca249cd321eb46743b496c515bb911");
  DecodeContext context = Context();
  context.hash_seed = 7;
  context.client_address = "10.0.0.1";
  context.user_agent = "importer";
  const Decoded other = DecodeCombined(Line("GET / HTTP/1.1"), context);
  EXPECT_EQ(other.Text(Field::kUserId), d.Text(Field::kUserId, 0));
  EXPECT_EQ(other.Text(Field::kIpAddress), "203.0.113.0");
}

TEST(AccessLogTest, TheSiteMayStandBeforeTheAddress) {
  const std::string line = Line("GET / HTTP/1.1");
  const Decoded d =
      DecodeCombined(line + "\nshop.example:443 " + line + "\n203.0.113.9:80 " + line);
  for (std::size_t row = 0; row < 3; ++row) {
    EXPECT_EQ(d.Text(Field::kUserId, row), d.Text(Field::kUserId, 0)) << row;
    EXPECT_EQ(d.Text(Field::kIpAddress, row), "203.0.113.0") << row;
  }
  // An identity and a name of several words are none.
  const std::string rest = " [14/Nov/2023:22:13:19 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"";
  for (const std::string identity : {"- a b", "ident a b", "- 10.0.0.1 b"}) {
    EXPECT_EQ(DecodeCombined("203.0.113.9 " + identity + rest).Text(Field::kIpAddress),
              "203.0.113.0")
        << identity;
  }
}

TEST(AccessLogTest, TypesFollowStatusAndExtension) {
  const std::vector<std::array<std::string, 3>> cases = {{"200", "/", "view"},
                                                         {"304", "/a.html", "view"},
                                                         {"399", "/a", "view"},
                                                         {"400", "/a", "error"},
                                                         {"404", "/a.css", "error"},
                                                         {"500", "/a.png", "error"},
                                                         {"200", "/a.css", "resource"},
                                                         {"200", "/a/b.JS", "resource"},
                                                         {"200", "/a.tar.gz", "resource"},
                                                         {"200", "/x.css/", "view"},
                                                         {"200", "/x.css/y", "view"},
                                                         {"200", "/css", "view"},
                                                         {"200", "/a.min.map", "resource"},
                                                         {"200", "/f.woff2", "resource"},
                                                         {"200", "/a.pdf", "view"},
                                                         {"200", "/robots.txt", "resource"},
                                                         {"206", "/v.mp4", "resource"},
                                                         {"200", "/a.", "view"},
                                                         {"200", "/a.html?x=.css", "view"},
                                                         {"200", "/a.css?v=1", "resource"}};
  for (const auto& [status, target, type] : cases) {
    const Decoded d = DecodeCombined(Line("GET " + target + " HTTP/1.1", status));
    EXPECT_EQ(d.Text(Field::kEventType), type) << status << target;
  }
}

TEST(AccessLogTest, RequestLines) {
  const std::vector<std::array<std::string, 2>> cases = {
      {"GET /a b HTTP/1.1", "/a b"},
      {"GET /", "/"},
      {"GET http://host/x?y HTTP/1.1", "/x"},
      {"GET https://host HTTP/1.1", "/"},
      {"OPTIONS * HTTP/1.0", "*"},
      {"CONNECT host:443 HTTP/1.1", "host:443"},
      {"GET ?x=1 HTTP/1.1", "/"},
      {"GET //a//b HTTP/1.1", "//a//b"},
      {"-", "-"},
      {"", "-"},
      {R"(\x16\x03\x01)", R"(\x16\x03\x01)"},
      {"hello", "hello"},
      {R"(GET /a\"b\\c HTTP/1.1)", R"(/a"b\c)"},
      {"GET /\xc3\xa9 HTTP/1.1", "/é"},
      {"GET /\xff HTTP/1.1", "/\xef\xbf\xbd"},
  };
  for (const auto& [request, page] : cases) {
    const Decoded d = DecodeCombined(Line(request));
    ASSERT_EQ(d.Verdict(), "accepted") << request;
    EXPECT_EQ(d.Text(Field::kPageUrl), page) << request;
    EXPECT_EQ(d.Text(Field::kEventType), "view") << request;
  }
  EXPECT_EQ(DecodeCombined(Line("-", "408")).Text(Field::kEventType), "error");
  EXPECT_EQ(DecodeCombined(Line("-", "408")).Extra(), R"({"status":408,"bytes":512})");
}

TEST(AccessLogTest, EscapedQuotesAndDashes) {
  const Decoded d =
      DecodeCombined(Line("GET / HTTP/1.1", "200", R"(http://a/\"q\")", R"(A \"B\" \\)"));
  EXPECT_EQ(d.Text(Field::kReferrer), "http://a/\"q\"");
  EXPECT_EQ(d.Text(Field::kUserAgent), "A \"B\" \\");
  const Decoded none = DecodeCombined(Line("GET / HTTP/1.1", "200", "-", "-"));
  EXPECT_EQ(none.Text(Field::kReferrer), "");
  EXPECT_EQ(none.Text(Field::kUserAgent), "");
  EXPECT_EQ(none.Extra(), R"({"method":"GET","status":200,"bytes":512})");
}

TEST(AccessLogTest, ALineCutInItsLastFieldCounts) {
  const std::string line = Line("GET /x HTTP/1.1");
  const std::size_t agent = line.rfind(" \"");
  for (std::size_t size = 0; size < line.size(); ++size) {
    const Decoded d = DecodeCombined(line.substr(0, size));
    EXPECT_EQ(d.out.received, size == 0 ? 0u : 1u);
    EXPECT_EQ(d.out.batch.rows, size >= agent ? 1u : 0u) << line.substr(0, size);
    if (size > 0 && size < agent) {
      EXPECT_EQ(d.Verdict(), "bad_line ");
    }
  }
}

TEST(AccessLogTest, MoreFieldsMayFollow) {
  EXPECT_EQ(DecodeCombined(Line("GET / HTTP/1.1") + " \"10.0.0.1\" 0.003").Verdict(), "accepted");
  EXPECT_EQ(DecodeCombined("::1 - a b [14/Nov/2023:22:13:19 +0330] \"GET / HTTP/1.1\" 200 - "
                           "\"-\" \"x\"")
                .out.batch.time_ms.at(0),
            1699987399000);
}

TEST(AccessLogTest, BadLinesAreRejectedWithTheirNumber) {
  const std::string good = Line("GET / HTTP/1.1");
  const Decoded d = DecodeCombined(good + "\r\n\n  \nnot a line\n" + good + "\n" +
                                   Line("GET / HTTP/1.1", "20x") + "\n" + good);
  EXPECT_EQ(d.out.received, 5u);
  EXPECT_EQ(d.out.batch.rows, 3u);
  ASSERT_EQ(d.out.rejected.size(), 2u);
  EXPECT_EQ(d.out.rejected[0].why.index, 4u);
  EXPECT_EQ(d.out.rejected[0].raw, "not a line");
  EXPECT_EQ(d.out.rejected[1].why.index, 6u);
  EXPECT_EQ(d.out.batch.keys[0], d.out.batch.keys[1]);  // CRLF and LF are the same line
  for (const char* time : {"31/Feb/2023:22:13:19 +0000", "14/nov/2023:22:13:19 +0000",
                           "14/Nov/2023:22:13:19", "14/Nov/2023 22:13:19 +0000", "x"}) {
    EXPECT_EQ(DecodeCombined("1.2.3.4 - - [" + std::string(time) +
                             "] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"")
                  .Verdict(),
              "bad_line ");
  }
}

TEST(AccessLogTest, BotsAreMarked) {
  for (const char* agent :
       {"Googlebot/2.1", "curl/7.88", "Wget/1.21 (linux-gnu)", "python-requests/2.31",
        "Mozilla/5.0 (compatible; Yahoo! Slurp)", "Baiduspider", "UniversalFeedParser/4.2",
        "UptimeRobot/2.0", "Tiny Tiny RSS/1.11", "ia_archiver", "SomeCRAWLER"}) {
    EXPECT_TRUE(IsBotAgent(agent)) << agent;
    EXPECT_NE(
        DecodeCombined(Line("GET / HTTP/1.1", "200", "-", agent)).Extra().find("\"bot\":true"),
        std::string_view::npos);
  }
  for (const char* agent : {"", "Mozilla/5.0 (X11; Linux x86_64) Firefox/115.0",
                            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari/604.1",
                            "Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.16"}) {
    EXPECT_FALSE(IsBotAgent(agent)) << agent;
  }
}

// Written for obviousness: what one line of a log is, by a regular expression.
struct NaiveCounts {
  std::map<std::string, std::size_t> by_type;
  std::set<std::string> users;
};

NaiveCounts CountNaively(const std::string& log) {
  static const std::regex kLine(
      R"re((\S+) \S+ \S+ \[[^\]]+\] "(?:[A-Z]+) (\S+)[^"]*" (\d+) \S+ "[^"]*" "(.*?)"?)re");
  static const std::set<std::string> kResources = {
      "css", "js",  "map",  "json",  "xml", "txt", "png", "jpg", "jpeg", "gif", "svg", "ico",
      "ttf", "otf", "woff", "woff2", "eot", "gz",  "tar", "zip", "webp", "mp3", "mp4"};
  NaiveCounts counts;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    std::smatch m;
    if (!std::regex_match(line, m, kLine)) {
      ++counts.by_type["unmatched"];
      continue;
    }
    std::string path = m[2];
    path = path.substr(0, path.find_first_of("?#"));
    const std::string name = path.substr(path.rfind('/') + 1);
    std::string extension =
        name.find('.') == std::string::npos ? "" : name.substr(name.rfind('.') + 1);
    for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const std::string type = std::stoi(m[3]) >= 400           ? "error"
                             : kResources.contains(extension) ? "resource"
                                                              : "view";
    ++counts.by_type[type];
    counts.users.insert(m[1].str() + " " + m[4].str());
  }
  return counts;
}

TEST(AccessLogTest, ARealLogIsTakenWhole) {
  std::ifstream file(INSIGHTFLOW_SOURCE_DIR "/../shared/data/access.log", std::ios::binary);
  ASSERT_TRUE(file) << "../shared/data/access.log is missing beside the project";
  const std::string log{std::istreambuf_iterator<char>(file), {}};
  const Decoded d = DecodeCombined(log);
  EXPECT_EQ(d.out.received, 10'000u);
  EXPECT_EQ(d.out.batch.rows, 10'000u);
  EXPECT_TRUE(d.out.rejected.empty());
  std::map<std::string, std::size_t> by_type;
  std::set<std::string_view> users;
  for (std::size_t row = 0; row < d.out.batch.rows; ++row) {
    ++by_type[std::string(d.Text(Field::kEventType, row))];
    users.insert(d.Text(Field::kUserId, row));
  }
  const NaiveCounts naive = CountNaively(log);
  EXPECT_EQ(by_type, naive.by_type);
  EXPECT_EQ(users.size(), naive.users.size());
  EXPECT_EQ(by_type, (std::map<std::string, std::size_t>{
                         {"error", 220}, {"resource", 5584}, {"view", 4196}}));
}

}  // namespace
}  // namespace insightflow::testing
