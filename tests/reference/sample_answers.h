// The answers of schema/examples/*.answer.json as C++ values, by the name of their file.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "insightflow/result.h"

namespace insightflow::testing {

// Milliseconds of a day's beginning in UTC, and hours and minutes after it.
inline Timestamp Day(int year, unsigned month, unsigned day, int minutes = 0) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  return Timestamp(std::chrono::sys_days(date)) + std::chrono::minutes(minutes);
}

inline AnswerMeta Meta(double ms, std::uint64_t scanned, std::uint64_t sequence) {
  return {.query_ms = ms, .events_scanned = scanned, .as_of_sequence = sequence};
}

inline Answer SampleTrends() {
  constexpr int kZone = -210;  // +03:30
  const auto line = [](std::optional<double> total, unsigned day, int year, unsigned month,
                       std::optional<double> first, std::optional<double> second) {
    return TrendLine{
        total, {{Day(year, month, day, kZone), first}, {Day(year, month, day + 1, kZone), second}}};
  };
  TrendsAnswer body;
  body.series = {{"basket", true, "ios", line(59.5, 1, 2026, 1, 40, std::nullopt),
                  line(12.25, 30, 2025, 12, std::nullopt, 12.25)},
                 {"view, click", true, std::nullopt, line(100, 1, 2026, 1, 100, 0),
                  line(0, 30, 2025, 12, 0, 0)}};
  return {body, Meta(1.5, 1'200, 1'200)};
}

inline Answer SampleTrendsTotal() {
  TrendsAnswer body;
  body.series = {{.name = "*", .line = {.total = 4'321}}};
  return {body, Meta(0.25, 98'765, 98'765)};
}

inline Answer SampleTop() {
  Answer answer{TopAnswer{{{"/shop", 12, 0}, {"/shop/shoes", 5, 1}}, 7, 9}, Meta(3, 300, 345)};
  answer.meta.exact = false;
  answer.meta.incomplete = {"segment 2026-01-02: checksum"};
  return answer;
}

inline Answer SampleSessions() {
  const SessionStats stats{20, 8, 5, 25, 4.5, {20, 61'000.5, 45'000, 180'000}};
  SessionsAnswer body{.stats = stats};
  body.points = {{Day(2026, 3, 1, -60), 12, 6, 3}, {Day(2026, 4, 1, -120), 8, 4, 2}};
  body.breakdown = {{std::nullopt, stats}};
  body.entry_pages = {{"/home", 15, 0}, {"/shoes", 5, 0}};
  body.exit_pages = {{"/cart", 20, 0}};
  body.split_causes = {8, 9, 0, 2, 1, 0};
  return {body, Meta(2, 90, 90)};
}

inline Answer SampleFunnel() {
  const FunnelStepAnswer first{"view", 1'000, 100, 100, 400, 5, std::nullopt};
  const FunnelStepAnswer second{
      "click", 595, 59.5, 59.5, 547, 6, DurationStats{595, 8'000.25, 5'000, 20'000}};
  FunnelAnswer body{.counts = {1'000, 4.2, 11, {first, second}}};
  body.time_to_convert = DurationStats{42, 90'000, 60'000.5, 300'000};
  body.breakdown = {{"ios", FunnelCounts{1'000, 4.2, 11, {first}}}};
  body.users = {{"u1", 2, Day(2026, 1, 2, 184) + std::chrono::milliseconds(5'678)}};
  return {body, Meta(12.75, 5'000, 5'000)};
}

inline Answer SampleRetention() {
  constexpr int kZone = 300;  // -05:00
  RetentionAnswer body;
  body.cohorts = {{Day(2026, 1, 5, kZone), 10, {9, 4, 2}},
                  {Day(2026, 1, 12, kZone), 6, {5, 1, std::nullopt}}};
  body.totals = {{16, 16, 10}, {14, 5, 2}, {87.5, 31.25, 20}};
  body.incomplete = {{Day(2026, 1, 12, kZone), 1}};
  return {body, Meta(4, 60, 61)};
}

inline Answer SamplePaths() {
  PathsAnswer body;
  body.nodes = {{0, "/home", 9, 10}, {1, "/shoes", 6, 7}, {1, kExitValue, 3, 3}};
  body.links = {{0, "/home", "/shoes", 6, 7}, {0, "/home", kExitValue, 3, 3}};
  return {body, Meta(1, 40, 40)};
}

inline Answer SampleLifecycle() {
  LifecycleAnswer body;
  body.periods = {{Day(2026, 1, 5), 5, 0, 0, 0}, {Day(2026, 1, 12), 2, 4, 1, 1}};
  body.stickiness = {{1, 4}, {2, 4}};
  return {body, Meta(1, 30, 30)};
}

inline Answer SampleHeatmap() {
  HeatmapAnswer body{{{0, 0, 8}, {3, 1, 2}}, 10, 1'280, 720, {{"buy", 8, 0}, {"menu", 2, 0}}};
  return {body, Meta(0.5, 10, 10)};
}

inline Answer SampleUsers() {
  UsersAnswer body;
  body.users = {
      {"anna", Day(2026, 1, 1, 600), Day(2026, 1, 3, 690), 50, 4, "mobile", "Safari", true},
      {"hannah", Day(2026, 1, 2, 600), Day(2026, 1, 2, 605), 3, 1, "", "", false}};
  body.next = "65332068616e6e6168";
  return {body, Meta(0.75, 0, 53)};
}

inline std::map<std::string, Answer> SampleAnswers() {
  return {{"trends", SampleTrends()},   {"trends-total", SampleTrendsTotal()},
          {"top", SampleTop()},         {"sessions", SampleSessions()},
          {"funnel", SampleFunnel()},   {"retention", SampleRetention()},
          {"paths", SamplePaths()},     {"lifecycle", SampleLifecycle()},
          {"heatmap", SampleHeatmap()}, {"users", SampleUsers()}};
}

}  // namespace insightflow::testing
