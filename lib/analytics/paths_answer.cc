#include "lib/analytics/paths_answer.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "lib/analytics/ranking.h"
#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Places of what a depth shows: the others, the exit, then the names.
constexpr std::size_t kOtherPlace = 0;
constexpr std::size_t kExitPlace = 1;
constexpr std::size_t kNamesPlace = 2;

struct IsMore {
  const ValueTable* values;
  bool operator()(const PathCounts::Entry& a, const PathCounts::Entry& b) const {
    if (a.users != b.users) return a.users > b.users;
    if (a.count != b.count) return a.count > b.count;
    return values->Text(PathKey::Of(a.key).from) < values->Text(PathKey::Of(b.key).from);
  }
};
// The values of nodes of one depth that are shown by name, most first.
using Names = FirstFew<PathCounts::Entry, IsMore>;

// Nodes and links as they come, and then in the order of the answer. Values are told apart by their
// place in the order of all that are shown, which spares comparing texts, and become texts last.
class AnswerRows {
 public:
  AnswerRows(const ValueTable& values, Stop* stop)
      : values_(values), stop_(stop), taken_(0, stop) {}

  void Add(const PathKey& key, std::uint64_t users, std::uint64_t count) {
    std::vector<Row>& rows = key.is_link ? links_ : nodes_;
    if (rows.size() == rows.capacity() && taken_.More(BytesWith(rows, 1) - CapacityBytes(rows))) {
      return;
    }
    rows.push_back({key, users, count});
  }
  Result<PathsAnswer> Answer() {
    if (links_.size() > kPathLinksMax) {
      return InvalidArgument("the answer has more than " + std::to_string(kPathLinksMax) +
                             " links in all; ask for a smaller limit or depth");
    }
    RankValues();
    Sort();
    PathsAnswer answer;
    Taken texts(nodes_.size() * sizeof(PathNode) + links_.size() * sizeof(PathLink), stop_);
    if (stop_->over()) return stop_->status();
    answer.nodes.reserve(nodes_.size());
    for (const Row& row : nodes_) {
      answer.nodes.push_back({row.key.depth, TextOf(row.key.from), row.users, row.count});
    }
    answer.links.reserve(links_.size());
    for (const Row& row : links_) {
      if (stop_->Worked(4)) break;
      texts.More(ViewOf(row.key.from).size() + ViewOf(row.key.to).size() + kTextEnds);
      answer.links.push_back(
          {row.key.depth, TextOf(row.key.from), TextOf(row.key.to), row.users, row.count});
    }
    return answer;
  }

 private:
  struct Row {
    PathKey key;
    std::uint64_t users = 0;
    std::uint64_t count = 0;
    std::uint32_t from = 0;  // ranks
    std::uint32_t to = 0;
  };

  static constexpr std::size_t kTextEnds = 32;  // of the two texts of a link, about

  std::string_view ViewOf(std::uint32_t code) const {
    if (code == PathKey::kExit) return kExitValue;
    return code == PathKey::kOther ? std::string_view(kOtherValue) : values_.Text(code);
  }
  std::string TextOf(std::uint32_t code) const { return std::string(ViewOf(code)); }
  void RankValues();
  void Sort();

  const ValueTable& values_;
  Stop* const stop_;
  Taken taken_;
  std::vector<Row> nodes_;
  std::vector<Row> links_;
};

// Of each value the rank of its text. What a link names is a node, too.
void AnswerRows::RankValues() {
  absl::flat_hash_map<std::uint32_t, std::uint32_t> rank_of = {{PathKey::kExit, 0},
                                                               {PathKey::kOther, 0}};
  for (const Row& row : nodes_) rank_of.try_emplace(row.key.from, 0);
  std::vector<std::pair<std::string_view, std::uint32_t>> sorted;
  for (const auto& [code, rank] : rank_of) sorted.emplace_back(ViewOf(code), code);
  SortUnlessOver(sorted.begin(), sorted.end(), std::less<>(), stop_);
  std::uint32_t rank = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0 && sorted[i].first != sorted[i - 1].first) ++rank;
    rank_of[sorted[i].second] = rank;
  }
  for (Row& row : nodes_) row.from = rank_of[row.key.from];
  for (Row& row : links_) {
    if (stop_->Worked(1)) return;
    row.from = rank_of[row.key.from];
    row.to = rank_of[row.key.to];
  }
}

// By depth, most first; what names leave comes behind them.
void AnswerRows::Sort() {
  const auto last = [this](const Row& row) {
    const std::string_view value = ViewOf(row.key.from);
    return value == kExitValue ? 2 : value == kOtherValue ? 1 : 0;
  };
  const auto is_before = [](const Row& a, const Row& b) {
    return std::tie(b.users, b.count, a.from, a.to) < std::tie(a.users, a.count, b.from, b.to);
  };
  SortUnlessOver(
      nodes_.begin(), nodes_.end(),
      [&](const Row& a, const Row& b) {
        const std::tuple place_a(a.key.depth, last(a)), place_b(b.key.depth, last(b));
        return place_a != place_b ? place_a < place_b : is_before(a, b);
      },
      stop_);
  SortUnlessOver(
      links_.begin(), links_.end(),
      [&](const Row& a, const Row& b) {
        return a.key.depth != b.key.depth ? a.key.depth < b.key.depth : is_before(a, b);
      },
      stop_);
}

// What is shown as one node or link.
struct Shown {
  std::uint64_t users = 0;
  std::uint64_t count = 0;
  std::uint64_t keys = 0;
};

class CountsReader {
 public:
  CountsReader(const PathCounts& counts, const ByDepth<std::uint64_t>& depth_users,
               std::size_t limit, const ValueTable& values, Stop* stop)
      : counts_(counts),
        depth_users_(depth_users),
        limit_(limit),
        values_(values),
        stop_(stop),
        taken_(0, stop) {}

  Result<PathsAnswer> Build(bool* exact) {
    NameValues();
    counts_.ForEach(
        [&](const PathCounts::Entry& entry) {
          if (const std::size_t bytes = TableBytesWith(shown_, 1); bytes > shown_bytes_) {
            taken_.More(bytes - shown_bytes_);
            shown_bytes_ = bytes;
          }
          Shown& shown = shown_[ShownKey(entry.key)];
          shown.users += entry.users;
          shown.count += entry.count;
          ++shown.keys;
        },
        stop_);
    if (counts_.overlaps().complete()) {
      TakeOverlaps();
    } else {
      BoundUsers(exact);
    }
    AnswerRows rows(values_, stop_);
    for (const auto& [key, shown] : shown_) {
      if (stop_->Worked(1)) break;
      rows.Add(PathKey::Of(key), shown.users, shown.count);
    }
    return rows.Answer();
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
  Stop* const stop_;
  Taken taken_;
  std::size_t shown_bytes_ = 0;
  std::map<int, absl::flat_hash_set<std::uint32_t>> named_;
  absl::flat_hash_map<std::uint64_t, Shown> shown_;
};

void CountsReader::NameValues() {
  std::map<int, Names> names;
  counts_.ForEach(
      [&](const PathCounts::Entry& entry) {
        const PathKey key = PathKey::Of(entry.key);
        if (key.is_link || key.from == PathKey::kExit) return;
        names.try_emplace(key.depth, limit_, IsMore{&values_}, stop_).first->second.Add(entry);
      },
      stop_);
  for (auto& [depth, first] : names) {
    for (const auto& entry : first.InOrder()) named_[depth].insert(PathKey::Of(entry.key).from);
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
      if (stop_->Worked(1)) return;
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

PathNames NamePaths(const ByDepth<std::vector<NodeCount>>& nodes, std::size_t limit,
                    const ValueTable& values, Stop* stop) {
  PathNames names;
  for (std::size_t at = 0; at < nodes.size(); ++at) {
    Names first(limit, IsMore{&values}, stop);
    for (std::uint32_t code = 0; code < nodes[at].size(); ++code) {
      const NodeCount& node = nodes[at][code];
      if (node.count == 0) continue;
      if (stop->over()) return names;
      first.Add({.key = PathKey{.from = code}.Packed(), .count = node.count, .users = node.users});
    }
    if (stop->Worked(nodes[at].size())) return names;
    names.shown[at] = {PathKey::kOther, PathKey::kExit};
    names.places[at].resize(nodes[at].size(), kOtherPlace);
    for (const PathCounts::Entry& entry : first.InOrder()) {
      const std::uint32_t code = PathKey::Of(entry.key).from;
      names.places[at][code] = static_cast<std::uint16_t>(names.shown[at].size());
      names.shown[at].push_back(code);
      names.named[at].push_back(nodes[at][code]);
    }
  }
  return names;
}

std::size_t WalkCounter::BytesToBegin(const PathNames& names) {
  std::size_t cells = 0;
  for (std::size_t at = 0; at + 1 < names.shown.size(); ++at) {
    cells += LinkCells::MatrixSize(names.shown[at].size(), names.shown[at + 1].size());
  }
  return cells * sizeof(NodeCount);
}

std::size_t WalkCounter::bytes() const {
  std::size_t sum = 0;
  for (const LinkCells& links : links_) sum += links.bytes();
  return sum;
}

WalkCounter::WalkCounter(std::shared_ptr<const PathNames> names) : names_(std::move(names)) {
  for (std::size_t at = 0; at + 1 < links_.size(); ++at) {
    links_[at] = LinkCells(names_->shown[at].size(), names_->shown[at + 1].size());
  }
}

void WalkCounter::Count(const WalkLog& walks, Stop* stop) {
  walks.ForEach([this](const Walk& walk) { CountWalk(walk); }, stop);
  EndUser();
}

void WalkCounter::CountWalk(const Walk& walk) {
  if (walk.of_new_user) {
    EndUser();
    ++user_;
  }
  std::size_t depth = DepthIndex(walk.first_depth);
  std::size_t from = PlaceOf(depth, walk.codes[0]);
  for (std::size_t i = 1; i < walk.codes.size(); ++i, ++depth) {
    const std::size_t to = PlaceOf(depth + 1, walk.codes[i]);
    links_[depth].At(from, to).Add(user_);
    from = to;
  }
  if (!walk.ends) return;
  links_[depth].At(from, kExitPlace).Add(user_);
  exits_[depth + 1].Add(user_);
}

void WalkCounter::EndUser() {
  for (; had_others_ != 0; had_others_ &= had_others_ - 1) {
    ++others_[static_cast<std::size_t>(std::countr_zero(had_others_))].users;
  }
}

// Whether a step is named cannot be foreseen: no branch hangs on it.
std::size_t WalkCounter::PlaceOf(std::size_t depth, std::uint32_t code) {
  const std::size_t place = names_->places[depth][code];
  const std::uint32_t is_other = place == kOtherPlace ? 1 : 0;
  others_[depth].count += is_other;
  had_others_ |= std::uint64_t{is_other} << depth;
  return place;
}

void WalkCounter::Merge(const WalkCounter& other, Stop* stop) {
  for (std::size_t at = 0; at < links_.size(); ++at) {
    others_[at].Merge(other.others_[at]);
    exits_[at].Merge(other.exits_[at]);
    other.links_[at].ForEach([&](std::size_t from, std::size_t to,
                                 const NodeCount& cell) { links_[at].At(from, to).Merge(cell); },
                             stop);
  }
}

Result<PathsAnswer> WalkCounter::Answer(const ValueTable& values, Stop* stop) const {
  AnswerRows rows(values, stop);
  const auto depth_at = [](std::size_t at) { return static_cast<int>(at) - kWalkDepthMax; };
  const auto add_node = [&](std::size_t at, std::uint32_t code, const NodeCount& node) {
    if (node.count == 0) return;
    rows.Add({.depth = depth_at(at), .from = code}, node.users, node.count);
  };
  for (std::size_t at = 0; at < links_.size(); ++at) {
    const std::vector<std::uint32_t>& shown = names_->shown[at];
    for (std::size_t place = kNamesPlace; place < shown.size(); ++place) {
      add_node(at, shown[place], names_->named[at][place - kNamesPlace]);
    }
    add_node(at, PathKey::kOther, others_[at]);
    add_node(at, PathKey::kExit, exits_[at]);
    links_[at].ForEach(
        [&](std::size_t from, std::size_t to, const NodeCount& cell) {
          rows.Add({depth_at(at), true, shown[from], names_->shown[at + 1][to]}, cell.users,
                   cell.count);
        },
        stop);
  }
  return rows.Answer();
}

Result<PathsAnswer> AnswerPaths(const PathCounts& counts, const ByDepth<std::uint64_t>& depth_users,
                                std::size_t limit, const ValueTable& values, bool* exact,
                                Stop* stop) {
  return CountsReader(counts, depth_users, limit, values, stop).Build(exact);
}

}  // namespace v1
}  // namespace insightflow
