// WriteQuery and WriteFunnel: one text for one query, with every member that has its default left
// out.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "insightflow/wire.h"
#include "lib/wire/json_writer.h"
#include "lib/wire/names.h"

namespace insightflow {
inline namespace v1 {
namespace {

// A number keeps its type: a double without a fraction is written with one.
void WriteValue(const FilterValue& value, JsonWriter* json) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    json->Text(*text);
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    json->Integer(*whole);
  } else if (const auto* truth = std::get_if<bool>(&value)) {
    json->Bool(*truth);
  } else {
    std::string number = RealText(std::get<double>(value));
    if (number.find_first_of(".e") == std::string::npos) number += ".0";
    json->Raw(number);
  }
}

void WriteFilters(const std::vector<Filter>& filters, JsonWriter* json) {
  if (filters.empty()) return;
  json->Key("filters").BeginArray();
  for (const Filter& filter : filters) {
    json->BeginObject().Key("field").Text(filter.field);
    json->Key("op").Text(NameOf(filter.op, kFilterOpNames));
    if (filter.op == FilterOp::kIn || filter.op == FilterOp::kNotIn) {
      json->Key("value").BeginArray();
      for (const FilterValue& value : filter.values) WriteValue(value, json);
      json->EndArray();
    } else if (!filter.values.empty()) {
      json->Key("value");
      WriteValue(filter.values.front(), json);
    }
    json->EndObject();
  }
  json->EndArray();
}

void WriteTypes(const std::vector<std::string>& types, JsonWriter* json) {
  if (types.empty()) {
    json->Text("*");
  } else if (types.size() == 1) {
    json->Text(types.front());
  } else {
    json->BeginArray();
    for (const std::string& type : types) json->Text(type);
    json->EndArray();
  }
}

void WriteSelectorFields(const EventSelector& selector, JsonWriter* json) {
  json->Key("event");
  WriteTypes(selector.types, json);
  WriteFilters(selector.filters, json);
  if (!selector.name.empty()) json->Key("name").Text(selector.name);
}

void WriteSelector(std::string_view key, const EventSelector& selector, JsonWriter* json) {
  json->Key(key);
  if (selector.filters.empty() && selector.name.empty()) return WriteTypes(selector.types, json);
  json->BeginObject();
  WriteSelectorFields(selector, json);
  json->EndObject();
}

// Members that are left out when they equal `usual`, which is what an absent field means.
class Members {
 public:
  explicit Members(JsonWriter* json) : json_(json) {}

  void Text(std::string_view key, const std::string& value, std::string_view usual = "") {
    if (value != usual) json_->Key(key).Text(value);
  }
  void Bool(std::string_view key, bool value, bool usual) {
    if (value != usual) json_->Key(key).Bool(value);
  }
  void Count(std::string_view key, std::size_t value, std::size_t usual) {
    if (value != usual) json_->Key(key).Count(value);
  }
  void Count(std::string_view key, const std::optional<std::size_t>& value) {
    if (value.has_value()) json_->Key(key).Count(*value);
  }
  template <typename Enum, std::size_t kCount>
  void Name(std::string_view key, Enum value, Enum usual,
            const std::array<std::string_view, kCount>& names) {
    if (value != usual) json_->Key(key).Text(NameOf(value, names));
  }
  void Time(std::string_view key, const std::optional<Timestamp>& value) {
    if (value.has_value()) json_->Key(key).Integer(ToMillis(*value));
  }
  void Selector(std::string_view key, const EventSelector& value, const EventSelector& usual) {
    if (value != usual) WriteSelector(key, value, json_);
  }
  void Span(std::string_view key, Duration value) {
    json_->Key(key);
    for (const auto& [unit, ms] : kUnits) {
      if (value.count() % ms == 0) {
        json_->Text(std::to_string(value.count() / ms) + std::string(unit));
        return;
      }
    }
  }
  template <typename Struct, std::size_t kCount>
  void Flags(std::string_view key, const Struct& flags,
             const std::array<std::string_view, kCount>& names,
             const std::array<bool Struct::*, kCount>& members) {
    bool any = false;
    for (const auto member : members) any = any || flags.*member;
    if (!any) return;
    json_->Key(key).BeginArray();
    for (std::size_t i = 0; i < kCount; ++i) {
      if (flags.*members[i]) json_->Text(names[i]);
    }
    json_->EndArray();
  }

 private:
  static constexpr std::array<std::pair<std::string_view, Duration::rep>, 5> kUnits = {
      {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
  JsonWriter* json_;
};

void WriteScope(const QueryScope& scope, JsonWriter* json) {
  const QueryScope usual;
  Members members(json);
  members.Time("from", scope.from);
  members.Time("to", scope.to);
  members.Text("timezone", scope.timezone, usual.timezone);
  WriteFilters(scope.filters, json);
  members.Count("limit", scope.limit, usual.limit);
}

void WriteBreakdown(const std::optional<Breakdown>& breakdown, JsonWriter* json) {
  if (!breakdown.has_value()) return;
  json->Key("breakdown").BeginObject().Key("field").Text(breakdown->field);
  Members(json).Count("limit", breakdown->limit);
  json->EndObject();
}

void WriteRules(const SessionRules& rules, JsonWriter* json) {
  const SessionRules usual;
  Members members(json);
  if (rules.timeout != usual.timeout) members.Span("timeout", rules.timeout);
  if (!rules.max_duration.has_value()) {
    json->Key("max_duration").Null();
  } else if (rules.max_duration != usual.max_duration) {
    members.Span("max_duration", *rules.max_duration);
  }
  members.Flags("split", rules, kSplitNames, kSplitMembers);
}

void WriteKind(const TrendsQuery& query, JsonWriter* json) {
  const TrendSeries usual;
  Members members(json);
  json->Key("series").BeginArray();
  for (const TrendSeries& series : query.series) {
    json->BeginObject();
    WriteSelectorFields(series.event, json);
    members.Name("measure", series.measure, usual.measure, kMeasureNames);
    members.Text("property", series.property);
    json->EndObject();
  }
  json->EndArray();
  members.Name("interval", query.interval, TrendsQuery().interval, kIntervalNames);
  WriteBreakdown(query.breakdown, json);
  if (query.compare_previous) json->Key("compare").Text("previous");
}

void WriteKind(const TopQuery& query, JsonWriter* json) {
  const TopQuery usual;
  Members members(json);
  members.Text("field", query.field, usual.field);
  members.Name("measure", query.measure, usual.measure, kMeasureNames);
  members.Selector("events", query.events, usual.events);
}

void WriteKind(const SessionsQuery& query, JsonWriter* json) {
  WriteRules(query.rules, json);
  if (query.interval.has_value()) {
    json->Key("interval").Text(NameOf(*query.interval, kIntervalNames));
  }
  WriteBreakdown(query.breakdown, json);
}

void WriteExclusions(const std::vector<FunnelExclusion>& exclusions, JsonWriter* json) {
  if (exclusions.empty()) return;
  json->Key("exclusions").BeginArray();
  for (const FunnelExclusion& exclusion : exclusions) {
    json->BeginObject();
    WriteSelectorFields(exclusion.event, json);
    json->Key("after_step").Count(exclusion.after_step);
    json->Key("before_step").Count(exclusion.before_step).EndObject();
  }
  json->EndArray();
}

void WriteFunnelParts(const FunnelQuery& query, JsonWriter* json) {
  Members members(json);
  if (!query.hold_constant.empty()) {
    json->Key("hold_constant").BeginArray();
    for (const std::string& field : query.hold_constant) json->Text(field);
    json->EndArray();
  }
  if (const auto& breakdown = query.breakdown) {
    json->Key("breakdown").BeginObject().Key("field").Text(breakdown->field);
    members.Name("attribution", breakdown->attribution, FunnelBreakdown().attribution,
                 kAttributionNames);
    if (breakdown->attribution == Attribution::kStep) json->Key("step").Count(breakdown->step);
    members.Count("limit", breakdown->limit);
    json->EndObject();
  }
  if (const auto& users_at = query.users_at) {
    const FunnelUsersAt usual;
    json->Key("users_at").BeginObject().Key("step").Count(users_at->step);
    members.Name("outcome", users_at->outcome, usual.outcome, kFunnelOutcomeNames);
    members.Count("limit", users_at->limit, usual.limit);
    json->EndObject();
  }
}

void WriteKind(const FunnelQuery& query, JsonWriter* json) {
  const FunnelQuery usual;
  Members members(json);
  json->Key("steps").BeginArray();
  for (const FunnelStep& step : query.steps) {
    json->BeginObject();
    WriteSelectorFields(step.event, json);
    members.Bool("optional", step.optional, false);
    json->EndObject();
  }
  json->EndArray();
  if (query.window.has_value()) members.Span("window", *query.window);
  if (query.clickhouse.has_value()) {
    json->Key("compat").Text("clickhouse");
    members.Flags("compat_modes", *query.clickhouse, kCompatModeNames, kCompatModeMembers);
  } else {
    members.Name("order", query.order, usual.order, kFunnelOrderNames);
  }
  members.Name("per", query.per, usual.per, kFunnelUnitNames);
  if (query.per == FunnelUnit::kSession) WriteRules(query.session_rules, json);
  WriteExclusions(query.exclusions, json);
  WriteFunnelParts(query, json);
}

void WriteKind(const RetentionQuery& query, JsonWriter* json) {
  const RetentionQuery usual;
  Members members(json);
  members.Selector("start", query.start, usual.start);
  members.Selector("return", query.return_event, usual.return_event);
  members.Name("period", query.period, usual.period, kRetentionPeriodNames);
  members.Count("periods", query.periods, usual.periods);
  members.Name("cohort", query.cohort, usual.cohort, kRetentionCohortNames);
  members.Name("return_on", query.return_on, usual.return_on, kRetentionReturnNames);
  members.Name("bucket", query.bucket, usual.bucket, kRetentionBucketNames);
}

void WriteKind(const PathsQuery& query, JsonWriter* json) {
  const PathsQuery usual;
  Members members(json);
  members.Text("by", query.by, usual.by);
  WriteSelector(NameOf(query.anchor, kPathsAnchorNames), query.event, json);
  members.Count("depth", query.depth, usual.depth);
  members.Bool("fold_repeats", query.fold_repeats, usual.fold_repeats);
  if (query.timeout != usual.timeout) members.Span("timeout", query.timeout);
}

void WriteKind(const LifecycleQuery& query, JsonWriter* json) {
  const LifecycleQuery usual;
  Members members(json);
  members.Name("interval", query.interval, usual.interval, kIntervalNames);
  members.Selector("event", query.event, usual.event);
}

void WriteKind(const HeatmapQuery& query, JsonWriter* json) {
  const HeatmapQuery usual;
  Members members(json);
  json->Key("page_url").Text(query.page_url);
  members.Count("columns", query.columns, usual.columns);
  members.Count("rows", query.rows, usual.rows);
  members.Selector("event", query.event, usual.event);
}

void WriteKind(const UsersQuery& query, JsonWriter* json) {
  const UsersQuery usual;
  Members members(json);
  members.Text("search", query.search);
  members.Name("sort", query.sort, usual.sort, kUsersSortNames);
  members.Text("after", query.after);
}

}  // namespace

std::string WriteQuery(const Query& query) {
  JsonWriter json;
  json.BeginObject().Key("kind").Text(kKindNames[query.index()]);
  std::visit(
      [&json](const auto& kind) {
        WriteKind(kind, &json);
        WriteScope(kind.scope, &json);
      },
      query);
  json.EndObject();
  return json.Take();
}

std::string WriteFunnel(const FunnelDefinition& funnel) {
  JsonWriter json;
  json.BeginObject().Key("id").Text(funnel.id).Key("name").Text(funnel.name);
  json.Key("active").Bool(funnel.active);
  WriteKind(funnel.query, &json);
  WriteScope(funnel.query.scope, &json);
  json.EndObject();
  return json.Take();
}

}  // namespace v1
}  // namespace insightflow
