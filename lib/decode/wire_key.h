// The names of an event's wire fields, found with one probe.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "lib/model/field.h"

namespace insightflow {
inline namespace v1 {

// The text fields have the numbers of Field.
enum class WireKey : std::uint8_t {
  kEventId = kFieldCount,
  kTimestamp,
  kPositionX,
  kPositionY,
  kSeq,
  kExtraData,
  kUnknown,
};
inline constexpr std::size_t kWireKeyCount = static_cast<std::size_t>(WireKey::kUnknown);

constexpr std::string_view WireKeyName(WireKey key) {
  constexpr std::array<std::string_view, kWireKeyCount - kFieldCount> kOthers = {
      "event_id", "timestamp", "position_x", "position_y", "seq", "extra_data"};
  const auto i = static_cast<std::size_t>(key);
  return i < kFieldCount ? kFieldRules[i].name : kOthers[i - kFieldCount];
}

namespace internal {

template <typename Word>
constexpr Word LoadWord(const char* bytes) {
  Word word = 0;
  if (std::is_constant_evaluated()) {
    for (std::size_t i = 0; i < sizeof word; ++i) {
      word |= static_cast<Word>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    }
  } else {
    std::memcpy(&word, bytes, sizeof word);
  }
  return word;
}
static_assert(std::endian::native == std::endian::little);

// Two words that overlap in the middle: together with the length, they tell all names of 2 to 16
// bytes apart.
struct NameWords {
  std::uint64_t head = 0;
  std::uint64_t tail = 0;

  static constexpr NameWords Of(std::string_view name) {
    const char* begin = name.data();
    const char* end = begin + name.size();
    if (name.size() >= 8) return {LoadWord<std::uint64_t>(begin), LoadWord<std::uint64_t>(end - 8)};
    if (name.size() >= 4) return {LoadWord<std::uint32_t>(begin), LoadWord<std::uint32_t>(end - 4)};
    return {LoadWord<std::uint16_t>(begin), LoadWord<std::uint16_t>(end - 2)};
  }
  friend constexpr bool operator==(const NameWords&, const NameWords&) = default;
};

inline constexpr std::size_t kNameBytesMin = 2;
inline constexpr std::size_t kNameBytesMax = 16;

// A table without collisions over first letter, last letter and length; the multiplier that makes
// it so is found at compile time.
struct WireKeyTable {
  struct Slot {
    NameWords words;
    std::uint32_t size = 0;  // 0: free
    WireKey key = WireKey::kUnknown;
  };

  std::uint32_t multiplier = 0;
  std::array<Slot, 64> slots = {};

  constexpr std::size_t SlotOf(std::string_view name) const {
    const auto first = static_cast<unsigned char>(name.front());
    const auto last = static_cast<unsigned char>(name.back());
    const auto size = static_cast<std::uint32_t>(name.size());
    return (((std::uint32_t{first} << 16) + (std::uint32_t{last} << 8) + size) * multiplier) >> 26;
  }

  // Begins where the search ends for today's names, because compilers bound such work; with other
  // names it goes on from there.
  static constexpr WireKeyTable Make() {
    for (std::uint32_t multiplier = 0x9e377c41;; multiplier += 2) {
      WireKeyTable table{multiplier, {}};
      bool collides = false;
      for (std::size_t k = 0; k < kWireKeyCount && !collides; ++k) {
        const auto key = static_cast<WireKey>(k);
        const std::string_view name = WireKeyName(key);
        Slot& slot = table.slots[table.SlotOf(name)];
        collides = slot.size != 0;
        slot = {NameWords::Of(name), static_cast<std::uint32_t>(name.size()), key};
      }
      if (!collides) return table;
    }
  }
};

inline constexpr WireKeyTable kWireKeyTable = WireKeyTable::Make();

constexpr bool AllNamesFitNameWords() {
  for (std::size_t k = 0; k < kWireKeyCount; ++k) {
    const std::size_t size = WireKeyName(static_cast<WireKey>(k)).size();
    if (size < kNameBytesMin || size > kNameBytesMax) return false;
  }
  return true;
}
static_assert(AllNamesFitNameWords());

}  // namespace internal

constexpr WireKey FindWireKey(std::string_view name) {
  if (name.size() < internal::kNameBytesMin || name.size() > internal::kNameBytesMax) {
    return WireKey::kUnknown;
  }
  const auto& table = internal::kWireKeyTable;
  const auto& slot = table.slots[table.SlotOf(name)];
  const bool same = slot.size == name.size() && slot.words == internal::NameWords::Of(name);
  return same ? slot.key : WireKey::kUnknown;
}

}  // namespace v1
}  // namespace insightflow
