// Many durations: how many, their mean, median and p90. Exact up to a million of them; past that,
// buckets whose width is at most 1/128 of their values, as of HdrHistogram. Which of the two, and
// every figure, depends only on the values: not on their order, nor on how samples were merged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "insightflow/result.h"

namespace insightflow {
inline namespace v1 {

class DurationSample {
 public:
  static constexpr std::size_t kExactMax = 1'000'000;

  // Milliseconds, not negative. O(1), amortised.
  void Add(std::int64_t duration_ms) {
    ++count_;
    sum_ += static_cast<std::uint64_t>(duration_ms);
    if (buckets_.empty() && exact_.size() < kExactMax) {
      exact_.push_back(duration_ms);
    } else {
      AddToBuckets(duration_ms);
    }
  }
  void Merge(const DurationSample& other);
  std::uint64_t count() const { return count_; }
  bool exact() const { return buckets_.empty(); }
  std::size_t bytes() const {
    return exact_.capacity() * sizeof(std::int64_t) + buckets_.capacity() * sizeof(std::uint64_t);
  }
  // Percentiles lie between neighbours by linear interpolation; zeros of nothing. O(count).
  DurationStats Stats() const;

 private:
  void AddToBuckets(std::int64_t duration_ms);
  double AtRank(double rank) const;
  double BucketAtRank(std::uint64_t rank) const;

  std::uint64_t count_ = 0;
  unsigned __int128 sum_ = 0;
  std::vector<std::int64_t> exact_;
  std::vector<std::uint64_t> buckets_;  // empty: exact_ has all
};

}  // namespace v1
}  // namespace insightflow
