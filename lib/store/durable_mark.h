// The durable mark: a note beside RocksDB of how far acknowledged writes go.
//
// RocksDB takes a damaged length near the end of its newest log for a write that a crash cut short,
// and drops everything from there without a word. The mark tells the two apart: it is set after
// each synced write, so a store whose end lies before it has lost acknowledged data.
//
// Setting it is one small write into the page cache, never synced on its own: a killed process
// leaves it exact, a power cut leaves it older at worst. It never runs ahead of the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

struct DurableMark {
  std::uint64_t writes = 0;         // RocksDB's sequence number: grows with every write
  std::uint64_t next_sequence = 1;  // the end of the event log, for messages
};

inline constexpr char kDurableMarkName[] = "DURABLE";

// nullopt when there is none yet. kDataLoss when there was one and neither copy can be read.
Result<std::optional<DurableMark>> ReadDurableMark(const std::string& dir);

// Not thread-safe.
class DurableMarkFile {
 public:
  DurableMarkFile() = default;
  ~DurableMarkFile();
  DurableMarkFile(const DurableMarkFile&) = delete;
  DurableMarkFile& operator=(const DurableMarkFile&) = delete;

  // Opens or makes the file. The mark in it stays until the first Set.
  Status Open(const std::string& dir);
  // `sync`: also wait for the disk.
  Status Set(const DurableMark& mark, bool sync);

 private:
  int fd_ = -1;
  int next_slot_ = 0;
  std::string path_;
};

}  // namespace v1
}  // namespace insightflow
