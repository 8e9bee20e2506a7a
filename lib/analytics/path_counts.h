// Counts by 64-bit key of how often and by how many users: what paths are counted with.
//
// An open-addressing table with linear probing. A user's keys are counted together, and a batch of
// them is looked up ahead of time (prefetched), because at millions of links nearly every look-up
// misses the cache.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/analytics/overlaps.h"
#include "lib/analytics/stop.h"
#include "lib/analytics/walk_log.h"
#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {

// A node is a value at a depth, a link a step from a value to the one after it.
struct PathKey {
  static constexpr int kCodeBits = 28;
  static constexpr std::uint32_t kExit = (1u << kCodeBits) - 1;
  static constexpr std::uint32_t kOther = kExit - 1;
  static constexpr std::uint32_t kCodesMax = kOther;  // real codes are below

  int depth = 0;
  bool is_link = false;
  std::uint32_t from = 0;
  std::uint32_t to = 0;  // of a link

  // Not 0. The upper bits, from kGroupShift on, tell nodes and links of each depth apart.
  static constexpr int kGroupShift = 2 * kCodeBits;
  std::uint64_t Packed() const {
    const std::uint64_t group = 2 * static_cast<std::uint64_t>(depth + kWalkDepthMax + 1) + is_link;
    return group << kGroupShift | std::uint64_t{from} << kCodeBits | to;
  }
  static PathKey Of(std::uint64_t packed) {
    const std::uint64_t group = packed >> kGroupShift;
    return {static_cast<int>(group / 2) - kWalkDepthMax - 1, group % 2 != 0,
            static_cast<std::uint32_t>(packed >> kCodeBits) & kExit,
            static_cast<std::uint32_t>(packed) & kExit};
  }
};

class PathCounts {
 public:
  struct Entry {
    std::uint64_t key = 0;  // packed; 0: free
    std::uint64_t count = 0;
    std::uint32_t users = 0;
    std::uint32_t last_user = 0;  // numbered from 1
  };

  // Counts each key, which is not 0, once for the user whose number it is.
  void Count(std::uint64_t key, std::uint32_t user) {
    pending_.push_back({key, user});
    if (pending_.size() == kPendingMax) CountPending();
  }
  // Must be called before anything is read, and after a user's last key only.
  void Flush();
  // Takes what `other` has, which is empty afterwards. The users of the two are different. Both
  // mean nothing once `stop` is over.
  void Merge(PathCounts* other, Stop* stop);

  // Calls visit(entry) for each key, in no order, unless the query ends.
  template <typename Visit>
  void ForEach(const Visit& visit, Stop* stop) const {
    for (const Entry& entry : entries_) {
      if (stop->Worked(1)) return;
      if (entry.key != 0) visit(entry);
    }
  }
  const Overlaps& overlaps() const { return overlaps_; }
  std::size_t size() const { return size_; }
  // Memory, at most, while so many more keys come.
  std::size_t bytes(std::size_t more) const {
    const std::size_t size = size_ + pending_.size() + MostToCome(size_, more);
    const std::size_t wanted = more == 0 ? entries_.size() : SlotsFor(size);
    const std::size_t grown = wanted > entries_.size() ? wanted : 0;
    return (entries_.size() + grown) * sizeof(Entry) + BytesWith(user_keys_, more) +
           CapacityBytes(pending_) + overlaps_.bytes(more);
  }

 private:
  struct Pending {
    std::uint64_t key = 0;
    std::uint32_t user = 0;
  };
  static constexpr std::size_t kPendingMax = 4'096;

  std::size_t PlaceOf(std::uint64_t key) const { return key * 0x9e3779b97f4a7c15 >> shift_; }
  static std::size_t SlotsFor(std::size_t keys) { return std::bit_ceil(keys * 3 / 2 + 1); }
  Entry* Find(std::uint64_t key);
  void Reserve(std::size_t more);
  void CountPending();
  void EndUser();

  std::vector<Entry> entries_;  // a power of two, at most 2/3 full
  std::size_t size_ = 0;
  int shift_ = 64;
  std::vector<Pending> pending_;
  Overlaps overlaps_;
  std::uint32_t user_ = 0;
  std::vector<std::uint64_t> user_keys_;  // new for user_
};

}  // namespace v1
}  // namespace insightflow
