// Columns of integers in few bits a value: frame of reference, or differences when those are
// narrower, cut into byte planes so that LZ4 sees like bytes side by side. The topmost plane takes
// 1, 2 or 4 bits a value when these do.
//
//   form    u8      the whole bytes (0 … sizeof(T)) in the low 4 bits; in bits 4 and 5 the width of
//                   the plane of bits: none, 1, 2, 4; kDeltaForm set: differences
//   first   varint  the first value, only in the difference form
//   base    varint  the least value; of differences, zigzag-coded
//   planes  bytes × n bytes, the lowest byte of every value first; n is the count of values, less
//           one in the difference form
//   bits    the bits above those, from the lowest bit of each byte on, the last byte filled with 0
//
// The reader knows the count. No value, no bytes. All arithmetic is modulo 2^bits.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "lib/base/coding.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::uint8_t kDeltaForm = 0x80;

struct IntWidth {
  std::size_t bytes = 0;
  std::size_t bits = 0;  // 0, 1, 2 or 4

  std::size_t total_bits() const { return 8 * bytes + bits; }
};

template <typename T>
IntWidth IntWidthOf(T range) {
  const auto width = static_cast<std::size_t>(std::bit_width(range));
  const std::size_t rest = width % 8;
  if (rest > 4) return {width / 8 + 1, 0};
  return {width / 8, rest == 0 ? 0 : std::bit_ceil(rest)};
}

template <typename T>
T ZigZag(T value) {
  return static_cast<T>((value << 1) ^ (T{0} - (value >> (sizeof(T) * 8 - 1))));
}

template <typename T>
T UnZigZag(T value) {
  return static_cast<T>((value >> 1) ^ (T{0} - (value & 1)));
}

inline std::size_t BitPlaneBytes(std::size_t bits, std::size_t n) { return (bits * n + 7) / 8; }

// Puts eight bytes that hold `bits` bits each side by side, or apart again.
inline std::uint64_t JoinBits(std::uint64_t x, std::size_t bits) {
  const std::uint64_t pairs = ((1u << (2 * bits)) - 1) * 0x0001000100010001u;
  const std::uint64_t fours = ((1u << (4 * bits)) - 1) * 0x0000000100000001u;
  x = (x | x >> (8 - bits)) & pairs;
  x = (x | x >> (16 - 2 * bits)) & fours;
  return x | x >> (32 - 4 * bits);
}
inline std::uint64_t PartBits(std::uint64_t x, std::size_t bits) {
  const std::uint64_t ones = ((1u << bits) - 1) * 0x0101010101010101u;
  const std::uint64_t pairs = ((1u << (2 * bits)) - 1) * 0x0001000100010001u;
  const std::uint64_t fours = ((1u << (4 * bits)) - 1) * 0x0000000100000001u;
  x &= (std::uint64_t{1} << (8 * bits)) - 1;
  x = (x | x << (32 - 4 * bits)) & fours;
  x = (x | x << (16 - 2 * bits)) & pairs;
  return (x | x << (8 - bits)) & ones;
}

// Puts a plane of n bytes together in place. Whole words are read and written.
template <std::size_t kBits>
void JoinBitPlane(std::uint8_t* plane, std::size_t n) {
  std::uint8_t* to = plane;
  for (std::size_t i = 0; i < n; i += 8, to += kBits) {
    std::uint64_t bytes;
    std::memcpy(&bytes, plane + i, sizeof bytes);
    const std::uint64_t joined = JoinBits(bytes, kBits);
    std::memcpy(to, &joined, sizeof joined);  // ends no further than what was read
  }
}

// Appends the values byte_at(0) … byte_at(n - 1), each of `bits` bits: 1, 2 or 4.
template <typename ByteAt>
void PutBitPlane(std::string* out, std::size_t n, std::size_t bits, ByteAt byte_at) {
  const std::size_t begin = out->size();
  // A plane of bytes is made there and put together in place, in whole words.
  out->resize(begin + (n + 7) / 8 * 8);
  auto* const plane = reinterpret_cast<std::uint8_t*>(out->data() + begin);
  for (std::size_t i = 0; i < n; ++i) plane[i] = static_cast<std::uint8_t>(byte_at(i));
  if (bits == 1) JoinBitPlane<1>(plane, n);
  if (bits == 2) JoinBitPlane<2>(plane, n);
  if (bits == 4) JoinBitPlane<4>(plane, n);
  out->resize(begin + BitPlaneBytes(bits, n));
}

// Puts the first n values of a plane of bits into bytes.
template <std::size_t kBits>
void PartBitPlane(std::string_view plane, std::size_t n, std::uint8_t* to) {
  std::size_t i = 0;
  const char* from = plane.data();
  const char* const last = from + plane.size();
  for (; i + 8 <= n; i += 8, from += kBits) {
    std::uint64_t joined = 0;
    std::memcpy(&joined, from, kBits);
    const std::uint64_t bytes = PartBits(joined, kBits);
    std::memcpy(to + i, &bytes, sizeof bytes);
  }
  if (i == n) return;
  std::uint64_t joined = 0;
  std::memcpy(&joined, from, std::min<std::size_t>(kBits, static_cast<std::size_t>(last - from)));
  const std::uint64_t bytes = PartBits(joined, kBits);
  std::memcpy(to + i, &bytes, n - i);
}

// Hands the n values of a plane of bits to take(i, value). False when bits behind them are set. In
// two steps, so that the compiler can make the second one of whole vectors.
template <typename Take>
bool TakeBitPlane(std::string_view plane, std::size_t n, std::size_t bits, Take take) {
  std::array<std::uint8_t, 512> values;
  for (std::size_t begin = 0; begin < n; begin += values.size()) {
    const std::size_t count = std::min(values.size(), n - begin);
    const std::string_view from = plane.substr(begin * bits / 8);
    if (bits == 1) PartBitPlane<1>(from, count, values.data());
    if (bits == 2) PartBitPlane<2>(from, count, values.data());
    if (bits == 4) PartBitPlane<4>(from, count, values.data());
    for (std::size_t i = 0; i < count; ++i) take(begin + i, values[i]);
  }
  const std::size_t filling = plane.size() * 8 - n * bits;
  return filling == 0 || static_cast<std::uint8_t>(plane.back()) >> (8 - filling) == 0;
}

// Appends value_at(0) … value_at(n - 1).
template <typename ValueAt>
void PutPlanes(std::string* out, std::size_t n, IntWidth width, ValueAt value_at) {
  const std::size_t begin = out->size();
  out->resize(begin + width.bytes * n);
  auto* plane = reinterpret_cast<std::uint8_t*>(out->data() + begin);
  for (std::size_t byte = 0; byte < width.bytes; ++byte, plane += n) {
    for (std::size_t i = 0; i < n; ++i) {
      plane[i] = static_cast<std::uint8_t>(value_at(i) >> (8 * byte));
    }
  }
  if (width.bits == 0) return;
  PutBitPlane(out, n, width.bits, [&](std::size_t i) { return value_at(i) >> (8 * width.bytes); });
}

inline std::uint8_t IntForm(IntWidth width) {
  return static_cast<std::uint8_t>(width.bytes | std::bit_width(width.bits) << 4);
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
  const IntWidth width = IntWidthOf<T>(high - low);
  if (try_deltas && width.total_bits() > 0 && values.size() > 1) {
    using Signed = std::make_signed_t<T>;
    auto least = static_cast<Signed>(values[1] - values[0]);
    Signed most = least;
    for (std::size_t i = 1; i < values.size(); ++i) {
      const auto delta = static_cast<Signed>(values[i] - values[i - 1]);
      least = std::min(least, delta);
      most = std::max(most, delta);
    }
    const T base = static_cast<T>(least);
    const IntWidth delta_width = IntWidthOf<T>(static_cast<T>(most) - base);
    if (delta_width.total_bits() < width.total_bits()) {
      out->push_back(static_cast<char>(IntForm(delta_width) | kDeltaForm));
      PutVarint(out, values[0]);
      PutVarint(out, ZigZag(base));
      PutPlanes(out, values.size() - 1, delta_width,
                [&](std::size_t i) -> T { return values[i + 1] - values[i] - base; });
      return;
    }
  }
  out->push_back(static_cast<char>(IntForm(width)));
  PutVarint(out, low);
  PutPlanes(out, values.size(), width, [&](std::size_t i) -> T { return values[i] - low; });
}

template <typename T>
bool GetVarintOf(ByteReader* in, T* value) {
  std::uint64_t wide;
  if (!in->GetVarint(&wide) || wide != static_cast<T>(wide)) return false;
  *value = static_cast<T>(wide);
  return true;
}

// Sets values[0] … values[n - 1] to `base` and what the planes say. False on a filling that is set.
template <typename T>
bool AddPlanes(std::string_view planes, IntWidth width, T base, T* values, std::size_t n) {
  const auto* plane = reinterpret_cast<const std::uint8_t*>(planes.data());
  if (width.bytes == 0) {
    std::fill_n(values, n, base);
  } else {
    for (std::size_t i = 0; i < n; ++i) values[i] = base + plane[i];
    plane += n;
  }
  for (std::size_t byte = 1; byte < width.bytes; ++byte, plane += n) {
    for (std::size_t i = 0; i < n; ++i) values[i] += static_cast<T>(T{plane[i]} << (8 * byte));
  }
  if (width.bits == 0) return true;
  return TakeBitPlane(planes.substr(width.bytes * n), n, width.bits,
                      [&](std::size_t i, std::uint8_t bits) {
                        values[i] += static_cast<T>(T{bits} << (8 * width.bytes));
                      });
}

// The width that a form byte names, without kDeltaForm. False when there is no such form.
template <typename T>
bool WidthOfForm(std::uint8_t form, IntWidth* width) {
  constexpr std::array<std::size_t, 4> kBits = {0, 1, 2, 4};
  *width = {form & std::size_t{0x0f}, kBits[form >> 4 & 3]};
  return (form & 0x40) == 0 && width->total_bits() <= sizeof(T) * 8;
}

// Reads `count` values into `values`. False when the input is too short or not of this form; then
// nothing was allocated for planes that are not there.
template <typename T>
bool GetInts(ByteReader* in, std::size_t count, std::vector<T>* values) {
  values->clear();
  if (count == 0) return true;
  std::uint8_t form;
  IntWidth width;
  if (!in->GetFixed(&form) || !WidthOfForm<T>(form, &width)) return false;
  const bool deltas = (form & kDeltaForm) != 0;
  T first = 0;
  T base;
  if (deltas && !GetVarintOf(in, &first)) return false;
  if (!GetVarintOf(in, &base)) return false;
  const std::size_t n = count - (deltas ? 1 : 0);
  std::string_view planes;
  if (!in->GetRaw(width.bytes * n + BitPlaneBytes(width.bits, n), &planes)) return false;
  values->resize(count);
  T* to = values->data();
  if (!deltas) return AddPlanes(planes, width, base, to, n);
  if (!AddPlanes(planes, width, UnZigZag(base), to + 1, n)) return false;
  to[0] = first;
  for (std::size_t i = 1; i < count; ++i) to[i] += to[i - 1];
  return true;
}

}  // namespace v1
}  // namespace insightflow
