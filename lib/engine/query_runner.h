// Answers a query over segments: threads over parts of the users, states merged at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "insightflow/options.h"
#include "insightflow/query.h"
#include "insightflow/result.h"
#include "insightflow/status.h"
#include "lib/analytics/analysis.h"
#include "lib/segments/scan_segment.h"
#include "lib/segments/segment_store.h"

namespace insightflow {
inline namespace v1 {

// Errors: kInvalidArgument, kOutOfRange (the query), kDeadlineExceeded, kCancelled,
// kResourceExhausted (memory). Of the answer's meta all is filled but as_of_sequence. What is
// unreadable and in the query's range is named in `incomplete`. Deadline and cancelling are looked
// at until the answer is there. `ended` may be null: see EngineTuning. Thread-safe.
Result<Answer> RunQuery(const Query& query, const QueryOptions& options,
                        const std::function<bool()>* ended, std::vector<ScanInput> inputs,
                        std::span<const UnreadableSegment> unreadable, std::int64_t now_ms);

}  // namespace v1
}  // namespace insightflow
