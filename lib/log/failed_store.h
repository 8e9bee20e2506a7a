// Rejected events, kept for inspection: bounded by count and bytes, the oldest go first. Ids rise
// without a gap until events of an erased user go from between them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/status.h"
#include "insightflow/store.h"
#include "lib/decode/decoder.h"
#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {

// One thread adds and erases; everything else may be called from any thread.
class FailedStore {
 public:
  FailedStore(const Store* store, std::size_t events_max, std::size_t bytes_max)
      : store_(store), events_max_(events_max), bytes_max_(bytes_max) {}

  // Reads the counters: O(1), values are not looked at.
  Status Open();

  // Puts the events, what has to make room for them and the new counters into `batch`. Call
  // Commit() once the batch is written. O(added + dropped).
  Status Add(std::span<const RejectedEvent> rejected, std::int64_t received_ms,
             rocksdb::WriteBatch* batch);
  // Puts the removal of all events whose text mentions the user, see MentionsUser, and the new
  // counters into `batch`, which holds no Add. Call Commit() once it is written. Other ids stay as
  // they are, and the events do not count as dropped. Returns how many go. Errors: kInternal and
  // others of the store. O(bytes kept).
  Result<std::uint64_t> EraseUser(std::string_view user_id, rocksdb::WriteBatch* batch);
  void Commit();
  // Whether any text mentions the user. Errors and cost as EraseUser.
  Result<bool> HasUser(std::string_view user_id) const;

  Result<std::vector<FailedEvent>> Read(std::uint64_t after, std::size_t limit) const;
  std::uint64_t events() const { return events_.load(std::memory_order_relaxed); }
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct Counters {
    std::uint64_t first_id = 1;  // of the oldest that is kept
    std::uint64_t next_id = 1;
    std::uint64_t bytes = 0;  // of the values kept
    std::uint64_t dropped = 0;
    std::uint64_t erased = 0;  // ids between first_id and next_id that are gone
    std::uint64_t events() const { return next_id - first_id - erased; }
  };
  Status MakeRoom(bool all, Counters* counters, rocksdb::WriteBatch* batch) const;
  void PutCounters(rocksdb::WriteBatch* batch) const;
  void Publish();

  const Store* const store_;
  const std::size_t events_max_;
  const std::size_t bytes_max_;
  Counters stored_;
  Counters pending_;
  std::atomic<std::uint64_t> events_ = 0;
  std::atomic<std::uint64_t> dropped_ = 0;
};

// A line for each rejected event that cannot be read.
std::vector<std::string> CheckFailedEvents(const Store& store);

}  // namespace v1
}  // namespace insightflow
