// The receipts of folded events in the family `meta`: a value for each fold that brought rows.
#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>
#include <functional>

#include "insightflow/status.h"
#include "insightflow/store.h"
#include "lib/segments/segment_manifest.h"
#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {

// Adds the value of a fold to the batch; nothing without receipts.
void PutReceipts(const Store& store, const Receipts& receipts, rocksdb::WriteBatch* batch);

// As SegmentStore::ForReceipts.
Status ReadReceipts(const Store& store, std::uint64_t first_sequence,
                    const std::function<bool(const Receipt&, std::uint64_t end)>& take);

// A line for each stretch of folded events without receipts, and for each damaged value.
void CheckReceipts(const Store& store, std::uint64_t folded_sequence, CheckReport* report);

}  // namespace v1
}  // namespace insightflow
