#include "server/http/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <utility>

#include "server/http/loop.h"
#include "server/http/response_head.h"

namespace insightflow::server {
namespace {

constexpr int kReadsATurn = 16;
// Decoding more than this takes longer than a turn of the loop costs.
constexpr std::size_t kLongBodyBytes = 4096;
constexpr HttpRefusal kOverloaded = {503, "overloaded",
                                     "too many bytes are in flight: retry in a second"};
constexpr HttpRefusal kTooSlow = {408, "request_timeout", "the request did not come in time"};

void Release(std::string* text) { std::string().swap(*text); }

// Makes closing the socket reset the connection: the end of an answer that is broken off must not
// look like its end.
void ResetOnClose(int socket) {
  const linger hard{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

}  // namespace

Connection* PhaseList::Next(const Connection* connection) { return connection->next_; }

void PhaseList::Append(Connection* connection) {
  connection->previous_ = last_;
  connection->next_ = nullptr;
  (last_ == nullptr ? first_ : last_->next_) = connection;
  last_ = connection;
}

void PhaseList::Remove(Connection* connection) {
  Connection* const previous = connection->previous_;
  Connection* const next = connection->next_;
  (previous == nullptr ? first_ : previous->next_) = next;
  (next == nullptr ? last_ : next->previous_) = previous;
}

Connection::Connection(Loop& loop, std::shared_ptr<Mailbox> mailbox, int socket,
                       std::string remote_address)
    : loop_(loop),
      mailbox_(std::move(mailbox)),
      socket_(socket),
      assembler_(mailbox_->shared().options.limits),
      remote_address_(std::move(remote_address)) {}

Connection::~Connection() { Charge(0, false); }

void Connection::Send(HttpResponse response) {
  answer_ = std::move(response);
  mailbox_->PostAnswered(shared_from_this());
}

void Connection::SendPiece(std::string bytes, BodyWriter::Then then) {
  piece_ = std::move(bytes);
  then_ = then;
  mailbox_->PostAnswered(shared_from_this());
}

void Connection::Open() {
  self_ = shared_from_this();
  EnterPhase(Phase::kIdle);
}

void Connection::EnterPhase(Phase phase) {
  if (phase_ != Phase::kClosed) loop_.ListOf(phase_).Remove(this);
  phase_ = phase;
  if (phase == Phase::kClosed) return;
  deadline_ = loop_.DeadlineOf(phase);
  loop_.ListOf(phase).Append(this);
}

void Connection::Close() {
  if (phase_ == Phase::kClosed) return;
  EnterPhase(Phase::kClosed);
  gone_.store(true, std::memory_order_relaxed);
  if (const std::unique_ptr<BodySource> source = std::move(source_)) {
    ResetOnClose(socket_);
    Report(true);
  }
  close(socket_);
  mailbox_->shared().Leave(remote_address_);
  loop_.Bury(std::move(self_));
}

void Connection::OnEvents(std::uint32_t events) {
  if (phase_ == Phase::kClosed) return;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return Close();
  if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) readable_ = true;
  if ((events & EPOLLRDHUP) != 0) {
    hung_up_ = true;
    gone_.store(true, std::memory_order_relaxed);
  }
  if (phase_ == Phase::kWrite && (events & EPOLLOUT) != 0) Flush();
  Progress();
}

void Connection::OnAnswer() {
  if (phase_ != Phase::kAnswer) return;  // the client has gone meanwhile
  source_ != nullptr ? TakePiece() : StartAnswer(std::exchange(answer_, {}));
  Progress();
}

void Connection::OnDeferred() {
  if (phase_ != Phase::kAnswer) return;  // the client has gone meanwhile
  Dispatch();
  Progress();
}

void Connection::OnDeadline() {
  if (phase_ != Phase::kLinger) ++mailbox_->shared().counters.deadline;
  if (phase_ == Phase::kHead || phase_ == Phase::kBody) {
    Refuse(kTooSlow);
  } else {
    Close();
  }
}

void Connection::OnDrain() {
  readable_ = true;  // a request may have come whose event has not
  Progress();
  if (phase_ == Phase::kIdle) Close();
}

void Connection::Progress() {
  for (int i = 0; i < kReadsATurn; ++i) {
    if (phase_ == Phase::kLinger) return DiscardInput();
    if (phase_ != Phase::kIdle && phase_ != Phase::kHead && phase_ != Phase::kBody) return;
    if (!rest_.empty()) {
      ConsumeRest();
    } else if (!readable_ || !ReadSome()) {
      return;
    }
  }
  loop_.Queue(shared_from_this());
}

// Returns false when there is no more to read now.
bool Connection::ReadSome() {
  const ssize_t size = recv(socket_, loop_.scratch(), Loop::kScratchBytes, 0);
  if (size == 0) return Close(), false;
  if (size < 0) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK) Close();
    readable_ = false;
    return false;
  }
  const std::string_view bytes(loop_.scratch(), static_cast<std::size_t>(size));
  // A short read has emptied the socket, and later bytes are another event. Not so the end, whose
  // event may be this one.
  readable_ = hung_up_ || bytes.size() == Loop::kScratchBytes;
  const std::size_t taken = assembler_.Feed(bytes);
  if (taken < bytes.size() && assembler_.state() == Assembler::State::kComplete) {
    rest_.assign(bytes.substr(taken));
  }
  Settle();
  return true;
}

void Connection::ConsumeRest() {
  rest_taken_ += assembler_.Feed(std::string_view(rest_).substr(rest_taken_));
  if (rest_taken_ == rest_.size()) {
    Release(&rest_);
    rest_taken_ = 0;
  }
  Settle();
}

// Acts on what the assembler has made of the bytes.
void Connection::Settle() {
  switch (assembler_.state()) {
    case Assembler::State::kRefused: return Refuse(assembler_.refusal());
    case Assembler::State::kComplete:
      if (mailbox_->shared().options.on_answer) exchange_.begun = std::chrono::steady_clock::now();
      if (assembler_.partial().body.size() < kLongBodyBytes) return Dispatch();
      EnterPhase(Phase::kAnswer);
      return loop_.Defer(shared_from_this());
    case Assembler::State::kBody:
      if (!Charge(assembler_.held_bytes(), true)) return Refuse(kOverloaded);
      if (phase_ != Phase::kBody || assembler_.TakeBodyPart()) EnterPhase(Phase::kBody);
      if (assembler_.TakeExpectContinue()) SendContinue();
      return;
    case Assembler::State::kHead:
      if (!Charge(assembler_.held_bytes(), true)) return Refuse(kOverloaded);
      if (phase_ == Phase::kIdle && !assembler_.at_rest()) EnterPhase(Phase::kHead);
      return;
  }
}

void Connection::SendContinue() {
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  const ssize_t sent = send(socket_, kContinue.data(), kContinue.size(), MSG_NOSIGNAL);
  // All answers before were written whole, so there is room unless the client does not read.
  if (sent != static_cast<ssize_t>(kContinue.size())) Close();
}

void Connection::Dispatch() {
  Shared& shared = mailbox_->shared();
  keep_alive_ = assembler_.keep_alive();
  if (!Charge(assembler_.partial().body.size() + rest_.size(), true)) return Refuse(kOverloaded);
  HttpRequest request = assembler_.Take();
  request.remote_address = remote_address_;
  request.client_gone = std::shared_ptr<const std::atomic<bool>>(shared_from_this(), &gone_);
  if (request.request_id.empty()) request.request_id = loop_.MakeRequestId();
  exchange_.request_id = request.request_id;
  exchange_.request_bytes = request.body.size();
  exchange_.head_only = request.method == "HEAD";
  if (shared.options.on_answer) {
    exchange_.method = request.method;
    exchange_.path = request.path;
  }
  shared.counters.requests.fetch_add(1, std::memory_order_relaxed);
  EnterPhase(Phase::kAnswer);
  try {
    shared.handler.Handle(std::move(request), Responder(shared_from_this()));
  } catch (...) {  // NOLINT(bugprone-empty-catch)
    // Unwinding has destroyed the responder, and that answers 500.
  }
}

void Connection::Refuse(const HttpRefusal& refusal) {
  CountRefusal(refusal.status);
  keep_alive_ = false;
  const HttpRequest& request = assembler_.partial();
  exchange_ = {};
  exchange_.request_id = request.request_id.empty() ? loop_.MakeRequestId() : request.request_id;
  exchange_.method = request.method;
  exchange_.path = request.path;
  exchange_.head_only = request.method == "HEAD";
  exchange_.refused = true;
  exchange_.begun = std::chrono::steady_clock::now();
  Release(&rest_);
  rest_taken_ = 0;
  HttpResponse response =
      ErrorResponse(refusal.status, refusal.code, refusal.message, exchange_.request_id);
  if (refusal.status == 503) response.headers.Set("Retry-After", "1");
  const ListenerOptions& options = mailbox_->shared().options;
  if (options.on_refusal) options.on_refusal(request, response);
  assembler_ = Assembler(options.limits);
  StartAnswer(std::move(response));
}

void Connection::CountRefusal(int status) {
  Counters& counters = mailbox_->shared().counters;
  if (status == 503) {
    ++counters.overload;
  } else if (status == 413 || status == 414 || status == 431) {
    ++counters.too_large;
  } else if (status != 408) {
    ++counters.malformed;
  }
}

void Connection::StartAnswer(HttpResponse response) {
  CompleteError(&response, exchange_.request_id);
  const bool has_end = response.source == nullptr || !assembler_.http_1_0();
  keep_alive_ = keep_alive_ && has_end && !mailbox_->shared().draining;
  AppendResponseHead(response,
                     {.date = loop_.Date(),
                      .request_id = exchange_.request_id,
                      .keep_alive = keep_alive_,
                      .http_1_0 = assembler_.http_1_0()},
                     &output_head_);
  if (!exchange_.head_only && MayHaveBody(response.status)) {
    output_body_ = std::move(response.body);
    source_ = std::move(response.source);
    if (source_ != nullptr) FramePiece(false);
  }
  exchange_.status = response.status;
  exchange_.response_bytes = output_head_.size() + output_body_.size();
  if (source_ == nullptr) Report(false);
  Flush();
}

void Connection::TakePiece() {
  if (then_ == BodyWriter::Then::kBreakOff) return Close();
  output_body_ = std::exchange(piece_, {});
  const bool last = then_ == BodyWriter::Then::kEnd;
  FramePiece(last);
  exchange_.response_bytes += output_head_.size() + output_body_.size();
  if (last) {
    source_.reset();
    Report(false);
  }
  Flush();
}

// Makes output_body_ a chunk; of an empty one nothing, since that would be the last.
void Connection::FramePiece(bool last) {
  if (assembler_.http_1_0()) return;
  if (!output_body_.empty()) {
    char size[20];
    output_head_.append(size, static_cast<std::size_t>(std::snprintf(size, sizeof size, "%zx\r\n",
                                                                     output_body_.size())));
    output_body_ += "\r\n";
  }
  if (last) output_body_ += "0\r\n\r\n";
}

void Connection::Pull() {
  EnterPhase(Phase::kAnswer);
  try {
    source_->Pull(BodyWriter(shared_from_this()));
  } catch (...) {  // NOLINT(bugprone-empty-catch)
    // Unwinding has destroyed the writer, and that breaks the answer off.
  }
}

void Connection::Report(bool cut_off) {
  const auto& on_answer = mailbox_->shared().options.on_answer;
  if (!on_answer) return;
  AnswerRecord record;
  record.method = exchange_.method;
  record.path = exchange_.path;
  record.request_id = exchange_.request_id;
  record.status = exchange_.status;
  record.refused = exchange_.refused;
  record.cut_off = cut_off;
  record.request_bytes = exchange_.request_bytes;
  record.response_bytes = exchange_.response_bytes;
  record.duration = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - exchange_.begun);
  on_answer(record);
}

// Writes as much as the socket takes; the rest when it takes more.
void Connection::Flush() {
  const std::size_t size = output_head_.size() + output_body_.size();
  while (output_sent_ < size) {
    const std::size_t head = std::min(output_sent_, output_head_.size());
    const std::size_t body = output_sent_ - head;
    iovec parts[2] = {{output_head_.data() + head, output_head_.size() - head},
                      {output_body_.data() + body, output_body_.size() - body}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const ssize_t sent = sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      output_sent_ += static_cast<std::size_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return Close();
    Charge(size, false);
    if (phase_ != Phase::kWrite) EnterPhase(Phase::kWrite);
    return;
  }
  FinishAnswer();
}

void Connection::FinishAnswer() {
  Release(&output_head_);
  Release(&output_body_);
  output_sent_ = 0;
  Charge(0, false);
  if (source_ != nullptr) return Pull();
  if (!keep_alive_) return Linger();
  EnterPhase(Phase::kIdle);
}

// Ends our side and reads the client's to its end: closing with unread bytes would reset the
// connection, and the reset could overtake the answer.
void Connection::Linger() {
  Release(&rest_);
  rest_taken_ = 0;
  shutdown(socket_, SHUT_WR);
  EnterPhase(Phase::kLinger);
}

void Connection::DiscardInput() {
  for (int i = 0; readable_ && i < kReadsATurn; ++i) {
    const ssize_t size = recv(socket_, loop_.scratch(), Loop::kScratchBytes, 0);
    if (size == 0) return Close();
    if (size > 0 || errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return Close();
    readable_ = false;
  }
  if (readable_) loop_.Queue(shared_from_this());
}

// Counts the bytes held for this client. Returns false, and counts nothing more, when that would
// pass the bound on all of them.
bool Connection::Charge(std::size_t bytes, bool may_refuse) {
  Shared& shared = mailbox_->shared();
  std::atomic<std::uint64_t>& total = shared.counters.bytes_in_flight;
  if (bytes > charged_) {
    const std::size_t more = bytes - charged_;
    if (total.fetch_add(more) + more > shared.options.bytes_in_flight_max && may_refuse) {
      total.fetch_sub(more);
      return false;
    }
  } else if (bytes < charged_) {
    total.fetch_sub(charged_ - bytes);
  }
  charged_ = bytes;
  return true;
}

}  // namespace insightflow::server
