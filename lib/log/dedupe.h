// The dedupe window: which 128-bit keys were seen within a span of server time and a memory budget.
//
// Not thread-safe: the engine's sequencer is the only caller. Design and figures: docs/dedupe.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "lib/base/hash.h"
#include "lib/log/dedupe_state.h"
#include "lib/log/table_memory.h"

namespace insightflow {
inline namespace v1 {

class DedupeWindow {
 public:
  // `bytes_max`: the budget, at least 1 MiB. `window_ms`: how long a key is remembered when the
  // budget allows.
  DedupeWindow(std::size_t bytes_max, std::int64_t window_ms);
  ~DedupeWindow();
  DedupeWindow(const DedupeWindow&) = delete;
  DedupeWindow& operator=(const DedupeWindow&) = delete;

  // Looks every key up and remembers the new ones at server time `now_ms` (which never goes back by
  // more than clock noise). fresh[i] = 1 when keys[i] was not known and not earlier in `keys`.
  // The key {0, 0} is always fresh and never remembered. Returns the number of fresh keys.
  // Batches hide memory latency by prefetching: tens of nanoseconds a key.
  std::size_t Insert(std::span<const Hash128> keys, std::int64_t now_ms,
                     std::vector<std::uint8_t>* fresh);

  // The same where nobody asks which keys are new, as when all are read again: on two threads, as
  // far as there is room for them.
  void InsertMany(std::span<const Hash128> keys, std::int64_t now_ms);

  // Makes room for about so many keys, which InsertMany is about to bring, as far as the budget
  // allows: nothing grows on the way there. What Insert brings later may find that it is too much.
  // To be called before the first key comes.
  void Reserve(std::uint64_t keys);

  // Forgets keys: they are fresh when they come again. Unknown ones change nothing. A compact table
  // knows 56 bits of a key besides its place, and forgets what it took for the key.
  void Erase(std::span<const Hash128> keys);

  // Keys that came up to this server time may be missing: reach_ms() is behind it.
  void LoseUntil(std::int64_t received_ms);

  // How large a piece of memory the window will soon need for a table, 0 when none: it takes what
  // GiveMemory brought instead of getting it from the system, for milliseconds, within Insert.
  std::size_t memory_wanted() const;
  // What does not fit into the budget, or is of another size than is wanted by now, is given back.
  void GiveMemory(TableMemory memory);

  // What it is besides its tables, and the bytes of the one that begins with a lane, valid until
  // the window changes.
  DedupeState State() const;
  std::span<const char> TableAt(std::uint32_t first_lane) const;

  // Goes on in the place of another window: `read` fills the bytes of a table, which are
  // zeros and told by its index in `state`, on two threads at once. False, and nothing changes,
  // when `state` is not that of a window with this budget and span or `read` fails. Whatever the
  // bytes are, the window keeps its budget. To be called before the first key comes. O(bytes of the
  // tables).
  using ReadTable = std::function<bool(std::size_t table, std::span<char> bytes)>;
  bool Restore(const DedupeState& state, const ReadTable& read);

  std::uint64_t size() const;  // keys remembered
  std::size_t bytes() const;   // memory in use, never above bytes_max
  // Every key inserted at or after this server time is remembered for sure (INT64_MIN: all).
  std::int64_t reach_ms() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace insightflow
