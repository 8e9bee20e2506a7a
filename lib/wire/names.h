// The words of the wire for the enumerations of queries and answers: each list stands in the order
// of its enum.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "insightflow/query.h"
#include "insightflow/result.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::array<std::string_view, 9> kKindNames = {
    "trends", "top", "sessions", "funnel", "retention", "paths", "lifecycle", "heatmap", "users"};
inline constexpr std::array<std::string_view, 12> kFilterOpNames = {
    "eq",   "ne", "in",  "not_in", "contains", "starts_with",
    "glob", "gt", "gte", "lt",     "lte",      "exists"};
inline constexpr std::array<std::string_view, 6> kIntervalNames = {"minute", "hour",  "day",
                                                                   "week",   "month", "total"};
inline constexpr std::array<std::string_view, 10> kMeasureNames = {
    "count", "users", "sessions", "sum", "avg", "min", "max", "p50", "p90", "p99"};
inline constexpr std::array<std::string_view, 4> kFunnelOrderNames = {
    "ordered", "strictly_increasing", "strict", "unordered"};
inline constexpr std::array<std::string_view, 2> kFunnelUnitNames = {"user", "session"};
inline constexpr std::array<std::string_view, 3> kAttributionNames = {"first", "last", "step"};
inline constexpr std::array<std::string_view, 3> kFunnelOutcomeNames = {"reached", "dropped",
                                                                        "pending"};
inline constexpr std::array<std::string_view, 4> kRetentionPeriodNames = {"hour", "day", "week",
                                                                          "month"};
inline constexpr std::array<std::string_view, 2> kRetentionCohortNames = {"first_time",
                                                                          "recurring"};
inline constexpr std::array<std::string_view, 2> kRetentionReturnNames = {"on", "on_or_after"};
inline constexpr std::array<std::string_view, 2> kRetentionBucketNames = {"calendar", "rolling"};
inline constexpr std::array<std::string_view, 3> kPathsAnchorNames = {"start", "end", "around"};
inline constexpr std::array<std::string_view, 2> kUsersSortNames = {"last_visit", "events"};

inline constexpr std::array<std::string_view, 3> kSplitNames = {"midnight", "campaign",
                                                                "session_id"};
inline constexpr std::array<bool SessionRules::*, 3> kSplitMembers = {
    &SessionRules::split_midnight, &SessionRules::split_campaign, &SessionRules::split_session_id};

inline constexpr std::array<std::string_view, kSplitCauseCount> kSplitCauseNames = {
    "first", "timeout", "max_duration", "midnight", "campaign", "session_id"};

inline constexpr std::array<std::string_view, 5> kCompatModeNames = {
    "strict_deduplication", "strict_order", "strict_increase", "strict_once", "allow_reentry"};
inline constexpr std::array<bool ClickHouseModes::*, 5> kCompatModeMembers = {
    &ClickHouseModes::strict_deduplication, &ClickHouseModes::strict_order,
    &ClickHouseModes::strict_increase, &ClickHouseModes::strict_once,
    &ClickHouseModes::allow_reentry};

// The word for a value of the enumeration that `names` belongs to.
template <typename Enum>
constexpr std::string_view NameOf(Enum value, std::span<const std::string_view> names) {
  return names[static_cast<std::size_t>(value)];
}

}  // namespace v1
}  // namespace insightflow
