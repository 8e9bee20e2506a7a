#include "server/http/listener.h"

#include <algorithm>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "server/http/loop.h"
#include "server/http/shared.h"
#include "server/http/socket.h"
#include "server/http/thread.h"

namespace insightflow::server {
namespace {

constexpr int kLoopsMax = 64;
constexpr std::size_t kOtherFiles = 512;  // the store's and those of the process

int LoopCount(int wanted) {
  if (wanted > 0) return std::min(wanted, kLoopsMax);
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 2U));
}

}  // namespace

struct Listener::Impl {
  void WakeAll() {
    for (const auto& loop : loops) loop->mailbox()->Wake();
  }

  std::string host;
  std::uint16_t port = 0;
  std::shared_ptr<Shared> shared;
  std::vector<std::unique_ptr<Loop>> loops;
  std::mutex stop_mutex;
  std::vector<std::thread> threads;
};

Listener::Listener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Listener::~Listener() { Stop(); }

Result<std::unique_ptr<Listener>> Listener::Start(ListenerOptions options, HttpHandler& handler) {
  Result<BoundSocket> bound = BindAndListen(options.host, options.port);
  if (!bound.ok()) return bound.status();
  RaiseFileLimit(options.connections_max + kOtherFiles);

  auto impl = std::make_unique<Impl>();
  impl->host = bound->host;
  impl->port = bound->port;
  const int count = LoopCount(options.loops);
  impl->shared = std::make_shared<Shared>(std::move(options), handler);
  bool valid = true;
  std::vector<std::shared_ptr<Mailbox>> mailboxes;
  for (int i = 0; i < count; ++i) {
    impl->loops.push_back(std::make_unique<Loop>(impl->shared));
    mailboxes.push_back(impl->loops.back()->mailbox());
    valid = valid && impl->loops.back()->valid();
  }
  impl->loops.front()->Listen(bound->socket, std::move(mailboxes));
  std::unique_ptr<Listener> listener(new Listener(std::move(impl)));
  if (!valid) return Internal("cannot listen: there are no file descriptors left");
  try {
    for (const auto& loop : listener->impl_->loops) {
      listener->impl_->threads.push_back(StartThread("if-loop", [&run = *loop] { run.Run(); }));
    }
  } catch (const std::system_error&) {
    return Internal("cannot listen: the system gives no threads");
  }
  return listener;
}

std::uint16_t Listener::port() const { return impl_->port; }

const std::string& Listener::host() const { return impl_->host; }

bool Listener::Drain(std::chrono::milliseconds deadline) {
  impl_->shared->draining = true;
  impl_->WakeAll();
  return impl_->shared->AwaitEmpty(deadline);
}

void Listener::Stop() {
  const std::lock_guard lock(impl_->stop_mutex);
  impl_->shared->stopping = true;
  impl_->WakeAll();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
}

ListenerStats Listener::Stats() const {
  const Counters& counters = impl_->shared->counters;
  ListenerStats stats;
  stats.connections_open = counters.open;
  stats.connections_accepted = counters.accepted;
  stats.connections_refused = counters.refused;
  stats.accept_errors = counters.accept_errors;
  stats.requests = counters.requests;
  stats.bytes_in_flight = counters.bytes_in_flight;
  stats.refused_malformed = counters.malformed;
  stats.refused_too_large = counters.too_large;
  stats.refused_overload = counters.overload;
  stats.closed_by_deadline = counters.deadline;
  return stats;
}

}  // namespace insightflow::server
