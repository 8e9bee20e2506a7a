// WriteTable: for each kind the tables that a person wants to see.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "insightflow/wire.h"
#include "lib/wire/names.h"
#include "lib/wire/text_table.h"
#include "lib/wire/zone_time.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr auto kRight = TextTable::kRight;
constexpr const char* kAbsent = "-";
constexpr std::size_t kNameWidthMax = 60;

// Thousands apart: 1,234,567.
std::string Count(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string Fixed(double value, int digits) {
  if (!std::isfinite(value)) return kAbsent;
  std::array<char, 400> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, digits)
          .ptr;
  return {text.data(), end};
}

std::string Percent(double value) { return Fixed(value, 1) + "%"; }

std::string Number(const std::optional<double>& value) {
  if (!value.has_value()) return kAbsent;
  const bool whole = std::abs(*value) < 1e15 && std::floor(*value) == *value;
  if (!whole) return Fixed(*value, 2);
  return (*value < 0 ? "-" : "") + Count(static_cast<std::uint64_t>(std::abs(*value)));
}

// In the largest unit that leaves it at least one.
std::string Span(double ms) {
  constexpr std::array<std::pair<const char*, double>, 4> kUnits = {
      {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}}};
  for (const auto& [unit, length] : kUnits) {
    if (ms >= length) return Fixed(ms / length, 1) + unit;
  }
  return Fixed(ms, 0) + "ms";
}

std::string Value(const BreakdownValue& value) { return value.value_or("(none)"); }

// What the writers of the kinds share.
struct Page {
  std::string text;
  ZoneTime zone;

  void Add(const TextTable& table, std::string_view title = "") {
    if (!text.empty()) text += '\n';
    if (!title.empty()) text.append(title).append("\n");
    table.Write(&text);
  }

  template <typename Rows, typename TimeOf>
  ZoneTime::Parts PartsOf(const Rows& rows, TimeOf time_of) const {
    ZoneTime::Parts parts = ZoneTime::Parts::kDate;
    for (const auto& row : rows) parts = std::max(parts, zone.PartsOf(time_of(row)));
    return parts;
  }
  template <typename Rows>
  ZoneTime::Parts PartsOf(const Rows& rows) const {
    return PartsOf(rows, [](const auto& row) { return row.time; });
  }
};

std::string SeriesName(const TrendSeriesAnswer& series) {
  return series.has_breakdown ? series.name + " / " + Value(series.breakdown) : series.name;
}

void WriteKind(const TrendsQuery& query, const TrendsAnswer& answer, Page* page) {
  std::vector<TextTable::Column> columns = {{"series"}, {"total", kRight}};
  if (query.compare_previous) columns.push_back({"before", kRight});
  TextTable totals(std::move(columns));
  for (const TrendSeriesAnswer& series : answer.series) {
    totals.Add({SeriesName(series), Number(series.line.total),
                series.previous.has_value() ? Number(series.previous->total) : ""});
  }
  page->Add(totals);
  if (query.interval == Interval::kTotal) return;
  for (const TrendSeriesAnswer& series : answer.series) {
    TextTable points({{"time"}, {"value", kRight}});
    const auto parts = page->PartsOf(series.line.points);
    for (const TrendPoint& point : series.line.points) {
      points.Add({page->zone.Short(point.time, parts), Number(point.value)});
    }
    page->Add(points, DisplayText(SeriesName(series), kNameWidthMax));
  }
}

TextTable RowsTable(const std::vector<TopRow>& rows, const std::string& value,
                    std::string_view count) {
  TextTable table({{value}, {std::string(count), kRight}, {""}});
  for (const TopRow& row : rows) {
    table.Add({row.value, Count(row.count),
               row.count_error_max > 0 ? "at most " + Count(row.count_error_max) + " less" : ""});
  }
  return table;
}

void WriteKind(const TopQuery& query, const TopAnswer& answer, Page* page) {
  TextTable table = RowsTable(answer.rows, query.field, NameOf(query.measure, kMeasureNames));
  if (answer.other_values > 0) {
    table.Add({"(" + Count(answer.other_values) + " others)", Count(answer.other_count)});
  }
  page->Add(table);
}

std::vector<TextTable::Column> StatsColumns(std::string first) {
  return {{std::move(first)},      {"sessions", kRight}, {"users", kRight},  {"bounces", kRight},
          {"bounce rate", kRight}, {"events", kRight},   {"median", kRight}, {"p90", kRight}};
}

std::vector<std::string> StatsCells(std::string first, const SessionStats& stats) {
  return {std::move(first),
          Count(stats.sessions),
          Count(stats.users),
          Count(stats.bounces),
          Percent(stats.bounce_rate),
          Fixed(stats.events_per_session, 1),
          Span(stats.duration.median_ms),
          Span(stats.duration.p90_ms)};
}

void WriteKind(const SessionsQuery& query, const SessionsAnswer& answer, Page* page) {
  TextTable table(StatsColumns(query.breakdown.has_value() ? query.breakdown->field : ""));
  table.Add(StatsCells("all", answer.stats));
  for (const auto& [value, stats] : answer.breakdown) table.Add(StatsCells(Value(value), stats));
  page->Add(table);
  if (query.interval.has_value()) {
    TextTable points({{"time"}, {"sessions", kRight}, {"users", kRight}, {"bounces", kRight}});
    const auto parts = page->PartsOf(answer.points);
    for (const SessionPoint& point : answer.points) {
      points.Add({page->zone.Short(point.time, parts), Count(point.sessions), Count(point.users),
                  Count(point.bounces)});
    }
    page->Add(points);
  }
  if (!answer.entry_pages.empty())
    page->Add(RowsTable(answer.entry_pages, "entry page", "sessions"));
  if (!answer.exit_pages.empty()) page->Add(RowsTable(answer.exit_pages, "exit page", "sessions"));
}

void AddCounts(const FunnelCounts& counts, std::string_view title, Page* page) {
  TextTable table({{"", kRight},
                   {"step"},
                   {"users", kRight},
                   {"of step 1", kRight},
                   {"of the step before", kRight},
                   {"dropped", kRight},
                   {"pending", kRight},
                   {"median time", kRight}});
  std::size_t number = 0;
  for (const FunnelStepAnswer& step : counts.steps) {
    table.Add({Count(++number), step.name, Count(step.users), Percent(step.conversion_rate),
               Percent(step.step_conversion_rate), Count(step.drop_off), Count(step.pending),
               step.time_from_previous ? Span(step.time_from_previous->median_ms) : kAbsent});
  }
  page->Add(table, DisplayText(title, kNameWidthMax));
}

void WriteKind(const FunnelQuery& query, const FunnelAnswer& answer, Page* page) {
  AddCounts(answer.counts, "", page);
  page->text += "\n" + Count(answer.counts.total_users) + " began, " +
                Percent(answer.counts.conversion_rate) + " finished, " +
                Count(answer.counts.pending_users) + " still may\n";
  if (answer.time_to_convert.has_value()) {
    page->text += "from the first step to the last: median " +
                  Span(answer.time_to_convert->median_ms) + ", 90% within " +
                  Span(answer.time_to_convert->p90_ms) + "\n";
  }
  for (const auto& [value, counts] : answer.breakdown) {
    const std::string field = query.breakdown.has_value() ? query.breakdown->field : "";
    AddCounts(counts, field + " = " + Value(value), page);
  }
  if (!query.users_at.has_value()) return;
  TextTable users({{"user"}, {"step", kRight}, {"time"}});
  const auto parts = page->PartsOf(answer.users);
  for (const FunnelUser& user : answer.users) {
    users.Add({user.user_id, Count(user.step), page->zone.Short(user.time, parts)});
  }
  page->Add(users);
}

void WriteKind(const RetentionQuery& query, const RetentionAnswer& answer, Page* page) {
  std::vector<TextTable::Column> columns = {{"cohort"}, {"users", kRight}};
  for (std::size_t k = 0; k < query.periods; ++k) columns.push_back({std::to_string(k), kRight});
  TextTable table(std::move(columns));
  const auto parts = page->PartsOf(answer.cohorts);
  for (const RetentionCohortAnswer& cohort : answer.cohorts) {
    std::vector<std::string> cells = {page->zone.Short(cohort.time, parts), Count(cohort.size)};
    for (const auto& count : cohort.returned) {
      const double size = static_cast<double>(std::max<std::uint64_t>(cohort.size, 1));
      cells.push_back(count ? Percent(100.0 * static_cast<double>(*count) / size) : kAbsent);
    }
    table.Add(cells);
  }
  std::vector<std::string> totals = {"all", ""};
  for (const auto& rate : answer.totals.rate) totals.push_back(rate ? Percent(*rate) : kAbsent);
  table.Add(totals);
  page->Add(table);
}

void WriteKind(const PathsQuery&, const PathsAnswer& answer, Page* page) {
  TextTable table({{"depth", kRight}, {"from"}, {"to"}, {"users", kRight}, {"times", kRight}});
  for (const PathLink& link : answer.links) {
    table.Add({std::to_string(link.depth), link.from, link.to, Count(link.users),
               Count(link.transitions)});
  }
  page->Add(table);
}

void WriteKind(const LifecycleQuery&, const LifecycleAnswer& answer, Page* page) {
  TextTable table({{"time"},
                   {"new", kRight},
                   {"returning", kRight},
                   {"resurrecting", kRight},
                   {"dormant", kRight}});
  const auto parts = page->PartsOf(answer.periods);
  for (const LifecyclePeriod& period : answer.periods) {
    table.Add({page->zone.Short(period.time, parts), Count(period.new_users),
               Count(period.returning), Count(period.resurrecting), Count(period.dormant)});
  }
  page->Add(table);
  if (answer.stickiness.empty()) return;
  TextTable sticky({{"periods active", kRight}, {"users", kRight}});
  for (const Stickiness& row : answer.stickiness) {
    sticky.Add({Count(row.periods_active), Count(row.users)});
  }
  page->Add(sticky);
}

// A character a cell, the darker the more of the busiest cell's clicks.
void WriteKind(const HeatmapQuery& query, const HeatmapAnswer& answer, Page* page) {
  constexpr std::array<const char*, 5> kShades = {" ", "░", "▒", "▓", "█"};
  std::vector<std::uint64_t> grid(query.columns * query.rows);
  std::uint64_t most = 1;
  for (const HeatmapCell& cell : answer.cells) {
    if (cell.column >= query.columns || cell.row >= query.rows) continue;
    grid[cell.row * query.columns + cell.column] = cell.clicks;
    most = std::max(most, cell.clicks);
  }
  for (std::size_t row = 0; row < query.rows; ++row) {
    page->text += '|';
    for (std::size_t column = 0; column < query.columns; ++column) {
      const double share =
          static_cast<double>(grid[row * query.columns + column]) / static_cast<double>(most);
      page->text += kShades[static_cast<std::size_t>(std::ceil(share * 4))];
    }
    page->text += "|\n";
  }
  page->text += Count(answer.clicks) + " clicks on " + std::to_string(answer.width) + " x " +
                std::to_string(answer.height) + " pixels\n";
  if (!answer.elements.empty()) page->Add(RowsTable(answer.elements, "element", "clicks"));
}

void WriteKind(const UsersQuery&, const UsersAnswer& answer, Page* page) {
  TextTable table({{"user"},
                   {"first visit"},
                   {"last visit"},
                   {"events", kRight},
                   {"sessions", kRight},
                   {"device"},
                   {"browser"},
                   {"active"}});
  for (const UserRow& user : answer.users) {
    table.Add({user.user_id, page->zone.Short(user.first_visit, ZoneTime::Parts::kMinute),
               page->zone.Short(user.last_visit, ZoneTime::Parts::kMinute), Count(user.events),
               Count(user.sessions), user.device, user.browser, user.active ? "yes" : ""});
  }
  page->Add(table);
  if (!answer.next.empty()) {
    page->text += "more with \"after\":\"" + DisplayText(answer.next, 1'024) + "\"\n";
  }
}

void WriteMeta(const AnswerMeta& meta, std::string* out) {
  *out += "\n" + Count(meta.events_scanned) + " events in " + Fixed(meta.query_ms, 1) + " ms" +
          (meta.exact ? "" : ", approximate") + "\n";
  for (const std::string& part : meta.incomplete) {
    *out += "missing: " + DisplayText(part, 200) + "\n";
  }
}

}  // namespace

std::string WriteTable(const Query& query, const Answer& answer) {
  return std::visit(
      [&](const auto& kind) {
        Page page{{}, ZoneTime(kind.scope.timezone)};
        std::visit(
            [&](const auto& body) {
              if constexpr (requires { WriteKind(kind, body, &page); }) {
                WriteKind(kind, body, &page);
              }
            },
            answer.body);
        WriteMeta(answer.meta, &page.text);
        return std::move(page.text);
      },
      query);
}

}  // namespace v1
}  // namespace insightflow
