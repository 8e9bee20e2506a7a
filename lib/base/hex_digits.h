// Lower-case hexadecimal digits, two to a byte and back. Plain loops of a known length over bytes,
// so that the compiler makes vector code of them.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace insightflow {
inline namespace v1 {

// Packs kDigits digits, the first of two as the higher half. False when one is no digit.
template <std::size_t kDigits>
bool PackHex(const char* text, std::uint8_t* packed) {
  std::array<std::uint8_t, kDigits> nibbles;
  std::uint8_t bad = 0;
  for (std::size_t i = 0; i < kDigits; ++i) {
    const auto c = static_cast<std::uint8_t>(text[i]);
    const auto digit = static_cast<std::uint8_t>(c - '0');
    const auto letter = static_cast<std::uint8_t>(c - 'a');
    const std::uint8_t is_digit = digit < 10 ? 0xff : 0;
    const std::uint8_t is_letter = letter < 6 ? 0xff : 0;
    nibbles[i] = static_cast<std::uint8_t>((digit & is_digit) | ((letter + 10) & is_letter));
    bad |= static_cast<std::uint8_t>(~(is_digit | is_letter));
  }
  const auto pairs = std::bit_cast<std::array<std::uint16_t, kDigits / 2>>(nibbles);
  std::array<std::uint8_t, kDigits / 2> bytes;
  for (std::size_t i = 0; i < kDigits / 2; ++i) {
    bytes[i] = static_cast<std::uint8_t>(pairs[i] << 4 | pairs[i] >> 8);
  }
  std::memcpy(packed, bytes.data(), bytes.size());
  return bad == 0;
}

template <std::size_t kDigits>
void UnpackHex(const std::uint8_t* packed, char* text) {
  std::array<std::uint16_t, kDigits / 2> pairs;
  for (std::size_t i = 0; i < kDigits / 2; ++i) pairs[i] = packed[i];
  for (std::uint16_t& pair : pairs) {
    pair = static_cast<std::uint16_t>((pair >> 4 | pair << 8) & 0x0f0f);
  }
  auto digits = std::bit_cast<std::array<std::uint8_t, kDigits>>(pairs);
  for (std::uint8_t& digit : digits) {
    const std::uint8_t to_letter = digit > 9 ? 'a' - '0' - 10 : 0;
    digit = static_cast<std::uint8_t>(digit + '0' + to_letter);
  }
  std::memcpy(text, digits.data(), kDigits);
}

}  // namespace v1
}  // namespace insightflow
