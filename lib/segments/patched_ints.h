// Integers of which most are small: packed_ints.h's planes in the width that most values need, and
// the upper bits of the others apart.
//
//   form    u8      as in packed_ints.h, without differences
//   base    varint  the least value
//   planes          the lower bits of what each value exceeds that by
//   count   varint  of the values with further bits; when it is not 0:
//   gaps    ints32  the first one's index, then how far each lies behind the one before
//   highs   ints64  their further bits
//
// The reader knows the count of values. No value, no bytes. Source of the idea: Zukowski et al.,
// "Super-Scalar RAM-CPU Cache Compression" (PFOR).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/coding.h"
#include "lib/base/packed_ints.h"

namespace insightflow {
inline namespace v1 {

struct PatchScratch {
  std::vector<std::uint32_t> gaps;
  std::vector<std::uint64_t> highs;
};

// How many of the values take each count of bits.
using BitCounts = std::array<std::uint32_t, 65>;

// The width of the planes that makes n values smallest, about.
IntWidth PatchedWidth(const BitCounts& counts, std::size_t n);

template <typename T>
T LowBits(std::size_t bits) {
  return bits >= 8 * sizeof(T) ? std::numeric_limits<T>::max() : static_cast<T>((T{1} << bits) - 1);
}

// How values are written.
template <typename T>
struct PatchPlan {
  T base = 0;
  IntWidth width;
  bool has_patches = false;
};

// At least one value. Of 8, 32 or 64 bits, as all that follows.
template <typename T>
PatchPlan<T> PlanPatched(std::span<const T> values);

template <typename T>
void PutPlanned(std::string* out, std::span<const T> values, const PatchPlan<T>& plan,
                PatchScratch* scratch);

template <typename T>
void PutPatched(std::string* out, std::span<const T> values, PatchScratch* scratch) {
  if (!values.empty()) PutPlanned(out, values, PlanPatched(values), scratch);
}

struct PlainPlanes {
  template <typename T>
  bool operator()(std::string_view planes, IntWidth width, T base, T* values, std::size_t n) const {
    return AddPlanes(planes, width, base, values, n);
  }
};

// Reads values.size() values. False when the input is too short or not of this form. `add_planes`
// does what AddPlanes does.
template <typename T, typename Planes = PlainPlanes>
bool GetPatched(ByteReader* in, std::span<T> values, PatchScratch* scratch,
                Planes add_planes = Planes()) {
  if (values.empty()) return true;
  const std::size_t n = values.size();
  std::uint8_t form;
  IntWidth width;
  T base;
  std::string_view planes;
  std::uint64_t count;
  if (!in->GetFixed(&form) || (form & kDeltaForm) != 0 || !WidthOfForm<T>(form, &width) ||
      !GetVarintOf(in, &base) ||
      !in->GetRaw(width.bytes * n + BitPlaneBytes(width.bits, n), &planes) ||
      !add_planes(planes, width, base, values.data(), n) || !in->GetVarint(&count) || count > n) {
    return false;
  }
  if (count == 0) return true;
  const std::size_t bits = width.total_bits();
  if (bits >= 8 * sizeof(T) || !GetInts(in, static_cast<std::size_t>(count), &scratch->gaps) ||
      !GetInts(in, static_cast<std::size_t>(count), &scratch->highs)) {
    return false;
  }
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < scratch->gaps.size(); ++i) {
    at += scratch->gaps[i];
    if (at >= n || (i > 0 && scratch->gaps[i] == 0)) return false;
    const std::uint64_t high = scratch->highs[i];
    if (high > std::uint64_t{std::numeric_limits<T>::max()} >> bits) return false;
    values[at] = static_cast<T>(values[at] + static_cast<T>(high << bits));
  }
  return true;
}

// Values that mostly rise a little and sometimes fall far, as the times of one user after another
// do: differences modulo the power of two that spans them all.
//
//   base    varint   the least value
//   bits    u8       the power of two
//   steps   patched  from the base to the first, then from each value to the next
template <typename T>
struct StepPlan {
  T base = 0;
  std::uint8_t bits = 0;
  PatchPlan<T> patched;

  // That the steps of n values take at least.
  std::size_t bytes_min(std::size_t n) const {
    return patched.width.bytes * n + BitPlaneBytes(patched.width.bits, n);
  }
};

// Fills `steps`. At least one value.
template <typename T>
StepPlan<T> PlanSteps(std::span<const T> values, std::vector<T>* steps) {
  T least = values[0];
  T most = values[0];
  for (const T value : values) {
    least = std::min(least, value);
    most = std::max(most, value);
  }
  StepPlan<T> plan;
  plan.base = least;
  plan.bits = static_cast<std::uint8_t>(std::bit_width(static_cast<T>(most - least)));
  const T mask = LowBits<T>(plan.bits);
  steps->resize(values.size());
  T before = least;
  for (std::size_t i = 0; i < values.size(); ++i) {
    (*steps)[i] = static_cast<T>((values[i] - before) & mask);
    before = values[i];
  }
  plan.patched = PlanPatched<T>(*steps);
  return plan;
}

template <typename T>
void PutPlannedSteps(std::string* out, std::span<const T> steps, const StepPlan<T>& plan,
                     PatchScratch* scratch) {
  PutVarint(out, plan.base);
  PutFixed(out, plan.bits);
  PutPlanned<T>(out, steps, plan.patched, scratch);
}

template <typename T>
void PutSteps(std::string* out, std::span<const T> values, std::vector<T>* steps,
              PatchScratch* scratch) {
  if (values.empty()) return;
  const StepPlan<T> plan = PlanSteps(values, steps);
  PutPlannedSteps<T>(out, *steps, plan, scratch);
}

// What stands before the steps: the base, and the power of two as a mask.
template <typename T>
bool GetStepsHead(ByteReader* in, T* base, T* mask) {
  std::uint8_t bits;
  if (!GetVarintOf(in, base) || !in->GetFixed(&bits) || bits > 8 * sizeof(T)) return false;
  *mask = LowBits<T>(bits);
  return true;
}

// Reads steps.size() values: hands each to take(i, value). `steps` is scratch memory.
template <typename T, typename Take>
bool TakeSteps(ByteReader* in, std::span<T> steps, PatchScratch* scratch, Take take) {
  if (steps.empty()) return true;
  T base;
  T mask;
  if (!GetStepsHead(in, &base, &mask) || !GetPatched(in, steps, scratch)) return false;
  T sum = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    sum = static_cast<T>(sum + steps[i]);
    take(i, static_cast<T>(base + (sum & mask)));
  }
  return true;
}

}  // namespace v1
}  // namespace insightflow
