// Queries over HTTP under load: how many run, and what becomes of those whose clients leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "insightflow/engine.h"
#include "server/app/context.h"
#include "server/app/routes.h"
#include "server/http/listener.h"
#include "server/http/router.h"
#include "tests/support/http_client.h"

namespace insightflow::server {
namespace {

using insightflow::testing::Eventually;
using insightflow::testing::RawClient;
using insightflow::testing::RawResponse;
using ::testing::HasSubstr;

constexpr char kQuery[] = R"({"kind":"top"})";

std::string Post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string Get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

// The whole server over an engine in memory with one event.
class Queries : public ::testing::Test {
 protected:
  void Open(const ServeSettings& settings = {}) {
    EngineOptions engine_options;
    engine_options.dedupe_bytes_max = std::size_t{4} << 20;
    auto engine = Engine::Open(engine_options);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(*engine);
    ASSERT_TRUE(engine_
                    ->Ingest(R"({"user_id":"u","session_id":"s","event_type":"view",)"
                             R"("page_url":"/","timestamp":1700000000000})")
                    .ok());
    auto proxies = TrustedProxies::Create(settings.trusted_proxies);
    context_ = std::make_unique<ServerContext>(*engine_, settings, std::move(*proxies));
    router_ = std::make_unique<Router>();
    AddRoutes(*router_, *context_);
    auto listener = Listener::Start({}, *router_);
    ASSERT_TRUE(listener.ok()) << listener.status().ToString();
    listener_ = std::move(*listener);
  }

  void TearDown() override {
    released_ = true;
    if (listener_ != nullptr) listener_->Stop();
  }

  // Queries now last until their clients leave, or until `released_`.
  void MakeSlow() {
    context_->query = [this](const Query& query, const QueryOptions& options) -> Result<Answer> {
      ++entered_;
      EXPECT_TRUE(Eventually([&] { return released_ || options.cancelled->load(); }));
      return engine_->Query(query, options);
    };
  }

  RawClient Connect() { return RawClient(listener_->port()); }

  std::vector<RawClient> Ask(std::size_t count) {
    std::vector<RawClient> clients;
    for (std::size_t i = 0; i < count; ++i) {
      clients.push_back(Connect());
      clients.back().Send(Post("/api/query", kQuery));
    }
    return clients;
  }

  bool AwaitRunning(std::uint64_t count) {
    return Eventually([&] { return entered_ >= count && context_->queries.running == count; });
  }

  bool AwaitCancelled(std::uint64_t count) {
    return Eventually([&] { return context_->queries.cancelled == count; });
  }

  std::string Metrics() { return Connect().Ask(Get("/metrics")).body; }

  std::atomic<bool> released_{false};
  std::atomic<std::uint64_t> entered_{0};
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<ServerContext> context_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<Listener> listener_;
};

TEST_F(Queries, AClientThatLeavesEndsItsQuery) {
  Open();
  MakeSlow();
  const std::vector<void (*)(RawClient&)> ways = {[](RawClient& client) { client.Close(); },
                                                  [](RawClient& client) { client.Reset(); },
                                                  [](RawClient& client) { client.EndSending(); }};
  std::uint64_t cancelled = 0;
  for (const auto leave : ways) {
    std::vector<RawClient> clients = Ask(2);
    ASSERT_TRUE(Eventually([&] { return context_->queries.running == 2; }));
    leave(clients.front());
    ASSERT_TRUE(AwaitCancelled(++cancelled));
    EXPECT_EQ(context_->queries.running, 1u) << "the other client has stayed";
    released_ = true;
    EXPECT_EQ(clients.back().Receive().status, 200);
    released_ = false;
  }
  EXPECT_THAT(Metrics(), HasSubstr("\ninsightflow_queries_running 0\n"));
  EXPECT_THAT(Metrics(), HasSubstr("\ninsightflow_queries_cancelled_total 3\n"));
  EXPECT_THAT(Metrics(), HasSubstr("\ninsightflow_queries_total 6\n"));
}

TEST_F(Queries, AStoredFunnelsAnalysisIsOne) {
  Open();
  MakeSlow();
  for (const char* path : {"/api/funnel/default/analysis", "/bff/user/funnel/analysis"}) {
    RawClient client = Connect();
    client.Send(Get(path));
    ASSERT_TRUE(Eventually([&] { return context_->queries.running == 1; })) << path;
    client.Close();
    ASSERT_TRUE(Eventually([&] { return context_->queries.running == 0; })) << path;
  }
  EXPECT_TRUE(AwaitCancelled(2));
}

TEST_F(Queries, TheEndOfTheListenerEndsThem) {
  Open();
  MakeSlow();
  const std::vector<RawClient> clients = Ask(2);
  ASSERT_TRUE(AwaitRunning(2));
  listener_->Stop();
  EXPECT_TRUE(AwaitCancelled(2));
}

TEST_F(Queries, TooManyAreRefusedAndStarveNobody) {
  ServeSettings settings;
  settings.queries_max = 6;  // more than the workers of all other calls
  Open(settings);
  MakeSlow();
  std::vector<RawClient> running = Ask(6);
  ASSERT_TRUE(AwaitRunning(6));
  std::vector<RawClient> clients = Ask(7);
  // Which of them waits in vain is the loops' affair; one is answered at once.
  ASSERT_TRUE(Eventually([&] { return context_->queries.refused == 1; }));
  RawClient late = Connect();
  const RawResponse refused = late.Ask(Post("/api/query", kQuery));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.Header("Retry-After"), "1");
  EXPECT_THAT(refused.body, HasSubstr(R"("code":"overloaded")"));
  EXPECT_THAT(refused.body, HasSubstr("too many queries"));
  EXPECT_EQ(late.Ask(Get("/api/stats/online")).status, 200);
  EXPECT_EQ(late.Ask(Get("/health")).status, 200);
  EXPECT_EQ(context_->queries.running, 6u);
  released_ = true;
  for (RawClient& client : running) EXPECT_EQ(client.Receive().status, 200);
  int answered = 0;
  for (RawClient& client : clients) answered += client.Receive().status == 200 ? 1 : 0;
  EXPECT_EQ(answered, 6) << "those that waited";
  EXPECT_THAT(Metrics(), HasSubstr("\ninsightflow_queries_refused_total 2\n"));
}

TEST_F(Queries, WhoLeavesWhileWaitingCostsNothing) {
  ServeSettings settings;
  settings.queries_max = 1;
  Open(settings);
  MakeSlow();
  std::vector<RawClient> clients = Ask(1);
  ASSERT_TRUE(AwaitRunning(1));
  std::vector<RawClient> waiting = Ask(1);
  ASSERT_TRUE(Eventually([&] { return listener_->Stats().requests == 2; }));
  waiting.front().Close();
  clients.front().Close();
  EXPECT_TRUE(AwaitCancelled(2));
  EXPECT_EQ(entered_, 2u);
}

TEST_F(Queries, ADeadlineIsToldAsSuch) {
  Open();
  context_->query_deadline = std::chrono::milliseconds(0);
  const RawResponse late = Connect().Ask(Post("/api/query", kQuery));
  EXPECT_EQ(late.status, 504);
  EXPECT_THAT(late.body, HasSubstr(R"("code":"deadline_exceeded")"));
  EXPECT_THAT(Metrics(), HasSubstr("\ninsightflow_queries_late_total 1\n"));
  context_->query_deadline = std::chrono::seconds(10);
  EXPECT_EQ(Connect().Ask(Post("/api/query", kQuery)).status, 200);
}

TEST_F(Queries, WhatNeedsTooMuchMemoryIsNotToBeTriedAgain) {
  Open();
  context_->query = [this](const Query& query, QueryOptions options) {
    options.memory_bytes_max = 1;
    return engine_->Query(query, options);
  };
  for (const std::string& request :
       {Post("/api/query", kQuery), Get("/api/funnel/default/analysis")}) {
    const RawResponse refused = Connect().Ask(request);
    EXPECT_EQ(refused.status, 422) << request;
    EXPECT_EQ(refused.Header("Retry-After"), "(none)");
    EXPECT_THAT(refused.body, HasSubstr(R"("code":"resource_exhausted")"));
    EXPECT_THAT(refused.body, HasSubstr("ask about fewer values or a shorter range"));
  }
}

}  // namespace
}  // namespace insightflow::server
