// One client: reads, assembles, waits for the answer, writes it, pulling what is made meanwhile.
// Lives on one loop; only Send and SendPiece may be called from other threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/assembler.h"
#include "server/http/shared.h"

namespace insightflow::server {

class Connection;
class Loop;
class Mailbox;

// What a connection is waiting for. Each has a deadline of its own but kAnswer: how long an answer
// or a piece of one may take is the handler's affair.
enum class Phase : std::uint8_t { kIdle, kHead, kBody, kAnswer, kWrite, kLinger, kClosed };
inline constexpr std::size_t kPhases = 7;

// Every phase has one length of time, so appending keeps its connections ordered by deadline and
// the next to expire is in front: arming, disarming and finding are O(1).
class PhaseList {
 public:
  bool empty() const { return first_ == nullptr; }
  Connection* front() const { return first_; }
  static Connection* Next(const Connection* connection);
  void Append(Connection* connection);
  void Remove(Connection* connection);

 private:
  Connection* first_ = nullptr;
  Connection* last_ = nullptr;
};

class Connection final : public Responder::Sink,
                         public BodyWriter::Sink,
                         public std::enable_shared_from_this<Connection> {
 public:
  Connection(Loop& loop, std::shared_ptr<Mailbox> mailbox, int socket, std::string remote_address);
  ~Connection() override;

  // From any thread: keeps the answer and tells the loop.
  void Send(HttpResponse response) override;
  void SendPiece(std::string bytes, BodyWriter::Then then) override;

  // All else from the loop's thread.
  void Open();
  void OnEvents(std::uint32_t events);
  void OnAnswer();
  void OnDeadline();
  void OnDrain();  // closes unless a request has come
  // Reads and handles what there is, for a bounded turn.
  void Progress();
  // Handles the request that Loop::Defer was told of.
  void OnDeferred();
  void Close();

  Phase phase() const { return phase_; }
  SteadyTime deadline() const { return deadline_; }

 private:
  friend class PhaseList;

  // Of the request that is being answered.
  struct Exchange {
    std::string request_id;
    std::string method;  // these two only for AnswerRecord
    std::string path;
    SteadyTime begun{};
    std::size_t request_bytes = 0;
    std::size_t response_bytes = 0;
    int status = 0;
    bool head_only = false;
    bool refused = false;
  };

  void EnterPhase(Phase phase);
  bool ReadSome();
  void ConsumeRest();
  void Settle();
  void SendContinue();
  void Dispatch();
  void Refuse(const HttpRefusal& refusal);
  void CountRefusal(int status);
  void StartAnswer(HttpResponse response);
  void Report(bool cut_off);
  void TakePiece();
  void FramePiece(bool last);
  void Pull();
  void Flush();
  void FinishAnswer();
  void Linger();
  void DiscardInput();
  bool Charge(std::size_t bytes, bool may_refuse);

  Loop& loop_;
  const std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<Connection> self_;  // while open
  Connection* previous_ = nullptr;    // in the list of the phase
  Connection* next_ = nullptr;
  SteadyTime deadline_;
  int socket_;
  Phase phase_ = Phase::kClosed;
  bool readable_ = false;  // the socket may hold bytes: events are edges, so this remembers them
  bool keep_alive_ = true;
  bool hung_up_ = false;           // the client will send no more: read on until the end
  std::atomic<bool> gone_{false};  // closed, or hung up: told to handlers
  std::size_t output_sent_ = 0;
  std::size_t charged_ = 0;
  std::size_t rest_taken_ = 0;
  Assembler assembler_;
  const std::string remote_address_;
  std::string rest_;  // bytes of pipelined requests, read but not yet handled
  std::string output_head_;
  std::string output_body_;
  HttpResponse answer_;                 // written by Send, read when the mailbox brings it
  std::unique_ptr<BodySource> source_;  // of a body that has not ended
  std::string piece_;                   // these two as answer_, by SendPiece
  BodyWriter::Then then_ = BodyWriter::Then::kMore;
  Exchange exchange_;
};

}  // namespace insightflow::server
