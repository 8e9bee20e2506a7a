// From counts of paths to the nodes and links that are shown.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "insightflow/result.h"
#include "lib/analytics/path_counts.h"
#include "lib/model/value_table.h"

namespace insightflow {
inline namespace v1 {

// Users with a node at each depth, from -PathKey::kDepthMax on.
using DepthUsers = std::array<std::uint64_t, 2 * PathKey::kDepthMax + 1>;

// Each depth shows the `limit` values with most users (then events, then by value); the others are
// one value. `*exact` becomes false when users of the others are a bound from above. O(counts).
PathsAnswer AnswerPaths(const PathCounts& counts, const DepthUsers& depth_users, std::size_t limit,
                        const ValueTable& values, bool* exact);

}  // namespace v1
}  // namespace insightflow
