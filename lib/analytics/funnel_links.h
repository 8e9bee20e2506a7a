// Chains on their way that share what they have in common: a chain is its last step and the chain
// before that, so that to go on by a step costs the same however long it is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace insightflow {
inline namespace v1 {

class FunnelLinks {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;  // no chain; no row

  void Clear() { links_.clear(); }
  // The chain that goes on from `before`, kNone at its begin, by a step behind its last. Amortised
  // O(1).
  std::uint32_t Add(std::uint32_t before, std::uint32_t step, std::uint32_t row) {
    links_.push_back({before, step, row});
    return static_cast<std::uint32_t>(links_.size() - 1);
  }
  // Chains are forgotten from this one on, which was the size before they were added.
  void Shrink(std::size_t size) { links_.resize(size); }
  std::size_t size() const { return links_.size(); }
  // Whether the steps of `a` come earlier, the first of those that differ decides: by `time_ms`,
  // then by row; by row only where it is null. A filled step is earlier than one that is not.
  // O(steps behind what both share).
  bool IsEarlier(const std::int64_t* time_ms, std::uint32_t a, std::uint32_t b) const;
  // Writes the row of each step that is filled, and returns these as bits.
  std::uint64_t Write(std::uint32_t chain, std::uint32_t* rows) const;

  // So many chains are there that those which nobody keeps may be forgotten.
  bool full() const { return links_.size() >= full_at_; }
  // Keeps these chains, and gives them other numbers, and forgets all others. O(size).
  void Keep(const std::vector<std::uint32_t*>& chains);

 private:
  struct Link {
    std::uint32_t before = kNone;
    std::uint32_t step = 0;
    std::uint32_t row = 0;
  };

  static constexpr std::size_t kFullAt = 4'096;

  std::vector<Link> links_;  // each behind the one before it
  std::vector<std::uint32_t> moved_to_;
  std::size_t full_at_ = kFullAt;
};

}  // namespace v1
}  // namespace insightflow
