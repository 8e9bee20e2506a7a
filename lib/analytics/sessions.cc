#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "lib/analytics/analysis.h"
#include "lib/analytics/calendar.h"
#include "lib/analytics/query_checks.h"
#include "lib/analytics/ranking.h"
#include "lib/analytics/sessioniser.h"
#include "lib/analytics/sessions_by_value.h"
#include "lib/analytics/time_buckets.h"
#include "lib/base/growth.h"
#include "lib/model/text_walk.h"
#include "lib/model/time_zone.h"

namespace insightflow {
inline namespace v1 {
namespace {

// What happens without the visitor doing anything: no engagement.
const char* const kPassiveTypes[] = {"session_start", "session_end", "page_leave", "heartbeat",
                                     "performance",   "resource",    "error"};

// A new value takes some hundred bytes: memory is looked at after a thousand of them.
constexpr std::size_t kStepsAValue = Stop::kStepsPerQuestion / 1'024;

struct Slots {
  std::size_t view = 0;  // this and the next are the only selectors
  std::size_t passive = 0;
  std::size_t page = 0;
  std::optional<std::size_t> breakdown;
};

struct PointTally {
  std::uint64_t sessions = 0;
  std::uint64_t users = 0;
  std::uint64_t bounces = 0;
  std::uint64_t last_user = 0;
};

struct PageTally {
  std::uint64_t entries = 0;
  std::uint64_t exits = 0;
};

class SessionsState final : public AnalysisState {
 public:
  SessionsState(const Analysis* analysis, const ValueTable* values, const Sessioniser* rules,
                const Slots& slots, std::optional<Calendar> calendar)
      : analysis_(analysis),
        values_(values),
        slots_(slots),
        cutter_(rules, values),
        calendar_(std::move(calendar)) {}

  Status Visit(const Timelines& timelines) override;
  Status DoMerge(AnalysisState* other) override;
  std::size_t bytes(std::size_t more) const override;
  Result<SessionsAnswer> Answer(const SessionsQuery& query, const absl::TimeZone& zone,
                                const ScanEnd& end, bool* exact);
  bool IsOf(const Analysis* analysis) const { return analysis_ == analysis; }

 private:
  // Of sessions_, which are of runs_ whole users.
  void AddTotals(const Timelines& timelines);
  void FindBounces(const Timelines& timelines);
  template <typename Match>
  bool Bounces(const Match* matches, const SessionSpan& session) const;
  void AddPages(TextWalk* pages);
  void AddByUser(const Timelines& timelines, std::optional<TextWalk>* values);
  void AddPoint(std::int64_t time_ms, bool bounce);
  std::vector<TopRow> TopPages(std::uint64_t PageTally::*count, std::size_t limit);
  Result<std::vector<SessionPoint>> Points(Interval interval, const absl::TimeZone& zone,
                                           const ScanEnd& end) const;

  const Analysis* analysis_;
  const ValueTable* values_;
  Slots slots_;
  SessionCutter cutter_;
  std::vector<SessionSpan> sessions_;
  std::vector<std::size_t> user_ends_;    // in sessions_
  std::vector<std::uint8_t> bounces_;     // by session
  std::vector<std::uint32_t> page_rows_;  // of each session the first and the last row
  std::vector<std::uint32_t> page_codes_;
  std::uint64_t user_ = 0;  // the number of the one that is being visited
  SessionSums total_;
  std::uint64_t causes_[kSplitCauseCount] = {};
  std::vector<PageTally> pages_;  // by code
  SessionsByValue by_value_;
  std::optional<Calendar> calendar_;
  Calendar::Slot slot_;
  absl::flat_hash_map<std::int64_t, PointTally> points_;  // by the interval's begin
};

// Many users' sessions at a time, and one question about them after the other: each loop is short
// and what it waits for overlaps with the sessions behind.
Status SessionsState::Visit(const Timelines& timelines) {
  TextWalk pages(timelines, slots_.page);
  std::optional<TextWalk> values;
  if (slots_.breakdown) values.emplace(timelines, *slots_.breakdown);
  for (std::size_t run = 0; run < timelines.runs();) {
    run = cutter_.CutSome(timelines, run, &sessions_, &user_ends_);
    FindBounces(timelines);
    AddTotals(timelines);
    AddPages(&pages);
    if (calendar_ || slots_.breakdown) AddByUser(timelines, &values);
    if (stop()->over()) return stop()->status();
  }
  return Status::Ok();
}

std::uint64_t DurationOf(const Timelines& timelines, const SessionSpan& session) {
  return static_cast<std::uint64_t>(timelines.time_ms[session.end - 1]) -
         static_cast<std::uint64_t>(timelines.time_ms[session.begin]);
}

void SessionsState::AddTotals(const Timelines& timelines) {
  std::uint64_t bounces = 0;
  std::uint64_t events = 0;
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    const SessionSpan& session = sessions_[i];
    bounces += bounces_[i];
    events += session.size();
    ++causes_[static_cast<std::size_t>(session.cause)];
    total_.durations.Add(DurationOf(timelines, session));
  }
  total_.sessions += sessions_.size();
  total_.users += user_ends_.size();  // each has a session
  total_.bounces += bounces;
  total_.events += events;
}

void SessionsState::FindBounces(const Timelines& timelines) {
  bounces_.resize(sessions_.size());
  const auto find = [&](const auto* matches) {
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
      bounces_[i] = Bounces(matches, sessions_[i]) ? 1 : 0;
    }
  };
  if (timelines.narrow_matches.empty()) {
    find(timelines.matches.data());
  } else {
    find(timelines.narrow_matches.data());
  }
}

// At most one view, and no other event that is engagement. Nearly always the first rows tell, and
// which of them does cannot be foreseen: they are looked at without branches.
template <typename Match>
bool SessionsState::Bounces(const Match* matches, const SessionSpan& session) const {
  constexpr std::uint32_t kFirstRows = 4;
  std::uint32_t views = 0;
  std::uint32_t others = 0;
  const auto look_at = [&](std::uint32_t row) {
    const auto view = static_cast<std::uint32_t>(matches[row] >> slots_.view & 1);
    const auto passive = static_cast<std::uint32_t>(matches[row] >> slots_.passive & 1);
    views += view;
    others += (view | passive) ^ 1;
  };
  std::uint32_t row = session.begin;
  if (session.size() >= kFirstRows) {
    for (; row < session.begin + kFirstRows; ++row) look_at(row);
  }
  for (; row < session.end && others == 0 && views <= 1; ++row) look_at(row);
  return others == 0 && views <= 1;
}

void SessionsState::AddPages(TextWalk* pages) {
  page_rows_.clear();
  for (const SessionSpan& session : sessions_) {
    page_rows_.push_back(session.begin);
    page_rows_.push_back(session.end - 1);
  }
  page_codes_.resize(page_rows_.size());
  pages->At(page_rows_, page_codes_.data());
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    const SessionSpan& session = sessions_[i];
    std::uint32_t entry = page_codes_[2 * i];
    std::uint32_t exit = page_codes_[2 * i + 1];
    for (std::uint32_t row = session.begin; entry == 0 && ++row < session.end;) {
      entry = pages->At(row);
    }
    if (entry == 0) continue;
    for (std::uint32_t row = session.end - 1; exit == 0;) exit = pages->At(--row);
    const std::size_t size = std::max(entry, exit) + std::size_t{1};
    GrowTo(&pages_, size);
    ++pages_[entry].entries;
    ++pages_[exit].exits;
  }
}

void SessionsState::AddByUser(const Timelines& timelines, std::optional<TextWalk>* values) {
  if (slots_.breakdown && !total_.durations.is_exact()) by_value_.Coarsen();
  std::size_t i = 0;
  for (const std::size_t end : user_ends_) {
    ++user_;
    for (; i < end; ++i) {
      const SessionSpan& session = sessions_[i];
      const bool bounce = bounces_[i] != 0;
      if (calendar_) AddPoint(timelines.time_ms[session.begin], bounce);
      if (!*values) continue;
      if (stop()->Worked(kStepsAValue)) return;
      by_value_.Add((*values)->At(session.begin), user_, session.size(), bounce,
                    DurationOf(timelines, session));
    }
    if (slots_.breakdown) by_value_.EndUser();
  }
}

void SessionsState::AddPoint(std::int64_t time_ms, bool bounce) {
  if (!slot_.Has(time_ms)) slot_ = calendar_->At(time_ms);
  PointTally& point = points_[slot_.begin_ms];
  ++point.sessions;
  point.bounces += bounce ? 1 : 0;
  if (point.last_user != user_) ++point.users;
  point.last_user = user_;
}

Status SessionsState::DoMerge(AnalysisState* other) {
  auto* const from = dynamic_cast<SessionsState*>(other);
  if (from == nullptr || from == this || !from->IsOf(analysis_)) {
    return InvalidArgument("the state is that of another analysis");
  }
  total_.Merge(&from->total_);
  from->total_ = SessionSums();
  if (!total_.durations.is_exact()) by_value_.Coarsen();
  by_value_.Merge(&from->by_value_, stop());
  for (std::size_t i = 0; i < kSplitCauseCount; ++i) {
    causes_[i] += std::exchange(from->causes_[i], 0);
  }
  const Taken grown(from->pages_.size() * sizeof(PageTally), stop());
  if (stop()->over()) return stop()->status();
  GrowTo(&pages_, from->pages_.size());
  for (std::size_t code = 0; code < from->pages_.size(); ++code) {
    pages_[code].entries += from->pages_[code].entries;
    pages_[code].exits += from->pages_[code].exits;
  }
  from->pages_ = {};
  for (const auto& [begin, theirs] : std::exchange(from->points_, {})) {
    PointTally& ours = points_[begin];
    ours.sessions += theirs.sessions;
    ours.users += theirs.users;
    ours.bounces += theirs.bounces;
  }
  return Status::Ok();
}

std::size_t SessionsState::bytes(std::size_t more) const {
  const std::size_t codes = values_->size() + std::size_t{1};
  // A user's sessions come at a time, however many they are.
  const std::size_t a_session = sizeof(SessionSpan) + sizeof(bounces_[0]) +
                                2 * (sizeof(page_rows_[0]) + sizeof(page_codes_[0]));
  const std::size_t some = std::max(sessions_.capacity(), cutter_.SessionsAtOnce(more));
  return total_.durations.bytes(more) + BytesGrownTo(pages_, codes) + cutter_.bytes(more) +
         some * a_session + CapacityBytes(user_ends_) + TableBytesWith(points_, more) +
         (slots_.breakdown ? by_value_.bytes(std::min(more, Stop::kStepsPerQuestion)) : 0) +
         (calendar_ ? calendar_->bytes() : 0);
}

Result<std::vector<SessionPoint>> SessionsState::Points(Interval interval,
                                                        const absl::TimeZone& zone,
                                                        const ScanEnd& end) const {
  std::vector<SessionPoint> points;
  if (end.data_begin_ms == ScanEnd::kNoEvents || end.data_end_ms == ScanEnd::kNoEvents) {
    return points;
  }
  const std::int64_t behind = end.data_end_ms + (end.end_is_event ? 1 : 0);
  const Result<TimeBuckets> buckets =
      TimeBuckets::Create(interval, zone, end.data_begin_ms, behind);
  if (!buckets.ok()) return buckets.status();
  for (std::size_t i = 0; i < buckets->size(); ++i) {
    SessionPoint point;
    point.time = FromMillis(buckets->Begin(i));
    if (const auto found = points_.find(buckets->Begin(i)); found != points_.end()) {
      point.sessions = found->second.sessions;
      point.users = found->second.users;
      point.bounces = found->second.bounces;
    }
    points.push_back(point);
  }
  return points;
}

std::vector<TopRow> SessionsState::TopPages(std::uint64_t PageTally::*count, std::size_t limit) {
  TopCodes top(limit, *values_, stop());
  for (std::uint32_t code = 0; code < pages_.size(); ++code) {
    if (stop()->over()) break;
    if (pages_[code].*count != 0) top.Add({code, pages_[code].*count});
  }
  return top.Rows();
}

Result<SessionsAnswer> SessionsState::Answer(const SessionsQuery& query, const absl::TimeZone& zone,
                                             const ScanEnd& end, bool* exact) {
  SessionsAnswer answer;
  if (calendar_) {
    Result<std::vector<SessionPoint>> points = Points(*query.interval, zone, end);
    if (!points.ok()) return points.status();
    answer.points = std::move(*points);
  }
  if (!total_.durations.is_exact()) *exact = false;
  answer.stats = total_.Stats();
  if (query.breakdown) {
    const std::size_t limit = query.breakdown->limit.value_or(query.scope.limit);
    answer.breakdown = by_value_.Answer(limit, total_.users, *values_, exact, stop());
  }
  answer.entry_pages = TopPages(&PageTally::entries, query.scope.limit);
  answer.exit_pages = TopPages(&PageTally::exits, query.scope.limit);
  if (stop()->over()) return stop()->status();
  answer.split_causes.assign(std::begin(causes_), std::end(causes_));
  return answer;
}

class Sessions final : public Analysis {
 public:
  explicit Sessions(const SessionsQuery& query) : query_(query) {}

  Status Prepare() {
    if (Status s = CheckScope(query_.scope); !s.ok()) return s;
    if (Status s = plan_.SetScope(query_.scope); !s.ok()) return s;
    const Result<absl::TimeZone> zone = LoadZone(query_.scope.timezone);
    if (!zone.ok()) return zone.status();
    zone_ = *zone;
    Result<Sessioniser> rules = Sessioniser::Create(query_.rules, query_.scope.timezone, &plan_);
    if (!rules.ok()) return rules.status();
    rules_ = *rules;
    slots_.view = *plan_.AddSelector({.types = {"view"}});
    slots_.passive =
        *plan_.AddSelector({.types = {std::begin(kPassiveTypes), std::end(kPassiveTypes)}});
    slots_.page = *plan_.AddText("page_url");
    plan_.needs_client_order = true;
    plan_.takes_narrow_matches = true;
    plan_.takes_late_texts = !query_.rules.split_campaign;  // which looks at each row's page
    if (!query_.breakdown) return Status::Ok();
    const Result<std::size_t> breakdown = plan_.AddText(query_.breakdown->field);
    if (!breakdown.ok()) return breakdown.status();
    slots_.breakdown = *breakdown;
    return CheckLimit(query_.breakdown->limit.value_or(1), "breakdown.limit");
  }

  std::unique_ptr<AnalysisState> NewState(const ValueTable* values) const override {
    std::optional<Calendar> calendar;
    if (query_.interval && *query_.interval != Interval::kTotal) {
      calendar.emplace(*query_.interval, zone_);
    }
    return std::make_unique<SessionsState>(this, values, &rules_, slots_, std::move(calendar));
  }

  Result<AnswerBody> DoFinish(AnalysisState* state, const ScanEnd& end,
                              bool* exact) const override {
    auto* const sessions = dynamic_cast<SessionsState*>(state);
    if (sessions == nullptr || !sessions->IsOf(this)) {
      return InvalidArgument("the state is that of another analysis");
    }
    Result<SessionsAnswer> answer = sessions->Answer(query_, zone_, end, exact);
    if (!answer.ok()) return answer.status();
    return AnswerBody(std::move(*answer));
  }

 private:
  const SessionsQuery query_;
  absl::TimeZone zone_;
  Sessioniser rules_;
  Slots slots_;
};

}  // namespace

Result<std::unique_ptr<Analysis>> CreateSessions(const SessionsQuery& query) {
  auto sessions = std::make_unique<Sessions>(query);
  if (Status status = sessions->Prepare(); !status.ok()) return status;
  return std::unique_ptr<Analysis>(std::move(sessions));
}

}  // namespace v1
}  // namespace insightflow
