// Numbers of which each is so many tens or thousands, as times in whole seconds are, are stored as
// quotients, in fewer bits.
#pragma once

#include <concepts>
#include <cstdint>
#include <numeric>
#include <span>

namespace insightflow {
inline namespace v1 {

// Divides numbers of up to 32 bits by one divisor above 1: multiplications in place of divisions.
// Source: Lemire, Kaser, Kurz, "Faster Remainder by Direct Computation".
class QuickDivisor {
 public:
  explicit QuickDivisor(std::uint32_t divisor) : factor_(UINT64_MAX / divisor + 1) {}
  bool Divides(std::uint32_t value) const { return value * factor_ < factor_; }
  std::uint32_t Quotient(std::uint32_t value) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint32_t>(Wide{factor_} * value >> 64);
  }

 private:
  std::uint64_t factor_;
};

// Whether a QuickDivisor divides the value.
template <std::unsigned_integral T>
constexpr bool IsQuick(T divisor, T value) {
  return divisor > 1 && divisor <= UINT32_MAX && value <= UINT32_MAX;
}

// The greatest divisor of all that the values exceed `least` by, which none is below; 1 when they
// are all equal. O(n), and O(1) for most values that have none in common.
template <std::unsigned_integral T>
T CommonDivisor(std::span<const T> values, T least) {
  T divisor = 0;
  QuickDivisor quick(1);
  for (const T value : values) {
    const T above = static_cast<T>(value - least);
    if (IsQuick<T>(divisor, above)) {
      if (quick.Divides(static_cast<std::uint32_t>(above))) continue;
    } else if (divisor != 0 && above % divisor == 0) {
      continue;
    }
    divisor = std::gcd(divisor, above);
    if (divisor == 1) break;
    if (IsQuick<T>(divisor, divisor)) quick = QuickDivisor(static_cast<std::uint32_t>(divisor));
  }
  return divisor == 0 ? T{1} : divisor;
}

// Puts in the place of each value how many times `divisor` it exceeds `least`.
template <std::unsigned_integral T>
void Divide(std::span<T> values, T least, T divisor) {
  const QuickDivisor quick(IsQuick<T>(divisor, divisor) ? static_cast<std::uint32_t>(divisor) : 1);
  for (T& value : values) {
    const T above = static_cast<T>(value - least);
    value = IsQuick<T>(divisor, above) ? T{quick.Quotient(static_cast<std::uint32_t>(above))}
                                       : static_cast<T>(above / divisor);
  }
}

}  // namespace v1
}  // namespace insightflow
