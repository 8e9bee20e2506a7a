// From walks, or from counts of all their nodes and links, to the nodes and links that are shown.
//
// Each depth shows the `limit` values with most users (then events, then by value); the others are
// one value, and so its links.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "insightflow/result.h"
#include "lib/analytics/path_counts.h"
#include "lib/analytics/stop.h"
#include "lib/analytics/walk_log.h"
#include "lib/base/growth.h"
#include "lib/model/value_table.h"

namespace insightflow {
inline namespace v1 {

// Of an answer: each pair of names may be one.
inline constexpr std::size_t kPathLinksMax = 1'000'000;

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
  // Of other users.
  void Merge(const NodeCount& other) {
    count += other.count;
    users += other.users;
  }
};

// What each depth shows by name.
struct PathNames {
  ByDepth<std::vector<std::uint32_t>> shown;   // codes, by place: the others, the exit, the names
  ByDepth<std::vector<NodeCount>> named;       // by place, less the first two
  ByDepth<std::vector<std::uint16_t>> places;  // by code

  // Kinds of links that there can be.
  std::size_t links() const {
    std::size_t links = 0;
    for (std::size_t at = 0; at + 1 < shown.size(); ++at) {
      links += shown[at].size() * shown[at + 1].size();
    }
    return links;
  }
};
// What follows may take long, and means nothing once `stop` is over.
//
// `nodes`: by depth, then code. O(values × depths). They take two bytes a node.
PathNames NamePaths(const ByDepth<std::vector<NodeCount>>& nodes, std::size_t limit,
                    const ValueTable& values, Stop* stop);

// The links from one depth to the next, by the places of what they are shown as: a matrix, or a
// table where that is too large.
class LinkCells {
 public:
  LinkCells() = default;
  LinkCells(std::size_t from, std::size_t to) : width_(to) { matrix_.resize(MatrixSize(from, to)); }
  static std::size_t MatrixSize(std::size_t from, std::size_t to) {
    return from * to <= kMatrixMax ? from * to : 0;
  }
  // Memory, at most, while a few ten thousand more links come.
  std::size_t bytes() const {
    constexpr std::size_t kMore = std::size_t{1} << 16;
    return CapacityBytes(matrix_) + (matrix_.empty() ? TableBytesWith(table_, kMore) : 0);
  }
  NodeCount& At(std::size_t from, std::size_t to) {
    const std::size_t at = from * width_ + to;
    return matrix_.empty() ? table_[at] : matrix_[at];
  }
  // Calls visit(from, to, cell) for each link, unless the query ends.
  template <typename Visit>
  void ForEach(const Visit& visit, Stop* stop) const {
    for (std::size_t at = 0; at < matrix_.size(); ++at) {
      if (matrix_[at].count != 0) visit(at / width_, at % width_, matrix_[at]);
    }
    if (stop->Worked(matrix_.size() / 4)) return;
    for (const auto& [at, cell] : table_) {
      if (stop->Worked(1)) return;
      visit(at / width_, at % width_, cell);
    }
  }

 private:
  static constexpr std::size_t kMatrixMax = 1 << 18;

  std::size_t width_ = 0;
  std::vector<NodeCount> matrix_;
  absl::flat_hash_map<std::size_t, NodeCount> table_;
};

// Counts walks by what is shown. Exact.
class WalkCounter {
 public:
  explicit WalkCounter(std::shared_ptr<const PathNames> names);
  // What one takes that has counted nothing.
  static std::size_t BytesToBegin(const PathNames& names);
  // As LinkCells.
  std::size_t bytes() const;

  // All walks of some users. O(steps).
  void Count(const WalkLog& walks, Stop* stop);
  // Takes what `other` counted of other users, by the same names.
  void Merge(const WalkCounter& other, Stop* stop);
  const std::shared_ptr<const PathNames>& names() const { return names_; }
  // Errors as AnswerPaths.
  Result<PathsAnswer> Answer(const ValueTable& values, Stop* stop) const;

 private:
  void CountWalk(const Walk& walk);
  void EndUser();
  std::size_t PlaceOf(std::size_t depth, std::uint32_t code);

  std::shared_ptr<const PathNames> names_;
  ByDepth<LinkCells> links_;
  ByDepth<NodeCount> others_ = {};
  ByDepth<NodeCount> exits_ = {};
  std::uint32_t user_ = 0;
  std::uint64_t had_others_ = 0;  // depths at which the user had one of the others
};

// `depth_users`: how many have a node at the depth. `*exact` becomes false when users of the others
// are a bound from above. kInvalidArgument: there are more than kPathLinksMax links to tell.
// O(counts).
Result<PathsAnswer> AnswerPaths(const PathCounts& counts, const ByDepth<std::uint64_t>& depth_users,
                                std::size_t limit, const ValueTable& values, bool* exact,
                                Stop* stop);

}  // namespace v1
}  // namespace insightflow
