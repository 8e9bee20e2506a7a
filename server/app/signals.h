// SIGTERM and SIGINT as something to wait for, so that no code runs in a signal handler. SIGPIPE is
// ignored: who stops reading our output must not end us.
#pragma once

#include <atomic>
#include <chrono>

namespace insightflow::server {

// Make one before any thread starts: threads inherit the blocked signals. Wait and Notify may be
// called from any thread.
class Signals {
 public:
  enum class Event { kSignal, kNotified, kReadable, kTimeout };

  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Waits for a signal, for Notify, until `fd` is readable (-1: none) or for `timeout` (negative:
  // for ever), in this order of precedence. A signal or a notice stays: every later call returns
  // it.
  Event Wait(std::chrono::milliseconds timeout, int fd = -1);

  // Waits until `fd` can be written to; false when a signal, a notice or the timeout came first.
  bool AwaitWritable(int fd, std::chrono::milliseconds timeout = std::chrono::milliseconds(-1));

  void Notify();

  // True once Wait has seen a signal.
  bool Signalled() const { return signalled_.load(std::memory_order_relaxed); }

  // From here on a signal ends the process at once.
  void RestoreDefaults();

 private:
  Event WaitFor(std::chrono::milliseconds timeout, int fd, short events);

  int signal_fd_;
  int notify_fd_;
  std::atomic<bool> signalled_{false};
};

}  // namespace insightflow::server
