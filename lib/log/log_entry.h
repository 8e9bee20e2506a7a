// One entry of the log as RocksDB holds it. Format: docs/formats.md.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "insightflow/status.h"
#include "lib/base/coding.h"
#include "lib/log/event_log.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kLogHeaderBytes = 29;

// The key: the first sequence, big-endian, so that keys sort as sequences.
std::array<char, 8> LogKey(std::uint64_t first_sequence);

// What stands before the record in the value. Its checksum covers the key too, so that an entry
// that turns up under another key is noticed.
std::array<char, kLogHeaderBytes> EncodeLogHeader(const LogEntryHeader& header);

// Checks version, checksum and that the rows fit the sequence space; the record is not looked at.
Status DecodeLogEntry(std::string_view key, std::string_view value, LogEntry* entry);

// The sequence after the entry's last event.
inline std::uint64_t EndOf(const LogEntryHeader& header) {
  return header.first_sequence + header.rows;
}

// "event 7", "events 7 to 9", for messages. `end` is one past the last.
std::string EventRange(std::uint64_t first, std::uint64_t end);

}  // namespace v1
}  // namespace insightflow
