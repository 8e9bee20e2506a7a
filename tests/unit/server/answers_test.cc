#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "insightflow/engine.h"
#include "server/app/collect.h"
#include "server/app/context.h"
#include "server/app/errors.h"
#include "server/app/json.h"
#include "server/app/routes.h"
#include "server/app/stats.h"
#include "server/http/router.h"

namespace insightflow::server {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kNowMs = 1'700'000'000'000;

// Keeps the answer for whoever waits for it.
class Mailbox final : public Responder::Sink {
 public:
  void Send(HttpResponse response) override {
    std::lock_guard lock(mutex_);
    response_ = std::move(response);
    arrived_.notify_all();
  }
  HttpResponse Wait() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return response_.has_value(); });
    return *std::exchange(response_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<HttpResponse> response_;
};

// The whole server but for its sockets, over an engine in memory at a fixed time.
class Answers : public ::testing::Test {
 protected:
  void Open(const ServeSettings& settings = {}) {
    EngineOptions options;
    options.clock = &clock_;
    options.dedupe_bytes_max = std::size_t{4} << 20;
    auto engine = Engine::Open(options);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(*engine);
    auto proxies = TrustedProxies::Create(settings.trusted_proxies);
    ASSERT_TRUE(proxies.ok());
    context_ = std::make_unique<ServerContext>(*engine_, settings, std::move(*proxies));
    context_->clock = &clock_;
    router_ = std::make_unique<Router>();
    AddRoutes(*router_, *context_);
  }

  HttpResponse Call(const std::string& method, const std::string& target, std::string body = "",
                    std::vector<std::pair<std::string, std::string>> headers = {}) {
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.path = target.substr(0, target.find('?'));
    request.headers.fields = std::move(headers);
    request.body = std::move(body);
    request.remote_address = "192.0.2.77";
    request.request_id = "r1";
    auto mailbox = std::make_shared<Mailbox>();
    router_->Handle(std::move(request), Responder(mailbox));
    return mailbox->Wait();
  }

  HttpResponse Collect(const std::string& events) {
    return Call("POST", "/api/events", "{\"events\":[" + events + "]}",
                {{"Content-Type", "application/json"}});
  }

  ManualClock clock_{FromMillis(kNowMs)};
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<ServerContext> context_;
  std::unique_ptr<Router> router_;
};

constexpr char kView[] = R"({"user_id":"u1","session_id":"s","event_type":"view","page_url":"/a",)"
                         R"("timestamp":1699999999000,"extra_data":{"n":1}})";

TEST(CollectJson, SaysWhatBecameOfABatch) {
  IngestResult result;
  result.received = result.accepted = 2;
  EXPECT_EQ(CollectJson(result, false),
            R"({"status":"success","message":"2 accepted","count":2,"accepted":2,"duplicates":0,)"
            R"("rejected":0,"truncated":0,"errors":[],"durability":"fsync"})");
  result.received = 4;
  result.duplicates = result.rejected = 1;
  result.errors = {{3, RejectCode::kTooLong, "user_id", "say \"less\""}};
  result.durability = Durability::kNone;
  EXPECT_EQ(CollectJson(result, true),
            R"({"status":"partial","message":"2 accepted, 1 known before, 1 rejected","count":2,)"
            R"("processed_count":3,"accepted":2,"duplicates":1,"rejected":1,"truncated":0,)"
            R"("errors":[{"index":3,"code":"too_long","field":"user_id",)"
            R"("message":"say \"less\""}],"durability":"none"})");
  result.accepted = result.duplicates = 0;
  EXPECT_THAT(CollectJson(result, false), HasSubstr(R"("status":"rejected")"));
  EXPECT_THAT(CollectJson(IngestResult(), false), HasSubstr(R"("status":"success")"));
}

TEST(StatusResponse, MapsTheEnginesCodes) {
  const auto answer = [](StatusCode code) { return StatusResponse(Status(code, "m"), "r1"); };
  EXPECT_EQ(answer(StatusCode::kInvalidArgument).status, 400);
  EXPECT_EQ(answer(StatusCode::kNotFound).status, 404);
  EXPECT_EQ(answer(StatusCode::kAlreadyExists).status, 409);
  EXPECT_EQ(answer(StatusCode::kOutOfRange).status, 413);
  EXPECT_FALSE(answer(StatusCode::kOutOfRange).headers.Find("Retry-After").has_value());
  EXPECT_EQ(answer(StatusCode::kInternal).status, 500);
  EXPECT_EQ(answer(StatusCode::kDataLoss).status, 500);
  for (const StatusCode code : {StatusCode::kResourceExhausted, StatusCode::kUnavailable,
                                StatusCode::kFailedPrecondition}) {
    EXPECT_EQ(answer(code).status, 503);
    EXPECT_TRUE(answer(code).headers.Find("Retry-After").has_value());
  }
  EXPECT_EQ(answer(StatusCode::kNotFound).body,
            R"({"error":{"code":"not_found","message":"m","request_id":"r1"}})");
}

TEST(WriteEvent, WritesWhatIsPresent) {
  StoredEvent stored;
  stored.event.user_id = "u";
  stored.event.event_type = "click";
  stored.event.timestamp = FromMillis(5);
  stored.event.position_x = -3;
  stored.event.seq = UINT64_MAX;
  stored.event.extra_data = R"({"a":[1,{"b":null}]})";
  stored.received = FromMillis(7);
  stored.sequence = 9;
  JsonText json;
  WriteEvent(stored, json);
  EXPECT_EQ(json.Take(),
            R"({"user_id":"u","event_type":"click","timestamp":5,"seq":18446744073709551615,)"
            R"("position_x":-3,"extra_data":{"a":[1,{"b":null}]},"sequence":9,"received":7})");
}

TEST_F(Answers, CollectedEventsAreSeenAtOnce) {
  Open();
  EXPECT_EQ(Collect(kView).status, 200);
  EXPECT_EQ(Call("GET", "/api/stats/online").body,
            R"({"count":1,"last_30_minutes":1,"timestamp":"2023-11-14T22:13:20.000Z"})");
  EXPECT_EQ(Call("GET", "/api/stats/hot-pages?window=all").body,
            R"({"pages":[{"page_url":"/a","views":1}],"window":"all","exact":true,)"
            R"("timestamp":"2023-11-14T22:13:20.000Z"})");
  EXPECT_EQ(Call("GET", "/api/user/u1/events").body,
            R"({"user_id":"u1","events":[{"user_id":"u1","session_id":"s","event_type":"view",)"
            R"("page_url":"/a","ip_address":"192.0.2.0","timestamp":1699999999000,)"
            R"("extra_data":{"n":1},"sequence":1,"received":1700000000000}],"count":1,)"
            R"("timestamp":"2023-11-14T22:13:20.000Z"})");
}

TEST_F(Answers, TooManyEventsAreTheClientsFault) {
  ServeSettings settings;
  settings.events_max = 3;
  Open(settings);
  const std::string view = kView;
  EXPECT_EQ(Collect(view + "," + view + "," + view).status, 200);
  const HttpResponse answer = Collect(view + "," + view + "," + view + "," + view);
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("too_many_events"));
  EXPECT_EQ(Call("POST", "/api/events", "[1,2,3,[4,5]]").status, 413);
  EXPECT_EQ(Call("POST", "/api/events", R"({"events":[{},{"a":[1,2,3]}],"more":[1,2,3,4]})").status,
            400);
}

TEST_F(Answers, MediaTypesAreJsonOrWhatBeaconsSend) {
  Open();
  const auto status = [&](const char* type) {
    return Call("POST", "/api/events", kView, {{"content-type", type}}).status;
  };
  EXPECT_EQ(status("application/json"), 200);
  EXPECT_EQ(status("Application/JSON ; charset=utf-8"), 200);
  EXPECT_EQ(status("text/plain;charset=UTF-8"), 200);
  EXPECT_EQ(status("text/html"), 415);
  EXPECT_EQ(status("application/jsonp"), 415);
  EXPECT_EQ(status(""), 415);
  EXPECT_EQ(Call("POST", "/api/events", kView).status, 200);
}

TEST_F(Answers, AClosedEngineIsUnavailable) {
  Open();
  ASSERT_TRUE(engine_->Close().ok());
  const HttpResponse answer = Collect(kView);
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.headers.Find("Retry-After").has_value());
  EXPECT_EQ(Call("GET", "/health/ready").status, 503);
  EXPECT_EQ(Call("GET", "/health/live").status, 200);
}

TEST_F(Answers, DrainingIsNotReady) {
  Open();
  EXPECT_EQ(Call("GET", "/health/ready").status, 200);
  context_->draining = true;
  EXPECT_EQ(Call("GET", "/health/ready").status, 503);
  EXPECT_EQ(Call("GET", "/health").status, 200);
  EXPECT_EQ(Collect(kView).status, 200);
}

TEST_F(Answers, CollectsFromManyThreads) {
  Open();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < 50; ++i) {
        const std::string id = std::to_string(thread) + "-" + std::to_string(i % 40);
        EXPECT_EQ(Collect(R"({"event_id":")" + id + "\"," + (kView + 1)).status, 200);
        EXPECT_EQ(Call("GET", "/metrics").status, 200);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(context_->collect.accepted.load(), 160u);
  EXPECT_EQ(context_->collect.duplicates.load(), 40u);
  EXPECT_THAT(Call("GET", "/api/stats/events").body, HasSubstr("\"total_events\":160,"));
}

}  // namespace
}  // namespace insightflow::server
