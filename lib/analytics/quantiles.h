// Percentiles of numbers, by linear interpolation between the two nearest ranks.
//
// Up to kExactValuesMax numbers are kept as they are: the answer is exact. Past that they are
// counted in classes that share the exponent and the first 8 bits of the fraction (as HdrHistogram
// does; DDSketch, VLDB 2019, has the same guarantee), so what stands for a number differs from it
// by at most 1/512 of it. Which of the two it is depends on how many numbers there are in all, and
// classes are added up: the order of numbers and merges does not show.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kExactValuesMax = 1'000'000;

class Quantiles {
 public:
  // `x` is finite. Amortised O(1).
  void Add(double x) {
    x += 0.0;  // one zero, not two
    if (++count_ <= kExactValuesMax && !coarse_) {
      values_.push_back(x);
      return;
    }
    if (!values_.empty()) CountKept();
    CountClass(x);
  }
  void Merge(const Quantiles& other);
  // Gives up exactness, however few numbers there are, and the memory it takes.
  void Coarsen() {
    coarse_ = true;
    CountKept();
  }
  std::uint64_t count() const { return count_; }
  bool is_exact() const { return count_ <= kExactValuesMax && !coarse_; }
  // nullopt without numbers. `percent` is 0 to 100. O(count) when exact.
  std::optional<double> Percentile(unsigned percent) const;
  // Beside the object itself.
  std::size_t bytes() const {
    return values_.capacity() * sizeof(double) + classes_.capacity() * 17;
  }

 private:
  void CountKept();
  void CountClass(double x) { ++classes_[ClassOf(x)]; }
  static std::int32_t ClassOf(double x);
  static double Middle(std::int32_t number_class);
  std::pair<double, double> Neighbours(std::uint64_t rank) const;  // when exact
  double Ranked(std::uint64_t rank) const;                         // when not

  std::uint64_t count_ = 0;
  std::vector<double> values_;  // while is_exact()
  bool coarse_ = false;
  absl::flat_hash_map<std::int32_t, std::uint64_t> classes_;
};

}  // namespace v1
}  // namespace insightflow
