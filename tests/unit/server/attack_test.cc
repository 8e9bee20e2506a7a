// Hostile clients: whatever they do costs only themselves. Each test ends by proving that the
// server still answers everybody else.

#include <sys/resource.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/http/listener.h"
#include "tests/support/gzip.h"
#include "tests/support/http_client.h"
#include "tests/support/http_fixture.h"

namespace insightflow::server {
namespace {

using insightflow::testing::Eventually;
using insightflow::testing::Gzip;
using insightflow::testing::RawClient;
using insightflow::testing::RawResponse;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::string_literals;

// A sanitizer's shadow and quarantine hide what the server itself takes.
#ifdef INSIGHTFLOW_SANITIZED
constexpr std::size_t kSanitizerBytes = std::size_t{1} << 30;
#else
constexpr std::size_t kSanitizerBytes = 0;
#endif

std::size_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

class AttackTest : public insightflow::testing::HttpTest {
 protected:
  void TearDown() override {
    if (listener != nullptr) ExpectServing();
    listener.reset();
  }

  // Sends everything at once, and says what came back until the server closed.
  std::string Attack(const std::string& bytes) {
    RawClient client = Connect();
    client.Send(bytes);
    client.EndSending();
    return client.ReceiveAll();
  }

  // For what the tests put in the place of accept, which outlives them.
  std::atomic<std::size_t> accept_calls_{0};
  std::atomic<bool> exhausted_{false};
};

TEST_F(AttackTest, NothingIsSmuggled) {
  Start();
  const std::string smuggled = Get("/smuggled");
  const std::string chunked = "5\r\nhello\r\n0\r\n\r\n" + smuggled;
  const std::vector<std::string> framings = {
      "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
      "Transfer-Encoding: chunked\r\n",
      "Transfer-Encoding: identity, chunked\r\n",
      "Transfer-Encoding: \x0b"
      "chunked\r\n",
      "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding:\r\n chunked\r\n",
      "X: y\nTransfer-Encoding: chunked\r\n",
      "X: y\rTransfer-Encoding: chunked\r\n",
      "Content-Length: 0\r\nContent-Length: 44\r\n",
      "Content-Length: 0\r\nContent-Length: 0\r\n",
      "Content-Length: 0, 44\r\n",
      "Content-Length: +0\r\n",
      "Content-Length: 0x0\r\n",
      "Content-Length: -1\r\n",
      "Content-Length 0\r\n",
      "Content-Length : 0\r\n",
      " Content-Length: 0\r\n",
      "Content\0-Length: 0\r\n"s,
      "Content-Length: 0\0\r\n"s,
      "Content-Length: 99999999999999999999\r\n",
      "",
  };
  for (const std::string& framing : framings) {
    const std::string answer =
        Attack("POST / HTTP/1.1\r\nHost: a\r\n" + framing + "\r\n" + chunked);
    EXPECT_THAT(answer, Not(HasSubstr("/smuggled"))) << framing;
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n")) << framing;
  }
  EXPECT_EQ(handler.handled, 1) << "only the request without a length is whole";
}

TEST_F(AttackTest, AnUnreadBodyNeverRuns) {
  Start();
  const std::string body = Get("/smuggled");
  EXPECT_THAT(Attack("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n" + body),
              AllOf(HasSubstr("413"), Not(HasSubstr("GET /smuggled"))));
  EXPECT_THAT(Attack(Post("/", body, "Content-Encoding: br\r\n")),
              AllOf(HasSubstr("415"), Not(HasSubstr("GET /smuggled"))));
  EXPECT_THAT(Attack(Post("/", body, "Expect: nothing\r\n")),
              AllOf(HasSubstr("417"), Not(HasSubstr("GET /smuggled"))));
  EXPECT_THAT(Attack("DELETE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + body),
              Not(HasSubstr("GET /smuggled")));
  EXPECT_EQ(handler.handled, 1);
}

TEST_F(AttackTest, OtherProtocolsAreRefused) {
  Start();
  EXPECT_THAT(Attack("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), HasSubstr("400 Bad Request"));
  EXPECT_THAT(Attack("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s),
              HasSubstr("400 Bad Request"));
  EXPECT_THAT(Attack("EHLO example.com\r\n"), HasSubstr("400 Bad Request"));
  EXPECT_THAT(Attack("GET /\r\n"), HasSubstr("400 Bad Request"));
  EXPECT_EQ(Stats().refused_malformed, 4);
  EXPECT_EQ(handler.handled, 0);
}

TEST_F(AttackTest, FloodsOfHeadersEndAtTheLimit) {
  Start();
  const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\n";
  std::string many = begin;
  for (int i = 0; i < 100; ++i) many += "X" + std::to_string(i) + ": y\r\n";
  EXPECT_THAT(Attack(many), HasSubstr("431"));
  EXPECT_THAT(Attack(begin + "X: " + std::string(9'000, 'y')), HasSubstr("431"));
  EXPECT_THAT(Attack(begin + "X: " + std::string(8'000, 'y') + "\r\nY: " + std::string(8'000, 'y') +
                     "\r\nZ: " + std::string(1'000, 'y')),
              HasSubstr("431"));
  EXPECT_THAT(Attack("GET /" + std::string(9'000, 'y')), HasSubstr("414"));
  EXPECT_THAT(Attack(std::string(1'000'000, 'A')), HasSubstr("414"));
  EXPECT_EQ(Stats().refused_too_large, 5);
}

TEST_F(AttackTest, SlowHeadersMeetTheirDeadline) {
  options.header_deadline = milliseconds(60);
  Start();
  RawClient slow = Connect();
  // A byte now and then does not move the deadline.
  for (const char c : std::string_view("GET / HTTP/1.1\r\nHost: ")) {
    if (!slow.Send({&c, 1})) break;
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(slow.Receive().status, 408);
  EXPECT_EQ(Stats().closed_by_deadline, 1);
}

TEST_F(AttackTest, SlowBodiesMeetTheirDeadline) {
  options.body_deadline = milliseconds(60);
  Start();
  RawClient slow = Connect();
  slow.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  for (int i = 0; i < 20 && slow.Send("x"); ++i) std::this_thread::sleep_for(milliseconds(5));
  const RawResponse response = slow.Receive();
  EXPECT_EQ(response.status, 408);
  EXPECT_THAT(response.body, HasSubstr("request_timeout"));
  EXPECT_EQ(handler.handled, 0);
  EXPECT_TRUE(Eventually([&] { return Stats().bytes_in_flight == 0; }));
}

TEST_F(AttackTest, HalfOpenAndRestingConnectionsMeetTheirDeadline) {
  options.idle_deadline = milliseconds(300);
  Start();
  RawClient silent = Connect();
  RawClient rested = Connect();
  EXPECT_EQ(rested.Ask(Get("/")).status, 200);
  EXPECT_TRUE(silent.AwaitClose());
  EXPECT_TRUE(rested.AwaitClose());
  EXPECT_EQ(Stats().closed_by_deadline, 2);
}

TEST_F(AttackTest, WhoDoesNotReadItsAnswerMeetsTheDeadline) {
  options.write_deadline = milliseconds(50);
  Start();
  RawClient deaf = Connect(4096);
  deaf.Send(Get("/large?n=30000000"));
  EXPECT_TRUE(Eventually([&] { return Stats().closed_by_deadline == 1; }));
  EXPECT_TRUE(Eventually([&] { return Stats().bytes_in_flight == 0; }));
  EXPECT_LT(deaf.ReceiveAll().size(), 30'000'000);
}

TEST_F(AttackTest, AHandlerMayTakeLongerThanEveryDeadline) {
  options.header_deadline = options.body_deadline = milliseconds(300);
  options.idle_deadline = options.write_deadline = milliseconds(300);
  Start();
  RawClient waiting = Connect();
  waiting.Send(Post("/hold", "x"));
  RawClient silent = Connect();
  EXPECT_TRUE(silent.AwaitClose());
  EXPECT_EQ(handler.held(), 1);
  handler.Release();
  EXPECT_EQ(waiting.Receive().status, 200);
}

TEST_F(AttackTest, TwoThousandRestingConnectionsCostLittle) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;  // this process holds both ends
  setrlimit(RLIMIT_NOFILE, &files);
  ASSERT_GT(files.rlim_max, 4'200U) << "the test needs as many open files";
  Start();
  ExpectServing();
  const std::size_t before = ResidentBytes();
  std::vector<RawClient> clients;
  clients.reserve(2'000);
  for (int i = 0; i < 2'000; ++i) {
    clients.push_back(Connect());
    ASSERT_TRUE(clients.back().connected());
    if (i % 2 == 1) continue;
    ASSERT_EQ(clients.back().Ask(Get("/")).status, 200);
  }
  ASSERT_TRUE(Eventually([&] { return Stats().connections_open >= 2'000; }));
  ExpectServing();
  EXPECT_LT(ResidentBytes() - before, (std::size_t{10} << 20) + kSanitizerBytes);
  EXPECT_EQ(clients.back().Ask(Get("/")).status, 200);
  EXPECT_EQ(clients.front().Ask(Get("/")).status, 200);
}

TEST_F(AttackTest, ZipBombsAreRefusedWithinTheLimit) {
  Start();
  const std::string bomb = Gzip(std::string(20'000'000, '\0'));
  ASSERT_LT(bomb.size(), 100'000U);
  const std::size_t before = ResidentBytes();
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(Attack(Post("/", bomb, "Content-Encoding: gzip\r\n")), HasSubstr("413"));
    EXPECT_THAT(Attack(Post("/?gz=1", bomb)), HasSubstr("413"));
  }
  const std::size_t after = ResidentBytes();
  EXPECT_LT(after - std::min(after, before), (std::size_t{32} << 20) + kSanitizerBytes);
  EXPECT_EQ(handler.handled, 0);
}

TEST_F(AttackTest, OverlappingRangesAreIgnored) {
  Start();
  std::string ranges = "Range: bytes=0-";
  for (int i = 0; i < 1'000; ++i) ranges += ",0-";
  RawClient client = Connect();
  const RawResponse response = client.Ask(Get("/large?n=100000", ranges + "\r\n"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.size(), 100'000U);
}

TEST_F(AttackTest, BytesInFlightAreBounded) {
  options.bytes_in_flight_max = 1'000'000;
  Start();
  RawClient first = Connect();
  first.Send(Post("/hold", std::string(900'000, 'x')));
  ASSERT_TRUE(Eventually([&] { return handler.held() == 1; }));
  RawClient second = Connect();
  const RawResponse refused = second.Ask(Post("/", std::string(200'000, 'y')));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.Header("Retry-After"), "1");
  EXPECT_TRUE(second.AwaitClose());
  EXPECT_EQ(Stats().refused_overload, 1);
  ExpectServing();  // without a body: health checks answer under load
  handler.Release();
  EXPECT_EQ(first.Receive().status, 200);
  RawClient third = Connect();
  EXPECT_TRUE(Eventually([&] { return Stats().bytes_in_flight == 0; }));
  EXPECT_EQ(third.Ask(Post("/", std::string(200'000, 'y'))).status, 200);
}

TEST_F(AttackTest, AClientThatHasGoneKeepsItsBytesCountedUntilTheHandlerIsDone) {
  Start();
  RawClient client = Connect();
  client.Send(Post("/hold", std::string(50'000, 'x')));
  ASSERT_TRUE(Eventually([&] { return handler.held() == 1; }));
  client.Reset();
  ASSERT_TRUE(Eventually([&] { return Stats().connections_open == 0; }));
  EXPECT_EQ(Stats().bytes_in_flight, 50'000);
  handler.Release();
  EXPECT_TRUE(Eventually([&] { return Stats().bytes_in_flight == 0; }));
}

TEST_F(AttackTest, TooManyConnectionsAreTurnedAway) {
  options.connections_max = 2;
  Start();
  RawClient first = Connect();
  RawClient second = Connect();
  EXPECT_EQ(first.Ask(Get("/")).status, 200);
  EXPECT_EQ(second.Ask(Get("/")).status, 200);
  RawClient third = Connect();
  const RawResponse refused = third.Receive();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.Header("Retry-After"), "1");
  EXPECT_TRUE(third.AwaitClose());
  EXPECT_EQ(Stats().connections_refused, 1);
  first.Close();
  EXPECT_TRUE(Eventually([&] { return Stats().connections_open == 1; }));
}

TEST_F(AttackTest, OneAddressMayNotTakeAllConnections) {
  options.connections_per_address_max = 1;
  Start();
  RawClient first = Connect();
  EXPECT_EQ(first.Ask(Get("/")).status, 200);
  EXPECT_EQ(Connect().Receive().status, 503);
  first.Close();
  EXPECT_TRUE(Eventually([&] { return Stats().connections_open == 0; }));
}

TEST_F(AttackTest, AcceptErrorsPass) {
  options.accept = [&](int fd, sockaddr* address, unsigned* length) {
    static constexpr int kErrors[] = {ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM,
                                      EPROTO,       EINTR,  EIO,    EPERM,   ENETDOWN};
    const std::size_t call = accept_calls_++;
    if (call < 10) {
      errno = kErrors[call % std::size(kErrors)];
      return -1;
    }
    return accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  };
  Start();
  RawClient client = Connect();
  EXPECT_EQ(client.Ask(Get("/")).status, 200);
  EXPECT_EQ(Stats().accept_errors, 9) << "all but EINTR";
}

TEST_F(AttackTest, WithoutDescriptorsTheLongestRestingGoes) {
  options.loops = 1;
  options.accept = [&](int fd, sockaddr* address, unsigned* length) {
    if (exhausted_.exchange(false)) {
      errno = EMFILE;
      return -1;
    }
    return accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  };
  Start();
  RawClient oldest = Connect();
  EXPECT_EQ(oldest.Ask(Get("/")).status, 200);
  RawClient newer = Connect();
  EXPECT_EQ(newer.Ask(Get("/")).status, 200);
  exhausted_ = true;
  RawClient client = Connect();
  EXPECT_EQ(client.Ask(Get("/")).status, 200);
  EXPECT_TRUE(oldest.AwaitClose());
  EXPECT_EQ(newer.Ask(Get("/")).status, 200);
}

TEST_F(AttackTest, AClientMayLeaveAtEveryByte) {
  Start();
  const std::string bytes = Post("/later", "hello", "Expect: 100-continue\r\n") + Get("/next");
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    RawClient client = Connect();
    client.Send(bytes.substr(0, size));
    if (size % 3 == 0) client.Reset();
    if (size % 3 == 1) client.Close();
    if (size % 3 == 2) client.EndSending(), client.ReceiveAll();
  }
  EXPECT_TRUE(Eventually([&] { return Stats().connections_open == 0; }));
  EXPECT_TRUE(Eventually([&] { return Stats().bytes_in_flight == 0; }));
}

TEST_F(AttackTest, AHalfClosedClientGetsItsAnswer) {
  Start();
  RawClient client = Connect();
  client.Send(Get("/hold"));
  client.EndSending();
  ASSERT_TRUE(Eventually([&] { return handler.held() == 1; }));
  handler.Release();
  EXPECT_EQ(client.Receive().status, 200);
  EXPECT_TRUE(client.AwaitClose());
}

TEST_F(AttackTest, AFloodOfPipelinedRequestsDoesNotStarveOthers) {
  options.loops = 1;
  Start();
  std::atomic<bool> done{false};
  RawClient flooder = Connect();
  std::string burst;
  while (burst.size() < 200'000) burst += Get("/");
  std::thread sender([&] {
    while (!done && flooder.Send(burst)) continue;
  });
  std::thread reader([&] { flooder.ReceiveAll(); });
  for (int i = 0; i < 20; ++i) ExpectServing();
  done = true;
  flooder.Shutdown();  // what it has sent by now need not be answered
  sender.join();
  reader.join();
}

TEST_F(AttackTest, PipeliningWithoutReadingFillsNothing) {
  options.write_deadline = milliseconds(200);
  Start();
  RawClient greedy = Connect(4096);
  std::string burst;
  for (int i = 0; i < 200; ++i) burst += Get("/large?n=1000000");
  greedy.Send(burst);
  EXPECT_TRUE(Eventually([&] { return Stats().bytes_in_flight > 0; }));
  EXPECT_LT(Stats().bytes_in_flight, 1'100'000) << "one answer at a time";
  EXPECT_TRUE(Eventually([&] { return Stats().closed_by_deadline == 1; }));
  EXPECT_LT(handler.handled, 100);
}

}  // namespace
}  // namespace insightflow::server
