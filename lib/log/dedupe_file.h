// The dedupe window of a store that was closed, in a file beside it, so that the next opening need
// not make the window again from all ids. A cache: it is not synced, and whatever is wrong with it
// is found by its checksums, which costs time and no id. Format: docs/formats.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "insightflow/status.h"
#include "lib/log/dedupe.h"

namespace insightflow {
inline namespace v1 {

// What of a store a window holds.
struct DedupeMark {
  std::uint64_t sequence = 0;    // the keys of all events up to this one, and no other
  std::int64_t received_ms = 0;  // when that one was received
  std::uint64_t erasures = 0;    // but of what erasures up to this number erased

  friend bool operator==(const DedupeMark&, const DedupeMark&) = default;
};

// Replaces the file of the folder `dir`; when it fails, the file is the one before. `hash_seed`:
// the store's; a file of another store passes for a damaged one. Memory of half a MiB;
// O(bytes of the window). Errors: the system's.
Status WriteDedupeFile(const std::string& dir, std::uint64_t hash_seed, const DedupeMark& mark,
                       const DedupeWindow& window);

// Makes `window` what the file says. nullopt, and the window is as it was, when there is no file,
// when anything in it is damaged or torn, when it is of another version, store, budget or span, or
// when `accept` refuses its mark, which is asked before tables are read.
std::optional<DedupeMark> ReadDedupeFile(const std::string& dir, std::uint64_t hash_seed,
                                         const std::function<bool(const DedupeMark&)>& accept,
                                         DedupeWindow* window);

// Leaves no file, for good: durable when it returns. Fine when there is none.
Status RemoveDedupeFile(const std::string& dir);

}  // namespace v1
}  // namespace insightflow
