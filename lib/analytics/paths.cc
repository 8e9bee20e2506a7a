// Paths: where sessions go from an anchor, and where they came from. Each session is one walk over
// steps (runs of equal values count once, when folded), whose nodes and links are counted.
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "lib/analytics/analysis.h"
#include "lib/analytics/path_counts.h"
#include "lib/analytics/paths_answer.h"
#include "lib/analytics/query_checks.h"
#include "lib/analytics/sessioniser.h"

namespace insightflow {
inline namespace v1 {
namespace {

struct Settings {
  std::size_t value = 0;                // slot of the plan
  std::optional<std::size_t> selector;  // of the anchor; none: the session's first or last step
  PathsAnchor anchor = PathsAnchor::kStart;
  std::size_t depth = 0;
  bool fold = true;
};

class PathsState final : public AnalysisState {
 public:
  PathsState(const Analysis* analysis, const ValueTable* values, const Sessioniser* rules,
             const Settings* settings)
      : analysis_(analysis), values_(values), settings_(settings), cutter_(rules, values) {}

  Status Visit(const Timelines& timelines) override {
    const std::uint32_t* const values = timelines.texts[settings_->value].data();
    for (std::size_t run = 0; run < timelines.runs(); ++run) {
      ++user_;
      cutter_.Cut(timelines, run, &sessions_);
      for (const SessionSpan& session : sessions_) Walk(timelines, values, session);
    }
    if (greatest_code_ < PathKey::kCodesMax) return Status::Ok();
    return ResourceExhausted("there are too many different values; ask for a shorter range");
  }

  Status Merge(AnalysisState* other) override {
    auto* const from = dynamic_cast<PathsState*>(other);
    if (from == nullptr || from == this || !from->IsOf(analysis_)) {
      return InvalidArgument("the state is that of another analysis");
    }
    counts_.Merge(&from->counts_);
    for (std::size_t i = 0; i < depth_users_.size(); ++i) {
      depth_users_[i] += std::exchange(from->depth_users_[i], 0);
    }
    return Status::Ok();
  }

  std::size_t bytes() const override {
    return counts_.bytes() + cutter_.bytes() + sessions_.capacity() * sizeof(SessionSpan);
  }

  PathsAnswer Answer(std::size_t limit, bool* exact) {
    counts_.Flush();
    return AnswerPaths(counts_, depth_users_, limit, *values_, exact);
  }
  bool IsOf(const Analysis* analysis) const { return analysis_ == analysis; }

 private:
  void Walk(const Timelines& timelines, const std::uint32_t* values, const SessionSpan& session);
  void WalkForwards(const std::uint32_t* values, std::uint32_t anchor, std::uint32_t end);
  void WalkBackwards(const std::uint32_t* values, std::uint32_t anchor, std::uint32_t begin);

  bool IsStep(std::uint32_t value, std::uint32_t before) const {
    return value != 0 && (value != before || !settings_->fold);
  }
  void CountNode(int depth, std::uint32_t value) {
    counts_.Count(PathKey{.depth = depth, .from = value}.Packed(), user_);
    const auto at = static_cast<std::size_t>(depth + PathKey::kDepthMax);
    if (value == PathKey::kExit) return;
    greatest_code_ = std::max(greatest_code_, value);
    if (last_users_[at] == user_) return;
    last_users_[at] = user_;
    ++depth_users_[at];
  }
  void CountLink(int depth, std::uint32_t from, std::uint32_t to) {
    counts_.Count(PathKey{.depth = depth, .is_link = true, .from = from, .to = to}.Packed(), user_);
  }

  const Analysis* analysis_;
  const ValueTable* values_;
  const Settings* settings_;
  SessionCutter cutter_;
  std::vector<SessionSpan> sessions_;
  std::uint32_t user_ = 0;  // the number of the one that is being visited
  std::uint32_t greatest_code_ = 0;
  PathCounts counts_;
  DepthUsers depth_users_ = {};
  std::array<std::uint32_t, 2 * PathKey::kDepthMax + 1> last_users_ = {};
};

void PathsState::Walk(const Timelines& timelines, const std::uint32_t* values,
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
  CountNode(0, values[anchor]);
  if (settings_->anchor != PathsAnchor::kEnd) WalkForwards(values, anchor, session.end);
  if (settings_->anchor != PathsAnchor::kStart) WalkBackwards(values, anchor, session.begin);
}

void PathsState::WalkForwards(const std::uint32_t* values, std::uint32_t anchor,
                              std::uint32_t end) {
  const int depth_max = static_cast<int>(settings_->depth);
  std::uint32_t value = values[anchor];
  int depth = 0;
  for (std::uint32_t row = anchor + 1; row < end && depth < depth_max; ++row) {
    if (!IsStep(values[row], value)) continue;
    CountLink(depth, value, values[row]);
    value = values[row];
    CountNode(++depth, value);
  }
  if (depth == depth_max) return;
  CountLink(depth, value, PathKey::kExit);
  CountNode(depth + 1, PathKey::kExit);
}

void PathsState::WalkBackwards(const std::uint32_t* values, std::uint32_t anchor,
                               std::uint32_t begin) {
  const int depth_min = -static_cast<int>(settings_->depth);
  std::uint32_t value = values[anchor];
  int depth = 0;
  for (std::uint32_t row = anchor; row > begin && depth > depth_min; --row) {
    if (!IsStep(values[row - 1], value)) continue;
    CountLink(--depth, values[row - 1], value);
    value = values[row - 1];
    CountNode(depth, value);
  }
}

class Paths final : public Analysis {
 public:
  explicit Paths(const PathsQuery& query) : limit_(query.scope.limit) {}

  Status Prepare(const PathsQuery& query) {
    if (Status s = CheckScope(query.scope); !s.ok()) return s;
    if (query.by != "page_url" && query.by != "event_type") {
      return InvalidArgument("by is \"" + query.by + "\"; allowed are page_url and event_type");
    }
    if (Status s = CheckWithin("depth", query.depth, 1, PathKey::kDepthMax); !s.ok()) return s;
    if (Status s = plan_.SetScope(query.scope); !s.ok()) return s;
    Result<Sessioniser> rules =
        Sessioniser::Create({.timeout = query.timeout}, query.scope.timezone, &plan_);
    if (!rules.ok()) return rules.status();
    rules_ = std::move(*rules);
    settings_ = {.value = *plan_.AddText(query.by),
                 .selector = std::nullopt,
                 .anchor = query.anchor,
                 .depth = query.depth,
                 .fold = query.fold_repeats};
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

  Result<AnswerBody> Finish(AnalysisState* state, const ScanEnd&, bool* exact) const override {
    auto* const paths = dynamic_cast<PathsState*>(state);
    if (paths == nullptr || !paths->IsOf(this)) {
      return InvalidArgument("the state is that of another analysis");
    }
    return AnswerBody(paths->Answer(limit_, exact));
  }

 private:
  const std::size_t limit_;
  Sessioniser rules_;
  Settings settings_;
};

}  // namespace

Result<std::unique_ptr<Analysis>> CreatePaths(const PathsQuery& query) {
  auto paths = std::make_unique<Paths>(query);
  if (Status status = paths->Prepare(query); !status.ok()) return status;
  return std::unique_ptr<Analysis>(std::move(paths));
}

}  // namespace v1
}  // namespace insightflow
