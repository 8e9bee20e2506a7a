// Random requests come back as they were made, and no cut of any bytes changes what comes out.

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "tests/support/gzip.h"
#include "tests/support/http_outcome.h"
#include "tests/support/random_cases.h"

namespace insightflow::server {
namespace {

using insightflow::testing::Describe;
using insightflow::testing::Gzip;
using insightflow::testing::HttpOutcome;

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::size_t Below(std::size_t end) { return random_() % end; }

  std::string Text(std::string_view alphabet, std::size_t size_max) {
    std::string text(Below(size_max + 1), ' ');
    for (char& c : text) c = alphabet[Below(alphabet.size())];
    return text;
  }

  // A request and the bytes that say it.
  struct Case {
    HttpRequest request;
    std::string bytes;
  };

  Case Request() {
    static constexpr const char* kMethods[] = {"GET", "POST", "PUT", "DELETE", "HEAD", "X-Y!"};
    Case made;
    HttpRequest& request = made.request;
    request.method = kMethods[Below(std::size(kMethods))];
    AppendPath(&request);
    if (Below(2) == 0) request.target += "?" + Text("abc=&+;/?", 12);
    request.headers.fields.emplace_back("Host", "h" + Text("abc.-0", 8));
    for (std::size_t i = Below(6); i > 0; --i) {
      std::string value = Text("abc ,;=\t\"\xC3\xA9", 20);
      value.erase(0, std::min(value.size(), value.find_first_not_of(" \t")));
      value.erase(value.find_last_not_of(" \t") + 1);
      request.headers.fields.emplace_back("X-" + Text("abcXYZ-_09", 10), value);
    }
    for (std::size_t i = Below(200); i > 0; --i) {
      request.body.push_back(static_cast<char>(Below(256)));
    }
    const bool gzip = Below(4) == 0 && !request.body.empty();
    const std::string sent = gzip ? Gzip(request.body) : request.body;
    request.headers.fields.emplace_back("Content-Length", std::to_string(sent.size()));
    made.bytes = request.method + " " + request.target + " HTTP/1.1\r\n";
    for (const auto& [name, value] : request.headers.fields) {
      made.bytes += name + ":" + Text(" \t", 3) + value + Text(" \t", 3) + "\r\n";
    }
    made.bytes += (gzip ? "content-encoding: gzip\r\n\r\n" : "\r\n") + sent;
    return made;
  }

  // Like bytes of the wire, with some of them spoilt.
  std::string Spoilt(std::string bytes) {
    static constexpr const char* kPoisons[] = {"\r\n",
                                               "\n",
                                               "\r",
                                               "\r\n ",
                                               ":",
                                               " ",
                                               "\t",
                                               "%",
                                               "%00",
                                               "HTTP/",
                                               "Host: a\r\n",
                                               "\x7f",
                                               "0",
                                               "Content-Length: 1\r\n",
                                               "\x01",
                                               "#",
                                               "\r\n\r\n",
                                               "Transfer-Encoding: chunked\r\n",
                                               "Expect: x\r\n"};
    for (std::size_t i = 1 + Below(3); i > 0; --i) {
      const std::size_t at = Below(bytes.size() + 1);
      const std::string poison = kPoisons[Below(std::size(kPoisons))];
      const std::size_t covered = Below(2) == 0 ? 0 : Below(poison.size() + 1);
      bytes.replace(at, std::min(covered, bytes.size() - at), poison);
    }
    return bytes;
  }

 private:
  void AppendPath(HttpRequest* request) {
    static constexpr char kHex[] = "0123456789aBcDeF";
    request->target = request->path = "/";
    for (std::size_t i = Below(12); i > 0; --i) {
      const auto byte = static_cast<unsigned char>(Below(256));
      const std::string_view plain = "/abcXYZ019-._~!$&'()*+,;=:@";
      if (Below(2) == 0) {
        const char c = plain[Below(plain.size())];
        request->target += c;
        request->path += c;
      } else {
        request->target += {'%', kHex[byte >> 4], kHex[byte & 15]};
        request->path += static_cast<char>(byte);
      }
    }
  }

  std::mt19937_64 random_;
};

TEST(AssemblerPropertyTest, ARequestComesBackAsItWasMade) {
  Maker maker(testing::RandomSeed());
  for (int i = 0; i < 2'000; ++i) {
    std::string bytes;
    std::string expected;
    for (std::size_t j = 1 + maker.Below(4); j > 0; --j) {
      const Maker::Case made = maker.Request();
      bytes += made.bytes;
      expected += Describe(made.request) + "\n";
    }
    ASSERT_EQ(HttpOutcome(bytes, {}, [&] { return 1 + maker.Below(100); }), expected + "rest")
        << bytes;
  }
}

TEST(AssemblerPropertyTest, NoCutChangesTheOutcome) {
  Maker maker(testing::RandomSeed());
  HttpLimits limits;
  limits.line_bytes_max = 80;
  limits.header_bytes_max = 200;
  limits.headers_max = 6;
  limits.body_bytes_max = 150;
  for (int i = 0; i < 4'000; ++i) {
    const std::string bytes =
        maker.Spoilt(maker.Request().bytes + maker.Request().bytes + maker.Request().bytes);
    const std::string whole = HttpOutcome(bytes, limits);
    ASSERT_EQ(HttpOutcome(bytes, limits, [] { return std::size_t{1}; }), whole) << bytes;
    ASSERT_EQ(HttpOutcome(bytes, limits, [&] { return 1 + maker.Below(60); }), whole) << bytes;
  }
}

}  // namespace
}  // namespace insightflow::server
