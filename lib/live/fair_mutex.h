// A shared mutex under which neither side starves: whoever waits holds the turn, and nobody passes
// by. Without it a writer in a loop would take the lock again before a reader wakes up.
//
// Meets the standard's requirements for std::unique_lock and std::shared_lock as far as they are
// used here.
#pragma once

#include <mutex>
#include <shared_mutex>

namespace insightflow {
inline namespace v1 {

class FairMutex {
 public:
  void lock() {
    const std::lock_guard<std::mutex> turn(turn_);
    mutex_.lock();
  }
  void unlock() { mutex_.unlock(); }

  void lock_shared() {
    const std::lock_guard<std::mutex> turn(turn_);
    mutex_.lock_shared();
  }
  void unlock_shared() { mutex_.unlock_shared(); }

 private:
  std::mutex turn_;
  std::shared_mutex mutex_;
};

}  // namespace v1
}  // namespace insightflow
