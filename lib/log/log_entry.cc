#include "lib/log/log_entry.h"

#include <cstring>

#include "lib/base/hash.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kCheckedBytes = kLogHeaderBytes - sizeof(std::uint64_t);

std::uint64_t HeaderChecksum(std::string_view header, std::uint64_t first_sequence) {
  return HashBytes(header.substr(0, kCheckedBytes), first_sequence);
}

template <typename T>
char* Put(char* out, T value) {
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}

}  // namespace

std::array<char, 8> LogKey(std::uint64_t first_sequence) {
  std::array<char, 8> key;
  Put(key.data(), __builtin_bswap64(first_sequence));
  return key;
}

std::array<char, kLogHeaderBytes> EncodeLogHeader(const LogEntryHeader& header) {
  std::array<char, kLogHeaderBytes> bytes;
  char* out = Put(bytes.data(), kVersion);
  out = Put(out, header.rows);
  out = Put(out, header.received_ms);
  out = Put(out, header.max_time_ms);
  Put(out, HeaderChecksum({bytes.data(), bytes.size()}, header.first_sequence));
  return bytes;
}

Status DecodeLogEntry(std::string_view key, std::string_view value, LogEntry* entry) {
  if (key.size() != sizeof(std::uint64_t)) return DataLoss("a log key is not 8 bytes long");
  LogEntryHeader header;
  header.first_sequence = LoadBigEndian64(key.data());
  const std::string name = "log entry " + std::to_string(header.first_sequence);
  if (value.size() < kLogHeaderBytes) return DataLoss(name + " is too short");
  std::uint8_t version = 0;
  std::uint64_t checksum = 0;
  ByteReader in(value);
  in.GetFixed(&version);
  in.GetFixed(&header.rows);
  in.GetFixed(&header.received_ms);
  in.GetFixed(&header.max_time_ms);
  in.GetFixed(&checksum);
  if (checksum != HeaderChecksum(value, header.first_sequence)) {
    return DataLoss(name + ": the checksum of its header does not match");
  }
  if (version != kVersion) {
    return DataLoss(name + " has version " + std::to_string(version) + ", unknown to this build");
  }
  if (header.rows == 0 || EndOf(header) < header.first_sequence) {
    return DataLoss(name + " has an impossible number of rows");
  }
  entry->header = header;
  entry->record = value.substr(kLogHeaderBytes);
  return Status::Ok();
}

std::string EventRange(std::uint64_t first, std::uint64_t end) {
  if (end <= first + 1) return "event " + std::to_string(first);
  return "events " + std::to_string(first) + " to " + std::to_string(end - 1);
}

}  // namespace v1
}  // namespace insightflow
