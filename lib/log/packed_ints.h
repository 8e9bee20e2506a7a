// Columns of integers in the fewest whole bytes a value: frame of reference, or differences when
// those are narrower, cut into byte planes so that LZ4 sees like bytes side by side.
//
//   form    u8      width (0 … sizeof(T)) in the low 4 bits; kDeltaForm set: differences
//   first   varint  the first value, only in the difference form
//   base    varint  the least value; of differences, zigzag-coded
//   planes  width × n bytes, the lowest byte of every value first; n is the count of values, less
//           one in the difference form
//
// The reader knows the count. No value, no bytes. All arithmetic is modulo 2^bits.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "lib/base/coding.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::uint8_t kDeltaForm = 0x80;

template <typename T>
std::size_t ByteWidth(T range) {
  return (static_cast<std::size_t>(std::bit_width(range)) + 7) / 8;
}

template <typename T>
T ZigZag(T value) {
  return static_cast<T>((value << 1) ^ (T{0} - (value >> (sizeof(T) * 8 - 1))));
}

template <typename T>
T UnZigZag(T value) {
  return static_cast<T>((value >> 1) ^ (T{0} - (value & 1)));
}

// Writes values[i] - base for every i, a plane for each of `width` bytes.
template <typename T>
void PutPlanes(std::string* out, std::span<const T> values, T base, std::size_t width) {
  const std::size_t begin = out->size();
  out->resize(begin + width * values.size());
  auto* plane = reinterpret_cast<std::uint8_t*>(out->data() + begin);
  for (std::size_t byte = 0; byte < width; ++byte, plane += values.size()) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      plane[i] = static_cast<std::uint8_t>((values[i] - base) >> (8 * byte));
    }
  }
}

template <typename T>
void PutDeltas(std::string* out, std::span<const T> values, T base, std::size_t width) {
  const std::size_t n = values.size() - 1;
  const std::size_t begin = out->size();
  out->resize(begin + width * n);
  auto* plane = reinterpret_cast<std::uint8_t*>(out->data() + begin);
  for (std::size_t byte = 0; byte < width; ++byte, plane += n) {
    for (std::size_t i = 0; i < n; ++i) {
      plane[i] = static_cast<std::uint8_t>((values[i + 1] - values[i] - base) >> (8 * byte));
    }
  }
}

// Appends `values`; the difference form is only considered with `try_deltas`.
template <typename T>
void PutInts(std::string* out, std::span<const T> values, bool try_deltas) {
  static_assert(std::is_unsigned_v<T>);
  if (values.empty()) return;
  T low = values[0];
  T high = values[0];
  for (const T value : values) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const std::size_t width = ByteWidth<T>(high - low);
  if (try_deltas && width > 0 && values.size() > 1) {
    using Signed = std::make_signed_t<T>;
    auto least = static_cast<Signed>(values[1] - values[0]);
    Signed most = least;
    for (std::size_t i = 1; i < values.size(); ++i) {
      const auto delta = static_cast<Signed>(values[i] - values[i - 1]);
      least = std::min(least, delta);
      most = std::max(most, delta);
    }
    const T base = static_cast<T>(least);
    const std::size_t delta_width = ByteWidth<T>(static_cast<T>(most) - base);
    if (delta_width < width) {
      out->push_back(static_cast<char>(delta_width | kDeltaForm));
      PutVarint(out, values[0]);
      PutVarint(out, ZigZag(base));
      PutDeltas(out, values, base, delta_width);
      return;
    }
  }
  out->push_back(static_cast<char>(width));
  PutVarint(out, low);
  PutPlanes(out, values, low, width);
}

template <typename T>
bool GetVarintOf(ByteReader* in, T* value) {
  std::uint64_t wide;
  if (!in->GetVarint(&wide) || wide != static_cast<T>(wide)) return false;
  *value = static_cast<T>(wide);
  return true;
}

template <typename T>
void AddPlanes(std::string_view planes, std::size_t width, T base, T* values, std::size_t n) {
  const auto* plane = reinterpret_cast<const std::uint8_t*>(planes.data());
  if (width == 0) {
    std::fill_n(values, n, base);
    return;
  }
  for (std::size_t i = 0; i < n; ++i) values[i] = base + plane[i];
  for (std::size_t byte = 1; byte < width; ++byte) {
    plane += n;
    for (std::size_t i = 0; i < n; ++i) values[i] += static_cast<T>(T{plane[i]} << (8 * byte));
  }
}

// Reads `count` values into `values`. False when the input is too short or not of this form; then
// nothing was allocated for planes that are not there.
template <typename T>
bool GetInts(ByteReader* in, std::size_t count, std::vector<T>* values) {
  values->clear();
  if (count == 0) return true;
  std::uint8_t form;
  if (!in->GetFixed(&form)) return false;
  const std::size_t width = form & 0x0f;
  const bool deltas = (form & kDeltaForm) != 0;
  if ((form & 0x70) != 0 || width > sizeof(T)) return false;
  T first = 0;
  T base;
  if (deltas && !GetVarintOf(in, &first)) return false;
  if (!GetVarintOf(in, &base)) return false;
  const std::size_t n = count - (deltas ? 1 : 0);
  std::string_view planes;
  if (!in->GetRaw(width * n, &planes)) return false;
  values->resize(count);
  T* to = values->data();
  if (!deltas) {
    AddPlanes(planes, width, base, to, n);
    return true;
  }
  AddPlanes(planes, width, UnZigZag(base), to + 1, n);
  to[0] = first;
  for (std::size_t i = 1; i < count; ++i) to[i] += to[i - 1];
  return true;
}

}  // namespace v1
}  // namespace insightflow
