// Merges segments of one day into one, block by block, so that memory does not grow with rows.
//
// The result is byte for byte what SegmentBuilder makes of the same rows. Dictionaries come first:
// their entries are in order of frequency, so all codes are read once to count them. Then the rows
// are merged by user, time and sequence.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "insightflow/status.h"
#include "lib/segments/erased_users.h"
#include "lib/segments/segment_builder.h"
#include "lib/segments/segment_reader.h"

namespace insightflow {
inline namespace v1 {

struct MergeInput {
  const SegmentReader* reader = nullptr;
  ChunkSource* source = nullptr;
  const ErasedUsers* erased = nullptr;  // whose rows are left out; may be null
};

// What a merge reads at once at most: memory is some 4 MiB for each, and their dictionaries.
inline constexpr std::size_t kMergeInputsMax = 16;

// Writes the segment `key` of 1 to kMergeInputsMax others of its day, which share no row, have rows
// that are not erased and were made with the same user hash. Chunks come by block, then the
// dictionaries, then the meta. Errors: kOutOfRange past kSegmentRowsMax; kDataLoss when an input is
// damaged; kFailedPrecondition when `cancelled`, asked once a block, says so; those of the sink.
// O(rows × inputs).
Status MergeSegments(std::span<const MergeInput> inputs, const SegmentKey& key,
                     const SegmentOptions& options, const std::function<bool()>& cancelled,
                     ChunkSink* sink, SegmentMeta* meta);

}  // namespace v1
}  // namespace insightflow
