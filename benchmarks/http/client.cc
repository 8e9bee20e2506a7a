#include "benchmarks/http/client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <string_view>

namespace insightflow::benchmarks {
namespace {

using SteadyClock = std::chrono::steady_clock;
using TimePoint = SteadyClock::time_point;

constexpr std::size_t kReadBytes = 64 << 10;
constexpr std::chrono::seconds kDrainMax{30};

SteadyClock::duration DurationOf(double seconds) {
  return std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(seconds));
}

// The number after `name`, 0 when there is none.
std::uint64_t NumberAfter(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return 0;
  std::string_view rest = text.substr(at + name.size());
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  std::uint64_t value = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), value);
  return value;
}

struct Connection {
  int fd = -1;
  std::size_t stream = 0;
  bool busy = false;
  bool wants_write = false;
  Request request;
  std::size_t written = 0;
  TimePoint due;
  std::string input;
};

// What the loop knows of one stream.
struct Lane {
  Stream stream;
  StreamResult result;
  std::vector<std::size_t> idle;  // connections
  std::size_t busy = 0;
  TimePoint next_due;
  std::vector<double> latencies;

  bool paced() const { return stream.options.rate > 0; }
};

class Loop {
 public:
  Loop(int port, std::vector<Stream> streams) : port_(port), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (Stream& stream : streams) {
      lanes_.emplace_back();
      lanes_.back().stream = std::move(stream);
    }
  }
  ~Loop() {
    for (const Connection& connection : connections_) {
      if (connection.fd >= 0) close(connection.fd);
    }
    close(epoll_);
  }

  bool Connect() {
    for (std::size_t s = 0; s < lanes_.size(); ++s) {
      for (std::size_t i = 0; i < lanes_[s].stream.options.connections; ++i) {
        connections_.emplace_back();
        connections_.back().stream = s;
        if (!Open(connections_.size() - 1)) return false;
        lanes_[s].idle.push_back(connections_.size() - 1);
      }
    }
    return true;
  }

  void Run(double warm_up, double seconds) {
    const TimePoint begin = SteadyClock::now();
    measured_from_ = begin + DurationOf(warm_up);
    end_ = measured_from_ + DurationOf(seconds);
    for (Lane& lane : lanes_) lane.next_due = begin;
    for (TimePoint now = begin; now < end_; now = SteadyClock::now()) {
      for (Lane& lane : lanes_) Dispatch(&lane, now);
      Wait(std::min(NextDue(), end_) - now);
    }
    for (Lane& lane : lanes_) {
      if (lane.paced() && lane.next_due < end_) {
        lane.result.unsent =
            static_cast<std::uint64_t>(Seconds(end_ - lane.next_due) * lane.stream.options.rate);
      }
    }
    const TimePoint give_up = SteadyClock::now() + kDrainMax;
    while (AnyBusy() && SteadyClock::now() < give_up) Wait(std::chrono::milliseconds(100));
    for (Lane& lane : lanes_) lane.result.failed += lane.busy;
  }

  std::vector<StreamResult> Results() {
    std::vector<StreamResult> results;
    for (Lane& lane : lanes_) {
      lane.result.latency = Summarize(std::move(lane.latencies));
      results.push_back(lane.result);
    }
    return results;
  }

 private:
  bool Open(std::size_t index) {
    Connection& connection = connections_[index];
    connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connection.fd < 0 ||
        connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      return false;
    }
    const int on = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connection.input.clear();
    connection.wants_write = false;
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u64 = index;
    return epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) == 0;
  }

  bool AnyBusy() const {
    return std::any_of(lanes_.begin(), lanes_.end(),
                       [](const Lane& lane) { return lane.busy > 0; });
  }

  TimePoint NextDue() const {
    TimePoint next = TimePoint::max();
    for (const Lane& lane : lanes_) {
      if (lane.paced() && !lane.idle.empty()) next = std::min(next, lane.next_due);
    }
    return next;
  }

  void Dispatch(Lane* lane, TimePoint now) {
    while (!lane->idle.empty() && (!lane->paced() || lane->next_due <= now)) {
      const std::size_t index = lane->idle.back();
      lane->idle.pop_back();
      Connection& connection = connections_[index];
      connection.request = lane->stream.requests->Take();
      connection.written = 0;
      connection.busy = true;
      connection.due = lane->paced() ? lane->next_due : now;
      if (lane->paced()) lane->next_due += DurationOf(1.0 / lane->stream.options.rate);
      ++lane->busy;
      lane->result.sent_events += lane->stream.requests->events();
      Write(index);
    }
  }

  void Wait(SteadyClock::duration timeout) {
    const auto nanos = std::max<std::int64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(timeout).count(), 0);
    const timespec wait = {nanos / 1'000'000'000, nanos % 1'000'000'000};
    epoll_event events[256];
    const int count = epoll_pwait2(epoll_, events, 256, &wait, nullptr);
    for (int i = 0; i < count; ++i) {
      const std::size_t index = events[i].data.u64;
      if ((events[i].events & EPOLLOUT) != 0) Write(index);
      if ((events[i].events & ~EPOLLOUT) != 0) Read(index);
    }
  }

  void Write(std::size_t index) {
    Connection& connection = connections_[index];
    const std::string_view head = connection.request.head;
    const std::string_view body = connection.request.body;
    while (connection.written < head.size() + body.size()) {
      const std::size_t head_done = std::min(connection.written, head.size());
      const std::size_t body_done = connection.written - head_done;
      iovec parts[2] = {{const_cast<char*>(head.data()) + head_done, head.size() - head_done},
                        {const_cast<char*>(body.data()) + body_done, body.size() - body_done}};
      msghdr message = {};
      message.msg_iov = parts;
      message.msg_iovlen = 2;
      const ssize_t sent = sendmsg(connection.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return WantWrite(index, true);
        return Break(index, std::strerror(errno));
      }
      connection.written += static_cast<std::size_t>(sent);
    }
    WantWrite(index, false);
  }

  void WantWrite(std::size_t index, bool on) {
    Connection& connection = connections_[index];
    if (connection.wants_write == on) return;
    connection.wants_write = on;
    epoll_event event = {};
    event.events = EPOLLIN | (on ? EPOLLOUT : 0u);
    event.data.u64 = index;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
  }

  void Read(std::size_t index) {
    Connection& connection = connections_[index];
    char bytes[kReadBytes];
    const ssize_t got = recv(connection.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return Break(index, got == 0 ? "connection closed" : std::strerror(errno));
    if (!connection.busy) return Break(index, "an answer that nobody asked for");
    connection.input.append(bytes, static_cast<std::size_t>(got));
    const std::string_view input = connection.input;
    const std::size_t head_end = input.find("\r\n\r\n");
    if (head_end == std::string_view::npos) return;
    const std::string_view head = input.substr(0, head_end);
    const std::size_t length = NumberAfter(head, "Content-Length:");
    if (input.size() < head_end + 4 + length) return;
    Finish(index, head, input.substr(head_end + 4, length));
  }

  void Finish(std::size_t index, std::string_view head, std::string_view body) {
    Connection& connection = connections_[index];
    Lane& lane = lanes_[connection.stream];
    const TimePoint now = SteadyClock::now();
    const std::uint64_t events = lane.stream.requests->events();
    const std::uint64_t accepted = events == 0 ? 0 : NumberAfter(body, "\"accepted\":");
    lane.result.accepted_events += accepted;
    if (NumberAfter(head, "HTTP/1.1") != 200 || accepted != events) {
      Fail(&lane,
           std::string(head.substr(0, head.find('\r'))) + " " + std::string(body.substr(0, 300)));
    }
    if (now >= measured_from_ && now < end_) {
      ++lane.result.requests;
      lane.latencies.push_back(1e3 * Seconds(now - connection.due));
    }
    connection.input.clear();
    Free(index);
  }

  void Free(std::size_t index) {
    Connection& connection = connections_[index];
    Lane& lane = lanes_[connection.stream];
    if (connection.busy) {
      lane.stream.requests->Return(connection.request.slot);
      connection.busy = false;
      --lane.busy;
      lane.idle.push_back(index);
    }
  }

  static void Fail(Lane* lane, const std::string& why) {
    if (lane->result.failed++ == 0) lane->result.first_failure = why;
  }

  // A server may close a connection between two requests; anything else is a failure.
  void Break(std::size_t index, const std::string& why) {
    Connection& connection = connections_[index];
    if (connection.busy) Fail(&lanes_[connection.stream], why);
    close(connection.fd);
    connection.fd = -1;
    const bool open = Open(index);
    Free(index);
    if (!open) {
      Fail(&lanes_[connection.stream], "cannot connect again");
      std::erase(lanes_[connection.stream].idle, index);
    }
  }

  const int port_;
  const int epoll_;
  TimePoint measured_from_;
  TimePoint end_;
  std::vector<Lane> lanes_;
  std::vector<Connection> connections_;
};

}  // namespace

LoadResult RunLoad(int port, std::vector<Stream> streams, double warm_up, double seconds) {
  LoadResult result;
  result.seconds = seconds;
  Loop loop(port, std::move(streams));
  if (!loop.Connect()) {
    result.error =
        "cannot connect to 127.0.0.1:" + std::to_string(port) + ": " + std::strerror(errno);
    return result;
  }
  loop.Run(warm_up, seconds);
  result.streams = loop.Results();
  return result;
}

}  // namespace insightflow::benchmarks
