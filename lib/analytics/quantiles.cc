#include "lib/analytics/quantiles.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr int kDroppedBits = 52 - 8;
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

}  // namespace

void Quantiles::CountKept() {
  for (const double value : values_) CountClass(value);
  values_ = {};
}

void Quantiles::Merge(const Quantiles& other) {
  count_ += other.count_;
  coarse_ = coarse_ || other.coarse_;
  if (is_exact()) {
    values_.insert(values_.end(), other.values_.begin(), other.values_.end());
    return;
  }
  CountKept();
  for (const double value : other.values_) CountClass(value);
  for (const auto& [number_class, count] : other.classes_) classes_[number_class] += count;
}

// Rises with x: 0 for zero.
std::int32_t Quantiles::ClassOf(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  if ((bits & ~kSign) == 0) return 0;
  const auto number = static_cast<std::int32_t>((bits & ~kSign) >> kDroppedBits) + 1;
  return (bits & kSign) != 0 ? -number : number;
}

double Quantiles::Middle(std::int32_t number_class) {
  if (number_class == 0) return 0;
  const auto number = static_cast<std::uint64_t>(std::abs(number_class) - 1);
  // Half of the dropped bits is the middle of a class, for all share an exponent.
  const double middle =
      std::bit_cast<double>((number << kDroppedBits) | std::uint64_t{1} << (kDroppedBits - 1));
  return number_class < 0 ? -middle : middle;
}

double Quantiles::Ranked(std::uint64_t rank) {
  if (is_exact()) {
    const auto at = values_.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(values_.begin(), at, values_.end());
    return *at;
  }
  std::vector<std::pair<std::int32_t, std::uint64_t>> sorted(classes_.begin(), classes_.end());
  std::sort(sorted.begin(), sorted.end());
  for (const auto& [number_class, count] : sorted) {
    if (rank < count) return Middle(number_class);
    rank -= count;
  }
  return 0;
}

std::optional<double> Quantiles::Percentile(unsigned percent) {
  if (count_ == 0) return std::nullopt;
  const std::uint64_t hundredths = percent * (count_ - 1);
  const double low = Ranked(hundredths / 100);
  if (hundredths % 100 == 0) return low;
  const double high = Ranked(hundredths / 100 + 1);
  return low + (high - low) * (static_cast<double>(hundredths % 100) / 100);
}

}  // namespace v1
}  // namespace insightflow
