// The table files of segments: how they come into the store, and which of them nothing names.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "insightflow/status.h"
#include "lib/segments/segment_format.h"
#include "lib/segments/segment_writer.h"
#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {

// Takes the files of complete segments into the store, durably. Any error stops the store.
Status TakeFiles(Store* store, std::span<const std::unique_ptr<SegmentWriter>> segments);

// The segments that have chunks in the store, but are not among `named`, which are sorted by day,
// then id. What is damaged does not hide others: it reads little but the list of files.
// kDataLoss when a key is none of a segment's.
Result<std::vector<SegmentKey>> FindUnnamed(const Store& store, std::span<const SegmentKey> named);

}  // namespace v1
}  // namespace insightflow
