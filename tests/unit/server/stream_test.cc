// Bodies that are made while they are sent: pulled as the client takes them, and broken off so that
// nobody takes a part for the whole.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/http/listener.h"
#include "tests/support/http_client.h"

namespace insightflow::server {
namespace {

using testing::Eventually;
using testing::RawClient;
using Then = BodyWriter::Then;

constexpr std::size_t kPieceBytes = 64 << 10;

// What the sources of one test share.
struct Watch {
  std::atomic<int> pulls{0};
  std::atomic<int> alive{0};
  std::mutex mutex;
  std::vector<BodyWriter> parked;

  // Sends a piece to the writer that is parked.
  void Say(std::string bytes, Then then) {
    const std::lock_guard lock(mutex);
    parked.back().Send(std::move(bytes), then);
    parked.pop_back();
  }
  bool HasParked() {
    const std::lock_guard lock(mutex);
    return !parked.empty();
  }
};

enum class Kind { kPieces, kEndless, kBreaksOff, kThrows, kParks };

class Source final : public BodySource {
 public:
  Source(std::shared_ptr<Watch> watch, Kind kind) : watch_(std::move(watch)), kind_(kind) {
    ++watch_->alive;
  }
  ~Source() override { --watch_->alive; }

  void Pull(BodyWriter writer) override {
    const int pull = ++watch_->pulls;
    switch (kind_) {
      case Kind::kPieces:
        if (pull == 2) return writer.Send("", Then::kMore);  // must not end the body
        return writer.Send("piece" + std::to_string(pull), pull == 4 ? Then::kEnd : Then::kMore);
      case Kind::kEndless: return writer.Send(std::string(kPieceBytes, 'x'), Then::kMore);
      case Kind::kBreaksOff:
        if (pull < 3) writer.Send("part", Then::kMore);
        return;
      case Kind::kThrows: throw std::string("secret");
      case Kind::kParks: {
        const std::lock_guard lock(watch_->mutex);
        watch_->parked.push_back(std::move(writer));
        return;
      }
    }
  }

 private:
  const std::shared_ptr<Watch> watch_;
  const Kind kind_;
};

class Handler final : public HttpHandler {
 public:
  void Handle(HttpRequest request, Responder responder) override {
    HttpResponse response;
    response.content_type = "text/plain";
    response.body = "begin";
    const std::pair<const char*, Kind> kinds[] = {{"/pieces", Kind::kPieces},
                                                  {"/endless", Kind::kEndless},
                                                  {"/breaks", Kind::kBreaksOff},
                                                  {"/throws", Kind::kThrows},
                                                  {"/parks", Kind::kParks}};
    for (const auto& [path, kind] : kinds) {
      if (request.path == path) response.source = std::make_unique<Source>(watch, kind);
    }
    responder.Send(std::move(response));
  }

  const std::shared_ptr<Watch> watch = std::make_shared<Watch>();
};

class StreamTest : public ::testing::Test {
 protected:
  void Start() {
    options_.loops = 1;
    options_.on_answer = [this](const AnswerRecord& record) {
      const std::lock_guard lock(mutex_);
      bytes_ = record.response_bytes;
      cut_off_ = record.cut_off;
      ++answers_;
    };
    auto started = Listener::Start(options_, handler_);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    listener_ = std::move(*started);
  }
  static std::string Get(const std::string& path, const std::string& version = "1.1",
                         const std::string& method = "GET") {
    return method + " " + path + " HTTP/" + version + "\r\nHost: a\r\n\r\n";
  }
  bool Ended(int answers, bool cut_off) {
    const std::lock_guard lock(mutex_);
    return answers_ == answers && cut_off_ == cut_off;
  }
  Watch& watch() { return *handler_.watch; }

  ListenerOptions options_;
  Handler handler_;
  std::mutex mutex_;
  std::size_t bytes_ = 0;
  bool cut_off_ = false;
  int answers_ = 0;
  std::unique_ptr<Listener> listener_;
};

TEST_F(StreamTest, ComesInChunksAndKeepsTheConnection) {
  Start();
  RawClient client(listener_->port());
  client.Send(Get("/pieces") + Get("/plain") +
              "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string all = client.ReceiveAll();
  EXPECT_NE(all.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos);
  const std::string body =
      "\r\n\r\n5\r\nbegin\r\n6\r\npiece1\r\n6\r\npiece3\r\n6\r\npiece4\r\n0\r\n\r\nHTTP/1.1 200 "
      "OK\r\n";
  const std::size_t at = all.find(body);
  ASSERT_NE(at, std::string::npos) << all;
  EXPECT_EQ(all.substr(0, at).find("Content-Length"), std::string::npos);
  EXPECT_EQ(watch().alive, 0);
  EXPECT_TRUE(Ended(3, false));
}

TEST_F(StreamTest, GoesToTheConnectionsEndForHttp10) {
  Start();
  RawClient client(listener_->port());
  client.Send("GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  client.EndSending();
  const std::string all = client.ReceiveAll();
  EXPECT_TRUE(all.ends_with("\r\n\r\nbeginpiece1piece3piece4")) << all;
  EXPECT_EQ(all.find("Transfer-Encoding"), std::string::npos);
  EXPECT_EQ(all.find("Content-Length"), std::string::npos);
  EXPECT_NE(all.find("Connection: close"), std::string::npos);
  ASSERT_TRUE(Ended(1, false));
  EXPECT_EQ(bytes_, all.size());
}

TEST_F(StreamTest, HasNoBodyAfterHead) {
  Start();
  RawClient client(listener_->port());
  client.Send(Get("/endless", "1.1", "HEAD"));
  EXPECT_EQ(client.Receive(true).Header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(client.Ask(Get("/plain")).body, "begin");
  EXPECT_EQ(watch().pulls, 0);
}

TEST_F(StreamTest, IsMadeNoFasterThanItIsTaken) {
  Start();
  RawClient slow(listener_->port(), 4096);
  slow.Send(Get("/endless"));
  // Until the system's buffers are full.
  int before = -1;
  ASSERT_TRUE(Eventually([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return std::exchange(before, watch().pulls.load()) == watch().pulls && before > 1;
  }));
  EXPECT_LT(watch().pulls * kPieceBytes, std::size_t{64} << 20);
  EXPECT_LE(listener_->Stats().bytes_in_flight, 2 * kPieceBytes);
  RawClient other(listener_->port());
  EXPECT_EQ(other.Ask(Get("/plain")).status, 200);  // and nobody waits for it
  slow.Close();
  EXPECT_TRUE(Eventually([&] { return watch().alive == 0; }));
  EXPECT_TRUE(Eventually([&] { return Ended(2, true); }));
  EXPECT_TRUE(Eventually([&] { return listener_->Stats().bytes_in_flight == 0; }));
}

TEST_F(StreamTest, EndsWhenItsClientGoes) {
  Start();
  for (const bool hard : {true, false}) {
    RawClient client(listener_->port());
    client.Send(Get("/endless"));
    ASSERT_TRUE(Eventually([&] { return watch().alive == 1; }));
    hard ? client.Reset() : client.Close();
    EXPECT_TRUE(Eventually([&] { return watch().alive == 0; })) << hard;
  }
}

TEST_F(StreamTest, IsBrokenOffSoThatItIsNotTakenForTheWhole) {
  Start();
  int answers = 0;
  for (const char* path : {"/breaks", "/throws"}) {
    RawClient client(listener_->port());
    client.Send(Get(path));
    const std::string all = client.ReceiveAll();
    EXPECT_EQ(all.find("\r\n0\r\n"), std::string::npos) << all;
    EXPECT_TRUE(Eventually([&] { return Ended(answers + 1, true); }));
    ++answers;
    watch().pulls = 0;
  }
  EXPECT_EQ(watch().alive, 0);
}

TEST_F(StreamTest, AClientThatTakesNothingIsClosedByTheDeadline) {
  options_.write_deadline = std::chrono::milliseconds(100);
  Start();
  RawClient client(listener_->port(), 4096);
  client.Send(Get("/endless"));
  EXPECT_TRUE(Eventually([&] { return Ended(1, true); }));
  EXPECT_EQ(watch().alive, 0);
  EXPECT_EQ(listener_->Stats().closed_by_deadline, 1U);
}

TEST_F(StreamTest, APieceMayComeMuchLaterFromAnywhere) {
  options_.write_deadline = options_.idle_deadline = std::chrono::milliseconds(50);
  Start();
  RawClient client(listener_->port());
  client.Send(Get("/parks"));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Eventually([&] { return watch().HasParked(); }));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    watch().Say("later", i == 2 ? Then::kEnd : Then::kMore);
  }
  const std::string all = client.ReceiveAll();
  EXPECT_TRUE(all.ends_with("5\r\nbegin\r\n5\r\nlater\r\n5\r\nlater\r\n5\r\nlater\r\n0\r\n\r\n"))
      << all;
}

TEST_F(StreamTest, ParkedOnesEndWithTheListener) {
  Start();
  RawClient client(listener_->port());
  client.Send(Get("/parks"));
  ASSERT_TRUE(Eventually([&] { return watch().HasParked(); }));
  EXPECT_FALSE(listener_->Drain(std::chrono::milliseconds(50)));
  listener_->Stop();
  EXPECT_EQ(watch().alive, 0);
  watch().Say("nobody hears this", Then::kMore);
  EXPECT_TRUE(Ended(1, true));
}

}  // namespace
}  // namespace insightflow::server
