// LogReader over RocksDB.
#pragma once

#include <cstdint>
#include <memory>

#include "lib/log/event_log.h"
#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {

std::unique_ptr<LogReader> NewLogReader(const Store& store, std::uint64_t sequence);
std::unique_ptr<LogReader> NewLogReaderAtEnd(const Store& store);
// A binary search over sequences, a seek a step.
std::unique_ptr<LogReader> NewLogReaderSince(const Store& store, std::int64_t received_ms);

}  // namespace v1
}  // namespace insightflow
