#include "server/http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace insightflow::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Receives the answer, from whatever thread.
class Answer : public Responder::Sink {
 public:
  void Send(HttpResponse response) override { promise_.set_value(std::move(response)); }
  std::future<HttpResponse> future() { return promise_.get_future(); }

 private:
  std::promise<HttpResponse> promise_;
};

std::future<HttpResponse> Start(Router& router, std::string method, std::string target) {
  HttpRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.path = PercentDecode(request.target.substr(0, request.target.find('?'))).value();
  request.request_id = "id-1";
  const auto answer = std::make_shared<Answer>();
  std::future<HttpResponse> future = answer->future();
  router.Handle(std::move(request), Responder(answer));
  return future;
}

HttpResponse Ask(Router& router, std::string method, std::string target) {
  return Start(router, std::move(method), std::move(target)).get();
}

HttpResponse Text(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

Router::RouteHandler Says(std::string body) {
  return [body](const HttpRequest&, const PathParams&) { return Text(body); };
}

// A route that waits until it is opened.
class Gate {
 public:
  Router::RouteHandler Route() {
    return [this](const HttpRequest&, const PathParams&) {
      std::unique_lock lock(mutex_);
      ++waiting_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return open_; });
      return Text("passed");
    };
  }
  void AwaitWaiting(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ == count; });
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

TEST(RouterTest, FindsRoutesByMethodAndPath) {
  Router router;
  router.Get("/", Says("root"));
  router.Get("/a", Says("get a"));
  router.Post("/a", Says("post a"));
  router.Put("/a", Says("put a"));
  router.Delete("/a", Says("delete a"));
  router.Get("/a/", Says("slash"));
  router.Get("/a/b", Says("b"));
  EXPECT_EQ(Ask(router, "GET", "/").body, "root");
  EXPECT_EQ(Ask(router, "GET", "/?x=/a").body, "root");
  EXPECT_EQ(Ask(router, "GET", "/a").body, "get a");
  EXPECT_EQ(Ask(router, "HEAD", "/a").body, "get a");
  EXPECT_EQ(Ask(router, "POST", "/a?q").body, "post a");
  EXPECT_EQ(Ask(router, "PUT", "/a").body, "put a");
  EXPECT_EQ(Ask(router, "DELETE", "/a").body, "delete a");
  EXPECT_EQ(Ask(router, "GET", "/a/").body, "slash");
  EXPECT_EQ(Ask(router, "GET", "/%61/b").body, "b");
}

TEST(RouterTest, ValuesOfAPathAreWholeDecodedSegments) {
  Router router;
  router.Get("/user/:id/events", [](const HttpRequest&, const PathParams& params) {
    return Text("<" + params["id"] + params["absent"] + ">");
  });
  router.Get("/:a/:b/c", [](const HttpRequest&, const PathParams& params) {
    return Text(params["a"] + "+" + params["b"]);
  });
  EXPECT_EQ(Ask(router, "GET", "/user/u1/events").body, "<u1>");
  EXPECT_EQ(Ask(router, "GET", "/user/a%2Fb%20c+d/events?id=other").body, "<a/b c+d>");
  EXPECT_EQ(Ask(router, "GET", "/user/.*/events").body, "<.*>");
  EXPECT_EQ(Ask(router, "GET", "/user/" + std::string(8'000, 'x') + "/events").body.size(), 8'002);
  EXPECT_EQ(Ask(router, "GET", "/x/y/c").body, "x+y");
  EXPECT_EQ(Ask(router, "GET", "/user/y/c").body, "user+y") << "the literal leads nowhere";
  EXPECT_EQ(Ask(router, "GET", "/user//events").status, 404);
  EXPECT_EQ(Ask(router, "GET", "/user/a/b/events").status, 404);
  EXPECT_EQ(Ask(router, "GET", "/user/a/events/").status, 404);
}

TEST(RouterTest, ALiteralWinsOverANameAndANameOverARest) {
  Router router;
  router.Get("/f/*rest", [](const HttpRequest&, const PathParams& params) {
    return Text("rest " + params["rest"]);
  });
  router.Get("/f/:name", Says("name"));
  router.Get("/f/one", Says("literal"));
  EXPECT_EQ(Ask(router, "GET", "/f/one").body, "literal");
  EXPECT_EQ(Ask(router, "GET", "/f/two").body, "name");
  EXPECT_EQ(Ask(router, "GET", "/f/one/two%2F/x").body, "rest one/two//x");
  EXPECT_EQ(Ask(router, "GET", "/f/").body, "rest ");
  EXPECT_EQ(Ask(router, "GET", "/f").status, 404);
}

TEST(RouterTest, SaysWhatIsWrongInTheFormOfAllErrors) {
  Router router;
  router.Get("/a", Says("a"));
  router.Inline("POST", "/a", [](HttpRequest, Responder responder) { responder.Send({}); });
  const HttpResponse unknown = Ask(router, "GET", "/b");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body, R"({"error":{"code":"not_found","message":"there is no such path",)"
                          R"("request_id":"id-1"}})");
  const HttpResponse method = Ask(router, "DELETE", "/a");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.headers.Find("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_THAT(method.body, HasSubstr(R"("code":"method_not_allowed")"));
  EXPECT_EQ(Ask(router, "TRACE", "/a").status, 405);
  EXPECT_EQ(Ask(router, "HEAD", "/b").status, 404);
}

TEST(RouterTest, AnExceptionTellsTheClientNothing) {
  Router router;
  router.Get("/std", [](const HttpRequest&, const PathParams&) -> HttpResponse {
    throw std::runtime_error("secret");
  });
  router.Get("/other", [](const HttpRequest&, const PathParams&) -> HttpResponse { throw 7; });
  for (const char* path : {"/std", "/other"}) {
    const HttpResponse response = Ask(router, "GET", path);
    EXPECT_EQ(response.status, 500);
    EXPECT_THAT(response.body, Not(HasSubstr("secret")));
    EXPECT_THAT(response.body, HasSubstr(R"("request_id":"id-1")"));
    EXPECT_TRUE(response.headers.fields.empty());
  }
}

TEST(RouterTest, InlineHandlersRunOnTheCallersThread) {
  Router router;
  const std::thread::id here = std::this_thread::get_id();
  router.Inline("POST", "/in", [&](HttpRequest, Responder responder) {
    responder.Send(Text(std::this_thread::get_id() == here ? "here" : "elsewhere"));
  });
  router.Get("/out", [&](const HttpRequest&, const PathParams&) {
    return Text(std::this_thread::get_id() == here ? "here" : "elsewhere");
  });
  EXPECT_EQ(Ask(router, "POST", "/in").body, "here");
  EXPECT_EQ(Ask(router, "GET", "/out").body, "elsewhere");
}

TEST(RouterTest, RoutesOnTheLoopNeedNoWorker) {
  Gate gate;
  Router router({.workers = 1, .queue_max = 0});
  const std::thread::id here = std::this_thread::get_id();
  router.Get("/slow", gate.Route());
  const auto quick = [&](const HttpRequest&, const PathParams& params) {
    if (params["id"] == "bad") throw std::runtime_error("secret");
    return Text(params["id"] + (std::this_thread::get_id() == here ? " here" : " elsewhere"));
  };
  router.Get("/quick/:id", quick, kOnLoop);
  router.SetDecorator([](const HttpRequest&, HttpResponse& r) { r.headers.Set("Vary", "x"); });
  std::future<HttpResponse> slow = Start(router, "GET", "/slow");
  gate.AwaitWaiting(1);
  EXPECT_EQ(Ask(router, "GET", "/quick/7").body, "7 here");
  EXPECT_EQ(Ask(router, "GET", "/quick/7").headers.Find("Vary"), "x");
  EXPECT_EQ(Ask(router, "GET", "/quick/bad").status, 500);
  gate.Open();
  EXPECT_EQ(slow.get().body, "passed");
}

TEST(RouterTest, PreflightsAndDecorations) {
  Router router;
  router.Get("/a", Says("a"));
  EXPECT_EQ(Ask(router, "OPTIONS", "/a").status, 204);
  EXPECT_EQ(Ask(router, "OPTIONS", "/a").headers.Find("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(Ask(router, "OPTIONS", "*").status, 204);
  EXPECT_EQ(Ask(router, "OPTIONS", "/b").status, 404);

  router.SetPreflight([](const HttpRequest& request) { return Text("for " + request.path); });
  router.SetDecorator([](const HttpRequest& request, HttpResponse& response) {
    response.headers.Set("Vary", "Origin " + request.method);
  });
  EXPECT_EQ(Ask(router, "OPTIONS", "/a").body, "for /a");
  EXPECT_EQ(Ask(router, "OPTIONS", "/a").headers.Find("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(Ask(router, "GET", "/a").headers.Find("Vary"), "Origin GET");
  EXPECT_EQ(Ask(router, "GET", "/b").headers.Find("Vary"), "Origin GET");
}

TEST(RouterTest, AnAliasIsTheSamePath) {
  Router router;
  router.Alias("/api/v1/", "/api/");
  router.Get("/api/user/:id", [](const HttpRequest& request, const PathParams& params) {
    return Text(request.path + " " + params["id"]);
  });
  EXPECT_EQ(Ask(router, "GET", "/api/v1/user/u%2F1").body, "/api/v1/user/u/1 u/1");
  EXPECT_EQ(Ask(router, "GET", "/api/user/u1").body, "/api/user/u1 u1");
  EXPECT_EQ(Ask(router, "GET", "/api/v2/user/u1").status, 404);
}

TEST(RouterTest, AFullQueueIsSaidAndInlineGoesOn) {
  Gate gate;
  Router router({.workers = 2, .queue_max = 3});
  router.Get("/slow", gate.Route());
  router.Inline("GET", "/health", [](HttpRequest, Responder r) { r.Send(Text("well")); });
  std::vector<std::future<HttpResponse>> answers;
  for (int i = 0; i < 2; ++i) answers.push_back(Start(router, "GET", "/slow"));
  gate.AwaitWaiting(2);
  for (int i = 0; i < 3; ++i) answers.push_back(Start(router, "GET", "/slow"));
  const HttpResponse refused = Ask(router, "GET", "/slow");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.Find("Retry-After"), "1");
  EXPECT_THAT(refused.body, HasSubstr(R"("code":"overloaded")"));
  EXPECT_EQ(Ask(router, "GET", "/health").body, "well");
  gate.Open();
  for (auto& answer : answers) EXPECT_EQ(answer.get().body, "passed");
}

TEST(RouterTest, ALaneHasWorkersOfItsOwn) {
  Gate gate;
  Router router({.workers = 1, .queue_max = 0});
  std::atomic<int> refusals{0};
  const Lane lane = router.AddLane(
      {.workers = 2, .queue_max = 1, .overloaded = "lane full", .refused = [&] { ++refusals; }});
  router.Post("/slow", gate.Route(), lane);
  router.Get("/a", Says("a"));
  std::vector<std::future<HttpResponse>> answers;
  for (int i = 0; i < 2; ++i) answers.push_back(Start(router, "POST", "/slow"));
  gate.AwaitWaiting(2);
  answers.push_back(Start(router, "POST", "/slow"));
  const HttpResponse refused = Ask(router, "POST", "/slow");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.Find("Retry-After"), "1");
  EXPECT_THAT(refused.body, HasSubstr("lane full"));
  EXPECT_EQ(refusals, 1);
  EXPECT_EQ(Ask(router, "GET", "/a").body, "a");
  gate.Open();
  for (auto& answer : answers) EXPECT_EQ(answer.get().body, "passed");
}

TEST(RouterTest, WhatWaitsIsAnsweredBeforeTheEnd) {
  Gate gate;
  std::vector<std::future<HttpResponse>> answers;
  {
    Router router({.workers = 1, .queue_max = 10});
    router.Get("/slow", gate.Route());
    for (int i = 0; i < 5; ++i) answers.push_back(Start(router, "GET", "/slow"));
    gate.Open();
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get().body, "passed");
}

TEST(RouterTest, NoQueueStillServesAFreeWorker) {
  Router router({.workers = 1, .queue_max = 0});
  router.Get("/a", Says("a"));
  EXPECT_EQ(Ask(router, "GET", "/a").body, "a");
}

}  // namespace
}  // namespace insightflow::server
