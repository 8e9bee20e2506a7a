// Time: every instant is milliseconds since the Unix epoch, UTC. The engine asks a Clock only where
// events enter and where "now" is asked for; tests inject a ManualClock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "insightflow/export.h"

namespace insightflow {
inline namespace v1 {

using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

constexpr Timestamp FromMillis(std::int64_t ms) { return Timestamp(std::chrono::milliseconds(ms)); }
constexpr std::int64_t ToMillis(Timestamp t) { return t.time_since_epoch().count(); }

// Where the engine learns what time it is. Implementations are thread-safe.
class INSIGHTFLOW_EXPORT Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp Now() const = 0;

  // The machine's wall clock. Lives for ever.
  static const Clock& System();
};

// A clock that moves only when told to, for tests and replays. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp now) : now_ms_(ToMillis(now)) {}

  Timestamp Now() const override { return FromMillis(now_ms_.load(std::memory_order_relaxed)); }
  void Set(Timestamp now) { now_ms_.store(ToMillis(now), std::memory_order_relaxed); }
  void Advance(std::chrono::milliseconds by) {
    now_ms_.fetch_add(by.count(), std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> now_ms_;
};

}  // namespace v1
}  // namespace insightflow
