#include "lib/analytics/quantiles.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr int kDroppedBits = 52 - 8;
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
constexpr std::size_t kSlices = 1'024;

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

// The numbers of this rank and the next. Counting how many lie in each slice of their range finds
// the slices where the two are: only what lies there has to be ordered.
std::pair<double, double> Quantiles::Neighbours(std::uint64_t rank) const {
  const auto [least, greatest] = std::minmax_element(values_.begin(), values_.end());
  const double low = *least;
  const double scale = *greatest > low ? (kSlices - 1) / (*greatest - low) : 0;
  // Rises with the number, whatever is rounded.
  const auto slice_of = [&](double x) { return static_cast<std::uint32_t>((x - low) * scale); };
  std::array<std::uint32_t, kSlices> counts = {};
  for (const double value : values_) ++counts[slice_of(value)];
  std::uint64_t below = 0;
  std::uint32_t first = 0;
  while (below + counts[first] <= rank) below += counts[first++];
  std::uint32_t last = first;
  const std::uint64_t next = std::min<std::uint64_t>(rank + 1, count_ - 1);
  for (std::uint64_t seen = below + counts[first]; seen <= next;) seen += counts[++last];
  std::vector<double> near;
  for (const double value : values_) {
    const std::uint32_t slice = slice_of(value);
    if (slice >= first && slice <= last) near.push_back(value);
  }
  const auto at = near.begin() + static_cast<std::ptrdiff_t>(rank - below);
  std::nth_element(near.begin(), at, near.end());
  if (next == rank) return {*at, *at};
  return {*at, *std::min_element(at + 1, near.end())};
}

double Quantiles::Ranked(std::uint64_t rank) const {
  std::vector<std::pair<std::int32_t, std::uint64_t>> sorted(classes_.begin(), classes_.end());
  std::sort(sorted.begin(), sorted.end());
  for (const auto& [number_class, count] : sorted) {
    if (rank < count) return Middle(number_class);
    rank -= count;
  }
  return 0;
}

std::optional<double> Quantiles::Percentile(unsigned percent) const {
  if (count_ == 0) return std::nullopt;
  const std::uint64_t hundredths = percent * (count_ - 1);
  const std::uint64_t rank = hundredths / 100;
  const bool between = hundredths % 100 != 0;
  const auto [low, high] =
      is_exact() ? Neighbours(rank) : std::pair(Ranked(rank), Ranked(between ? rank + 1 : rank));
  if (!between) return low;
  return low + (high - low) * (static_cast<double>(hundredths % 100) / 100);
}

}  // namespace v1
}  // namespace insightflow
