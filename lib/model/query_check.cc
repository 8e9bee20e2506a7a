#include "lib/model/query_check.h"

#include <array>
#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lib/base/limits.h"
#include "lib/base/suggest.h"
#include "lib/base/utf8.h"
#include "lib/model/field.h"
#include "lib/model/field_ref.h"
#include "lib/model/filter_check.h"
#include "lib/model/time_zone.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr Duration kDurationMax = std::chrono::days(36'500);
constexpr std::size_t kFunnelIdBytesMax = 64;
constexpr Timestamp kFirstTime = FromMillis(-62'167'219'200'000);  // the year 0000
constexpr Timestamp kLastTime = FromMillis(253'402'300'799'999);   // the end of 9999
constexpr std::array<FieldRef::Kind, 4> kNumericKinds = {
    FieldRef::Kind::kTimestamp, FieldRef::Kind::kPositionX, FieldRef::Kind::kPositionY,
    FieldRef::Kind::kClientSeq};

// What may be named, for messages: numbers only, or all.
std::string UnknownField(std::string_view name, bool numbers_only) {
  std::vector<std::string> names;
  if (!numbers_only) {
    names.push_back(FieldRefName({.kind = FieldRef::Kind::kEventId, .path = {}}));
    for (const FieldRule& rule : kFieldRules) names.emplace_back(rule.name);
  }
  for (const FieldRef::Kind kind : kNumericKinds)
    names.push_back(FieldRefName({.kind = kind, .path = {}}));
  names.emplace_back("extra_data.<path>");
  const std::vector<std::string_view> views(names.begin(), names.end());
  return numbers_only ? Quoted(name) + " is not numeric: " + Allowed(name, views)
                      : UnknownName(name, views);
}

std::string Numbered(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

std::string Below(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : std::string(path) + "." + std::string(name);
}

// Keeps the first complaint.
class Checker {
 public:
  // False when the rule is broken.
  bool Require(bool holds, std::string_view path, std::string_view rule) {
    if (!holds && status_.ok()) {
      status_ = InvalidArgument(std::string(path) + ": " + std::string(rule));
    }
    return holds;
  }

  void Range(std::size_t value, std::size_t least, std::size_t most, std::string_view path) {
    if (value >= least && value <= most) return;
    Require(false, path,
            std::to_string(value) + " must be from " + std::to_string(least) + " to " +
                std::to_string(most));
  }

  void Count(std::size_t count, std::size_t most, std::string_view path) {
    if (count > most) Require(false, path, "at most " + std::to_string(most) + " are allowed");
  }

  void Field(std::string_view name, std::string_view path) {
    if (ParseFieldRef(name).ok() && IsUtf8(name)) return;
    Require(false, path, UnknownField(name, false));
  }

  void Text(std::string_view text, std::size_t bytes_max, std::string_view path) {
    Require(text.size() <= bytes_max, path,
            "is longer than " + std::to_string(bytes_max) + " bytes");
    Require(IsUtf8(text), path, "is not UTF-8");
  }

  void DurationOf(Duration value, Duration least, std::string_view path) {
    if (least > Duration::zero()) Require(value >= least, path, "must be more than 0");
    Require(value >= Duration::zero(), path, "must not be negative");
    Require(value <= kDurationMax, path, "must be at most 36500d");
  }

  Status Take() { return std::move(status_); }

 private:
  Status status_;
};

void CheckFilter(const Filter& filter, const std::string& path, Checker* check) {
  check->Field(filter.field, Below(path, "field"));
  const std::optional<FilterMistake> mistake = FindFilterMistake(filter);
  if (mistake.has_value()) check->Require(false, Below(path, mistake->member), mistake->what);
}

void CheckFilters(const std::vector<Filter>& filters, std::string_view path, Checker* check) {
  check->Count(filters.size(), kQueryFiltersMax, path);
  for (std::size_t i = 0; i < filters.size(); ++i)
    CheckFilter(filters[i], Numbered(path, i), check);
}

// `types_path` differs from `path` + ".event" where a selector stands in its short form.
void CheckSelector(const EventSelector& selector, const std::string& path, Checker* check) {
  const std::string at = Below(path, "event");
  check->Count(selector.types.size(), kSelectorTypesMax, at);
  for (const std::string& type : selector.types) {
    check->Require(!type.empty(), at, "an event type must not be empty");
    check->Require(type != "*", at, "\"*\" means any type and stands alone");
    check->Text(type, kEventTypeBytesMax, at);
  }
  CheckFilters(selector.filters, Below(path, "filters"), check);
  check->Text(selector.name, kPageTitleBytesMax, Below(path, "name"));
}

void CheckScope(const QueryScope& scope, Checker* check) {
  for (const auto& [time, path] : {std::pair(scope.from, "from"), std::pair(scope.to, "to")}) {
    if (!time.has_value()) continue;
    check->Require(*time >= kFirstTime && *time <= kLastTime, path,
                   "must be in the years 0000 to 9999");
  }
  if (scope.from.has_value() && scope.to.has_value()) {
    check->Require(*scope.from < *scope.to, "from", "must be before to, which is exclusive");
  }
  const Result<absl::TimeZone> zone = LoadZone(scope.timezone);
  if (!zone.ok()) check->Require(false, "timezone", zone.status().message());
  CheckFilters(scope.filters, "filters", check);
  check->Range(scope.limit, 1, kQueryRowsMax, "limit");
}

void CheckBreakdownLimit(const std::optional<std::size_t>& limit, Checker* check) {
  if (limit.has_value()) check->Range(*limit, 1, kQueryRowsMax, "breakdown.limit");
}

void CheckBreakdown(const std::optional<Breakdown>& breakdown, Checker* check) {
  if (!breakdown.has_value()) return;
  check->Field(breakdown->field, "breakdown.field");
  CheckBreakdownLimit(breakdown->limit, check);
}

// Points are never cut, so a range that has too many is refused at once.
void CheckPoints(const QueryScope& scope, std::optional<Interval> interval, Checker* check) {
  if (!interval.has_value() || !scope.from.has_value() || !scope.to.has_value()) return;
  // The engine counts them exactly; days and months of odd lengths do not matter here.
  constexpr std::array<Duration, 6> kLengths = {std::chrono::minutes(1), std::chrono::hours(1),
                                                std::chrono::days(1),    std::chrono::days(7),
                                                std::chrono::days(30),   Duration::max()};
  const Duration length = kLengths[static_cast<std::size_t>(*interval)];
  const Duration range = *scope.to - *scope.from;
  const auto points = range / length + (range % length > Duration::zero() ? 1 : 0);
  check->Require(points <= Duration::rep{kQueryPointsMax}, "interval",
                 "gives " + std::to_string(points) +
                     " points, at most 10000: take a longer interval or a shorter range");
}

void CheckRules(const SessionRules& rules, Checker* check) {
  check->DurationOf(rules.timeout, Duration(1), "timeout");
  if (rules.max_duration.has_value()) {
    check->DurationOf(*rules.max_duration, Duration(1), "max_duration");
  }
}

bool NeedsProperty(Measure measure) { return measure >= Measure::kSum; }

void CheckKind(const TrendsQuery& query, Checker* check) {
  check->Require(!query.series.empty(), "series", "needs at least one");
  check->Count(query.series.size(), kTrendSeriesMax, "series");
  for (std::size_t i = 0; i < query.series.size(); ++i) {
    const TrendSeries& series = query.series[i];
    const std::string path = Numbered("series", i);
    CheckSelector(series.event, path, check);
    const std::string at = Below(path, "property");
    if (!NeedsProperty(series.measure)) {
      check->Require(series.property.empty(), at,
                     "goes with sum, avg, min, max, p50, p90 and p99 only");
    } else if (check->Require(!series.property.empty(), at,
                              "is required by sum, avg, min, max, p50, p90 and p99")) {
      const Result<FieldRef> field = ParseFieldRef(series.property);
      if (!field.ok() || !MayBeNumber(field->kind) || !IsUtf8(series.property)) {
        check->Require(false, at, UnknownField(series.property, true));
      }
    }
  }
  CheckBreakdown(query.breakdown, check);
  check->Require(!query.compare_previous || (query.scope.from && query.scope.to), "compare",
                 "needs from and to");
  CheckPoints(query.scope, query.interval, check);
}

void CheckKind(const TopQuery& query, Checker* check) {
  check->Field(query.field, "field");
  check->Require(query.measure == Measure::kCount || query.measure == Measure::kUsers, "measure",
                 "must be count or users");
  CheckSelector(query.events, "events", check);
}

void CheckKind(const SessionsQuery& query, Checker* check) {
  CheckRules(query.rules, check);
  CheckBreakdown(query.breakdown, check);
  check->Require(query.interval != Interval::kTotal, "interval",
                 "must be minute, hour, day, week or month; without one there are no points");
  CheckPoints(query.scope, query.interval, check);
}

void CheckExclusions(const FunnelQuery& query, Checker* check) {
  check->Count(query.exclusions.size(), kFunnelExclusionsMax, "exclusions");
  for (std::size_t i = 0; i < query.exclusions.size(); ++i) {
    const FunnelExclusion& exclusion = query.exclusions[i];
    const std::string path = Numbered("exclusions", i);
    CheckSelector(exclusion.event, path, check);
    check->Range(exclusion.after_step, 1, query.steps.size(), Below(path, "after_step"));
    check->Range(exclusion.before_step, 1, query.steps.size(), Below(path, "before_step"));
    check->Require(exclusion.after_step < exclusion.before_step, Below(path, "after_step"),
                   "must be less than before_step");
  }
}

void CheckFunnelParts(const FunnelQuery& query, Checker* check) {
  check->Count(query.hold_constant.size(), kHoldConstantMax, "hold_constant");
  for (std::size_t i = 0; i < query.hold_constant.size(); ++i) {
    check->Field(query.hold_constant[i], Numbered("hold_constant", i));
  }
  if (query.breakdown.has_value()) {
    check->Field(query.breakdown->field, "breakdown.field");
    CheckBreakdownLimit(query.breakdown->limit, check);
    if (query.breakdown->attribution == Attribution::kStep) {
      check->Range(query.breakdown->step, 1, query.steps.size(), "breakdown.step");
    }
  }
  if (query.users_at.has_value()) {
    check->Range(query.users_at->step, 1, query.steps.size(), "users_at.step");
    check->Range(query.users_at->limit, 1, kQueryRowsMax, "users_at.limit");
  }
}

void CheckCompat(const FunnelQuery& query, Checker* check) {
  const auto without = [check](bool absent, const std::string& path) {
    check->Require(absent, path, "does not go with compat: windowFunnel has no such thing");
  };
  without(query.order == FunnelOrder::kOrdered, "order");
  without(query.exclusions.empty(), "exclusions");
  without(query.hold_constant.empty(), "hold_constant");
  without(!query.breakdown.has_value(), "breakdown");
  for (std::size_t i = 0; i < query.steps.size(); ++i) {
    without(!query.steps[i].optional, Below(Numbered("steps", i), "optional"));
  }
}

void CheckKind(const FunnelQuery& query, Checker* check) {
  check->Require(!query.steps.empty() && query.steps.size() <= kFunnelStepsMax, "steps",
                 "must be 1 to 64 steps");
  for (std::size_t i = 0; i < query.steps.size(); ++i) {
    CheckSelector(query.steps[i].event, Numbered("steps", i), check);
  }
  if (query.window.has_value()) check->DurationOf(*query.window, Duration::zero(), "window");
  if (query.per == FunnelUnit::kSession) CheckRules(query.session_rules, check);
  CheckExclusions(query, check);
  CheckFunnelParts(query, check);
  if (query.clickhouse.has_value()) CheckCompat(query, check);
}

void CheckKind(const RetentionQuery& query, Checker* check) {
  CheckSelector(query.start, "start", check);
  CheckSelector(query.return_event, "return", check);
  check->Range(query.periods, 1, kRetentionPeriodsMax, "periods");
}

void CheckKind(const PathsQuery& query, Checker* check) {
  check->Require(query.by == "page_url" || query.by == "event_type", "by",
                 "must be page_url or event_type");
  constexpr std::array<const char*, 3> kAnchors = {"start", "end", "around"};
  CheckSelector(query.event, kAnchors[static_cast<std::size_t>(query.anchor)], check);
  check->Range(query.depth, 1, kPathsDepthMax, "depth");
  check->DurationOf(query.timeout, Duration(1), "timeout");
}

void CheckKind(const LifecycleQuery& query, Checker* check) {
  check->Require(query.interval != Interval::kMinute && query.interval != Interval::kTotal,
                 "interval", "must be hour, day, week or month");
  CheckSelector(query.event, "event", check);
  CheckPoints(query.scope, query.interval, check);
}

void CheckKind(const HeatmapQuery& query, Checker* check) {
  check->Require(!query.page_url.empty(), "page_url", "is required");
  check->Text(query.page_url, kPageUrlBytesMax, "page_url");
  check->Range(query.columns, 1, kHeatmapSideMax, "columns");
  check->Range(query.rows, 1, kHeatmapSideMax, "rows");
  CheckSelector(query.event, "event", check);
}

void CheckKind(const UsersQuery& query, Checker* check) {
  check->Text(query.search, kUserIdBytesMax, "search");
  check->Text(query.after, 1'024, "after");
}

}  // namespace

Status CheckQuery(const Query& query) {
  Checker check;
  std::visit(
      [&check](const auto& kind) {
        CheckKind(kind, &check);
        CheckScope(kind.scope, &check);
      },
      query);
  return check.Take();
}

Status CheckFilters(const std::vector<Filter>& filters) {
  Checker check;
  CheckFilters(filters, "filters", &check);
  return check.Take();
}

bool IsFunnelId(std::string_view id) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  return !id.empty() && id.size() <= kFunnelIdBytesMax &&
         id.find_first_not_of(kAllowed) == std::string_view::npos &&
         id.find_first_not_of('.') != std::string_view::npos;  // ".." is none in a URL
}

Status CheckFunnel(const FunnelDefinition& funnel) {
  Checker check;
  check.Require(IsFunnelId(funnel.id), "id",
                "must be 1 to 64 of A-Z, a-z, 0-9, _, . and -, and not dots alone");
  check.Require(!funnel.name.empty(), "name", "must not be empty");
  check.Text(funnel.name, kFunnelNameBytesMax, "name");
  const QueryScope& scope = funnel.query.scope;
  for (const auto& [time, path] : {std::pair(scope.from, "from"), std::pair(scope.to, "to")}) {
    check.Require(!time.has_value(), path, "is of a question, not of a definition");
  }
  Status status = check.Take();
  return status.ok() ? CheckQuery(funnel.query) : status;
}

}  // namespace v1
}  // namespace insightflow
