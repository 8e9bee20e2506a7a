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
#include "server/app/health.h"
#include "server/app/json.h"
#include "server/app/routes.h"
#include "server/app/stats.h"
#include "server/http/router.h"
#include "tests/support/http_client.h"
#include "tests/support/temp_dir.h"

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
  void Open(const ServeSettings& settings = {}, EngineOptions options = {}) {
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
  EXPECT_EQ(answer(StatusCode::kDeadlineExceeded).status, 504);
  EXPECT_FALSE(answer(StatusCode::kDeadlineExceeded).headers.Find("Retry-After").has_value());
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

TEST_F(Answers, AQuerysTableIsThereForTheAsking) {
  Open();
  Collect(kView);
  const auto ask = [&](const char* accept) {
    return Call("POST", "/api/query", R"({"kind":"top"})", {{"Accept", accept}});
  };
  const HttpResponse table = ask("text/plain");
  EXPECT_EQ(table.content_type, "text/plain; charset=utf-8");
  EXPECT_THAT(table.body, ::testing::StartsWith("page_url  count\n/a "));
  for (const char* accept : {"*/*", "application/json", "text/plain, */*"}) {
    EXPECT_EQ(ask(accept).content_type, "application/json");
  }
}

TEST_F(Answers, AnImportTakesWhatCannotComeFromAPageUnasked) {
  Open();
  const std::string line =
      R"(192.0.2.1 - - [14/Nov/2023:22:13:19 +0000] "GET /a HTTP/1.1" 200 5 "-" "Mozilla/5.0")";
  const auto import = [&](const char* type) {
    return Call("POST", "/api/import", line + "\n", {{"Content-Type", type}});
  };
  EXPECT_EQ(import("text/plain").status, 415);
  const HttpResponse taken = import("text/x-access-log");
  EXPECT_EQ(taken.status, 200);
  EXPECT_THAT(taken.body, HasSubstr("\"accepted\":1,"));
}

TEST_F(Answers, AnImportTakesAPartOfAFile) {
  Open();
  const auto line = [](int n) {
    return R"({"user_id":"u","event_type":"view","timestamp":)" + std::to_string(n) + "}\n";
  };
  const auto import = [&](const std::string& query, const std::string& body) {
    return Call("POST", "/api/import" + query, body, {{"Content-Type", "application/x-ndjson"}});
  };
  EXPECT_THAT(import("", line(1) + line(2) + line(1) + line(1)).body, HasSubstr("\"accepted\":4,"));
  const std::string rest = "3 1\n" + line(1) + line(1) + "x\n";
  const HttpResponse known = import("?first_line=3&repeated=4", rest);
  EXPECT_THAT(known.body, HasSubstr(R"("accepted":0,"duplicates":2,"rejected":1,)"));
  EXPECT_THAT(known.body, HasSubstr(R"({"line":5,"code":"bad_line",)"));
  EXPECT_THAT(import("?first_line=4&repeated=4", rest).body, HasSubstr("\"invalid_argument\""));
  EXPECT_EQ(import("?first_line=3&repeated=5", rest).status, 400);
  EXPECT_EQ(import("?first_line=0", rest).status, 400);
}

TEST_F(Answers, AProfileTellsOfOneUser) {
  Open();
  EXPECT_EQ(Call("GET", "/api/users/u1").status, 404);
  Collect(kView);
  EXPECT_EQ(Call("GET", "/api/users/u1").body,
            R"({"user_id":"u1","first_visit":"2023-11-14T22:13:19.000Z",)"
            R"("last_visit":"2023-11-14T22:13:19.000Z","events":1,"by_type":{"view":1},)"
            R"("device":"","browser":"","active":true,"timestamp":"2023-11-14T22:13:20.000Z"})");
  EXPECT_EQ(Call("GET", "/api/v1/users/u1").status, 200);
  EXPECT_EQ(Call("GET", "/api/users/u2").body,
            R"({"error":{"code":"not_found","message":"no such user","request_id":"r1"}})");
}

TEST_F(Answers, AnErasedUserHasNeverBeen) {
  Open();
  const std::string view = kView;
  std::string other = view;
  other.replace(other.find("u1"), 2, "u2");
  Collect(view + "," + other);
  EXPECT_EQ(Call("DELETE", "/api/users/u1").body, R"({"user_id":"u1","events_removed":1})");
  EXPECT_EQ(Call("GET", "/api/users/u1").status, 404);
  EXPECT_THAT(Call("GET", "/api/user/u1/events").body, HasSubstr("\"events\":[],"));
  EXPECT_THAT(Call("GET", "/api/stats/events").body, HasSubstr("\"total_events\":1,"));
  EXPECT_EQ(Call("GET", "/api/users/u2").status, 200);
  const HttpResponse again = Call("DELETE", "/api/users/u1");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, R"({"user_id":"u1","events_removed":0})");
  EXPECT_THAT(Call("GET", "/metrics").body, HasSubstr("\ninsightflow_erasures_pending 1\n"));
  EXPECT_THAT(Call("GET", "/metrics", "", {{"Accept", "application/json"}}).body,
              HasSubstr("\"erasures_pending\":1,"));
  ASSERT_TRUE(engine_->Fold().ok());
  EXPECT_THAT(Call("GET", "/metrics").body, HasSubstr("\ninsightflow_erasures_pending 0\n"));
  EXPECT_THAT(Collect(view).body, HasSubstr("\"accepted\":1,"));
}

TEST_F(Answers, AUsersIdIsDecodedAndJudged) {
  Open();
  const std::string longest(64, 'u');
  for (const std::string& id : {longest, std::string("%C3%A4%2Fb%20c")}) {
    EXPECT_EQ(Call("GET", "/api/users/" + id).status, 404) << id;
    EXPECT_EQ(Call("DELETE", "/api/users/" + id).status, 200) << id;
  }
  EXPECT_EQ(Call("DELETE", "/api/users/%C3%A4%2Fb%20c").body,
            "{\"user_id\":\"\u00e4/b c\",\"events_removed\":0}");
  for (const std::string& id : {longest + "u", std::string("%FF"), std::string("%C3")}) {
    for (const char* method : {"GET", "DELETE"}) {
      const HttpResponse answer = Call(method, "/api/users/" + id);
      EXPECT_EQ(answer.status, 400) << method << id;
      EXPECT_THAT(answer.body, HasSubstr("1 to 64 bytes"));
    }
  }
  EXPECT_EQ(Call("DELETE", "/api/users/").status, 404);
  EXPECT_EQ(Call("POST", "/api/users/u1").status, 405);
}

TEST_F(Answers, AClosedEngineErasesNobody) {
  Open();
  Collect(kView);
  ASSERT_TRUE(engine_->Close().ok());
  const HttpResponse answer = Call("DELETE", "/api/users/u1");
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.headers.Find("Retry-After").has_value());
}

TEST(Health, TellsOfEachServiceAndWhy) {
  const Status full = ResourceExhausted("full");
  const Status damaged = DataLoss("log entry 7: no checksum");
  const auto health = [](const HealthFacts& facts) {
    return HealthResponse(facts, FromMillis(kNowMs));
  };
  const HttpResponse well = health({});
  EXPECT_EQ(well.status, 200);
  EXPECT_THAT(well.body, HasSubstr(R"({"status":"healthy","services":{"store":"healthy",)"
                                   R"("folding":"healthy","dedupe":"healthy","live":"healthy"},)"
                                   R"("timestamp":)"));
  const HttpResponse stopped = health({{}, damaged});
  EXPECT_EQ(stopped.status, 200) << "events are taken";
  EXPECT_THAT(stopped.body, HasSubstr(R"({"status":"degraded","services":{"store":"healthy",)"
                                      R"("folding":"degraded","dedupe":"healthy",)"
                                      R"("live":"healthy"},)"
                                      R"("reasons":{"folding":"data_loss"},)"
                                      R"("message":"log entry 7: no checksum",)"));
  EXPECT_THAT(health({full, full}).body,
              HasSubstr(R"("reasons":{"store":"resource_exhausted",)"
                        R"("folding":"resource_exhausted"},"message":"full")"));
  const HttpResponse lost = health({{}, {}, false, damaged});
  EXPECT_EQ(lost.status, 200) << "everything is answered";
  EXPECT_THAT(lost.body, HasSubstr(R"({"status":"degraded","services":{"store":"healthy",)"
                                   R"("folding":"healthy","dedupe":"degraded",)"
                                   R"("live":"healthy"},)"
                                   R"("reasons":{"dedupe":"data_loss"},"message":"log entry 7)"));
  EXPECT_THAT(health({{}, {}, false, {}, damaged}).body,
              HasSubstr(R"("reasons":{"live":"data_loss"},"message":"log entry 7)"));
  EXPECT_THAT(health({{}, {}, true}).body, HasSubstr(R"({"status":"degraded",)"));
  const HttpResponse failed = health({Unavailable("stopped"), damaged, true});
  EXPECT_EQ(failed.status, 503);
  EXPECT_THAT(failed.body, HasSubstr(R"({"status":"unhealthy",)"));
}

TEST_F(Answers, FoldingThatWaitsDegrades) {
  const TempDir folder;
  EngineOptions options;
  options.data_dir = folder / "store";
  options.fold = false;
  Open({}, options);
  Collect(kView);
  EXPECT_THAT(Call("GET", "/health").body, HasSubstr(R"("folding":"healthy")"));
  ASSERT_TRUE(engine_->Close().ok());
  router_.reset();
  engine_.reset();
  options.fold = true;
  options.fold_rows = 1;
  options.disk_free_min = std::size_t{1} << 60;  // no disk is so large
  Open({}, options);
  EXPECT_TRUE(testing::Eventually([&] {
    const HttpResponse health = Call("GET", "/health");
    return health.status == 200 &&
           health.body.find(R"("folding":"resource_exhausted")") != std::string::npos;
  })) << Call("GET", "/health").body;
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
