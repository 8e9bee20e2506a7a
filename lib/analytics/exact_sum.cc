#include "lib/analytics/exact_sum.h"

#include <bit>
#include <cmath>
#include <limits>

namespace insightflow {
inline namespace v1 {
namespace {

__extension__ using Unsigned = unsigned __int128;

constexpr int kLimbBits = 32;
constexpr std::int64_t kLimbMask = 0xffff'ffff;
constexpr int kLowestBit = -1074;  // of a double
constexpr int kFixedPosition = -64 - kLowestBit;
constexpr std::uint32_t kPendingMax = 1u << 29;

}  // namespace

void ExactSum::Add(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const bool negative = bits >> 63 != 0;
  const int exponent = static_cast<int>(bits >> 52 & 0x7ff);
  std::uint64_t magnitude = bits & ((std::uint64_t{1} << 52) - 1);
  if (exponent != 0) magnitude |= std::uint64_t{1} << 52;
  if (magnitude == 0) return;
  const int position = exponent == 0 ? 0 : exponent - 1;  // above the lowest bit
  int shift = position - kFixedPosition;
  std::uint64_t kept = magnitude;
  if (shift < 0 && std::countr_zero(magnitude) >= -shift) {
    kept >>= -shift;
    shift = 0;
  }
  if (shift < 0 || shift > 73) {
    MakeWide()->Add(magnitude, position, negative);
    return;
  }
  const auto value = static_cast<Fixed>(static_cast<Unsigned>(kept) << shift);
  AddFixed(negative ? -value : value);
}

void ExactSum::AddFixed(Fixed value) {
  Fixed sum = 0;
  if (__builtin_add_overflow(fixed_, value, &sum)) {
    MakeWide()->AddFixed(fixed_);
    sum = value;
  }
  fixed_ = sum;
}

ExactSum::Wide* ExactSum::MakeWide() {
  if (!wide_) wide_ = std::make_unique<Wide>();
  return wide_.get();
}

void ExactSum::Merge(const ExactSum& other) {
  AddFixed(other.fixed_);
  if (other.wide_) MakeWide()->Add(*other.wide_);
}

double ExactSum::Round() const {
  if (!wide_) return std::ldexp(static_cast<double>(fixed_), -64);
  Wide sum = *wide_;
  sum.AddFixed(fixed_);
  return sum.Round();
}

void ExactSum::Wide::Add(std::uint64_t magnitude, int position, bool negative) {
  Unsigned shifted = static_cast<Unsigned>(magnitude) << position % kLimbBits;
  for (int limb = position / kLimbBits; shifted != 0; ++limb, shifted >>= kLimbBits) {
    const auto part = static_cast<std::int64_t>(shifted & kLimbMask);
    limbs_[static_cast<std::size_t>(limb)] += negative ? -part : part;
  }
  if (++pending_ >= kPendingMax) Carry();
}

void ExactSum::Wide::Add(const Wide& other) {
  if (pending_ + other.pending_ >= kPendingMax) Carry();
  // The other's limbs are below 2^62, as these are.
  for (std::size_t i = 0; i < limbs_.size(); ++i) limbs_[i] += other.limbs_[i];
  Carry();
}

void ExactSum::Wide::AddFixed(Fixed fixed) {
  const bool negative = fixed < 0;
  auto rest = static_cast<Unsigned>(fixed);
  if (negative) rest = -rest;
  for (int position = kFixedPosition; rest != 0; position += kLimbBits, rest >>= kLimbBits) {
    Add(static_cast<std::uint64_t>(rest & kLimbMask), position, negative);
  }
}

// Afterwards all limbs but the last are 0 … 2^32 - 1: a sum has one such form only.
void ExactSum::Wide::Carry() {
  for (std::size_t i = 0; i + 1 < limbs_.size(); ++i) {
    limbs_[i + 1] += limbs_[i] >> kLimbBits;
    limbs_[i] &= kLimbMask;
  }
  pending_ = 0;
}

double ExactSum::Wide::Round() {
  Carry();
  const bool negative = limbs_.back() < 0;
  if (negative) {
    for (std::int64_t& limb : limbs_) limb = -limb;
    Carry();
  }
  int top = kLimbs - 1;
  while (top > 0 && limbs_[static_cast<std::size_t>(top)] == 0) --top;
  // 97 bits or more, and whether anything lies below them, decide how a double is rounded.
  Unsigned head = 0;
  for (int limb = top; limb > top - 4; --limb) {
    head <<= kLimbBits;
    if (limb >= 0) head |= static_cast<Unsigned>(limbs_[static_cast<std::size_t>(limb)]);
  }
  for (int limb = top - 4; limb >= 0; --limb) {
    if (limbs_[static_cast<std::size_t>(limb)] != 0) head |= 1;
  }
  double rounded = std::ldexp(static_cast<double>(head), (top - 3) * kLimbBits + kLowestBit);
  if (!std::isfinite(rounded)) rounded = std::numeric_limits<double>::max();
  return negative ? -rounded : rounded;
}

}  // namespace v1
}  // namespace insightflow
