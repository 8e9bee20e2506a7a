// Random queries that keep the rules, for tests: every kind, every member, now and then its
// default.
#pragma once

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "insightflow/query.h"

namespace insightflow::testing {

class RandomQuery {
 public:
  explicit RandomQuery(std::uint64_t seed) : random_(seed) {}

  Query Make() {
    switch (Below(9)) {
      case 0: return Trends();
      case 1: return Top();
      case 2: return Sessions();
      case 3: return Funnel();
      case 4: return Retention();
      case 5: return Paths();
      case 6: return Lifecycle();
      case 7: return Heatmap();
      default: return Users();
    }
  }

 private:
  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }
  std::size_t From(std::size_t least, std::size_t most) { return least + Below(most - least + 1); }
  bool Often() { return Below(2) == 0; }
  bool Seldom() { return Below(5) == 0; }

  template <typename Enum>
  Enum One(std::size_t count) {
    return static_cast<Enum>(Below(count));
  }
  template <typename T>
  std::optional<T> Maybe(T value) {
    return Often() ? std::optional<T>(std::move(value)) : std::nullopt;
  }

  // Up to ten characters, of every kind that a JSON text treats in its own way.
  std::string Text() {
    static constexpr std::array<const char*, 12> kPieces = {
        "a", "Z", "0", "\"", "\\", "/", "\n", "\x01", "\x7f", "é", "漢", "\xf0\x9f\x98\x80"};
    std::string text;
    for (std::size_t left = Below(11); left > 0; --left) text += kPieces[Below(kPieces.size())];
    return text;
  }
  std::string Type() { return "t" + Text(); }
  std::string Field() {
    static constexpr std::array<const char*, 6> kFields = {
        "user_id", "page_url", "position_x", "seq", "extra_data.a", "extra_data.plan.tier"};
    return Often() ? kFields[Below(kFields.size())] : "extra_data.x" + Text();
  }

  FilterValue Whole() { return static_cast<std::int64_t>(Often() ? random_() : Below(100)); }
  FilterValue Value() {
    switch (Below(4)) {
      case 0: return Text();
      case 1: return Whole();
      case 2: return Real();
      default: return Often();
    }
  }
  double Real() {
    if (Often()) return static_cast<double>(Below(1'000));
    return std::ldexp(static_cast<double>(random_()) - 0x1p63,
                      static_cast<int>(From(0, 400)) - 264);
  }

  // Fields of the event compare with values that they can have, properties with any.
  Filter OneFilter() {
    Filter filter{.field = Field(), .op = One<FilterOp>(12)};
    const bool property = filter.field.starts_with("extra_data.");
    const bool number = filter.field == "seq" || filter.field == "position_x";
    const auto value = [&] { return property ? Value() : number ? Whole() : Text(); };
    switch (filter.op) {
      case FilterOp::kIn:
      case FilterOp::kNotIn:
        for (std::size_t left = 1 + Below(3); left > 0; --left) filter.values.push_back(value());
        break;
      case FilterOp::kExists:
        if (Often()) filter.values.push_back(Often());
        break;
      case FilterOp::kContains:
      case FilterOp::kStartsWith:
      case FilterOp::kGlob:
        if (number) filter.op = FilterOp::kEq;
        filter.values.push_back(number ? Whole() : Text());
        break;
      case FilterOp::kEq:
      case FilterOp::kNe: filter.values.push_back(value()); break;
      default:
        if (number || (property && Often())) {
          filter.values.push_back(Real());
        } else {
          filter.values.push_back(Text());
        }
    }
    return filter;
  }
  std::vector<Filter> Filters() {
    std::vector<Filter> filters;
    for (std::size_t left = Often() ? 0 : Below(3); left > 0; --left)
      filters.push_back(OneFilter());
    return filters;
  }
  EventSelector Selector() {
    EventSelector selector;
    for (std::size_t left = Below(4); left > 0; --left) selector.types.push_back(Type());
    selector.filters = Filters();
    if (Seldom()) selector.name = Text();
    return selector;
  }

  Timestamp Time() { return FromMillis(static_cast<std::int64_t>(Below(4'000'000'000'000))); }
  // A whole number of one unit or of another.
  Duration Span() {
    static constexpr std::array<std::int64_t, 5> kUnits = {1, 1'000, 60'000, 3'600'000, 86'400'000};
    return Duration(static_cast<std::int64_t>(From(1, 400)) * kUnits[Below(kUnits.size())]);
  }

  QueryScope Scope() {
    static constexpr std::array<const char*, 5> kZones = {"UTC", "UTC", "Europe/Berlin", "+03:30",
                                                          "-05:00"};
    QueryScope scope;
    scope.from = Maybe(Time());
    if (Often()) {
      scope.to = scope.from.value_or(FromMillis(0)) +
                 Duration(static_cast<std::int64_t>(From(1, 600'000'000)));
    }
    scope.timezone = kZones[Below(kZones.size())];
    scope.filters = Filters();
    if (Often()) scope.limit = From(1, 10'000);
    return scope;
  }
  std::optional<Breakdown> Split() {
    return Maybe(Breakdown{.field = Field(), .limit = Maybe(From(1, 10'000))});
  }
  SessionRules Rules() {
    SessionRules rules;
    if (Often()) rules.timeout = Span();
    if (Often()) rules.max_duration = Maybe(Span());
    rules.split_midnight = Seldom();
    rules.split_campaign = Seldom();
    rules.split_session_id = Seldom();
    return rules;
  }

  TrendsQuery Trends() {
    TrendsQuery query{.scope = Scope()};
    for (std::size_t left = From(1, 3); left > 0; --left) {
      TrendSeries& series = query.series.emplace_back();
      series = {.event = Selector(), .measure = One<Measure>(10)};
      if (series.measure >= Measure::kSum) series.property = Often() ? "seq" : "extra_data.amount";
    }
    query.interval = One<Interval>(6);
    query.breakdown = Split();
    query.compare_previous = query.scope.from && query.scope.to && Often();
    return query;
  }
  TopQuery Top() {
    return {.scope = Scope(), .field = Field(), .measure = One<Measure>(2), .events = Selector()};
  }
  SessionsQuery Sessions() {
    return {.scope = Scope(),
            .rules = Rules(),
            .interval = Maybe(One<Interval>(5)),
            .breakdown = Split()};
  }

  FunnelQuery Funnel() {
    FunnelQuery query{.scope = Scope(), .window = Maybe(Span()), .per = One<FunnelUnit>(2)};
    const bool compat = Seldom();
    for (std::size_t left = From(1, 6); left > 0; --left) {
      query.steps.push_back({.event = Selector(), .optional = !compat && Seldom()});
    }
    const std::size_t steps = query.steps.size();
    if (query.per == FunnelUnit::kSession) query.session_rules = Rules();
    if (!compat && Often()) {
      query.breakdown = FunnelBreakdown{.field = Field(), .limit = Maybe(From(1, 10'000))};
      query.breakdown->attribution = One<Attribution>(3);
      if (query.breakdown->attribution == Attribution::kStep)
        query.breakdown->step = From(1, steps);
    }
    if (Often()) {
      query.users_at = {.step = From(1, steps), .outcome = One<FunnelOutcome>(3)};
      if (Often()) query.users_at->limit = From(1, 10'000);
    }
    if (compat) {
      query.clickhouse = ClickHouseModes{Often(), Often(), Often(), Often(), Often()};
      return query;
    }
    query.order = One<FunnelOrder>(4);
    if (steps > 1 && Often()) {
      const std::size_t after = From(1, steps - 1);
      query.exclusions.push_back({Selector(), after, From(after + 1, steps)});
    }
    for (std::size_t left = Below(3); left > 0; --left) query.hold_constant.push_back(Field());
    return query;
  }

  RetentionQuery Retention() {
    return {.scope = Scope(),
            .start = Selector(),
            .return_event = Selector(),
            .period = One<RetentionPeriod>(4),
            .periods = From(1, 400),
            .cohort = One<RetentionCohort>(2),
            .return_on = One<RetentionReturn>(2),
            .bucket = One<RetentionBucket>(2)};
  }
  PathsQuery Paths() {
    return {.scope = Scope(),
            .by = Often() ? "page_url" : "event_type",
            .anchor = One<PathsAnchor>(3),
            .event = Selector(),
            .depth = From(1, 20),
            .fold_repeats = Often(),
            .timeout = Span()};
  }
  LifecycleQuery Lifecycle() {
    return {.scope = Scope(), .interval = static_cast<Interval>(From(1, 4)), .event = Selector()};
  }
  HeatmapQuery Heatmap() {
    HeatmapQuery query{.scope = Scope(), .page_url = "/" + Text()};
    if (Often()) query.columns = From(1, 500);
    if (Often()) query.rows = From(1, 500);
    if (Often()) query.event = Selector();
    return query;
  }
  UsersQuery Users() {
    return {.scope = Scope(), .search = Text(), .sort = One<UsersSort>(2), .after = Text()};
  }

  std::mt19937_64 random_;
};

}  // namespace insightflow::testing
