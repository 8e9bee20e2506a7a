// Where the log begins: entries before it are folded, applied, and no longer there. Kept in the
// family `meta`; format: docs/formats.md.
#pragma once

#include <rocksdb/write_batch.h>

#include "insightflow/status.h"
#include "lib/log/event_log.h"
#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {

// The header of the last entry that was trimmed; of a log that has all of its entries one without
// rows that ends at 1. Errors: kDataLoss; kFailedPrecondition when a newer version wrote it.
Result<LogEntryHeader> ReadLogBase(const Store& store);

void PutLogBase(const Store& store, const LogEntryHeader& last_trimmed, rocksdb::WriteBatch* batch);

}  // namespace v1
}  // namespace insightflow
