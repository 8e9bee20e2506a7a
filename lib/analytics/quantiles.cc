#include "lib/analytics/quantiles.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "lib/base/growth.h"
#include "lib/base/plain_vector.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr int kMantissaBits = 52 - 7;  // what a bucket leaves out
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
constexpr std::uint64_t kWindowFrom = 32'768;  // values: the window takes a byte for each
constexpr std::size_t kWindowBuckets = 32 * 128;
constexpr int kSliceBits = 11;
constexpr std::size_t kSlices = std::size_t{1} << kSliceBits;
constexpr std::size_t kSamples = 256;
constexpr std::size_t kSlicedFrom = 1'024;  // values: to look at fewer costs less than slices do
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

// `share` of the way from the value of a rank to that of the next; puts the values from `first` on
// in another order, where those of the ranks from `first` on must be.
double Ranked(PlainVector<double>* values, std::uint64_t first, std::uint64_t rank, double share) {
  const auto at = values->begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(values->begin() + static_cast<std::ptrdiff_t>(first), at, values->end());
  if (share == 0) return *at;
  return Between(*at, *std::min_element(at + 1, values->end()), share);
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
  if (other->exact_ && other->values_.empty()) return;
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

// How many values lie in each slice of what the values' bits span: about as wide as the values
// there are great, so that a few long durations do not leave all others in one slice. The first and
// the last slice take what lies outside of where a sample has nearly all values: zeros among
// durations would leave a slice for each power of two.
struct Quantiles::Slices {
  std::uint64_t low = 0;
  std::uint64_t span = 0;
  int shift = 0;
  std::array<std::uint32_t, kSlices> counts = {};

  explicit Slices(const std::vector<double>& values) {
    std::vector<std::uint64_t> sample;
    const std::size_t step = values.size() / kSamples + 1;
    for (std::size_t i = 0; i < values.size(); i += step) sample.push_back(Ordered(values[i]));
    std::sort(sample.begin(), sample.end());
    const std::size_t outside = sample.size() / 64;
    low = sample[outside];
    span = sample[sample.size() - 1 - outside] - low;
    shift = std::max(0, static_cast<int>(std::bit_width(span)) - kSliceBits);
    for (const double value : values) ++counts[Of(value)];
  }
  std::size_t Of(double value) const {
    const std::uint64_t ordered = Ordered(value);
    return std::min(ordered < low ? 0 : ordered - low, span) >> shift;
  }
};

double Quantiles::Percentile(unsigned percent) const { return Percentiles({percent})[0]; }

std::vector<double> Quantiles::Percentiles(std::initializer_list<unsigned> percents) const {
  if (count() == 0) return std::vector<double>(percents.size());
  std::vector<double> found;
  found.reserve(percents.size());
  const auto find = [&](const auto& ranked) {
    for (const unsigned percent : percents) {
      const std::uint64_t hundredths = percent * (count() - 1);
      found.push_back(ranked(hundredths / 100, static_cast<double>(hundredths % 100) / 100));
    }
  };
  if (!exact_) {
    find([&](std::uint64_t rank, double share) { return RankedInHistogram(rank, share); });
  } else if (values_.size() < kSlicedFrom) {
    PlainVector<double> all(values_.begin(), values_.end());
    std::uint64_t before = 0;
    find([&](std::uint64_t rank, double share) {
      const std::uint64_t first = rank < before ? 0 : before;
      before = rank;
      return Ranked(&all, first, rank, share);
    });
  } else {
    const Slices slices(values_);
    find([&](std::uint64_t rank, double share) { return RankedExact(slices, rank, share); });
  }
  return found;
}

// Looks at few values, among them those of this rank and the next.
double Quantiles::RankedExact(const Slices& slices, std::uint64_t rank, double share) const {
  std::uint64_t below = 0;
  std::size_t first = 0;
  while (below + slices.counts[first] <= rank) below += slices.counts[first++];
  const std::uint64_t next = std::min<std::uint64_t>(rank + 1, values_.size() - 1);
  std::size_t last = first;
  std::uint64_t seen = below + slices.counts[first];
  while (seen <= next) seen += slices.counts[++last];
  PlainVector<double> near(seen - below + 1);  // one more place, to write without a branch
  double* to = near.data();
  for (const double value : values_) {
    const std::size_t slice = slices.Of(value);
    *to = value;
    to += static_cast<std::size_t>(slice >= first) & static_cast<std::size_t>(slice <= last);
  }
  near.pop_back();
  return Ranked(&near, 0, rank - below, share);
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

std::size_t Quantiles::bytes(std::size_t more) const {
  const std::size_t room = kExactMax - std::min(kExactMax, values_.size());
  return bytes() + (exact_ ? BytesWith(values_, std::min(more, room)) - CapacityBytes(values_)
                           : TableBytesWith(buckets_, more) - buckets_.capacity() * kBucketBytes);
}

std::size_t Quantiles::bytes() const {
  constexpr std::size_t kAllocation = 24;
  return (values_.capacity() == 0 ? 0 : kAllocation) + values_.capacity() * sizeof(double) +
         buckets_.capacity() * kBucketBytes + window_.capacity() * sizeof(window_[0]);
}

}  // namespace v1
}  // namespace insightflow
