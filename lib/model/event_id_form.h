// Event ids that are UUIDs or hashes in hexadecimal, in half their length and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace insightflow {
inline namespace v1 {

// How a record stores a row's event_id. Numbers are stored: append only.
enum class EventIdForm : std::uint8_t {
  kNone = 0,  // no id and the key {0, 0}: nothing is stored
  kKey = 1,   // no id: the 16 bytes of the row's key
  kHex = 2,   // 32 lower-case hexadecimal digits, as 16 bytes
  kUuid = 3,  // a lower-case UUID, 8-4-4-4-12 digits, as 16 bytes
  kText = 4,  // anything else, as it is
};
inline constexpr std::uint8_t kEventIdForms = 5;

inline constexpr std::size_t kHexIdBytes = 32;
inline constexpr std::size_t kUuidBytes = 36;
inline constexpr std::size_t kPackedIdBytes = 16;

// kHex or kUuid with 16 bytes in `packed` when the id has that very form, else kText.
EventIdForm PackEventId(std::string_view event_id, std::uint8_t* packed);

// Writes the text that PackEventId took: 32 or 36 characters.
void UnpackHexId(const std::uint8_t* packed, char* text);
void UnpackUuid(const std::uint8_t* packed, char* text);

}  // namespace v1
}  // namespace insightflow
