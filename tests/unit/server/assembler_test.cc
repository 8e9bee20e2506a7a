#include "server/http/assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/gzip.h"
#include "tests/support/http_outcome.h"

namespace insightflow::server {
namespace {

using insightflow::testing::Gzip;
using insightflow::testing::HttpOutcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using State = Assembler::State;
using namespace std::string_literals;

// Assembles one whole request.
HttpRequest Parse(std::string_view bytes, const HttpLimits& limits = {}) {
  Assembler assembler(limits);
  EXPECT_EQ(assembler.Feed(bytes), bytes.size());
  EXPECT_EQ(assembler.state(), State::kComplete) << assembler.refusal().message;
  return assembler.state() == State::kComplete ? assembler.Take() : HttpRequest{};
}

// The status of the refusal, 0 when there is none.
int StatusOf(std::string_view bytes, const HttpLimits& limits = {}) {
  Assembler assembler(limits);
  while (!bytes.empty()) {
    bytes.remove_prefix(assembler.Feed(bytes));
    if (assembler.state() == State::kRefused) return assembler.refusal().status;
    if (assembler.state() == State::kComplete) assembler.Take();
  }
  return 0;
}

std::string Get(std::string_view target, std::string_view headers = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n";
}

std::string Post(std::string_view headers, std::string_view body = "",
                 std::string_view target = "/") {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(headers) +
         "\r\n" + std::string(body);
}

std::string PostBody(std::string_view body, std::string_view headers = "",
                     std::string_view target = "/") {
  return Post("Content-Length: " + std::to_string(body.size()) + "\r\n" + std::string(headers),
              body, target);
}

TEST(AssemblerTest, ReadsAWholeRequest) {
  const HttpRequest request = Parse(
      "POST /api/events?a=1&b=x%20y HTTP/1.1\r\nHost: example.com:8080\r\n"
      "X-Request-ID: abc-1._Z\r\nX-Empty:\r\nX-Space: \t padded \t\r\n"
      "Content-Length: 5\r\n\r\nhello");
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/api/events?a=1&b=x%20y");
  EXPECT_EQ(request.path, "/api/events");
  EXPECT_EQ(request.body, "hello");
  EXPECT_EQ(request.request_id, "abc-1._Z");
  EXPECT_EQ(request.headers.Find("host"), "example.com:8080");
  EXPECT_EQ(request.headers.Find("X-EMPTY"), "");
  EXPECT_EQ(request.headers.Find("x-space"), "padded");
  EXPECT_EQ(request.headers.Find("absent"), std::nullopt);
  EXPECT_EQ(request.Param("a"), "1");
  EXPECT_EQ(request.Param("b"), "x y");
  EXPECT_EQ(request.Param("c"), std::nullopt);
}

TEST(AssemblerTest, DecodesPathAndParameters) {
  const HttpRequest request = Parse(Get("/a%2Fb/%E4%BD%A0?x=1%2B1+2&flag&x=second&=none"));
  EXPECT_EQ(request.path, "/a/b/\xE4\xBD\xA0");
  EXPECT_EQ(Parse(Get("/a%00b")).path, std::string("/a\0b", 4));
  EXPECT_EQ(request.Param("x"), "1+1 2");
  EXPECT_EQ(request.Param("flag"), "");
  EXPECT_EQ(request.Param(""), "none");
  EXPECT_THAT(request.ParamNames(), ElementsAre("x", "flag", "x", ""));
  EXPECT_THAT(Parse(Get("/?&a+%62&&")).ParamNames(), ElementsAre("a b"));
  EXPECT_THAT(Parse(Get("/a")).ParamNames(), IsEmpty());
}

TEST(AssemblerTest, ReadsEveryFormOfTarget) {
  EXPECT_EQ(Parse(Get("http://example.com/p?q=1")).target, "/p?q=1");
  EXPECT_EQ(Parse(Get("HTTPS://example.com:1/p")).path, "/p");
  EXPECT_EQ(Parse(Get("http://example.com")).target, "/");
  EXPECT_EQ(Parse(Get("http://example.com?q=1")).target, "/?q=1");
  EXPECT_EQ(Parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").path, "*");
  EXPECT_EQ(Parse(Get("//x/../y")).path, "//x/../y");
}

TEST(AssemblerTest, KnowsWhenTheConnectionStaysOpen) {
  const auto keeps = [](const std::string& bytes) {
    const HttpLimits limits;
    Assembler assembler(limits);
    assembler.Feed(bytes);
    EXPECT_EQ(assembler.state(), State::kComplete) << bytes;
    assembler.Take();
    return assembler.keep_alive();
  };
  EXPECT_TRUE(keeps(Get("/")));
  EXPECT_FALSE(keeps(Get("/", "Connection: close\r\n")));
  EXPECT_FALSE(keeps(Get("/", "Connection: keep-alive\r\nConnection: x ,\tCLOSE\r\n")));
  EXPECT_TRUE(keeps(Get("/", "Connection: closed\r\n")));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
  EXPECT_TRUE(keeps(PostBody("x")));
  EXPECT_TRUE(keeps("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n"));
}

TEST(AssemblerTest, AfterAPostWithoutALengthNothingRuns) {
  EXPECT_THAT(HttpOutcome(Post("") + Get("/smuggled")), Not(HasSubstr("smuggled")));
  EXPECT_THAT(HttpOutcome("PUT / HTTP/1.1\r\nHost: a\r\n\r\n" + Get("/smuggled")),
              Not(HasSubstr("smuggled")));
}

TEST(AssemblerTest, RequestsFollowEachOther) {
  const std::string outcome =
      HttpOutcome(PostBody("one") + "\r\n" + Get("/two") + PostBody("three"));
  EXPECT_THAT(outcome, HasSubstr("body=one\nGET /two"));
  EXPECT_THAT(outcome, ::testing::EndsWith("body=three\nrest"));
}

TEST(AssemblerTest, NothingOfARequestLeaksIntoTheNext) {
  const HttpRequest second = [] {
    const HttpLimits limits;
    Assembler assembler(limits);
    assembler.Feed(PostBody(Gzip("x"), "Content-Encoding: gzip\r\nX-Request-ID: a\r\n"));
    assembler.Take();
    EXPECT_TRUE(assembler.at_rest());
    assembler.Feed("GET / HTTP/1.0\r\n\r\n");
    return assembler.Take();
  }();
  EXPECT_EQ(insightflow::testing::Describe(second), "GET / [/] id= body=");
}

TEST(AssemblerTest, RefusesWhatCouldBeReadInTwoWays) {
  const std::vector<std::pair<int, std::string>> cases = {
      {400, "GET / HTTP/1.1\nHost: a\n\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\n\r\n"},
      {400, "GET / HTTP/1.1\rHost: a\r\n\r\n"},
      {400, Get("/", "X: a\rb\r\n")},
      {400, Get("/", "X: a\r\n b\r\n")},
      {400, Get("/", "X: a\r\n\tb\r\n")},
      {400, Get("/", "X: a\0b\r\n"s)},
      {400, Get("/", "X: a\x01\r\n")},
      {400, Get("/", "X: a\x7f\r\n")},
      {400, Get("/", "X\0: a\r\n"s)},
      {400, Get("/", "X : a\r\n")},
      {400, Get("/", " X: a\r\n")},
      {400, Get("/", "no colon\r\n")},
      {400, Get("/", ": no name\r\n")},
      {400, Get("/", "X(1): a\r\n")},
      {400, Get("/", "\xC3\xA9: a\r\n")},
      {400, Get("/", "Host: b\r\n")},
      {400, Get("/", "Host: a\r\n")},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
      {400, "\r\n\r\n" + Get("/")},
  };
  for (const auto& [status, bytes] : cases) EXPECT_EQ(StatusOf(bytes), status) << bytes;
  EXPECT_EQ(StatusOf("\r\n" + Get("/")), 0);
  EXPECT_EQ(StatusOf(Get("/", "X: \xC3\xA9\t~\r\n")), 0);
}

TEST(AssemblerTest, RefusesEveryDoubtAboutTheLength) {
  const std::vector<std::pair<int, std::string>> headers = {
      {400, "Content-Length: 5\r\nContent-Length: 5\r\n"},
      {400, "Content-Length: 5\r\ncontent-length: 6\r\n"},
      {400, "Content-Length: 5, 5\r\n"},
      {400, "Content-Length: +5\r\n"},
      {400, "Content-Length: -5\r\n"},
      {400, "Content-Length: 0x5\r\n"},
      {400, "Content-Length: 5 5\r\n"},
      {400, "Content-Length: 5;\r\n"},
      {400, "Content-Length: five\r\n"},
      {400, "Content-Length: 5.0\r\n"},
      {400, "Content-Length: 1e1\r\n"},
      {400, "Content-Length:\r\n"},
      {400, "Content-Length: \"5\"\r\n"},
      {400, "Content-Length : 5\r\n"},
      {400, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"},
      {400, "Transfer-Encoding: identity\r\nContent-Length: 5\r\n"},
      {501, "Transfer-Encoding: chunked\r\n"},
      {501, "transfer-encoding: CHUNKED\r\n"},
      {501, "Transfer-Encoding: identity\r\n"},
      {501, "Transfer-Encoding: gzip, chunked\r\n"},
      {501, "Transfer-Encoding:\tchunked\r\n"},
      {501, "Transfer-Encoding: xchunked\r\n"},
      {501, "Transfer-Encoding:\r\n"},
      {400, "Transfer-Encoding : chunked\r\n"},
      {400, "Transfer-Encoding: chun\r\n ked\r\n"},
      {413, "Content-Length: 18446744073709551621\r\n"},
      {413, "Content-Length: 99999999999999999999999999\r\n"},
      {413, "Content-Length: 4194305\r\n"},
  };
  for (const auto& [status, header] : headers) {
    EXPECT_EQ(StatusOf(Post(header, "hello")), status) << header;
    EXPECT_THAT(HttpOutcome(Post(header, "5\r\nhello\r\n0\r\n\r\n" + Get("/smuggled"))),
                StartsWith("refused"))
        << header;
  }
  EXPECT_EQ(StatusOf(Post("Content-Length: 0000000000000000000000000005\r\n", "hello")), 0);
  EXPECT_EQ(StatusOf("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 501);
}

TEST(AssemblerTest, RefusesMalformedRequestLines) {
  const std::vector<std::pair<int, std::string>> lines = {
      {400, "GET /"},
      {400, "GET"},
      {400, "GET / "},
      {400, " GET / HTTP/1.1"},
      {400, "GET  / HTTP/1.1"},
      {400, "GET /  HTTP/1.1"},
      {400, "GET / HTTP/1.1 "},
      {400, "GET / x HTTP/1.1"},
      {400, "GET\t/\tHTTP/1.1"},
      {400, "G@T / HTTP/1.1"},
      {400, "GET / http/1.1"},
      {400, "GET / HTTP/1.10"},
      {400, "GET / HTTP/11"},
      {400, "GET / HTTPS/1.1"},
      {505, "GET / HTTP/1.2"},
      {505, "GET / HTTP/0.9"},
      {505, "GET / HTTP/2.0"},
      {400, "PRI * HTTP/2.0"},
      {400, "GET * HTTP/1.1"},
      {400, "GET example.com HTTP/1.1"},
      {400, "CONNECT example.com:443 HTTP/1.1"},
      {400, "GET ftp://example.com/ HTTP/1.1"},
      {400, "GET http:///path HTTP/1.1"},
      {400, "GET http://user@example.com/ HTTP/1.1"},
      {400, "GET /a#b HTTP/1.1"},
      {400, "GET /caf\xC3\xA9 HTTP/1.1"},
      {400, "GET /%zz HTTP/1.1"},
      {400, "GET /% HTTP/1.1"},
      {400, "GET /%4 HTTP/1.1"},
      {400, "GET /?a=%0 HTTP/1.1"},
      {400, "GET /?a=%00 HTTP/1.1"},
  };
  for (const auto& [status, line] : lines) {
    EXPECT_EQ(StatusOf(line + "\r\nHost: a\r\n\r\n"), status) << line;
  }
}

TEST(AssemblerTest, KnowsOtherProtocolsByTheirFirstBytes) {
  EXPECT_EQ(StatusOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("\x16\x03\x01\x02\x00\x01"s), 400);
  EXPECT_EQ(StatusOf("\x16"), 400);
}

TEST(AssemblerTest, AnswersExpectationsOnlyWithinTheLimits) {
  const HttpLimits limits;
  Assembler assembler(limits);
  assembler.Feed(Post("Content-Length: 2\r\nExpect: 100-Continue\r\n"));
  EXPECT_TRUE(assembler.TakeExpectContinue());
  EXPECT_FALSE(assembler.TakeExpectContinue());
  assembler.Feed("{}");
  EXPECT_EQ(assembler.Take().body, "{}");
  assembler.Feed(Post("Content-Length: 2\r\n"));
  EXPECT_FALSE(assembler.TakeExpectContinue());

  Assembler early(limits);
  early.Feed(Post("Content-Length: 2\r\nExpect: 100-continue\r\n", "{"));
  EXPECT_FALSE(early.TakeExpectContinue()) << "the client did not wait";

  EXPECT_EQ(StatusOf(Post("Content-Length: 4194305\r\nExpect: 100-continue\r\n")), 413);
  EXPECT_EQ(StatusOf(Post("Content-Length: 1\r\nExpect: 200-ok\r\n")), 417);
}

TEST(AssemblerTest, RefusesContentThatNobodyReads) {
  EXPECT_EQ(StatusOf(PostBody("x", "Content-Type: multipart/form-data; boundary=x\r\n")), 415);
  EXPECT_EQ(StatusOf(PostBody("x", "Content-Type: Multipart/mixed\r\n")), 415);
  EXPECT_EQ(StatusOf(PostBody("x", "Content-Encoding: br\r\n")), 415);
  EXPECT_EQ(StatusOf(PostBody("x", "Content-Encoding: gzip, gzip\r\n")), 415);
  EXPECT_EQ(StatusOf(PostBody("x", "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n")), 415);
  EXPECT_EQ(StatusOf(PostBody("x", "Content-Encoding: identity\r\n")), 0);
  EXPECT_EQ(StatusOf(Get("/", "Range: bytes=0-,0-,0-\r\nUpgrade: h2c\r\n")), 0);
}

TEST(AssemblerTest, KeepsTheLimitsOfTheHeadToTheByte) {
  HttpLimits limits;
  limits.line_bytes_max = 64;
  limits.header_bytes_max = 100;
  limits.headers_max = 3;
  const auto line = [](std::size_t size) {
    return "GET /" + std::string(size - 14, 'a') + " HTTP/1.1\r\n";
  };
  EXPECT_EQ(StatusOf(line(64) + "Host: a\r\n\r\n", limits), 0);
  EXPECT_EQ(StatusOf(line(65), limits), 414);
  EXPECT_EQ(StatusOf(std::string(66, 'a'), limits), 0);
  EXPECT_EQ(StatusOf(std::string(67, 'a'), limits), 414);

  const auto header = [](std::size_t size) { return "A: " + std::string(size - 3, 'a') + "\r\n"; };
  EXPECT_EQ(StatusOf(Get("/", header(64)), limits), 0);
  EXPECT_EQ(StatusOf(Get("/", header(65)), limits), 431);
  // "Host: a\r\n" and the empty line take 11 of the 100.
  EXPECT_EQ(StatusOf(Get("/", header(44) + header(41)), limits), 0);
  EXPECT_EQ(StatusOf(Get("/", header(44) + header(42)), limits), 431);
  EXPECT_EQ(StatusOf(Get("/", "A:\r\nB:\r\n"), limits), 0);
  EXPECT_EQ(StatusOf(Get("/", "A:\r\nB:\r\nC:\r\n"), limits), 431);
  EXPECT_EQ(StatusOf(PostBody("x") + PostBody("y") + Get("/", header(64)), limits), 0)
      << "the limits are of one request";
}

TEST(AssemblerTest, RefusesALargeBodyBeforeItComes) {
  HttpLimits limits;
  limits.body_bytes_max = 10;
  EXPECT_EQ(StatusOf(Post("Content-Length: 11\r\n"), limits), 413);
  EXPECT_EQ(StatusOf(Post("Content-Length: 10\r\n", "0123456789"), limits), 0);
}

TEST(AssemblerTest, SomePathsMayHaveLargerBodies) {
  HttpLimits limits;
  limits.body_bytes_max = 10;
  limits.body_bytes_max_of = {{"/import", 1000}, {"/small", 5}};
  const auto post = [](std::string_view path, std::size_t size, std::string_view headers = "") {
    return PostBody(std::string(size, 'x'), headers, path);
  };
  EXPECT_EQ(StatusOf(post("/import", 1000), limits), 0);
  EXPECT_EQ(StatusOf(post("/import?a=b", 1000), limits), 0);
  EXPECT_EQ(StatusOf(post("/%69mport", 1000), limits), 0);
  EXPECT_EQ(StatusOf(post("/import", 1001), limits), 413);
  EXPECT_EQ(StatusOf(post("/imports", 11), limits), 413);
  EXPECT_EQ(StatusOf(post("/small", 10), limits), 0);
  const std::string gzip = "Content-Encoding: gzip\r\n";
  EXPECT_EQ(StatusOf(PostBody(Gzip(std::string(1000, 'x')), gzip, "/import"), limits), 0);
  EXPECT_EQ(StatusOf(PostBody(Gzip(std::string(1001, 'x')), gzip, "/import"), limits), 413);
}

TEST(AssemblerTest, TellsOfEachPartOfALargeBody) {
  HttpLimits limits;
  limits.body_bytes_max = 10;
  limits.body_bytes_max_of = {{"/import", 1000}};
  Assembler assembler(limits);
  assembler.Feed("POST /import HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n");
  const auto feed = [&](std::size_t size) {
    assembler.Feed(std::string(size, 'x'));
    return assembler.TakeBodyPart();
  };
  EXPECT_FALSE(feed(9));
  EXPECT_TRUE(feed(1));
  EXPECT_FALSE(feed(9));
  EXPECT_TRUE(feed(12));
  EXPECT_FALSE(assembler.TakeBodyPart());
}

TEST(AssemblerTest, InflatesGzipWithinTheLimit) {
  HttpLimits limits;
  limits.body_bytes_max = 100'000;
  const std::string text(100'000, 'x');
  const std::string packed = Gzip(text);
  const HttpRequest byHeader = Parse(PostBody(packed, "Content-Encoding: GZIP\r\n"), limits);
  EXPECT_EQ(byHeader.body, text);
  EXPECT_EQ(byHeader.headers.Find("Content-Encoding"), std::nullopt);
  EXPECT_EQ(Parse(PostBody(packed, "", "/?gz=1"), limits).body, text);
  EXPECT_EQ(Parse(PostBody(packed, "Content-Encoding: gzip\r\n", "/?gz=1"), limits).body, text);
  EXPECT_EQ(Parse(PostBody(packed, "", "/?gz=0"), limits).body, packed);
  EXPECT_EQ(Parse(PostBody(Gzip(""), "Content-Encoding: gzip\r\n"), limits).body, "");

  const std::string gzip = "Content-Encoding: gzip\r\n";
  EXPECT_EQ(StatusOf(PostBody(Gzip(text + "x"), gzip), limits), 413);
  EXPECT_EQ(StatusOf(PostBody(Gzip(std::string(20'000'000, 'x')), gzip), limits), 413);
  EXPECT_EQ(StatusOf(PostBody(packed + "x", gzip), limits), 400);
  EXPECT_EQ(StatusOf(PostBody(packed + packed, gzip), limits), 400);
  EXPECT_EQ(StatusOf(PostBody("plain", gzip), limits), 400);
  for (std::size_t size = 1; size < packed.size(); ++size) {
    EXPECT_EQ(StatusOf(PostBody(packed.substr(0, size), gzip), limits), 400) << size;
  }
  std::string flipped = packed;
  flipped[flipped.size() - 5] ^= 1;  // the checksum
  EXPECT_EQ(StatusOf(PostBody(flipped, gzip), limits), 400);
}

TEST(AssemblerTest, ARequestIdIsEchoedOnlyWhenItIsHarmless) {
  const auto id = [](const std::string& sent) {
    return Parse(Get("/", "X-Request-ID: " + sent + "\r\n")).request_id;
  };
  EXPECT_EQ(id(std::string(64, 'a')), std::string(64, 'a'));
  EXPECT_EQ(id(std::string(65, 'a')), "");
  EXPECT_EQ(id("Root=1-67891233-abc:0/x+y@z"), "Root=1-67891233-abc:0/x+y@z");
  EXPECT_EQ(id("a\"b"), "");
  EXPECT_EQ(id("a b"), "");
  EXPECT_EQ(id("<script>"), "");
  EXPECT_EQ(id(""), "");
}

TEST(AssemblerTest, EveryCutGivesTheSame) {
  const std::string streams[] = {
      "\r\n" + PostBody("hello", "X: y\r\n") + Get("/a%20b?c=d") + "DELETE /x HTTP/1.0\r\n\r\n",
      PostBody(Gzip("hello hello hello"), "Content-Encoding: gzip\r\n") + Get("/"),
      Get("/", "X: a\r\n b\r\n"),
      Get("/") + "GET / HTTP/1.1\nHost: a\n\n",
      Post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "hello"),
      PostBody("x", "Expect: 100-continue\r\n") + "tail",
  };
  for (const std::string& stream : streams) {
    const std::string whole = HttpOutcome(stream);
    EXPECT_EQ(HttpOutcome(stream, {}, [] { return std::size_t{1}; }), whole);
    for (std::size_t first = 1; first < stream.size(); ++first) {
      for (const std::size_t second : {std::size_t{1}, std::size_t{7}, stream.size()}) {
        std::size_t turn = 0;
        const auto cut = [&] { return turn++ == 0 ? first : turn == 2 ? second : stream.size(); };
        ASSERT_EQ(HttpOutcome(stream, {}, cut), whole) << first << " " << second << "\n" << stream;
      }
    }
  }
}

}  // namespace
}  // namespace insightflow::server
