// Folded events as the log had them, for followers that begin anew though the log is trimmed.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "insightflow/status.h"
#include "lib/base/hash.h"
#include "lib/model/batch.h"
#include "lib/segments/scan_segment.h"
#include "lib/segments/segment_store.h"

namespace insightflow {
inline namespace v1 {

// Hands all events of the segments to `take` in the order of the log, as batches whose rows follow
// each other without a gap and were received together, with what the live numbers read: user, type,
// page, element, agent and time. What is erased is left out; so are segments and blocks that are
// damaged, each named to `lost` at least once. Errors: kDataLoss of receipts, those of the store.
// Memory of a million rows; O(events × segments that hold events of the same stretch of the log).
Status ReplaySegments(
    const SegmentStore& store, const SegmentSnapshot& snapshot,
    const std::function<void(const EventBatch& batch, std::uint64_t first_sequence)>& take,
    const std::function<void(const Status& damage)>& lost);

// Hands the dedupe keys of the segments' events from sequence `first` on, that are not erased, to
// `take`, segment after segment in the order of their last events, as received when the segment's
// last event was; other rows of the same blocks as the key {0, 0}. Reads on two threads and calls
// `take` on this one. Memory of a million keys; O(rows of segments that reach `first`), 16 bytes of
// each row are read. A block whose keys are damaged is named to `lost` and left out, and so is a
// segment that cannot be read. Errors: kDataLoss of receipts, those of the store.
Status ReplayKeys(
    const SegmentStore& store, const SegmentSnapshot& snapshot, std::uint64_t first,
    std::uint64_t hash_seed,
    const std::function<void(std::span<const Hash128> keys, std::int64_t received_ms)>& take,
    const std::function<void(const Status& damage, std::int64_t received_ms)>& lost);

}  // namespace v1
}  // namespace insightflow
