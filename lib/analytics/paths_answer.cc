#include "lib/analytics/paths_answer.h"

#include <algorithm>
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

// What is shown as one node or link.
struct Shown {
  std::uint64_t users = 0;
  std::uint64_t count = 0;
  std::uint64_t keys = 0;
};

class Builder {
 public:
  Builder(const PathCounts& counts, const DepthUsers& depth_users, std::size_t limit,
          const ValueTable& values)
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
    return Sorted();
  }

 private:
  void NameValues();
  void TakeOverlaps();
  void BoundUsers(bool* exact);
  PathsAnswer Sorted() const;

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
  std::string TextOf(std::uint32_t code) const {
    if (code == PathKey::kExit) return kExitValue;
    return code == PathKey::kOther ? kOtherValue : std::string(values_.Text(code));
  }

  const PathCounts& counts_;
  const DepthUsers& depth_users_;
  const std::size_t limit_;
  const ValueTable& values_;
  std::map<int, absl::flat_hash_set<std::uint32_t>> named_;
  absl::flat_hash_map<std::uint64_t, Shown> shown_;
};

void Builder::NameValues() {
  std::map<int, std::vector<PathCounts::Entry>> nodes;
  counts_.ForEach([&](const PathCounts::Entry& entry) {
    const PathKey key = PathKey::Of(entry.key);
    if (!key.is_link && key.from != PathKey::kExit) nodes[key.depth].push_back(entry);
  });
  for (auto& [depth, list] : nodes) {
    const std::size_t size = std::min(limit_, list.size());
    const auto end = list.begin() + static_cast<std::ptrdiff_t>(size);
    std::partial_sort(
        list.begin(), end, list.end(), [&](const PathCounts::Entry& a, const PathCounts::Entry& b) {
          if (a.users != b.users) return a.users > b.users;
          if (a.count != b.count) return a.count > b.count;
          return values_.Text(PathKey::Of(a.key).from) < values_.Text(PathKey::Of(b.key).from);
        });
    for (auto at = list.begin(); at != end; ++at) named_[depth].insert(PathKey::Of(at->key).from);
  }
}

// Users under several keys of what is shown as one were counted for each of them.
void Builder::TakeOverlaps() {
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

void Builder::BoundUsers(bool* exact) {
  for (const bool links : {false, true}) {
    for (auto& [packed, shown] : shown_) {
      const PathKey key = PathKey::Of(packed);
      if (key.is_link != links || shown.keys < 2) continue;
      *exact = false;
      const std::uint64_t bound =
          links ? std::min(UsersOf(key.depth, key.from), UsersOf(key.depth + 1, key.to))
                : depth_users_[static_cast<std::size_t>(key.depth + PathKey::kDepthMax)];
      shown.users = std::min(shown.users, bound);
    }
  }
}

PathsAnswer Builder::Sorted() const {
  PathsAnswer answer;
  for (const auto& [packed, shown] : shown_) {
    const PathKey key = PathKey::Of(packed);
    if (key.is_link) {
      answer.links.push_back(
          {key.depth, TextOf(key.from), TextOf(key.to), shown.users, shown.count});
    } else {
      answer.nodes.push_back({key.depth, TextOf(key.from), shown.users, shown.count});
    }
  }
  // Values by name before what they leave.
  const auto last = [](const std::string& value) {
    return value == kExitValue ? 2 : value == kOtherValue ? 1 : 0;
  };
  std::sort(answer.nodes.begin(), answer.nodes.end(), [&](const PathNode& a, const PathNode& b) {
    return std::tuple(a.depth, last(a.value), b.users, b.events, std::string_view(a.value)) <
           std::tuple(b.depth, last(b.value), a.users, a.events, std::string_view(b.value));
  });
  std::sort(answer.links.begin(), answer.links.end(), [](const PathLink& a, const PathLink& b) {
    return std::tuple(a.depth, b.users, b.transitions, std::string_view(a.from),
                      std::string_view(a.to)) < std::tuple(b.depth, a.users, a.transitions,
                                                           std::string_view(b.from),
                                                           std::string_view(b.to));
  });
  return answer;
}

}  // namespace

PathsAnswer AnswerPaths(const PathCounts& counts, const DepthUsers& depth_users, std::size_t limit,
                        const ValueTable& values, bool* exact) {
  return Builder(counts, depth_users, limit, values).Build(exact);
}

}  // namespace v1
}  // namespace insightflow
