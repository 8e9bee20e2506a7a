// Reads RocksDB's own log files (*.log and MANIFEST-*) block by block, without RocksDB, to say
// where a store that does not open is damaged.
//
// The format is LevelDB's: blocks of 32 KiB; each physical record has a masked CRC-32C, a length
// and a type, and does not cross a block.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

struct RocksLogScan {
  std::uint64_t records = 0;  // sound physical records
  std::uint64_t bytes = 0;    // size of the file
  // One line for each damaged stretch: which bytes, and what is wrong there. A record that the end
  // of the file cuts off is not damage by itself: it is told in `torn_tail`. One that only seems to
  // be cut off, because its length is damaged, is told apart by its checksum.
  std::vector<std::string> damage;
  std::string torn_tail;
};

// kUnavailable when the file cannot be read.
Result<RocksLogScan> ScanRocksLog(const std::string& path);

}  // namespace v1
}  // namespace insightflow
