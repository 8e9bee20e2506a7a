// How columns of numbers that are often so many tens or thousands are written: docs/formats.md,
// "Segment", encoding 2 of time, position_x and position_y.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "lib/base/coding.h"
#include "lib/base/divisor.h"
#include "lib/segments/column_encoding.h"

namespace insightflow {
inline namespace v1 {

// Before quotients: the least value, and what all others exceed it by a multiple of.
struct Multiples {
  std::uint32_t least = 0;
  std::uint32_t divisor = 1;

  // At least one value.
  static Multiples Of(std::span<const std::uint32_t> values) {
    const std::uint32_t least = *std::min_element(values.begin(), values.end());
    return {least, CommonDivisor<std::uint32_t>(values, least)};
  }
  // Puts quotients in the values' place. The encoding: of values without a divisor they stay.
  std::uint8_t Divide(std::span<std::uint32_t> values, std::string* out) const {
    if (divisor == 1) return kFirstEncoding;
    insightflow::Divide(values, least, divisor);
    PutVarint(out, least);
    PutVarint(out, divisor);
    return kMultiples;
  }
  bool Get(ByteReader* in, std::uint8_t encoding) {
    if (encoding == kFirstEncoding) return true;
    return GetVarintOf(in, &least) && GetVarintOf(in, &divisor) && divisor > 1;
  }
  std::uint64_t Value(std::uint32_t quotient) const {
    return least + std::uint64_t{quotient} * divisor;
  }
};

}  // namespace v1
}  // namespace insightflow
