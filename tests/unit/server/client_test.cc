// The client of --url against servers that answer well, badly and not to the end.
#include "server/app/client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>

namespace insightflow::server {
namespace {

using ::testing::HasSubstr;

// Takes one connection: reads a request up to its empty line, says `answer`, and closes; a body is
// read after `answer` when that is an invitation.
class FakeServer {
 public:
  explicit FakeServer(std::string answer, std::string after_body = "")
      : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answer, after_body] { Run(answer, after_body); });
  }
  ~FakeServer() {
    thread_.join();
    close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // The request, once the call is over.
  std::string Request() {
    thread_.join();
    thread_ = std::thread([] {});
    return request_;
  }

 private:
  void Run(const std::string& answer, const std::string& after_body) {
    const int client = accept(listener_, nullptr, nullptr);
    ReadUntil(client, "\r\n\r\n");
    Say(client, answer);
    if (!after_body.empty()) {
      ReadUntil(client, "<end>");
      Say(client, after_body);
    }
    shutdown(client, SHUT_WR);
    char byte;
    while (recv(client, &byte, 1, 0) > 0) request_ += byte;
    close(client);
  }

  void ReadUntil(int client, const std::string& end) {
    char byte;
    while (!request_.ends_with(end) && recv(client, &byte, 1, 0) == 1) request_ += byte;
  }

  // A byte at a time, so that nothing depends on how bytes come together.
  static void Say(int client, const std::string& bytes) {
    for (const char& byte : bytes) send(client, &byte, 1, MSG_NOSIGNAL);
  }

  const int listener_;
  std::uint16_t port_ = 0;
  std::string request_;
  std::thread thread_;
};

Result<std::string> Fetch(const FakeServer& server, const ClientRequest& request = {}) {
  Signals signals;
  const Result<ServerUrl> url = ParseServerUrl(server.url());
  const auto call = HttpCall::Start(*url, request, signals);
  if (!call.ok()) return call.status();
  Result<std::string> body = (*call)->ReadAll(1000);
  if (!body.ok() || (*call)->status() == 200) return body;
  return (*call)->ErrorFrom(*body);
}

Result<std::string> Fetch(const std::string& answer) {
  const FakeServer server(answer);
  return Fetch(server);
}

TEST(ServerUrl, IsHttpAHostAndAPort) {
  const ServerUrl plain = *ParseServerUrl("http://shop.example:8080/");
  EXPECT_EQ(plain.host, "shop.example");
  EXPECT_EQ(plain.port, 8080);
  EXPECT_EQ(plain.path, "");
  EXPECT_EQ(ParseServerUrl("http://a")->port, 80);
  EXPECT_EQ(ParseServerUrl("http://[::1]:90")->host, "::1");
  EXPECT_EQ(ParseServerUrl("http://[::1]")->port, 80);
  EXPECT_EQ(ParseServerUrl("http://a/in/flow//")->path, "/in/flow");
  for (const char* wrong :
       {"", "a:80", "ftp://a", "http://", "http://:80", "http://a:", "http://a:0", "http://a:65536",
        "http://a:8x", "http://u:p@a", "http://a?x=1", "http://a/b?c", "http://a/#f", "http://::1",
        "http://[::1", "http://[::1]80", "http://[::1]:", "http://a b", "http://a/b\r\nX: y"}) {
    EXPECT_EQ(ParseServerUrl(wrong).status().code(), StatusCode::kInvalidArgument) << wrong;
  }
  EXPECT_THAT(ParseServerUrl("https://a").status().message(), HasSubstr("TLS"));
}

TEST(PercentEncode, LeavesOnlyWhatIsPlain) {
  EXPECT_EQ(PercentEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(PercentEncode("a b&c=\n\xff%/"), "a%20b%26c%3D%0A%FF%25%2F");
}

TEST(HttpCall, ReadsEveryKindOfBody) {
  EXPECT_EQ(*Fetch("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), "abc");
  EXPECT_EQ(*Fetch("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n"), "");
  EXPECT_EQ(*Fetch("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"),
            "abc0123456789");
  EXPECT_EQ(*Fetch("HTTP/1.0 200 OK\r\n\r\nto the end"), "to the end");
  EXPECT_EQ(*Fetch("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
            "x");
}

TEST(HttpCall, APartNeverPassesForTheWhole) {
  for (const char* cut : {
           "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
           "HTTP/1.1 200 OK\r\nContent-Le",
           "",
       }) {
    const Status status = Fetch(cut).status();
    EXPECT_EQ(status.code(), StatusCode::kUnavailable) << cut;
    EXPECT_THAT(status.message(), HasSubstr("http://127.0.0.1:")) << cut;
  }
}

TEST(HttpCall, SaysWhatDoesNotSpeakHttp) {
  for (const char* wrong : {
           "SSH-2.0-OpenSSH_9.2\r\n",
           "HTTP/1.1 abc OK\r\n\r\n",
           "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 3x\r\n\r\nabc",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
       }) {
    EXPECT_EQ(Fetch(wrong).status().code(), StatusCode::kInternal) << wrong;
  }
  const std::string large(1001, 'x');
  EXPECT_EQ(Fetch("HTTP/1.0 200 OK\r\n\r\n" + large).status().code(), StatusCode::kOutOfRange);
  EXPECT_THAT(Fetch("HTTP/1.1 302 Found\r\nLocation: /else\r\n\r\n").status().message(),
              HasSubstr("redirects to /else"));
}

TEST(HttpCall, UnderstandsErrors) {
  const auto error = [](const std::string& status, const std::string& body) {
    return Fetch("HTTP/1.1 " + status + "\r\n\r\n" + body).status();
  };
  const Status wrong =
      error("400 Bad Request", R"({"error":{"code":"invalid_argument","message":"kind: no"}})");
  EXPECT_EQ(wrong, InvalidArgument("kind: no"));
  const Status busy =
      error("503 Service Unavailable", R"({"error":{"code":"overloaded","message":"a\u000ab"}})");
  EXPECT_EQ(busy.code(), StatusCode::kUnavailable);
  EXPECT_THAT(busy.message(), HasSubstr(": a b")) << "one line";
  for (const std::string& body : {std::string("<html>"), std::string("{}"), std::string(),
                                  std::string(R"({"error":7})"), std::string(1000, '[')}) {
    const Status status = error("502 Bad Gateway", body);
    EXPECT_EQ(status.code(), StatusCode::kInternal);
    EXPECT_THAT(status.message(), HasSubstr("502"));
  }
}

TEST(HttpCall, SendsABodyWhenItIsInvited) {
  ClientRequest request{"POST", "/x?y=1", {}, "body<end>"};
  request.headers.Set("Content-Type", "text/plain");
  FakeServer server("HTTP/1.1 100 Continue\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(*Fetch(server, request), "ok");
  const std::string sent = server.Request();
  EXPECT_TRUE(sent.starts_with("POST /x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:")) << sent;
  EXPECT_THAT(sent, HasSubstr("Content-Type: text/plain\r\nContent-Length: 9\r\n"));
  EXPECT_TRUE(sent.ends_with("\r\n\r\nbody<end>")) << sent;
  FakeServer refuses("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(Fetch(refuses, request).status().message(), HasSubstr("413 Content Too Large"));
  EXPECT_EQ(refuses.Request().find("body"), std::string::npos);
}

TEST(HttpCall, ASignalEndsIt) {
  Signals signals;
  const FakeServer server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
  const auto call = HttpCall::Start(*ParseServerUrl(server.url()), {}, signals);
  ASSERT_TRUE(call.ok());
  signals.Notify();
  EXPECT_EQ((*call)->ReadAll(10).status().code(), StatusCode::kCancelled);
}

TEST(HttpCall, NobodyAnswers) {
  Signals signals;
  std::string url;
  {
    const FakeServer server("");
    url = server.url();
    EXPECT_FALSE(HttpCall::Start(*ParseServerUrl(url), {}, signals).ok());
  }
  const auto refused = HttpCall::Start(*ParseServerUrl(url), {}, signals);
  EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(refused.status().message(), HasSubstr(url + ": Connection refused"));
  const auto unknown = HttpCall::Start(*ParseServerUrl("http://nohost.invalid"), {}, signals);
  EXPECT_EQ(unknown.status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace insightflow::server
