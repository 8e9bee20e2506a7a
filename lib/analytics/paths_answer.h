// From walks, or from counts of all their nodes and links, to the nodes and links that are shown.
//
// Each depth shows the `limit` values with most users (then events, then by value); the others are
// one value, and so its links.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "insightflow/result.h"
#include "lib/analytics/path_counts.h"
#include "lib/analytics/walk_log.h"
#include "lib/model/value_table.h"

namespace insightflow {
inline namespace v1 {

// By depth, from -kWalkDepthMax on.
template <typename T>
using ByDepth = std::array<T, kWalkStepsMax>;
constexpr std::size_t DepthIndex(int depth) {
  return static_cast<std::size_t>(depth) + std::size_t{kWalkDepthMax};
}

struct NodeCount {
  std::uint32_t count = 0;
  std::uint32_t last_user = 0;  // numbered from 1
  std::uint32_t users = 0;

  void Add(std::uint32_t user) {
    ++count;
    users += last_user != user ? 1 : 0;
    last_user = user;
  }
};

// `nodes`: by depth, then code. Exact. O(walks + values × depths).
PathsAnswer AnswerPaths(const WalkLog& walks, const ByDepth<std::vector<NodeCount>>& nodes,
                        std::size_t limit, const ValueTable& values);

// `depth_users`: how many have a node at the depth. `*exact` becomes false when users of the others
// are a bound from above. O(counts).
PathsAnswer AnswerPaths(const PathCounts& counts, const ByDepth<std::uint64_t>& depth_users,
                        std::size_t limit, const ValueTable& values, bool* exact);

}  // namespace v1
}  // namespace insightflow
