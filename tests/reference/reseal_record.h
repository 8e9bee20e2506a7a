// Gives a damaged log record checksums that match, so that tests reach what lies behind them.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "lib/base/hash.h"
#include "lib/log/record_format.h"

namespace insightflow::testing {

inline void ResealRecord(std::string* record) {
  RecordHeader header;
  if (record->size() < sizeof header) return;
  std::memcpy(&header, record->data(), sizeof header);
  std::size_t begin = sizeof header;
  for (RecordSection& section : header.sections) {
    if (section.stored_bytes > record->size() - begin) break;
    section.checksum = HashBytes(std::string_view(*record).substr(begin, section.stored_bytes),
                                 kRecordChecksumSeed);
    begin += section.stored_bytes;
  }
  std::memcpy(record->data(), &header, sizeof header);
  header.checksum = HashBytes(std::string_view(*record).substr(0, offsetof(RecordHeader, checksum)),
                              kRecordChecksumSeed);
  std::memcpy(record->data(), &header, sizeof header);
}

}  // namespace insightflow::testing
