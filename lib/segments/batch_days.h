// The days that a batch has rows of: one segment each.
#pragma once

#include <cstdint>
#include <vector>

#include "insightflow/status.h"
#include "lib/model/batch.h"

namespace insightflow {
inline namespace v1 {

// Replaces `days` by the batch's UTC days since 1970-01-01, rising. kInternal: a time before that,
// or of a day past 2^32. O(rows + days log days).
Status FindDays(const EventBatch& batch, std::vector<std::uint32_t>* days);

}  // namespace v1
}  // namespace insightflow
