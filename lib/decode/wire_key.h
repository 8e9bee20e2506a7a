// The names of an event's wire fields, found with one probe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

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

// A table without collisions over first letter, last letter and length; the multiplier that makes
// it so is found at compile time.
struct WireKeyTable {
  std::uint32_t multiplier = 0;
  std::array<WireKey, 64> slots = {};

  static constexpr std::size_t Slot(std::string_view name, std::uint32_t multiplier) {
    const auto first = static_cast<unsigned char>(name.front());
    const auto last = static_cast<unsigned char>(name.back());
    const std::uint32_t mixed =
        (first << 16) + (last << 8) + static_cast<std::uint32_t>(name.size());
    return (mixed * multiplier) >> 26;
  }

  static constexpr WireKeyTable Make() {
    for (std::uint32_t multiplier = 0x9e3779b1;; multiplier += 2) {
      WireKeyTable table{multiplier, {}};
      table.slots.fill(WireKey::kUnknown);
      bool collides = false;
      for (std::size_t k = 0; k < kWireKeyCount && !collides; ++k) {
        WireKey& slot = table.slots[Slot(WireKeyName(static_cast<WireKey>(k)), multiplier)];
        collides = slot != WireKey::kUnknown;
        slot = static_cast<WireKey>(k);
      }
      if (!collides) return table;
    }
  }
};

inline constexpr WireKeyTable kWireKeyTable = WireKeyTable::Make();

}  // namespace internal

inline WireKey FindWireKey(std::string_view name) {
  if (name.empty()) return WireKey::kUnknown;
  const WireKey key =
      internal::kWireKeyTable
          .slots[internal::WireKeyTable::Slot(name, internal::kWireKeyTable.multiplier)];
  return key != WireKey::kUnknown && WireKeyName(key) == name ? key : WireKey::kUnknown;
}

}  // namespace v1
}  // namespace insightflow
