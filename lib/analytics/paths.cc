// Paths: where sessions go from an anchor, and where they came from. Each session is one walk over
// steps (runs of equal values are one, when folded).
//
// An answer names few values of each depth, which are known at the end only. To count every link
// until then would take a table of millions, a cache miss a step; so walks are written down, two
// bytes a step, and counted at the end when all else is "__other__". Only logs whose walks are too
// long for that are counted as they come.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "lib/analytics/analysis.h"
#include "lib/analytics/path_counts.h"
#include "lib/analytics/paths.h"
#include "lib/analytics/paths_answer.h"
#include "lib/analytics/query_checks.h"
#include "lib/analytics/sessioniser.h"
#include "lib/analytics/walk_log.h"
#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {
namespace {

// States do not each count walks when that takes more than some 10 MiB of memory.
constexpr std::size_t kSettledLinksMax = 1'000'000;
constexpr std::size_t kSettledNodeBytesMax = std::size_t{8} << 20;

struct Settings {
  std::size_t value = 0;                // slot of the plan
  std::optional<std::size_t> selector;  // of the anchor; none: the session's first or last step
  PathsAnchor anchor = PathsAnchor::kStart;
  std::size_t depth = 0;
  bool fold = true;
  std::size_t walk_words_max = 0;
};

using NodesByDepth = ByDepth<std::vector<NodeCount>>;  // by code

// False when the query has ended, for the memory that it takes to grow or for another reason.
bool GrowNodes(std::size_t size, std::vector<NodeCount>* nodes, Stop* stop) {
  if (nodes->size() >= size) return true;
  const Taken grown(BytesGrownTo(*nodes, size) - CapacityBytes(*nodes), stop);
  if (stop->over()) return false;
  GrowTo(nodes, size);
  return true;
}

void AddNodes(const NodesByDepth& from, NodesByDepth* to, Stop* stop) {
  for (std::size_t depth = 0; depth < from.size(); ++depth) {
    std::vector<NodeCount>& nodes = (*to)[depth];
    if (stop->Worked(from[depth].size() / 4)) return;
    if (!GrowNodes(from[depth].size(), &nodes, stop)) return;
    for (std::size_t code = 0; code < from[depth].size(); ++code) {
      nodes[code].Merge(from[depth][code]);
    }
  }
}

class PathsState final : public AnalysisState {
 public:
  PathsState(const Analysis* analysis, const ValueTable* values, const Sessioniser* rules,
             const Settings* settings)
      : analysis_(analysis), values_(values), settings_(settings), cutter_(rules, values) {}

  Status Visit(const Timelines& timelines) override;
  Status DoMerge(AnalysisState* other) override;
  std::size_t bytes(std::size_t more) const override;
  Result<PathsAnswer> Answer(std::size_t limit, bool* exact) {
    if (counting_) {
      counts_.Flush();
      return AnswerPaths(counts_, depth_users_, limit, *values_, exact, stop());
    }
    if (counter_ && walks_.words() == agreed_.words) return counter_->Answer(*values_, stop());
    const Taken places(NodeBytes() / sizeof(NodeCount) * sizeof(std::uint16_t), stop());
    auto names = std::make_shared<const PathNames>(NamePaths(nodes_, limit, *values_, stop()));
    nodes_ = {};
    {
      const Taken matrices(WalkCounter::BytesToBegin(*names), stop());
      if (stop()->over()) return stop()->status();
      counter_.emplace(std::move(names));
    }
    counter_->Count(walks_, stop());
    return counter_->Answer(*values_, stop());
  }

  // What states know of all of them together.
  struct Agreed {
    std::shared_ptr<const PathNames> names;
    std::size_t words = 0;  // of all walks
  };
  // False when walks are not kept: they were too many.
  std::size_t NodeBytes() const {
    std::size_t bytes = 0;
    for (const std::vector<NodeCount>& of_depth : nodes_) bytes += CapacityBytes(of_depth);
    return bytes;
  }
  bool AddTo(NodesByDepth* nodes, std::size_t* words, Stop* stop) const {
    AddNodes(nodes_, nodes, stop);
    *words += walks_.words();
    return !counting_;
  }
  void Agree(const Agreed& agreed) { agreed_ = agreed; }
  void Settle() override {
    if (agreed_.names != nullptr) counter_.emplace(agreed_.names).Count(walks_, stop());
  }
  const ValueTable& values() const { return *values_; }
  bool IsOf(const Analysis* analysis) const { return analysis_ == analysis; }

 private:
  // Steps by depth, those from `first` to `last` are there.
  struct Steps {
    ByDepth<std::uint32_t> codes;
    std::size_t first = DepthIndex(0);
    std::size_t last = DepthIndex(0);
  };

  // A step that was not counted yet, of the user whose number it is.
  struct Pending {
    std::uint32_t code = 0;
    std::uint32_t user = 0;
  };

  void AddSession(const Timelines& timelines, const std::uint32_t* values,
                  const SessionSpan& session);
  bool GoForwards(const std::uint32_t* values, std::uint32_t anchor, std::uint32_t end);
  void GoBackwards(const std::uint32_t* values, std::uint32_t anchor, std::uint32_t begin);
  void Keep(const Walk& walk);
  void CountPending();
  void Count(const Walk& walk);
  void StartCounting();

  bool IsStep(std::uint32_t value, std::uint32_t before) const {
    return (value != 0) & ((value != before) | !settings_->fold);
  }

  const Analysis* analysis_;
  const ValueTable* values_;
  const Settings* settings_;
  SessionCutter cutter_;
  std::vector<SessionSpan> sessions_;
  std::vector<std::size_t> user_ends_;  // in sessions_
  Steps steps_;
  bool of_new_user_ = false;  // the next walk
  std::uint32_t greatest_code_ = 0;
  std::uint32_t user_ = 0;  // the number of the one whose walks are counted

  WalkLog walks_;
  ByDepth<std::vector<Pending>> pending_;
  std::size_t pending_bytes_ = 0;
  NodesByDepth nodes_;
  Agreed agreed_;
  std::optional<WalkCounter> counter_;  // of walks_, once settled
  // Once the walks are too many:
  bool counting_ = false;
  PathCounts counts_;
  ByDepth<std::uint64_t> depth_users_ = {};
  ByDepth<std::uint32_t> last_users_ = {};
};

// The walks of many sessions first, then their nodes depth by depth: a depth's counts stay in the
// nearer caches.
Status PathsState::Visit(const Timelines& timelines) {
  const std::uint32_t* const values = timelines.texts[settings_->value].data();
  counter_.reset();
  for (std::size_t run = 0; run < timelines.runs();) {
    run = cutter_.CutSome(timelines, run, &sessions_, &user_ends_);
    std::size_t i = 0;
    for (const std::size_t end : user_ends_) {
      of_new_user_ = true;
      for (; i < end; ++i) AddSession(timelines, values, sessions_[i]);
    }
    CountPending();
    if (stop()->over()) return stop()->status();
  }
  if (walks_.words() > settings_->walk_words_max) StartCounting();
  if (greatest_code_ < PathKey::kCodesMax) return Status::Ok();
  return ResourceExhausted("there are too many different values; ask for a shorter range");
}

void PathsState::AddSession(const Timelines& timelines, const std::uint32_t* values,
                            const SessionSpan& session) {
  const auto is_anchor = [&](std::uint32_t row) {
    return values[row] != 0 &&
           (!settings_->selector || timelines.Matches(row, *settings_->selector));
  };
  std::uint32_t anchor = session.end;
  if (settings_->anchor == PathsAnchor::kEnd && !settings_->selector) {
    while (anchor > session.begin && !is_anchor(anchor - 1)) --anchor;
    if (anchor-- == session.begin) return;
  } else {
    anchor = session.begin;
    while (anchor < session.end && !is_anchor(anchor)) ++anchor;
    if (anchor == session.end) return;
  }
  steps_.first = steps_.last = DepthIndex(0);
  steps_.codes[steps_.first] = values[anchor];
  bool ends = false;
  if (settings_->anchor != PathsAnchor::kEnd) ends = GoForwards(values, anchor, session.end);
  if (settings_->anchor != PathsAnchor::kStart) GoBackwards(values, anchor, session.begin);
  Keep({.of_new_user = std::exchange(of_new_user_, false),
        .ends = ends,
        .first_depth = static_cast<int>(steps_.first) - kWalkDepthMax,
        .codes = {&steps_.codes[steps_.first], steps_.last - steps_.first + 1}});
}

// Whether the session ends before the depth does. Which rows are steps cannot be foreseen.
bool PathsState::GoForwards(const std::uint32_t* values, std::uint32_t anchor, std::uint32_t end) {
  const std::size_t last = DepthIndex(0) + settings_->depth;
  std::uint32_t* const codes = steps_.codes.data();
  std::size_t at = steps_.last;
  std::uint32_t before = codes[at];
  for (std::uint32_t row = anchor + 1; row < end && at < last; ++row) {
    const std::uint32_t value = values[row];
    const std::uint32_t is_step = IsStep(value, before) ? 1 : 0;
    codes[at + 1] = value;
    at += is_step;
    before ^= (before ^ value) & (0 - is_step);  // or the compiler makes a branch of it
  }
  steps_.last = at;
  return at < last;
}

void PathsState::GoBackwards(const std::uint32_t* values, std::uint32_t anchor,
                             std::uint32_t begin) {
  const std::size_t first = DepthIndex(0) - settings_->depth;
  std::uint32_t* const codes = steps_.codes.data();
  std::size_t at = steps_.first;
  std::uint32_t after = codes[at];
  for (std::uint32_t row = anchor; row > begin && at > first; --row) {
    const std::uint32_t value = values[row - 1];
    const std::uint32_t is_step = IsStep(value, after) ? 1 : 0;
    codes[at - 1] = value;
    at -= is_step;
    after ^= (after ^ value) & (0 - is_step);
  }
  steps_.first = at;
}

void PathsState::Keep(const Walk& walk) {
  if (counting_) {
    for (const std::uint32_t code : walk.codes) greatest_code_ = std::max(greatest_code_, code);
    Count(walk);
    return;
  }
  walks_.Append(walk);
  if (walk.of_new_user) ++user_;
  std::size_t depth = DepthIndex(walk.first_depth);
  for (const std::uint32_t code : walk.codes) pending_[depth++].push_back({code, user_});
}

void PathsState::CountPending() {
  pending_bytes_ = 0;
  for (std::size_t depth = 0; depth < pending_.size(); ++depth) {
    std::vector<Pending>& steps = pending_[depth];
    pending_bytes_ += steps.capacity() * sizeof(Pending);
    std::uint32_t greatest = 0;
    for (const Pending& step : steps) greatest = std::max(greatest, step.code);
    greatest_code_ = std::max(greatest_code_, greatest);
    std::vector<NodeCount>& nodes = nodes_[depth];
    if (!steps.empty() && !GrowNodes(greatest + std::size_t{1}, &nodes, stop())) return;
    for (const Pending& step : steps) nodes[step.code].Add(step.user);
    steps.clear();
  }
}

void PathsState::Count(const Walk& walk) {
  if (walk.of_new_user) ++user_;
  PathKey key{.depth = walk.first_depth};
  for (std::size_t i = 0; i < walk.codes.size(); ++i, ++key.depth) {
    key.from = walk.codes[i];
    counts_.Count(PathKey{.depth = key.depth, .from = key.from}.Packed(), user_);
    const std::size_t at = DepthIndex(key.depth);
    depth_users_[at] += last_users_[at] != user_ ? 1 : 0;
    last_users_[at] = user_;
    const bool is_last = i + 1 == walk.codes.size();
    if (is_last && !walk.ends) return;
    key.is_link = true;
    key.to = is_last ? PathKey::kExit : walk.codes[i + 1];
    counts_.Count(key.Packed(), user_);
  }
  counts_.Count(PathKey{.depth = key.depth, .from = PathKey::kExit}.Packed(), user_);
}

void PathsState::StartCounting() {
  if (std::exchange(counting_, true)) return;
  user_ = 0;
  walks_.ForEach([&](const Walk& walk) { Count(walk); }, stop());
  counts_.Flush();
  walks_ = WalkLog();
  nodes_ = {};
}

std::size_t PathsState::bytes(std::size_t more) const {
  constexpr std::size_t kKeysAChunk = std::size_t{1}
                                      << 17;  // a chunk of walks is counted at a time
  const std::size_t sessions = std::max(sessions_.capacity(), cutter_.SessionsAtOnce(more));
  return NodeBytes() + (counter_ ? counter_->bytes() : 0) + cutter_.bytes(more) +
         sessions * sizeof(SessionSpan) + CapacityBytes(user_ends_) + pending_bytes_ +
         cutter_.SessionsAtOnce(more) * sizeof(Pending) + walks_.bytes(counting_ ? 0 : more) +
         counts_.bytes(counting_ ? std::max(2 * more, kKeysAChunk) : 0);
}

Status PathsState::DoMerge(AnalysisState* other) {
  auto* const from = dynamic_cast<PathsState*>(other);
  if (from == nullptr || from == this || !from->IsOf(analysis_)) {
    return InvalidArgument("the state is that of another analysis");
  }
  if (counting_ || from->counting_ ||
      walks_.words() + from->walks_.words() > settings_->walk_words_max) {
    StartCounting();
    from->StartCounting();
  }
  if (counter_ && from->counter_ && counter_->names() == from->counter_->names()) {
    counter_->Merge(*from->counter_, stop());
  } else {
    counter_.reset();
  }
  from->counter_.reset();
  walks_.Merge(&from->walks_);
  AddNodes(std::exchange(from->nodes_, {}), &nodes_, stop());
  counts_.Merge(&from->counts_, stop());
  for (std::size_t i = 0; i < depth_users_.size(); ++i) {
    depth_users_[i] += std::exchange(from->depth_users_[i], 0);
  }
  from->counting_ = false;
  return Status::Ok();
}

class Paths final : public Analysis {
 public:
  explicit Paths(const PathsQuery& query) : limit_(query.scope.limit) {}

  Status Prepare(const PathsQuery& query, std::size_t walk_words_max) {
    if (Status s = CheckScope(query.scope); !s.ok()) return s;
    if (query.by != "page_url" && query.by != "event_type") {
      return InvalidArgument("by is \"" + query.by + "\"; allowed are page_url and event_type");
    }
    if (Status s = CheckWithin(query.depth, "depth", 1, kWalkDepthMax); !s.ok()) return s;
    if (Status s = plan_.SetScope(query.scope); !s.ok()) return s;
    Result<Sessioniser> rules =
        Sessioniser::Create({.timeout = query.timeout}, query.scope.timezone, &plan_);
    if (!rules.ok()) return rules.status();
    rules_ = *rules;
    settings_ = {.value = *plan_.AddText(query.by),
                 .selector = std::nullopt,
                 .anchor = query.anchor,
                 .depth = query.depth,
                 .fold = query.fold_repeats,
                 .walk_words_max = walk_words_max};
    plan_.needs_client_order = true;
    if (query.event.types.empty() && query.event.filters.empty()) return Status::Ok();
    const Result<std::size_t> selector = plan_.AddSelector(query.event);
    if (!selector.ok()) return selector.status();
    settings_.selector = *selector;
    return Status::Ok();
  }

  std::unique_ptr<AnalysisState> NewState(const ValueTable* values) const override {
    return std::make_unique<PathsState>(this, values, &rules_, &settings_);
  }

  bool Agree(std::span<const std::unique_ptr<AnalysisState>> states) const override {
    if (states.size() < 2) return false;
    Stop* const stop = states[0]->stop();
    NodesByDepth nodes;
    std::size_t words = 0;
    std::size_t node_bytes = 0;
    for (const auto& state : states) {
      const auto* const paths = dynamic_cast<const PathsState*>(state.get());
      if (paths == nullptr || !paths->IsOf(this)) return false;
      node_bytes += paths->NodeBytes();
      if (node_bytes > kSettledNodeBytesMax) return false;
      if (!paths->AddTo(&nodes, &words, stop)) return false;
    }
    if (words > settings_.walk_words_max) return false;
    const ValueTable& values = static_cast<const PathsState&>(*states[0]).values();
    auto names = std::make_shared<const PathNames>(NamePaths(nodes, limit_, values, stop));
    if (stop->over() || names->links() > kSettledLinksMax) return false;
    const PathsState::Agreed agreed = {std::move(names), words};
    for (const auto& state : states) static_cast<PathsState&>(*state).Agree(agreed);
    return true;
  }

  Result<AnswerBody> DoFinish(AnalysisState* state, const ScanEnd&, bool* exact) const override {
    auto* const paths = dynamic_cast<PathsState*>(state);
    if (paths == nullptr || !paths->IsOf(this)) {
      return InvalidArgument("the state is that of another analysis");
    }
    Result<PathsAnswer> answer = paths->Answer(limit_, exact);
    if (!answer.ok()) return answer.status();
    return AnswerBody(std::move(*answer));
  }

 private:
  const std::size_t limit_;
  Sessioniser rules_;
  Settings settings_;
};

}  // namespace

Result<std::unique_ptr<Analysis>> CreatePathsWithin(const PathsQuery& query,
                                                    std::size_t walk_words_max) {
  auto paths = std::make_unique<Paths>(query);
  if (Status status = paths->Prepare(query, walk_words_max); !status.ok()) return status;
  return std::unique_ptr<Analysis>(std::move(paths));
}

Result<std::unique_ptr<Analysis>> CreatePaths(const PathsQuery& query) {
  return CreatePathsWithin(query, kWalkWordsMax);
}

}  // namespace v1
}  // namespace insightflow
