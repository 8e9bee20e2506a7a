// Durations in milliseconds, as answers tell of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "insightflow/result.h"
#include "lib/analytics/quantiles.h"

namespace insightflow {
inline namespace v1 {

class DurationTally {
 public:
  void Add(std::uint64_t ms) {
    sum_ms_ += ms;
    quantiles_.Add(static_cast<double>(ms));
  }
  // Takes what `other` has, which is empty afterwards.
  void Merge(DurationTally* other) {
    if (!any() && is_exact() && other->any()) return std::swap(*this, *other);
    sum_ms_ += std::exchange(other->sum_ms_, 0);
    quantiles_.Merge(&other->quantiles_);
  }
  // As Quantiles::Coarsen.
  void Coarsen() {
    quantiles_.Coarsen();
    ranked_ = {};
  }
  // Works out beforehand what Stats tells, unless more is added. O(count).
  void Rank() { ranked_ = Stats(); }

  DurationStats Stats() const {
    if (ranked_.count == quantiles_.count()) return ranked_;
    DurationStats stats;
    stats.count = quantiles_.count();
    stats.mean_ms = static_cast<double>(sum_ms_) / static_cast<double>(stats.count);
    const std::vector<double> at = quantiles_.Percentiles({50, 90});
    stats.median_ms = at[0];
    stats.p90_ms = at[1];
    return stats;
  }
  bool any() const { return quantiles_.count() > 0; }
  bool is_exact() const { return quantiles_.exact(); }
  std::size_t bytes() const { return quantiles_.bytes(); }
  std::size_t bytes(std::size_t more) const { return quantiles_.bytes(more); }

 private:
  Quantiles quantiles_;
  unsigned __int128 sum_ms_ = 0;
  DurationStats ranked_;  // of so many
};

}  // namespace v1
}  // namespace insightflow
