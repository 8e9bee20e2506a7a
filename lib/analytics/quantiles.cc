#include "lib/analytics/quantiles.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr int kMantissaBits = 52 - 7;  // what a bucket leaves out
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
constexpr std::uint64_t kWindowFrom = 32'768;  // values: the window takes a byte for each
constexpr std::size_t kWindowBuckets = 32 * 128;
constexpr std::size_t kFewValues = 4'096;
constexpr int kSliceShift = 48;  // slices of a sixteenth of a power of two
constexpr std::size_t kBucketBytes = sizeof(std::pair<std::uint32_t, std::uint64_t>) + 1;

// Bits that count upwards as their values do: negative numbers in reverse, below the others.
std::uint64_t Ordered(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);  // of zeros there is one
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

std::uint32_t BucketOf(double value) {
  return static_cast<std::uint32_t>(Ordered(value) >> kMantissaBits);
}

// 0 for the two buckets of zero, whose other numbers are below 1e-307.
double MiddleOf(std::uint32_t bucket) {
  const std::uint64_t half = std::uint64_t{1} << (kMantissaBits - 1);
  const std::uint64_t ordered = (std::uint64_t{bucket} << kMantissaBits) | half;
  const double middle = std::bit_cast<double>((ordered & kSign) != 0 ? ordered & ~kSign : ~ordered);
  return std::isnormal(middle) ? middle : 0;
}

double Between(double low, double high, double share) {
  return share == 0 ? low : low + (high - low) * share;
}

}  // namespace

void Quantiles::AddToHistogram(double value) {
  Coarsen();
  least_ = count_ == 0 ? value : std::min(least_, value);
  greatest_ = count_ == 0 ? value : std::max(greatest_, value);
  if (++count_ == kWindowFrom) window_.resize(kWindowBuckets);
  CountIn(BucketOf(value), 1);
}

// Whoever has many values has most of them between 1 and 2^32, as durations are.
void Quantiles::CountIn(std::uint32_t bucket, std::uint64_t count) {
  const std::uint32_t at = bucket - BucketOf(1);
  if (at < window_.size()) {
    window_[at] += count;
  } else {
    buckets_[bucket] += count;
  }
}

std::vector<std::pair<std::uint32_t, std::uint64_t>> Quantiles::Buckets() const {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> all(buckets_.begin(), buckets_.end());
  for (std::uint32_t at = 0; at < window_.size(); ++at) {
    if (window_[at] != 0) all.emplace_back(BucketOf(1) + at, window_[at]);
  }
  return all;
}

void Quantiles::Coarsen() {
  if (!exact_) return;
  exact_ = false;
  for (const double value : std::exchange(values_, {})) AddToHistogram(value);
}

void Quantiles::Merge(Quantiles* other) {
  if (exact_ && other->exact_ && values_.size() + other->values_.size() <= kExactMax) {
    if (values_.empty()) values_.swap(other->values_);
    values_.insert(values_.end(), other->values_.begin(), other->values_.end());
  } else {
    Coarsen();
    other->Coarsen();
    if (other->count_ != 0) {
      least_ = count_ == 0 ? other->least_ : std::min(least_, other->least_);
      greatest_ = count_ == 0 ? other->greatest_ : std::max(greatest_, other->greatest_);
    }
    count_ += other->count_;
    if (window_.empty()) window_.swap(other->window_);
    for (const auto& [bucket, count] : other->Buckets()) CountIn(bucket, count);
  }
  *other = Quantiles();
}

double Quantiles::At(double share) const {
  if (count() == 0) return 0;
  const double rank = share * static_cast<double>(count() - 1);
  return Ranked(static_cast<std::uint64_t>(rank), rank - std::floor(rank));
}

double Quantiles::Percentile(unsigned percent) const {
  if (count() == 0) return 0;
  const std::uint64_t hundredths = percent * (count() - 1);
  return Ranked(hundredths / 100, static_cast<double>(hundredths % 100) / 100);
}

double Quantiles::Ranked(std::uint64_t rank, double share) const {
  return exact_ ? RankedExact(rank, share) : RankedInHistogram(rank, share);
}

double Quantiles::RankedExact(std::uint64_t rank, double share) const {
  std::uint64_t below = 0;
  std::vector<double> near = Near(rank, &below);
  const auto at = near.begin() + static_cast<std::ptrdiff_t>(rank - below);
  std::nth_element(near.begin(), at, near.end());
  if (share == 0) return *at;
  return Between(*at, *std::min_element(at + 1, near.end()), share);
}

// Few values, among them those of this rank and the next; `below` are less. Counting how many lie
// in each slice finds the slices of the two. Slices follow the exponent, so that one value far off
// does not leave all others in one slice.
std::vector<double> Quantiles::Near(std::uint64_t rank, std::uint64_t* below) const {
  if (values_.size() <= kFewValues) return values_;
  const auto slice_of = [](double value) {
    return static_cast<std::uint32_t>(Ordered(value) >> kSliceShift);
  };
  std::vector<std::uint32_t> counts(std::size_t{1} << (64 - kSliceShift));
  for (const double value : values_) ++counts[slice_of(value)];
  std::uint32_t first = 0;
  while (*below + counts[first] <= rank) *below += counts[first++];
  const std::uint64_t next = std::min<std::uint64_t>(rank + 1, values_.size() - 1);
  std::uint32_t last = first;
  for (std::uint64_t seen = *below + counts[first]; seen <= next;) seen += counts[++last];
  std::vector<double> near;
  near.reserve(std::size_t{counts[first]} + (last != first ? counts[last] : 0));
  for (const double value : values_) {
    if (slice_of(value) - first <= last - first) near.push_back(value);
  }
  return near;
}

double Quantiles::RankedInHistogram(std::uint64_t rank, double share) const {
  // A bucket may be in both when the window came later: the two stand side by side then.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> sorted = Buckets();
  std::sort(sorted.begin(), sorted.end());
  const auto value_at = [&](std::uint64_t place) {
    for (const auto& [bucket, count] : sorted) {
      if (place < count) return std::clamp(MiddleOf(bucket), least_, greatest_);
      place -= count;
    }
    return greatest_;
  };
  return Between(value_at(rank), value_at(rank + 1), share);
}

std::size_t Quantiles::bytes() const {
  return values_.capacity() * sizeof(double) + buckets_.capacity() * kBucketBytes +
         window_.capacity() * sizeof(window_[0]);
}

}  // namespace v1
}  // namespace insightflow
