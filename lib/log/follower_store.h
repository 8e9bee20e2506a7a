// What followers save: a state of any size beside the sequence that it has applied.
//
// Large states are cut into chunks under a new generation number, which go to table files without
// passing the write-ahead log, while the rest is still being put together; one atomic write then
// switches to it and removes the old chunks. A crash in between leaves chunks that nobody names;
// the next save removes them. Format: docs/formats.md.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/log/event_log.h"
#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {

// Thread-safe.
class FollowerStore {
 public:
  static constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

  explicit FollowerStore(Store* store) : store_(store) {}

  Status Save(std::string_view name, std::uint64_t applied_sequence,
              const EventLog::WriteState& write);
  Status Save(std::string_view name, std::uint64_t applied_sequence, std::string_view state) {
    return Save(name, applied_sequence, [state](const TakePiece& take) { return take(state); });
  }
  Result<std::optional<EventLog::FollowerState>> Load(std::string_view name) const;

 private:
  Status RemoveLeftovers(std::string_view name, std::uint64_t generation);

  Store* const store_;
  std::mutex save_mutex_;
};

// A line for each follower whose state cannot be read.
std::vector<std::string> CheckFollowers(const Store& store);

}  // namespace v1
}  // namespace insightflow
