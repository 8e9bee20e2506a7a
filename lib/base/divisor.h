// Numbers of which each is so many tens or thousands, as times in whole seconds are, are stored as
// quotients, in fewer bits.
#pragma once

#include <concepts>
#include <numeric>
#include <span>

namespace insightflow {
inline namespace v1 {

// The greatest divisor of all that the values exceed `least` by, which none is below; 1 when they
// are all equal. O(n), and O(1) for most values that have none in common.
template <std::unsigned_integral T>
T CommonDivisor(std::span<const T> values, T least) {
  T divisor = 0;
  for (const T value : values) {
    const T above = static_cast<T>(value - least);
    if (divisor != 0 && above % divisor == 0) continue;
    divisor = std::gcd(divisor, above);
    if (divisor == 1) break;
  }
  return divisor == 0 ? T{1} : divisor;
}

}  // namespace v1
}  // namespace insightflow
