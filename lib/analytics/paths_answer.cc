#include "lib/analytics/paths_answer.h"

#include <algorithm>
#include <bit>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace insightflow {
inline namespace v1 {
namespace {

bool IsMore(const PathCounts::Entry& a, const PathCounts::Entry& b, const ValueTable& values) {
  if (a.users != b.users) return a.users > b.users;
  if (a.count != b.count) return a.count > b.count;
  return values.Text(PathKey::Of(a.key).from) < values.Text(PathKey::Of(b.key).from);
}

// The values of nodes of one depth that are shown by name, most first.
std::vector<std::uint32_t> NamesOf(std::vector<PathCounts::Entry> nodes, std::size_t limit,
                                   const ValueTable& values) {
  const std::size_t size = std::min(limit, nodes.size());
  const auto end = nodes.begin() + static_cast<std::ptrdiff_t>(size);
  std::partial_sort(nodes.begin(), end, nodes.end(),
                    [&](const auto& a, const auto& b) { return IsMore(a, b, values); });
  std::vector<std::uint32_t> names;
  for (auto at = nodes.begin(); at != end; ++at) names.push_back(PathKey::Of(at->key).from);
  return names;
}

std::string TextOf(std::uint32_t code, const ValueTable& values) {
  if (code == PathKey::kExit) return kExitValue;
  return code == PathKey::kOther ? kOtherValue : std::string(values.Text(code));
}

void AddTo(PathsAnswer* answer, const PathKey& key, std::uint64_t users, std::uint64_t count,
           const ValueTable& values) {
  const std::string from = TextOf(key.from, values);
  if (key.is_link) {
    answer->links.push_back({key.depth, from, TextOf(key.to, values), users, count});
  } else {
    answer->nodes.push_back({key.depth, from, users, count});
  }
}

// By depth, most first; what names leave comes behind them.
void Sort(PathsAnswer* answer) {
  const auto last = [](const std::string& value) {
    return value == kExitValue ? 2 : value == kOtherValue ? 1 : 0;
  };
  std::sort(answer->nodes.begin(), answer->nodes.end(), [&](const PathNode& a, const PathNode& b) {
    return std::tuple(a.depth, last(a.value), b.users, b.events, std::string_view(a.value)) <
           std::tuple(b.depth, last(b.value), a.users, a.events, std::string_view(b.value));
  });
  std::sort(answer->links.begin(), answer->links.end(), [](const PathLink& a, const PathLink& b) {
    return std::tuple(a.depth, b.users, b.transitions, std::string_view(a.from),
                      std::string_view(a.to)) < std::tuple(b.depth, a.users, a.transitions,
                                                           std::string_view(b.from),
                                                           std::string_view(b.to));
  });
}

// The links from one depth to the next, by the places of what they are shown as: a matrix, or a
// table where that is too large.
class LinkCells {
 public:
  LinkCells() = default;
  LinkCells(std::size_t from, std::size_t to) : width_(to) {
    if (from * to <= kMatrixMax) matrix_.resize(from * to);
  }
  void Count(std::size_t from, std::size_t to, std::uint32_t user) {
    const std::size_t at = from * width_ + to;
    (matrix_.empty() ? table_[at] : matrix_[at]).Add(user);
  }
  // Calls visit(from, to, cell) for each link.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (std::size_t at = 0; at < matrix_.size(); ++at) {
      if (matrix_[at].count != 0) visit(at / width_, at % width_, matrix_[at]);
    }
    for (const auto& [at, cell] : table_) visit(at / width_, at % width_, cell);
  }

 private:
  static constexpr std::size_t kMatrixMax = 1 << 18;

  std::size_t width_ = 0;
  std::vector<NodeCount> matrix_;
  absl::flat_hash_map<std::size_t, NodeCount> table_;
};

class WalkCounter {
 public:
  WalkCounter(const ByDepth<std::vector<NodeCount>>& nodes, std::size_t limit,
              const ValueTable& values)
      : values_(values) {
    for (std::size_t at = 0; at < nodes.size(); ++at) NameValues(nodes[at], at, limit);
    for (std::size_t at = 0; at + 1 < nodes.size(); ++at) {
      links_[at] = LinkCells(shown_[at].size(), shown_[at + 1].size());
    }
  }

  void Count(const Walk& walk) {
    if (walk.of_new_user) {
      EndUser();
      ++user_;
    }
    std::size_t depth = DepthIndex(walk.first_depth);
    std::size_t from = PlaceOf(depth, walk.codes[0]);
    for (std::size_t i = 1; i < walk.codes.size(); ++i, ++depth) {
      const std::size_t to = PlaceOf(depth + 1, walk.codes[i]);
      links_[depth].Count(from, to, user_);
      from = to;
    }
    if (!walk.ends) return;
    links_[depth].Count(from, kExitPlace, user_);
    exits_[depth + 1].Add(user_);
  }
  // Once, behind the last walk of a user.
  void EndUser() {
    for (; had_others_ != 0; had_others_ &= had_others_ - 1) {
      ++others_[static_cast<std::size_t>(std::countr_zero(had_others_))].users;
    }
  }

  PathsAnswer Answer() const {
    PathsAnswer answer;
    const auto depth_at = [](std::size_t at) { return static_cast<int>(at) - kWalkDepthMax; };
    for (std::size_t at = 0; at < shown_.size(); ++at) {
      PathKey key{.depth = depth_at(at)};
      for (std::size_t place = kNamesPlace; place < shown_[at].size(); ++place) {
        key.from = shown_[at][place];
        const NodeCount& node = named_[at][place - kNamesPlace];
        AddTo(&answer, key, node.users, node.count, values_);
      }
      key.from = PathKey::kOther;
      if (others_[at].count != 0) {
        AddTo(&answer, key, others_[at].users, others_[at].count, values_);
      }
      key.from = PathKey::kExit;
      if (exits_[at].count != 0) {
        AddTo(&answer, key, exits_[at].users, exits_[at].count, values_);
      }
      links_[at].ForEach([&](std::size_t from, std::size_t to, const NodeCount& cell) {
        AddTo(&answer, {depth_at(at), true, shown_[at][from], shown_[at + 1][to]}, cell.users,
              cell.count, values_);
      });
    }
    Sort(&answer);
    return answer;
  }

 private:
  // Places of what a depth shows: the others, the exit, then the names.
  static constexpr std::size_t kOtherPlace = 0;
  static constexpr std::size_t kExitPlace = 1;
  static constexpr std::size_t kNamesPlace = 2;

  void NameValues(const std::vector<NodeCount>& nodes, std::size_t at, std::size_t limit) {
    std::vector<PathCounts::Entry> entries;
    for (std::uint32_t code = 0; code < nodes.size(); ++code) {
      if (nodes[code].count == 0) continue;
      entries.push_back({.key = PathKey{.from = code}.Packed(),
                         .count = nodes[code].count,
                         .users = nodes[code].users});
    }
    shown_[at] = {PathKey::kOther, PathKey::kExit};
    places_[at].resize(nodes.size(), kOtherPlace);
    for (const std::uint32_t code : NamesOf(std::move(entries), limit, values_)) {
      places_[at][code] = static_cast<std::uint16_t>(shown_[at].size());
      shown_[at].push_back(code);
      named_[at].push_back(nodes[code]);
    }
  }
  // Whether a step is named cannot be foreseen: no branch hangs on it.
  std::size_t PlaceOf(std::size_t depth, std::uint32_t code) {
    const std::size_t place = places_[depth][code];
    const std::uint32_t is_other = place == kOtherPlace ? 1 : 0;
    others_[depth].count += is_other;
    had_others_ |= std::uint64_t{is_other} << depth;
    return place;
  }

  const ValueTable& values_;
  ByDepth<std::vector<std::uint32_t>> shown_;   // codes, by place
  ByDepth<std::vector<NodeCount>> named_;       // by place, from kNamesPlace on
  ByDepth<std::vector<std::uint16_t>> places_;  // by code
  ByDepth<LinkCells> links_;
  ByDepth<NodeCount> others_ = {};
  ByDepth<NodeCount> exits_ = {};
  std::uint32_t user_ = 0;
  std::uint64_t had_others_ = 0;  // depths at which the user had one of the others
};

// What is shown as one node or link.
struct Shown {
  std::uint64_t users = 0;
  std::uint64_t count = 0;
  std::uint64_t keys = 0;
};

class CountsReader {
 public:
  CountsReader(const PathCounts& counts, const ByDepth<std::uint64_t>& depth_users,
               std::size_t limit, const ValueTable& values)
      : counts_(counts), depth_users_(depth_users), limit_(limit), values_(values) {}

  PathsAnswer Build(bool* exact) {
    NameValues();
    counts_.ForEach([&](const PathCounts::Entry& entry) {
      Shown& shown = shown_[ShownKey(entry.key)];
      shown.users += entry.users;
      shown.count += entry.count;
      ++shown.keys;
    });
    if (counts_.overlaps().complete()) {
      TakeOverlaps();
    } else {
      BoundUsers(exact);
    }
    PathsAnswer answer;
    for (const auto& [key, shown] : shown_) {
      AddTo(&answer, PathKey::Of(key), shown.users, shown.count, values_);
    }
    Sort(&answer);
    return answer;
  }

 private:
  void NameValues();
  void TakeOverlaps();
  void BoundUsers(bool* exact);

  std::uint32_t ShownCode(int depth, std::uint32_t code) const {
    const auto named = named_.find(depth);
    const bool is_named = named != named_.end() && named->second.contains(code);
    return code == PathKey::kExit || is_named ? code : PathKey::kOther;
  }
  std::uint64_t ShownKey(std::uint64_t packed) const {
    PathKey key = PathKey::Of(packed);
    key.from = ShownCode(key.depth, key.from);
    if (key.is_link) key.to = ShownCode(key.depth + 1, key.to);
    return key.Packed();
  }
  std::uint64_t UsersOf(int depth, std::uint32_t code) const {
    const auto found = shown_.find(PathKey{.depth = depth, .from = code}.Packed());
    return found == shown_.end() ? 0 : found->second.users;
  }

  const PathCounts& counts_;
  const ByDepth<std::uint64_t>& depth_users_;
  const std::size_t limit_;
  const ValueTable& values_;
  std::map<int, absl::flat_hash_set<std::uint32_t>> named_;
  absl::flat_hash_map<std::uint64_t, Shown> shown_;
};

void CountsReader::NameValues() {
  std::map<int, std::vector<PathCounts::Entry>> nodes;
  counts_.ForEach([&](const PathCounts::Entry& entry) {
    const PathKey key = PathKey::Of(entry.key);
    if (!key.is_link && key.from != PathKey::kExit) nodes[key.depth].push_back(entry);
  });
  for (auto& [depth, list] : nodes) {
    const std::vector<std::uint32_t> names = NamesOf(std::move(list), limit_, values_);
    named_[depth].insert(names.begin(), names.end());
  }
}

// Users under several keys of what is shown as one were counted for each of them.
void CountsReader::TakeOverlaps() {
  std::vector<std::uint64_t> shown;
  counts_.overlaps().ForEach([&](std::span<const std::uint64_t> keys, std::uint64_t users) {
    shown.clear();
    for (const std::uint64_t key : keys) shown.push_back(ShownKey(key));
    std::sort(shown.begin(), shown.end());
    for (std::size_t i = 1; i < shown.size(); ++i) {
      if (shown[i] == shown[i - 1]) shown_[shown[i]].users -= users;
    }
  });
}

void CountsReader::BoundUsers(bool* exact) {
  for (const bool links : {false, true}) {
    for (auto& [packed, shown] : shown_) {
      const PathKey key = PathKey::Of(packed);
      if (key.is_link != links || shown.keys < 2) continue;
      *exact = false;
      const std::uint64_t bound =
          links ? std::min(UsersOf(key.depth, key.from), UsersOf(key.depth + 1, key.to))
                : depth_users_[DepthIndex(key.depth)];
      shown.users = std::min(shown.users, bound);
    }
  }
}

}  // namespace

PathsAnswer AnswerPaths(const WalkLog& walks, const ByDepth<std::vector<NodeCount>>& nodes,
                        std::size_t limit, const ValueTable& values) {
  WalkCounter counter(nodes, limit, values);
  walks.ForEach([&](const Walk& walk) { counter.Count(walk); });
  counter.EndUser();
  return counter.Answer();
}

PathsAnswer AnswerPaths(const PathCounts& counts, const ByDepth<std::uint64_t>& depth_users,
                        std::size_t limit, const ValueTable& values, bool* exact) {
  return CountsReader(counts, depth_users, limit, values).Build(exact);
}

}  // namespace v1
}  // namespace insightflow
