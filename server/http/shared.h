// What the loops of one listener share: settings, totals and the bound on memory.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "server/http/http.h"
#include "server/http/listener.h"

namespace insightflow::server {

using SteadyTime = std::chrono::steady_clock::time_point;

struct Counters {
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> accept_errors{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> bytes_in_flight{0};
  std::atomic<std::uint64_t> malformed{0};
  std::atomic<std::uint64_t> too_large{0};
  std::atomic<std::uint64_t> overload{0};
  std::atomic<std::uint64_t> deadline{0};
};

// Thread-safe.
class Shared {
 public:
  Shared(ListenerOptions options_in, HttpHandler& handler_in)
      : options(std::move(options_in)), handler(handler_in) {}

  // Counts a new connection, or refuses it because one of the caps is reached.
  bool Admit(const std::string& address);
  void Leave(const std::string& address);

  // Waits until no connection is open.
  bool AwaitEmpty(std::chrono::milliseconds deadline);

  const ListenerOptions options;
  HttpHandler& handler;
  Counters counters;
  std::atomic<bool> draining{false};
  std::atomic<bool> stopping{false};

 private:
  std::mutex mutex_;
  std::condition_variable empty_;
  std::unordered_map<std::string, std::size_t> by_address_;  // only with a cap an address
};

}  // namespace insightflow::server
