#include "server/http/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/gzip.h"
#include "tests/support/http_client.h"
#include "tests/support/http_fixture.h"

namespace insightflow::server {
namespace {

using insightflow::testing::Eventually;
using insightflow::testing::RawClient;
using insightflow::testing::RawResponse;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

class ListenerTest : public insightflow::testing::HttpTest {};

TEST_F(ListenerTest, AnswersOnAPortOfItsOwn) {
  Start();
  EXPECT_NE(listener->port(), 0);
  EXPECT_EQ(listener->host(), "127.0.0.1");
  RawClient client = Connect();
  const RawResponse response = client.Ask(Post("/x?y=1", "body"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "POST /x?y=1 body");
  EXPECT_EQ(Stats().requests, 1);
  EXPECT_EQ(Stats().connections_open, 1);
  EXPECT_EQ(Stats().connections_accepted, 1);
}

TEST_F(ListenerTest, WritesTheHeadersOfEveryAnswer) {
  Start();
  RawClient client = Connect();
  const RawResponse response = client.Ask(Get("/", "X-Request-ID: my-id\r\n"));
  EXPECT_THAT(response.head, HasSubstr("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(response.Header("X-Request-ID"), "my-id");
  EXPECT_EQ(response.Header("Content-Type"), "text/plain");
  EXPECT_EQ(response.Header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(response.Header("Referrer-Policy"), "no-referrer");
  EXPECT_EQ(response.Header("X-Frame-Options"), "DENY");
  EXPECT_EQ(response.Header("Content-Security-Policy"),
            "default-src 'none'; frame-ancestors 'none'");
  EXPECT_THAT(response.Header("Date"),
              MatchesRegex("[A-Z][a-z][a-z], [0-9][0-9] [A-Z][a-z][a-z] [0-9][0-9][0-9][0-9] "
                           "[0-9][0-9]:[0-9][0-9]:[0-9][0-9] GMT"));
  const RawResponse made = client.Ask(Get("/", "X-Request-ID: <bad>\r\n"));
  EXPECT_THAT(made.Header("X-Request-ID"), MatchesRegex("[0-9a-f]+"));
  EXPECT_NE(client.Ask(Get("/")).Header("X-Request-ID"), made.Header("X-Request-ID"));
}

TEST_F(ListenerTest, AnswersInEveryWayAHandlerMay) {
  Start();
  RawClient client = Connect();
  EXPECT_EQ(client.Ask(Get("/later")).body, "GET /later ");
  const RawResponse thrown = client.Ask(Get("/throw", "X-Request-ID: t\r\n"));
  EXPECT_EQ(thrown.status, 500);
  EXPECT_EQ(thrown.body,
            R"({"error":{"code":"internal_server_error","message":"Internal Server Error",)"
            R"("request_id":"t"}})");
  EXPECT_THAT(thrown.head, Not(HasSubstr("secret")));
  EXPECT_EQ(client.Ask(Get("/forget")).status, 500);
  client.Send(Get("/hold"));
  ASSERT_TRUE(Eventually([&] { return handler.held() == 1; }));
  handler.Release();
  EXPECT_EQ(client.Receive().body, "GET /hold ");
}

TEST_F(ListenerTest, TellsAHandlerThatItsClientHasGone) {
  Start();
  RawClient stays = Connect();
  RawClient closes = Connect();
  RawClient resets = Connect();
  RawClient ends = Connect();
  EXPECT_EQ(ends.Ask(Get("/before")).status, 200);
  for (RawClient* client : {&stays, &closes, &resets, &ends}) client->Send(Get("/hold"));
  ASSERT_TRUE(Eventually([&] { return handler.held() == 4; }));
  EXPECT_EQ(handler.gone(), 0u);
  closes.Close();
  EXPECT_TRUE(Eventually([&] { return handler.gone() == 1; }));
  resets.Reset();
  EXPECT_TRUE(Eventually([&] { return handler.gone() == 2; }));
  ends.EndSending();
  EXPECT_TRUE(Eventually([&] { return handler.gone() == 3; }));
  ExpectServing();
  EXPECT_EQ(handler.gone(), 3u);
  listener->Stop();
  EXPECT_EQ(handler.gone(), 4u);
  handler.Release();
}

TEST_F(ListenerTest, HeadHasNoBody) {
  Start();
  RawClient client = Connect();
  client.Send("HEAD /?n=1000 HTTP/1.1\r\nHost: a\r\n\r\n" + Get("/next"));
  EXPECT_EQ(client.Receive(true).Header("Content-Length"), "1000");
  EXPECT_EQ(client.Receive().body, "GET /next ");
}

TEST_F(ListenerTest, ClosesWhenAsked) {
  Start();
  RawClient close = Connect();
  EXPECT_EQ(close.Ask(Get("/", "Connection: close\r\n")).Header("Connection"), "close");
  EXPECT_TRUE(close.AwaitClose());
  RawClient old = Connect();
  EXPECT_EQ(old.Ask("GET / HTTP/1.0\r\n\r\n").Header("Connection"), "close");
  EXPECT_TRUE(old.AwaitClose());
  RawClient kept = Connect();
  const std::string keep = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_EQ(kept.Ask(keep).Header("Connection"), "keep-alive");
  EXPECT_EQ(kept.Ask(keep).status, 200);
}

TEST_F(ListenerTest, PipelinedRequestsAreAnsweredInOrder) {
  Start();
  RawClient client = Connect();
  std::string burst;
  for (int i = 0; i < 500; ++i) {
    burst += Post(i % 3 == 0 ? "/later" : "/x", std::to_string(i));
  }
  std::thread sender([&] { client.Send(burst); });
  for (int i = 0; i < 500; ++i) {
    ASSERT_THAT(client.Receive().body, ::testing::EndsWith(" " + std::to_string(i)));
  }
  sender.join();
}

TEST_F(ListenerTest, OneRequestOfAConnectionRunsAtATime) {
  Start();
  RawClient client = Connect();
  client.Send(Get("/hold") + Get("/second"));
  ASSERT_TRUE(Eventually([&] { return handler.held() == 1; }));
  ExpectServing();
  EXPECT_EQ(handler.handled, 2) << "the held one and the health check";
  handler.Release();
  EXPECT_EQ(client.Receive().body, "GET /hold ");
  EXPECT_EQ(client.Receive().body, "GET /second ");
}

TEST_F(ListenerTest, ShortRequestsOvertakeLongOnes) {
  options.loops = 1;
  Start();
  RawClient blocks = Connect();
  RawClient closes = Connect();
  std::vector<RawClient> long_ones;
  for (int i = 0; i < 3; ++i) long_ones.push_back(Connect());
  RawClient short_one = Connect();
  ASSERT_TRUE(Eventually([&] { return Stats().connections_open == 6; }));
  blocks.Send(Get("/block"));
  ASSERT_TRUE(Eventually([&] { return handler.handled == 1; }));
  // All of these are there when the loop looks again.
  closes.Send(Post("/closed", std::string(5'000, 'c')));
  closes.Reset();
  for (RawClient& client : long_ones) client.Send(Post("/long", std::string(5'000, 'x')));
  short_one.Send(Get("/short"));
  handler.Unblock();
  EXPECT_EQ(blocks.Receive().status, 200);
  EXPECT_EQ(short_one.Receive().status, 200);
  for (RawClient& client : long_ones) EXPECT_EQ(client.Receive().status, 200);
  EXPECT_EQ(handler.paths(),
            (std::vector<std::string>{"/block", "/short", "/long", "/long", "/long"}));
  EXPECT_TRUE(Eventually([&] { return Stats().bytes_in_flight == 0; }));
}

TEST_F(ListenerTest, TakesTheLargestBodyAndNoLarger) {
  Start();
  RawClient client = Connect();
  const std::string body(options.limits.body_bytes_max, 'b');
  EXPECT_EQ(client.Ask(Post("/", body)).body, "POST / " + body);
  EXPECT_EQ(
      client.Ask(Post("/", insightflow::testing::Gzip(body), "Content-Encoding: gzip\r\n")).body,
      "POST / " + body);
  EXPECT_TRUE(Eventually([&] { return Stats().bytes_in_flight == 0; }));
}

TEST_F(ListenerTest, AnswersTooLargeBeforeTheBodyIsRead) {
  Start();
  RawClient client = Connect();
  const RawResponse response =
      client.Ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4194305\r\n\r\n");
  EXPECT_EQ(response.status, 413);
  EXPECT_THAT(response.body, HasSubstr(R"("code":"payload_too_large")"));
  EXPECT_TRUE(client.AwaitClose());
  EXPECT_EQ(Stats().refused_too_large, 1);
  EXPECT_EQ(handler.handled, 0);
}

TEST_F(ListenerTest, AClientThatSendsATooLargeBodyStillReadsTheAnswer) {
  Start();
  RawClient client = Connect();
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n");
  client.Send(std::string(500'000, 'x'));
  EXPECT_EQ(client.Receive().status, 413);
}

TEST_F(ListenerTest, SaysContinueToWhoWaits) {
  Start();
  RawClient client = Connect();
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 100);
  client.Send("{}");
  EXPECT_EQ(client.Receive().body, "POST / {}");
  RawClient eager = Connect();
  EXPECT_EQ(eager.Ask(Post("/", "{}", "Expect: 100-continue\r\n")).status, 200);
  RawClient large = Connect();
  EXPECT_EQ(large
                .Ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n"
                     "Expect: 100-continue\r\n\r\n")
                .status,
            413);
}

TEST_F(ListenerTest, ALargeAnswerWaitsForASlowReader) {
  Start();
  RawClient slow = Connect(4096);
  slow.Send(Get("/large?n=30000000") + Get("/after"));
  ASSERT_TRUE(Eventually([&] { return Stats().bytes_in_flight >= 30'000'000; }));
  ExpectServing();
  EXPECT_EQ(slow.Receive().body.size(), 30'000'000);
  EXPECT_EQ(slow.Receive().body, "GET /after ");
  EXPECT_TRUE(Eventually([&] { return Stats().bytes_in_flight == 0; }));
}

TEST_F(ListenerTest, TellsOfEveryAnswer) {
  std::mutex mutex;
  std::vector<std::string> records;
  options.on_answer = [&](const AnswerRecord& record) {
    const std::lock_guard lock(mutex);
    records.push_back(std::string(record.method) + " " + std::string(record.path) + " " +
                      std::to_string(record.status) + " " + std::string(record.request_id) + " " +
                      std::to_string(record.request_bytes) + (record.refused ? " refused" : ""));
    EXPECT_GT(record.response_bytes, 100);
    EXPECT_GE(record.duration.count(), 0);
  };
  Start();
  RawClient client = Connect();
  client.Ask(Post("/a%20b?c=d", "12345", "X-Request-ID: r1\r\n"));
  const std::string id = client.Ask("bad\r\n").Header("X-Request-ID");
  Connect().Ask(Post("/big?c=d", "", "X-Request-ID: r2\r\nContent-Encoding: br\r\n"));
  const std::lock_guard lock(mutex);
  EXPECT_THAT(records, ::testing::ElementsAre("POST /a b 200 r1 5", "  400 " + id + " 0 refused",
                                              "POST /big 415 r2 0 refused"));
}

TEST_F(ListenerTest, ARefusalSaysToWhomItAnswers) {
  options.on_refusal = [](const HttpRequest& request, HttpResponse& response) {
    response.headers.Set("X-Origin", std::string(request.headers.Find("Origin").value_or("-")));
  };
  Start();
  const RawResponse refused = Connect().Ask(
      Post("/", "", "X-Request-ID: r1\r\nOrigin: http://a\r\nTransfer-Encoding: x\r\n"));
  EXPECT_EQ(refused.Header("X-Request-ID"), "r1");
  EXPECT_EQ(refused.Header("X-Origin"), "http://a");
  EXPECT_THAT(refused.body, HasSubstr(R"("request_id":"r1")"));
}

TEST_F(ListenerTest, AnAnswerCannotBeginAnotherHeader) {
  class Injector : public HttpHandler {
    void Handle(HttpRequest, Responder responder) override {
      HttpResponse response;
      response.headers.Set("X-Note", "a\r\nX-Evil: b");
      response.headers.Set("Content-Length", "999");
      response.headers.Set("Content-Security-Policy", "default-src 'self'");
      responder.Send(std::move(response));
    }
  } injector;
  auto started = Listener::Start(options, injector);
  ASSERT_TRUE(started.ok());
  const RawResponse response = RawClient((*started)->port()).Ask(Get("/"));
  EXPECT_EQ(response.Header("X-Evil"), "(none)");
  EXPECT_EQ(response.Header("X-Note"), "a  X-Evil: b");
  EXPECT_EQ(response.Header("Content-Length"), "0");
  EXPECT_EQ(response.Header("Content-Security-Policy"), "default-src 'self'");
}

TEST_F(ListenerTest, ServesManyConnectionsFromManyThreads) {
  options.loops = 3;
  Start();
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      for (int j = 0; j < 20; ++j) {
        RawClient client = Connect();
        for (int k = 0; k < 5; ++k) {
          const std::string body = std::to_string(i * 1000 + j * 10 + k);
          const std::string path = k % 2 == 0 ? "/later" : "/now";
          if (client.Ask(Post(path, body)).body == "POST " + path + " " + body) ++good;
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 800);
  EXPECT_TRUE(Eventually([&] { return Stats().connections_open == 0; }));
}

TEST_F(ListenerTest, DrainAnswersWhatHasBegunAndNothingElse) {
  Start();
  RawClient resting = Connect();
  RawClient never_spoke = Connect();
  RawClient held = Connect();
  RawClient halfway = Connect();
  EXPECT_EQ(resting.Ask(Get("/")).status, 200);
  held.Send(Get("/hold"));
  halfway.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
  ASSERT_TRUE(Eventually([&] { return handler.held() == 1 && Stats().bytes_in_flight > 2; }));

  auto drained = std::async(std::launch::async, [&] { return listener->Drain(seconds(20)); });
  EXPECT_TRUE(resting.AwaitClose());
  EXPECT_TRUE(never_spoke.AwaitClose());
  EXPECT_TRUE(Eventually([&] { return !Connect().connected(); })) << "it still listens";
  EXPECT_TRUE(Eventually([&] { return Stats().connections_open == 2; }));
  halfway.Send("cd");
  const RawResponse last = halfway.Receive();
  EXPECT_EQ(last.body, "POST / abcd");
  EXPECT_EQ(last.Header("Connection"), "close");
  halfway.Close();
  handler.Release();
  EXPECT_EQ(held.Receive().status, 200);
  held.Close();
  EXPECT_TRUE(drained.get());
}

TEST_F(ListenerTest, DrainGivesUpAtItsDeadline) {
  Start();
  RawClient held = Connect();
  held.Send(Get("/hold"));
  ASSERT_TRUE(Eventually([&] { return handler.held() == 1; }));
  EXPECT_FALSE(listener->Drain(milliseconds(10)));
  listener->Stop();
  EXPECT_TRUE(held.AwaitClose());
}

TEST_F(ListenerTest, AnAnswerAfterTheEndIsDropped) {
  Start();
  RawClient held = Connect();
  held.Send(Get("/hold"));
  ASSERT_TRUE(Eventually([&] { return handler.held() == 1; }));
  listener->Stop();
  listener.reset();
  handler.Release();
  EXPECT_TRUE(held.AwaitClose());
}

TEST_F(ListenerTest, SaysWhoHasThePort) {
  Start();
  ListenerOptions taken;
  taken.port = listener->port();
  const auto second = Listener::Start(taken, handler);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(second.status().message(),
              HasSubstr("port " + std::to_string(taken.port) + " is in use by "));
  EXPECT_THAT(second.status().message(), HasSubstr("(pid " + std::to_string(getpid()) + ")"));
  EXPECT_THAT(second.status().message(), HasSubstr("choose another with --listen"));
}

TEST_F(ListenerTest, RefusesAnAddressThatIsNotOurs) {
  options.host = "192.0.2.1";
  EXPECT_EQ(Listener::Start(options, handler).status().code(), StatusCode::kInvalidArgument);
  options.host = "not an address";
  EXPECT_EQ(Listener::Start(options, handler).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace insightflow::server
