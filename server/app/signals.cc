#include "server/app/signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

namespace insightflow::server {
namespace {

sigset_t EndSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = EndSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal_fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  notify_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

Signals::~Signals() {
  close(signal_fd_);
  close(notify_fd_);
}

Signals::Event Signals::Wait(std::chrono::milliseconds timeout, int fd) {
  return WaitFor(timeout, fd, POLLIN);
}

bool Signals::AwaitWritable(int fd, std::chrono::milliseconds timeout) {
  return WaitFor(timeout, fd, POLLOUT) == Event::kReadable;
}

Signals::Event Signals::WaitFor(std::chrono::milliseconds timeout, int fd, short events) {
  if (Signalled()) return Event::kSignal;
  pollfd waits[3] = {{signal_fd_, POLLIN, 0}, {notify_fd_, POLLIN, 0}, {fd, events, 0}};
  const int wait_ms = timeout.count() < 0 ? -1 : static_cast<int>(timeout.count());
  while (poll(waits, 3, wait_ms) < 0 && errno == EINTR) {
  }
  if (waits[0].revents != 0) {
    signalfd_siginfo info;  // taken, so that RestoreDefaults does not deliver it again
    while (read(signal_fd_, &info, sizeof info) > 0) {
    }
    signalled_.store(true, std::memory_order_relaxed);
    return Event::kSignal;
  }
  if (waits[1].revents != 0) return Event::kNotified;
  return waits[2].revents != 0 ? Event::kReadable : Event::kTimeout;
}

void Signals::Notify() {
  const std::uint64_t one = 1;
  // Fails only when the notice is already there.
  [[maybe_unused]] const auto written = write(notify_fd_, &one, sizeof one);
}

void Signals::RestoreDefaults() {
  const sigset_t set = EndSignals();
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace insightflow::server
