// Counts by id, with an upper bound for each block of ids, so that a search for the largest skips
// most blocks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace insightflow {
inline namespace v1 {

class CountColumn {
 public:
  static constexpr std::size_t kBlock = 64;

  std::size_t size() const { return counts_.size(); }
  std::size_t blocks() const { return bounds_.size(); }
  std::size_t capacity() const { return counts_.capacity(); }
  std::uint64_t operator[](std::size_t id) const { return counts_[id]; }
  // No count of ids [block * kBlock, (block + 1) * kBlock) is larger.
  std::uint64_t BoundOf(std::size_t block) const { return bounds_[block]; }

  // Adds the next id.
  void Push(std::uint64_t count) {
    if (counts_.size() % kBlock == 0) bounds_.push_back(0);
    counts_.push_back(count);
    Raise(counts_.size() - 1);
  }
  void Add(std::size_t id, std::uint64_t count) {
    counts_[id] += count;
    Raise(id);
  }
  // The bound stays until Tighten.
  void Subtract(std::size_t id, std::uint64_t count) { counts_[id] -= count; }
  void Set(std::size_t id, std::uint64_t count) {
    counts_[id] = count;
    Raise(id);
  }

  // Makes the bounds exact again. O(ids).
  void Tighten() {
    for (std::size_t block = 0; block < bounds_.size(); ++block) {
      const auto first = counts_.begin() + block * kBlock;
      bounds_[block] =
          *std::max_element(first, first + std::min(kBlock, counts_.size() - block * kBlock));
    }
  }

  std::size_t bytes() const {
    return (counts_.capacity() + bounds_.capacity()) * sizeof(std::uint64_t);
  }

 private:
  void Raise(std::size_t id) {
    std::uint64_t& bound = bounds_[id / kBlock];
    bound = std::max(bound, counts_[id]);
  }

  std::vector<std::uint64_t> counts_;
  std::vector<std::uint64_t> bounds_;
};

}  // namespace v1
}  // namespace insightflow
