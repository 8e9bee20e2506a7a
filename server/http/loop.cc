#include "server/http/loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <random>
#include <utility>

#include "server/http/response_head.h"
#include "server/http/socket.h"

namespace insightflow::server {
namespace {

using std::chrono::milliseconds;

constexpr int kEventsATurn = 256;
// Long requests wait for short ones, but not forever: one for so many events.
constexpr std::size_t kEventsADeferred = 16;
constexpr int kAcceptsATurn = 64;
constexpr milliseconds kAcceptPause{50};
constexpr milliseconds kLingerDeadline{1000};

constexpr Phase kTimedPhases[] = {Phase::kIdle, Phase::kHead, Phase::kBody, Phase::kWrite,
                                  Phase::kLinger};

std::uint64_t RandomSeed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

std::uint64_t Mix(std::uint64_t x) {  // SplitMix64's finaliser
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

Mailbox::Mailbox(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)), event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Mailbox::~Mailbox() { close(event_); }

void Mailbox::PostAnswered(std::shared_ptr<Connection> connection) {
  std::unique_lock lock(mutex_);
  if (closed_) return;
  answered_.push_back(std::move(connection));
  WakeIfAsleep(std::move(lock));
}

void Mailbox::PostSocket(NewSocket socket) {
  std::unique_lock lock(mutex_);
  if (closed_) {
    close(socket.socket);
    shared_->Leave(socket.remote_address);
    return;
  }
  sockets_.push_back(std::move(socket));
  WakeIfAsleep(std::move(lock));
}

void Mailbox::Wake() { WakeIfAsleep(std::unique_lock(mutex_)); }

void Mailbox::WakeIfAsleep(std::unique_lock<std::mutex> lock) {
  if (!std::exchange(asleep_, false)) return;
  lock.unlock();
  eventfd_write(event_, 1);
}

Loop::Loop(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)),
      mailbox_(std::make_shared<Mailbox>(shared_)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      now_(std::chrono::steady_clock::now()),
      scratch_(new char[kScratchBytes]),
      next_request_id_(RandomSeed()) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;  // an edge for each write, so it need not be read
  event.data.ptr = mailbox_.get();
  epoll_ctl(epoll_, EPOLL_CTL_ADD, mailbox_->event_, &event);
}

Loop::~Loop() {
  StopListening();
  close(epoll_);
}

void Loop::Listen(int listener, std::vector<std::shared_ptr<Mailbox>> mailboxes) {
  listener_ = listener;
  mailboxes_ = std::move(mailboxes);
  epoll_event event{};
  event.data.ptr = this;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
  SetAccepting(true);
}

void Loop::SetAccepting(bool accepting) {
  accepting_ = accepting;
  epoll_event event{};
  event.events = accepting ? EPOLLIN : 0U;
  event.data.ptr = this;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, listener_, &event);
}

void Loop::StopListening() {
  if (listener_ >= 0) close(std::exchange(listener_, -1));
}

void Loop::Run() {
  while (!shared_->stopping) {
    if (shared_->draining && !drained_) Drain();
    Turn();
  }
  CloseAll();
}

void Loop::Turn() {
  bool asleep;
  {
    const std::lock_guard lock(mailbox_->mutex_);
    // What comes from here on finds the loop asleep and wakes it.
    asleep = mailbox_->answered_.empty() && mailbox_->sockets_.empty() && queued_.empty() &&
             deferred_.empty() && !shared_->stopping && drained_ == shared_->draining;
    mailbox_->asleep_ = asleep;
  }
  epoll_event events[kEventsATurn];
  const int count = epoll_wait(epoll_, events, kEventsATurn, asleep ? WaitMilliseconds() : 0);
  now_ = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mailbox_->mutex_);
    mailbox_->asleep_ = false;
  }
  for (int i = 0; i < count; ++i) {
    void* const source = events[i].data.ptr;
    if (source == this) {
      AcceptSome();
    } else if (source != mailbox_.get()) {
      static_cast<Connection*>(source)->OnEvents(events[i].events);
    }
  }
  CollectMail();
  RunQueued();
  RunDeferred(1 + static_cast<std::size_t>(std::max(count, 0)) / kEventsADeferred);
  ExpireDeadlines();
  closed_.clear();
}

int Loop::WaitMilliseconds() {
  SteadyTime next = SteadyTime::max();
  for (const Phase phase : kTimedPhases) {
    if (!ListOf(phase).empty()) next = std::min(next, ListOf(phase).front()->deadline());
  }
  if (listener_ >= 0 && !accepting_) next = std::min(next, accept_again_);
  if (next == SteadyTime::max()) return -1;
  const auto wait = std::chrono::ceil<milliseconds>(next - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 60'000));
}

void Loop::CollectMail() {
  std::vector<std::shared_ptr<Connection>> answered;
  std::vector<NewSocket> sockets;
  {
    const std::lock_guard lock(mailbox_->mutex_);
    answered.swap(mailbox_->answered_);
    sockets.swap(mailbox_->sockets_);
  }
  for (const std::shared_ptr<Connection>& connection : answered) connection->OnAnswer();
  for (NewSocket& socket : sockets) Add(std::move(socket));
}

void Loop::RunQueued() {
  std::vector<std::shared_ptr<Connection>> turn;
  turn.swap(queued_);
  for (const std::shared_ptr<Connection>& connection : turn) connection->Progress();
}

void Loop::RunDeferred(std::size_t count) {
  for (; count > 0 && !deferred_.empty(); --count) {
    const std::shared_ptr<Connection> connection = std::move(deferred_.front());
    deferred_.pop_front();
    connection->OnDeferred();
  }
}

void Loop::ExpireDeadlines() {
  for (const Phase phase : kTimedPhases) {
    PhaseList& list = ListOf(phase);
    while (!list.empty() && list.front()->deadline() <= now_) list.front()->OnDeadline();
  }
  if (listener_ >= 0 && !accepting_ && accept_again_ <= now_) SetAccepting(true);
}

SteadyTime Loop::DeadlineOf(Phase phase) const {
  const ListenerOptions& options = shared_->options;
  switch (phase) {
    case Phase::kIdle: return now_ + options.idle_deadline;
    case Phase::kHead: return now_ + options.header_deadline;
    case Phase::kBody: return now_ + options.body_deadline;
    case Phase::kWrite: return now_ + options.write_deadline;
    case Phase::kLinger: return now_ + kLingerDeadline;
    case Phase::kAnswer:
    case Phase::kClosed: break;
  }
  return SteadyTime::max();
}

void Loop::Queue(std::shared_ptr<Connection> connection) {
  queued_.push_back(std::move(connection));
}

void Loop::Defer(std::shared_ptr<Connection> connection) {
  deferred_.push_back(std::move(connection));
}

void Loop::Bury(std::shared_ptr<Connection> connection) {
  closed_.push_back(std::move(connection));
}

void Loop::Drain() {
  drained_ = true;
  AcceptSome();  // whoever has connected already is served
  StopListening();
  std::vector<Connection*> resting;
  for (Connection* at = ListOf(Phase::kIdle).front(); at != nullptr; at = PhaseList::Next(at)) {
    resting.push_back(at);
  }
  for (Connection* connection : resting) connection->OnDrain();
}

void Loop::CloseAll() {
  StopListening();
  std::vector<NewSocket> sockets;
  std::vector<std::shared_ptr<Connection>> answered;
  {
    const std::lock_guard lock(mailbox_->mutex_);
    mailbox_->closed_ = true;
    sockets.swap(mailbox_->sockets_);
    answered.swap(mailbox_->answered_);
  }
  for (const NewSocket& socket : sockets) {
    close(socket.socket);
    shared_->Leave(socket.remote_address);
  }
  for (PhaseList& list : phases_) {
    while (!list.empty()) list.front()->Close();
  }
  queued_.clear();
  deferred_.clear();
  closed_.clear();
}

void Loop::Add(NewSocket socket) {
  auto connection = std::make_shared<Connection>(*this, mailbox_, socket.socket,
                                                 std::move(socket.remote_address));
  connection->Open();
  epoll_event event{};
  // All edges, once: no further epoll_ctl for the life of the connection.
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = connection.get();
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket.socket, &event) != 0) return connection->Close();
  if (drained_) connection->OnDrain();
}

void Loop::AcceptSome() {
  for (int i = 0; i < kAcceptsATurn && listener_ >= 0 && accepting_; ++i) {
    sockaddr_storage storage{};
    auto* address = reinterpret_cast<sockaddr*>(&storage);
    socklen_t length = sizeof storage;
    const int accepted = shared_->options.accept
                             ? shared_->options.accept(listener_, address, &length)
                             : accept4(listener_, address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) {
      Place(accepted, AddressText(address));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || !RecoverFrom(errno)) {
      return;
    }
  }
}

// Returns whether to accept on at once.
bool Loop::RecoverFrom(int accept_error) {
  if (accept_error == EINTR) return true;
  ++shared_->counters.accept_errors;
  switch (accept_error) {
    case ECONNABORTED:  // that client has gone; so for the network errors that accept passes on
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case EOPNOTSUPP: return true;
    case EMFILE:
    case ENFILE:
      // A client that waits is worth more than the one that has rested longest.
      if (ListOf(Phase::kIdle).empty()) break;
      ListOf(Phase::kIdle).front()->Close();
      return true;
    default: break;
  }
  SetAccepting(false);
  accept_again_ = now_ + kAcceptPause;
  return false;
}

void Loop::Place(int socket, std::string address) {
  ++shared_->counters.accepted;
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!shared_->Admit(address)) {
    ++shared_->counters.refused;
    const std::string id = MakeRequestId();
    HttpResponse response = ErrorResponse(503, "overloaded", "there are too many connections", id);
    response.headers.Set("Retry-After", "1");
    std::string bytes;
    AppendResponseHead(response, {.date = Date(), .request_id = id, .keep_alive = false}, &bytes);
    bytes += response.body;
    // As much as a new socket takes at once, which is all; whoever does not read loses it.
    if (send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) shutdown(socket, SHUT_WR);
    while (recv(socket, scratch(), kScratchBytes, 0) > 0) continue;
    close(socket);
    return;
  }
  Mailbox& mailbox = *mailboxes_[next_mailbox_++ % mailboxes_.size()];
  if (&mailbox == mailbox_.get()) {
    Add({socket, std::move(address)});
  } else {
    mailbox.PostSocket({socket, std::move(address)});
  }
}

std::string Loop::MakeRequestId() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::uint64_t bits = Mix(next_request_id_ += 0x9e3779b97f4a7c15);
  std::string id(16, '0');
  for (char& c : id) {
    c = kHex[bits & 15];
    bits >>= 4;
  }
  return id;
}

const std::string& Loop::Date() {
  const std::time_t second = std::time(nullptr);
  if (second == date_second_) return date_;
  date_second_ = second;
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&second, &utc);
  char text[64];  // by hand: strftime would follow the locale
  const int size = std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                 kDays[utc.tm_wday], utc.tm_mday, kMonths[utc.tm_mon],
                                 utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  date_.assign(text, static_cast<std::size_t>(size));
  return date_;
}

}  // namespace insightflow::server
