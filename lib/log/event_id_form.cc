#include "lib/log/event_id_form.h"

#include <array>
#include <cstring>

namespace insightflow {
inline namespace v1 {
namespace {

// The lengths of a UUID's groups of digits; a hyphen stands between two.
constexpr std::array<std::size_t, 5> kUuidGroups = {8, 4, 4, 4, 12};

// Plain loops of a known length over bytes, so that the compiler makes vector code of them.
bool PackHex(const char* text, std::uint8_t* packed) {
  std::array<std::uint8_t, kHexIdBytes> nibbles;
  std::uint8_t bad = 0;
  for (std::size_t i = 0; i < kHexIdBytes; ++i) {
    const auto c = static_cast<std::uint8_t>(text[i]);
    const auto digit = static_cast<std::uint8_t>(c - '0');
    const auto letter = static_cast<std::uint8_t>(c - 'a');
    const std::uint8_t is_digit = digit < 10 ? 0xff : 0;
    const std::uint8_t is_letter = letter < 6 ? 0xff : 0;
    nibbles[i] = static_cast<std::uint8_t>((digit & is_digit) | ((letter + 10) & is_letter));
    bad |= static_cast<std::uint8_t>(~(is_digit | is_letter));
  }
  for (std::size_t i = 0; i < kPackedIdBytes; ++i) {
    packed[i] = static_cast<std::uint8_t>(nibbles[2 * i] << 4 | nibbles[2 * i + 1]);
  }
  return bad == 0;
}

constexpr std::array<std::array<char, 2>, 256> MakeHexPairs() {
  std::array<std::array<char, 2>, 256> pairs = {};
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = {kDigits[i >> 4], kDigits[i & 15]};
  return pairs;
}
constexpr auto kHexPairs = MakeHexPairs();

}  // namespace

EventIdForm PackEventId(std::string_view event_id, std::uint8_t* packed) {
  if (event_id.size() == kHexIdBytes) {
    return PackHex(event_id.data(), packed) ? EventIdForm::kHex : EventIdForm::kText;
  }
  if (event_id.size() != kUuidBytes) return EventIdForm::kText;
  std::array<char, kHexIdBytes> digits;
  char* to = digits.data();
  const char* from = event_id.data();
  for (const std::size_t group : kUuidGroups) {
    if (from != event_id.data() && *from++ != '-') return EventIdForm::kText;
    std::memcpy(to, from, group);
    to += group;
    from += group;
  }
  return PackHex(digits.data(), packed) ? EventIdForm::kUuid : EventIdForm::kText;
}

void UnpackHexId(const std::uint8_t* packed, char* text) {
  for (std::size_t i = 0; i < kPackedIdBytes; ++i) {
    std::memcpy(text + 2 * i, kHexPairs[packed[i]].data(), 2);
  }
}

void UnpackUuid(const std::uint8_t* packed, char* text) {
  for (const std::size_t group : kUuidGroups) {
    for (std::size_t i = 0; i < group; i += 2, text += 2) {
      std::memcpy(text, kHexPairs[*packed++].data(), 2);
    }
    if (group != kUuidGroups.back()) *text++ = '-';
  }
}

}  // namespace v1
}  // namespace insightflow
