#include "lib/model/event_id_form.h"

#include <array>
#include <cstring>

#include "lib/base/hex_digits.h"

namespace insightflow {
inline namespace v1 {
namespace {

// The lengths of a UUID's groups of digits; a hyphen stands between two.
constexpr std::array<std::size_t, 5> kUuidGroups = {8, 4, 4, 4, 12};

}  // namespace

EventIdForm PackEventId(std::string_view event_id, std::uint8_t* packed) {
  if (event_id.size() == kHexIdBytes) {
    return PackHex<kHexIdBytes>(event_id.data(), packed) ? EventIdForm::kHex : EventIdForm::kText;
  }
  if (event_id.size() != kUuidBytes) return EventIdForm::kText;
  std::array<char, kHexIdBytes> digits;
  char* to = digits.data();
  const char* from = event_id.data();
  for (const std::size_t group : kUuidGroups) {
    if (from != event_id.data()) {
      if (*from != '-') return EventIdForm::kText;
      ++from;
    }
    std::memcpy(to, from, group);
    to += group;
    from += group;
  }
  return PackHex<kHexIdBytes>(digits.data(), packed) ? EventIdForm::kUuid : EventIdForm::kText;
}

void UnpackHexId(const std::uint8_t* packed, char* text) { UnpackHex<kHexIdBytes>(packed, text); }

void UnpackUuid(const std::uint8_t* packed, char* text) {
  std::array<char, kHexIdBytes> digits;
  UnpackHexId(packed, digits.data());
  const char* from = digits.data();
  for (const std::size_t group : kUuidGroups) {
    if (from != digits.data()) *text++ = '-';
    std::memcpy(text, from, group);
    text += group;
    from += group;
  }
}

}  // namespace v1
}  // namespace insightflow
