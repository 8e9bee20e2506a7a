// WriteAnswer: each kind's members in the order of docs/queries.md.
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "insightflow/wire.h"
#include "lib/wire/json_writer.h"
#include "lib/wire/names.h"
#include "lib/wire/zone_time.h"

namespace insightflow {
inline namespace v1 {
namespace {

// What the writers of the kinds share.
struct Out {
  JsonWriter json;
  ZoneTime zone;

  void OptionalReal(const std::optional<double>& value) {
    value.has_value() ? json.Real(*value) : json.Null();
  }
  void OptionalText(const std::optional<std::string>& value) {
    value.has_value() ? json.Text(*value) : json.Null();
  }
  // An empty text means absent.
  void TextOrNull(const std::string& value) { value.empty() ? json.Null() : json.Text(value); }
  JsonWriter& Time(const char* key, Timestamp time) { return json.Key(key).Text(zone.Iso(time)); }
};

void WriteMoments(const DurationStats& stats, Out* out) {
  out->json.Key("mean_ms").Real(stats.mean_ms).Key("median_ms").Real(stats.median_ms);
  out->json.Key("p90_ms").Real(stats.p90_ms);
}

void WriteDurations(const std::optional<DurationStats>& stats, Out* out) {
  if (!stats.has_value()) {
    out->json.Null();
    return;
  }
  out->json.BeginObject().Key("count").Count(stats->count);
  WriteMoments(*stats, out);
  out->json.EndObject();
}

void WriteRows(const std::vector<TopRow>& rows, const char* value, const char* count, Out* out) {
  out->json.BeginArray();
  for (const TopRow& row : rows) {
    out->json.BeginObject().Key(value).Text(row.value).Key(count).Count(row.count);
    if (row.count_error_max > 0) out->json.Key("count_error_max").Count(row.count_error_max);
    out->json.EndObject();
  }
  out->json.EndArray();
}

void WriteLine(const TrendLine& line, Out* out) {
  out->json.Key("total");
  out->OptionalReal(line.total);
  out->json.Key("points").BeginArray();
  for (const TrendPoint& point : line.points) {
    out->json.BeginObject();
    out->Time("time", point.time).Key("value");
    out->OptionalReal(point.value);
    out->json.EndObject();
  }
  out->json.EndArray();
}

void WriteKind(const TrendsQuery&, const TrendsAnswer& answer, Out* out) {
  out->json.Key("series").BeginArray();
  for (const TrendSeriesAnswer& series : answer.series) {
    out->json.BeginObject().Key("name").Text(series.name);
    if (series.has_breakdown) {
      out->json.Key("breakdown");
      out->OptionalText(series.breakdown);
    }
    WriteLine(series.line, out);
    if (series.previous.has_value()) {
      out->json.Key("previous").BeginObject();
      WriteLine(*series.previous, out);
      out->json.EndObject();
    }
    out->json.EndObject();
  }
  out->json.EndArray();
}

void WriteKind(const TopQuery&, const TopAnswer& answer, Out* out) {
  out->json.Key("rows");
  WriteRows(answer.rows, "value", "count", out);
  out->json.Key("other").BeginObject().Key("values").Count(answer.other_values);
  out->json.Key("count").Count(answer.other_count).EndObject();
}

void WriteStats(const SessionStats& stats, Out* out) {
  out->json.Key("sessions").Count(stats.sessions).Key("users").Count(stats.users);
  out->json.Key("bounces").Count(stats.bounces).Key("bounce_rate").Real(stats.bounce_rate);
  out->json.Key("events_per_session").Real(stats.events_per_session).Key("duration");
  out->json.BeginObject();
  WriteMoments(stats.duration, out);
  out->json.EndObject();
}

void WriteKind(const SessionsQuery& query, const SessionsAnswer& answer, Out* out) {
  WriteStats(answer.stats, out);
  if (query.interval.has_value()) {
    out->json.Key("points").BeginArray();
    for (const SessionPoint& point : answer.points) {
      out->json.BeginObject();
      out->Time("time", point.time).Key("sessions").Count(point.sessions);
      out->json.Key("users").Count(point.users).Key("bounces").Count(point.bounces).EndObject();
    }
    out->json.EndArray();
  }
  if (query.breakdown.has_value()) {
    out->json.Key("breakdown").BeginArray();
    for (const auto& [value, stats] : answer.breakdown) {
      out->json.BeginObject().Key("value");
      out->OptionalText(value);
      WriteStats(stats, out);
      out->json.EndObject();
    }
    out->json.EndArray();
  }
  out->json.Key("entry_pages");
  WriteRows(answer.entry_pages, "value", "count", out);
  out->json.Key("exit_pages");
  WriteRows(answer.exit_pages, "value", "count", out);
  if (answer.split_causes.size() != kSplitCauseCount) return;
  out->json.Key("split_causes").BeginObject();
  for (std::size_t i = 0; i < kSplitCauseCount; ++i) {
    out->json.Key(kSplitCauseNames[i]).Count(answer.split_causes[i]);
  }
  out->json.EndObject();
}

void WriteCounts(const FunnelCounts& counts, Out* out) {
  out->json.Key("total_users").Count(counts.total_users);
  out->json.Key("conversion_rate").Real(counts.conversion_rate);
  out->json.Key("pending_users").Count(counts.pending_users).Key("steps").BeginArray();
  std::size_t number = 0;
  for (const FunnelStepAnswer& step : counts.steps) {
    out->json.BeginObject().Key("step").Count(++number).Key("name").Text(step.name);
    out->json.Key("users").Count(step.users);
    out->json.Key("conversion_rate").Real(step.conversion_rate);
    out->json.Key("step_conversion_rate").Real(step.step_conversion_rate);
    out->json.Key("drop_off").Count(step.drop_off).Key("pending").Count(step.pending);
    out->json.Key("time_from_previous");
    WriteDurations(step.time_from_previous, out);
    out->json.EndObject();
  }
  out->json.EndArray();
}

void WriteKind(const FunnelQuery& query, const FunnelAnswer& answer, Out* out) {
  WriteCounts(answer.counts, out);
  out->json.Key("time_to_convert");
  WriteDurations(answer.time_to_convert, out);
  if (query.breakdown.has_value()) {
    out->json.Key("breakdown").BeginArray();
    for (const auto& [value, counts] : answer.breakdown) {
      out->json.BeginObject().Key("value");
      out->OptionalText(value);
      WriteCounts(counts, out);
      out->json.EndObject();
    }
    out->json.EndArray();
  }
  if (!query.users_at.has_value()) return;
  out->json.Key("users").BeginArray();
  for (const FunnelUser& user : answer.users) {
    out->json.BeginObject().Key("user_id").Text(user.user_id).Key("step").Count(user.step);
    out->Time("time", user.time).EndObject();
  }
  out->json.EndArray();
}

void WriteCountList(const char* key, const std::vector<std::uint64_t>& counts, Out* out) {
  out->json.Key(key).BeginArray();
  for (const std::uint64_t count : counts) out->json.Count(count);
  out->json.EndArray();
}

void WriteKind(const RetentionQuery&, const RetentionAnswer& answer, Out* out) {
  out->json.Key("cohorts").BeginArray();
  for (const RetentionCohortAnswer& cohort : answer.cohorts) {
    out->json.BeginObject();
    out->Time("time", cohort.time).Key("size").Count(cohort.size).Key("returned").BeginArray();
    for (const auto& count : cohort.returned) {
      count.has_value() ? out->json.Count(*count) : out->json.Null();
    }
    out->json.EndArray().EndObject();
  }
  out->json.EndArray().Key("totals").BeginObject();
  WriteCountList("size", answer.totals.size, out);
  WriteCountList("returned", answer.totals.returned, out);
  out->json.Key("rate").BeginArray();
  for (const auto& rate : answer.totals.rate) out->OptionalReal(rate);
  out->json.EndArray().EndObject().Key("incomplete").BeginArray();
  for (const auto& [time, period] : answer.incomplete) {
    out->json.BeginObject();
    out->Time("time", time).Key("period").Count(period).EndObject();
  }
  out->json.EndArray();
}

void WriteKind(const PathsQuery&, const PathsAnswer& answer, Out* out) {
  out->json.Key("nodes").BeginArray();
  for (const PathNode& node : answer.nodes) {
    out->json.BeginObject().Key("depth").Integer(node.depth).Key("value").Text(node.value);
    out->json.Key("users").Count(node.users).Key("events").Count(node.events).EndObject();
  }
  out->json.EndArray().Key("links").BeginArray();
  for (const PathLink& link : answer.links) {
    out->json.BeginObject().Key("depth").Integer(link.depth).Key("from").Text(link.from);
    out->json.Key("to").Text(link.to).Key("users").Count(link.users);
    out->json.Key("transitions").Count(link.transitions).EndObject();
  }
  out->json.EndArray();
}

void WriteKind(const LifecycleQuery&, const LifecycleAnswer& answer, Out* out) {
  out->json.Key("periods").BeginArray();
  for (const LifecyclePeriod& period : answer.periods) {
    out->json.BeginObject();
    out->Time("time", period.time).Key("new").Count(period.new_users);
    out->json.Key("returning").Count(period.returning);
    out->json.Key("resurrecting").Count(period.resurrecting);
    out->json.Key("dormant").Count(period.dormant).EndObject();
  }
  out->json.EndArray().Key("stickiness").BeginArray();
  for (const Stickiness& row : answer.stickiness) {
    out->json.BeginObject().Key("periods_active").Count(row.periods_active);
    out->json.Key("users").Count(row.users).EndObject();
  }
  out->json.EndArray();
}

void WriteKind(const HeatmapQuery&, const HeatmapAnswer& answer, Out* out) {
  out->json.Key("cells").BeginArray();
  for (const HeatmapCell& cell : answer.cells) {
    out->json.BeginObject().Key("column").Count(cell.column).Key("row").Count(cell.row);
    out->json.Key("clicks").Count(cell.clicks).EndObject();
  }
  out->json.EndArray().Key("clicks").Count(answer.clicks);
  out->json.Key("width").Integer(answer.width).Key("height").Integer(answer.height);
  out->json.Key("elements");
  WriteRows(answer.elements, "element", "clicks", out);
}

void WriteKind(const UsersQuery&, const UsersAnswer& answer, Out* out) {
  out->json.Key("users").BeginArray();
  for (const UserRow& user : answer.users) {
    out->json.BeginObject().Key("user_id").Text(user.user_id);
    out->Time("first_visit", user.first_visit);
    out->Time("last_visit", user.last_visit).Key("events").Count(user.events);
    out->json.Key("sessions").Count(user.sessions).Key("device");
    out->TextOrNull(user.device);
    out->json.Key("browser");
    out->TextOrNull(user.browser);
    out->json.Key("active").Bool(user.active).EndObject();
  }
  out->json.EndArray().Key("next");
  out->TextOrNull(answer.next);
}

void WriteMeta(const AnswerMeta& meta, JsonWriter* json) {
  json->Key("meta").BeginObject().Key("query_ms").Real(meta.query_ms);
  json->Key("events_scanned").Count(meta.events_scanned).Key("exact").Bool(meta.exact);
  json->Key("source").Text(meta.source).Key("as_of_sequence").Count(meta.as_of_sequence);
  json->Key("incomplete").BeginArray();
  for (const std::string& part : meta.incomplete) json->Text(part);
  json->EndArray().EndObject();
}

}  // namespace

std::string WriteAnswer(const Query& query, const Answer& answer) {
  return std::visit(
      [&](const auto& kind) {
        Out out{{}, ZoneTime(kind.scope.timezone)};
        out.json.BeginObject().Key("kind").Text(kKindNames[query.index()]);
        std::visit(
            [&](const auto& body) {
              if constexpr (requires { WriteKind(kind, body, &out); }) WriteKind(kind, body, &out);
            },
            answer.body);
        WriteMeta(answer.meta, &out.json);
        out.json.EndObject();
        return out.json.Take();
      },
      query);
}

}  // namespace v1
}  // namespace insightflow
