// One thread that waits on epoll for all of its connections, and the mailbox by which other threads
// reach it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/http/connection.h"
#include "server/http/shared.h"

namespace insightflow::server {

struct NewSocket {
  int socket = -1;
  std::string remote_address;
};

// Thread-safe. Outlives its loop as long as a responder is held, and then drops what is posted.
class Mailbox {
 public:
  explicit Mailbox(std::shared_ptr<Shared> shared);
  ~Mailbox();

  void PostAnswered(std::shared_ptr<Connection> connection);
  void PostSocket(NewSocket socket);  // admitted
  void Wake();

  Shared& shared() const { return *shared_; }

 private:
  friend class Loop;

  void WakeIfAsleep(std::unique_lock<std::mutex> lock);

  const std::shared_ptr<Shared> shared_;
  const int event_;
  std::mutex mutex_;
  bool asleep_ = false;  // the loop is in epoll_wait, or about to be: the first post must wake it
  bool closed_ = false;
  std::vector<std::shared_ptr<Connection>> answered_;
  std::vector<NewSocket> sockets_;
};

class Loop {
 public:
  static constexpr std::size_t kScratchBytes = 64 << 10;

  explicit Loop(std::shared_ptr<Shared> shared);
  ~Loop();

  // False when the system refused what the loop waits on.
  bool valid() const { return epoll_ >= 0 && mailbox_->event_ >= 0; }

  // Makes this loop accept for all loops, in turn. Call before Run.
  void Listen(int listener, std::vector<std::shared_ptr<Mailbox>> mailboxes);
  void Run();  // until Shared::stopping; then closes every connection

  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }

  // For the connections, on the loop's thread.
  PhaseList& ListOf(Phase phase) { return phases_[static_cast<std::size_t>(phase)]; }
  SteadyTime DeadlineOf(Phase phase) const;
  char* scratch() { return scratch_.get(); }
  void Queue(std::shared_ptr<Connection> connection);  // gives it another turn
  // Has the connection handle its request, which takes long, behind what else there is to do now:
  // short requests overtake long ones.
  void Defer(std::shared_ptr<Connection> connection);
  void Bury(std::shared_ptr<Connection> connection);  // keeps it until the turn ends
  std::string MakeRequestId();
  const std::string& Date();

 private:
  void Turn();
  int WaitMilliseconds();  // to the next deadline
  void CollectMail();
  void RunQueued();
  void RunDeferred(std::size_t count);
  void ExpireDeadlines();
  void Drain();
  void CloseAll();
  void Add(NewSocket socket);

  void AcceptSome();
  bool RecoverFrom(int accept_error);
  void SetAccepting(bool accepting);
  void StopListening();
  void Place(int socket, std::string address);

  const std::shared_ptr<Shared> shared_;
  const std::shared_ptr<Mailbox> mailbox_;
  const int epoll_;
  SteadyTime now_;
  std::array<PhaseList, kPhases> phases_;
  std::vector<std::shared_ptr<Connection>> closed_;
  std::vector<std::shared_ptr<Connection>> queued_;
  std::deque<std::shared_ptr<Connection>> deferred_;
  const std::unique_ptr<char[]> scratch_;  // what a read brings, before it is handled
  bool drained_ = false;

  int listener_ = -1;
  bool accepting_ = false;
  SteadyTime accept_again_;
  std::size_t next_mailbox_ = 0;
  std::vector<std::shared_ptr<Mailbox>> mailboxes_;

  std::uint64_t next_request_id_;
  std::int64_t date_second_ = -1;
  std::string date_;
};

}  // namespace insightflow::server
