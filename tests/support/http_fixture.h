// A listener on a free port with handlers for every way to answer.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/http/listener.h"
#include "tests/support/http_client.h"

namespace insightflow::testing {

// By path: /block keeps the loop itself until Unblock; /hold keeps the responder until Release;
// /later answers from another thread; /large?n answers n bytes; /throw throws; /forget drops the
// responder; all else echoes at once.
class TestHandler : public server::HttpHandler {
 public:
  ~TestHandler() override { JoinAll(); }

  void Handle(server::HttpRequest request, server::Responder responder) override {
    ++handled;
    if (request.path == "/throw") throw std::string("secret");
    if (request.path == "/forget") return;
    if (request.path == "/block") unblocked_.get_future().wait();
    const std::lock_guard lock(mutex_);
    paths_.push_back(request.path);
    if (request.path == "/hold") {
      held_.emplace_back(std::move(request), std::move(responder));
    } else if (request.path == "/later") {
      threads_.emplace_back(
          [r = std::move(request), to = std::move(responder)]() mutable { to.Send(Echo(r)); });
    } else {
      responder.Send(Echo(request));
    }
  }

  // Once.
  void Unblock() { unblocked_.set_value(); }

  // Of what was handled, in that order.
  std::vector<std::string> paths() {
    const std::lock_guard lock(mutex_);
    return paths_;
  }

  std::size_t held() {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }

  // How many of the held have lost their clients.
  std::size_t gone() {
    const std::lock_guard lock(mutex_);
    std::size_t gone = 0;
    for (const auto& [request, responder] : held_) gone += request.client_gone->load() ? 1 : 0;
    return gone;
  }

  // Answers what is held, from the caller's thread.
  void Release() {
    std::vector<std::pair<server::HttpRequest, server::Responder>> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (auto& [request, responder] : held) responder.Send(Echo(request));
  }

  std::atomic<int> handled{0};

 private:
  static server::HttpResponse Echo(const server::HttpRequest& request) {
    server::HttpResponse response;
    response.content_type = "text/plain";
    if (const auto size = request.Param("n")) {
      response.body.assign(std::strtoull(size->c_str(), nullptr, 10), 'x');
    } else {
      response.body = request.method + " " + request.target + " " + request.body;
    }
    return response;
  }

  void JoinAll() {
    for (std::thread& thread : threads_) thread.join();
  }

  std::mutex mutex_;
  std::promise<void> unblocked_;
  std::vector<std::string> paths_;
  std::vector<std::pair<server::HttpRequest, server::Responder>> held_;
  std::vector<std::thread> threads_;
};

class HttpTest : public ::testing::Test {
 protected:
  // Tests change `options` first.
  void Start() {
    auto started = server::Listener::Start(options, handler);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    listener = std::move(started).value();
  }

  RawClient Connect(int receive_buffer = 0) { return RawClient(listener->port(), receive_buffer); }

  server::ListenerStats Stats() { return listener->Stats(); }

  static std::string Get(std::string_view target, std::string_view headers = "") {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(headers) +
           "\r\n";
  }

  static std::string Post(std::string_view target, std::string_view body,
                          std::string_view headers = "") {
    return "POST " + std::string(target) +
           " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           std::string(headers) + "\r\n" + std::string(body);
  }

  // One request of its own connection is answered: the server is well.
  void ExpectServing() {
    RawClient client = Connect();
    EXPECT_EQ(client.Ask(Get("/health")).status, 200);
  }

  TestHandler handler;
  server::ListenerOptions options;
  std::unique_ptr<server::Listener> listener;
};

}  // namespace insightflow::testing
