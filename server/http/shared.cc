#include "server/http/shared.h"

namespace insightflow::server {

bool Shared::Admit(const std::string& address) {
  if (counters.open.load() >= options.connections_max) return false;
  if (options.connections_per_address_max > 0) {
    const std::lock_guard lock(mutex_);
    std::size_t& count = by_address_[address];
    if (count >= options.connections_per_address_max) return false;
    ++count;
  }
  ++counters.open;
  return true;
}

void Shared::Leave(const std::string& address) {
  if (options.connections_per_address_max > 0) {
    const std::lock_guard lock(mutex_);
    const auto found = by_address_.find(address);
    if (found != by_address_.end() && --found->second == 0) by_address_.erase(found);
  }
  if (--counters.open > 0 || !draining) return;
  // Taken so that the count cannot fall between the waiter's look and its sleep.
  { const std::lock_guard lock(mutex_); }
  empty_.notify_all();
}

bool Shared::AwaitEmpty(std::chrono::milliseconds deadline) {
  std::unique_lock lock(mutex_);
  return empty_.wait_for(lock, deadline, [&] { return counters.open == 0; });
}

}  // namespace insightflow::server
