#include "lib/analytics/duration_sample.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint32_t kHalfBits = 7;  // a bucket's width is at most 2^-7 of its values
constexpr std::size_t kBuckets = (64 - kHalfBits) << kHalfBits;

std::size_t BucketOf(std::uint64_t value) {
  const auto width = static_cast<std::uint32_t>(std::bit_width(value));
  if (width <= kHalfBits + 1) return value;
  const std::uint32_t shift = width - kHalfBits - 1;
  return (std::size_t{shift} << kHalfBits) + (value >> shift);
}

double MiddleOf(std::size_t bucket) {
  if (bucket < 2U << kHalfBits) return static_cast<double>(bucket);
  const std::size_t shift = (bucket >> kHalfBits) - 1;
  const std::uint64_t low = (bucket - (shift << kHalfBits)) << shift;
  return static_cast<double>(low) + static_cast<double>((std::uint64_t{1} << shift) - 1) / 2;
}

// The values of the two ranks, which are neighbours. One pass finds the 1/1024 of the range where
// they are, so that hardly anything is left to be ordered.
std::array<double, 2> Neighbours(const std::vector<std::int64_t>& values, std::size_t rank) {
  std::vector<std::int64_t> near;
  std::size_t below = 0;
  if (values.size() < 4'096) {
    near = values;
  } else {
    const auto most =
        static_cast<std::uint64_t>(*std::max_element(values.begin(), values.end()));
    const int shift = std::max(0, static_cast<int>(std::bit_width(most)) - 10);
    std::array<std::uint32_t, 1'025> counts = {};
    for (const std::int64_t value : values) ++counts[static_cast<std::uint64_t>(value) >> shift];
    std::size_t first = 0;
    while (below + counts[first] <= rank) below += counts[first++];
    std::size_t last = first;
    for (std::size_t seen = below + counts[first]; seen <= rank + 1 && seen < values.size();) {
      seen += counts[++last];
    }
    for (const std::int64_t value : values) {
      const std::uint64_t part = static_cast<std::uint64_t>(value) >> shift;
      if (part >= first && part <= last) near.push_back(value);
    }
  }
  const auto at = near.begin() + static_cast<std::ptrdiff_t>(rank - below);
  std::nth_element(near.begin(), at, near.end());
  const double low = static_cast<double>(*at);
  if (at + 1 == near.end()) return {low, low};
  return {low, static_cast<double>(*std::min_element(at + 1, near.end()))};
}

}  // namespace

void DurationSample::AddToBuckets(std::int64_t duration_ms) {
  if (buckets_.empty()) {
    buckets_.resize(kBuckets);
    for (const std::int64_t value : exact_) ++buckets_[BucketOf(static_cast<std::uint64_t>(value))];
    std::vector<std::int64_t>().swap(exact_);
  }
  ++buckets_[BucketOf(static_cast<std::uint64_t>(duration_ms))];
}

void DurationSample::Merge(const DurationSample& other) {
  if (other.count_ == 0) return;
  if (buckets_.empty() && other.buckets_.empty() && count_ + other.count_ <= kExactMax) {
    exact_.insert(exact_.end(), other.exact_.begin(), other.exact_.end());
  } else {
    for (const std::int64_t value : other.exact_) AddToBuckets(value);
    if (!other.buckets_.empty()) {
      if (buckets_.empty()) {
        // Zero times, to have the buckets.
        AddToBuckets(0);
        --buckets_[0];
      }
      for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
    }
  }
  count_ += other.count_;
  sum_ += other.sum_;
}

double DurationSample::BucketAtRank(std::uint64_t rank) const {
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  for (; bucket + 1 < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen > rank) break;
  }
  return MiddleOf(bucket);
}

double DurationSample::AtRank(double rank) const {
  const auto whole = static_cast<std::size_t>(rank);
  if (!exact()) return BucketAtRank(whole);
  const std::array<double, 2> values = Neighbours(exact_, whole);
  return values[0] + (rank - static_cast<double>(whole)) * (values[1] - values[0]);
}

DurationStats DurationSample::Stats() const {
  DurationStats stats;
  stats.count = count_;
  if (count_ == 0) return stats;
  const auto last = static_cast<double>(count_ - 1);
  stats.mean_ms = static_cast<double>(sum_) / static_cast<double>(count_);
  stats.median_ms = AtRank(0.5 * last);
  stats.p90_ms = AtRank(0.9 * last);
  return stats;
}

}  // namespace v1
}  // namespace insightflow
