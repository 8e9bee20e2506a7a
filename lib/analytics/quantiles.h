// Medians and percentiles of many numbers: exact up to 1 M values, from a histogram past that.
//
// The histogram has 128 buckets for each power of two: a bucket is the sign, the exponent and the
// first 7 bits of the mantissa of its values, as in DDSketch (Masson, Rim and Lee, 2019) with the
// floating-point format itself for the logarithm. It depends on the values only, never on their
// order, so that merging is exact and answers do not change with the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace insightflow {
inline namespace v1 {

class Quantiles {
 public:
  static constexpr std::size_t kExactMax = 1'000'000;
  // How far an inexact value may be from the true one, of which this is the share.
  static constexpr double kErrorMax = 1.0 / 256;

  // NaN must not be added. O(1), amortised.
  void Add(double value) {
    if (exact_ && values_.size() < kExactMax) {
      values_.push_back(value);
    } else {
      AddToHistogram(value);
    }
  }
  // Takes what `other` has, which is empty afterwards.
  void Merge(Quantiles* other);
  // Gives up exactness, and the memory it takes.
  void Coarsen();

  std::uint64_t count() const { return exact_ ? values_.size() : count_; }
  bool exact() const { return exact_; }
  // The value that so many hundredths of the sorted values are below, by linear interpolation
  // between the two next to it; 0 when there are none. O(n) when exact, else O(buckets).
  double Percentile(unsigned percent) const;
  // Several at once, in little more time than one.
  std::vector<double> Percentiles(std::initializer_list<unsigned> percents) const;
  // Memory.
  std::size_t bytes() const;
  // Memory, at most, while so many more values are added.
  std::size_t bytes(std::size_t more) const;

 private:
  struct Slices;

  void AddToHistogram(double value);
  void CountIn(std::uint32_t bucket, std::uint64_t count);
  // (bucket, count), in no order; a bucket may be there twice.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> Buckets() const;
  // `share` of the way from the value of a rank to that of the next.
  double RankedExact(const Slices& slices, std::uint64_t rank, double share) const;
  double RankedInHistogram(std::uint64_t rank, double share) const;

  std::vector<double> values_;  // while exact_
  bool exact_ = true;
  std::uint64_t count_ = 0;  // of the histogram
  double least_ = 0;
  double greatest_ = 0;
  absl::flat_hash_map<std::uint32_t, std::uint64_t> buckets_;
  std::vector<std::uint64_t> window_;  // of many values: buckets that need no look-up
};

}  // namespace v1
}  // namespace insightflow
