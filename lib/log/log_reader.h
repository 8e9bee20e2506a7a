// LogReader over RocksDB.
#pragma once

#include <cstdint>
#include <memory>

#include "lib/log/event_log.h"
#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {

// Entries before sequence `begin`, where one begins unless the log ends there, count as not there.
std::unique_ptr<LogReader> NewLogReader(const Store& store, std::uint64_t begin,
                                        std::uint64_t sequence);
std::unique_ptr<LogReader> NewLogReaderAtEnd(const Store& store, std::uint64_t begin);
// A binary search over sequences, a seek a step.
std::unique_ptr<LogReader> NewLogReaderSince(const Store& store, std::uint64_t begin,
                                             std::int64_t received_ms);

}  // namespace v1
}  // namespace insightflow
