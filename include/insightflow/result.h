// Answers to the questions of query.h: one struct a kind. Rates are percent; durations are
// milliseconds; instants are the beginnings of intervals in the query's zone. A breakdown's value
// is absent (nullopt) for events that lack the field; "__other__" holds the values past the limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "insightflow/time.h"

namespace insightflow {
inline namespace v1 {

using BreakdownValue = std::optional<std::string>;

inline constexpr const char* kOtherValue = "__other__";
inline constexpr const char* kExitValue = "__exit__";

struct TrendPoint {
  Timestamp time = {};
  std::optional<double> value = {};  // nullopt: an average, extreme or percentile of nothing

  friend bool operator==(const TrendPoint&, const TrendPoint&) = default;
};

struct TrendLine {
  std::optional<double> total = {};  // over the range; users are counted over the range
  std::vector<TrendPoint> points = {};

  friend bool operator==(const TrendLine&, const TrendLine&) = default;
};

struct TrendSeriesAnswer {
  std::string name = {};
  bool has_breakdown = false;
  BreakdownValue breakdown = {};
  TrendLine line = {};
  std::optional<TrendLine> previous = {};

  friend bool operator==(const TrendSeriesAnswer&, const TrendSeriesAnswer&) = default;
};

struct TrendsAnswer {
  std::vector<TrendSeriesAnswer> series = {};

  friend bool operator==(const TrendsAnswer&, const TrendsAnswer&) = default;
};

struct TopRow {
  std::string value = {};
  std::uint64_t count = 0;
  std::uint64_t count_error_max = 0;

  friend bool operator==(const TopRow&, const TopRow&) = default;
};

struct TopAnswer {
  std::vector<TopRow> rows = {};  // most first, then by value
  std::uint64_t other_values = 0;
  std::uint64_t other_count = 0;

  friend bool operator==(const TopAnswer&, const TopAnswer&) = default;
};

struct DurationStats {
  std::uint64_t count = 0;
  double mean_ms = 0;
  double median_ms = 0;
  double p90_ms = 0;

  friend bool operator==(const DurationStats&, const DurationStats&) = default;
};

struct SessionStats {
  std::uint64_t sessions = 0;
  std::uint64_t users = 0;
  std::uint64_t bounces = 0;
  double bounce_rate = 0;
  double events_per_session = 0;
  DurationStats duration = {};

  friend bool operator==(const SessionStats&, const SessionStats&) = default;
};

struct SessionPoint {
  Timestamp time = {};
  std::uint64_t sessions = 0;
  std::uint64_t users = 0;
  std::uint64_t bounces = 0;

  friend bool operator==(const SessionPoint&, const SessionPoint&) = default;
};

// Why a session began apart from the events before it: the first of these that holds.
enum class SplitCause : std::uint8_t {
  kFirst,  // nothing came before
  kTimeout,
  kMaxDuration,
  kMidnight,
  kCampaign,
  kSessionId,
};
inline constexpr std::size_t kSplitCauseCount = 6;

struct SessionsAnswer {
  SessionStats stats = {};
  std::vector<SessionPoint> points = {};  // with an interval
  std::vector<std::pair<BreakdownValue, SessionStats>> breakdown = {};
  std::vector<TopRow> entry_pages = {};
  std::vector<TopRow> exit_pages = {};
  // Why sessions began, by SplitCause.
  std::vector<std::uint64_t> split_causes = {};

  friend bool operator==(const SessionsAnswer&, const SessionsAnswer&) = default;
};

struct FunnelStepAnswer {
  std::string name = {};
  std::uint64_t users = 0;
  double conversion_rate = 0;
  double step_conversion_rate = 0;
  std::uint64_t drop_off = 0;
  std::uint64_t pending = 0;
  std::optional<DurationStats> time_from_previous = {};

  friend bool operator==(const FunnelStepAnswer&, const FunnelStepAnswer&) = default;
};

struct FunnelCounts {
  std::uint64_t total_users = 0;  // who reached step 1
  double conversion_rate = 0;
  std::uint64_t pending_users = 0;
  std::vector<FunnelStepAnswer> steps = {};

  friend bool operator==(const FunnelCounts&, const FunnelCounts&) = default;
};

struct FunnelUser {
  std::string user_id = {};
  std::size_t step = 0;  // the last one reached
  Timestamp time = {};   // of its event

  friend bool operator==(const FunnelUser&, const FunnelUser&) = default;
};

struct FunnelAnswer {
  FunnelCounts counts = {};
  std::optional<DurationStats> time_to_convert = {};
  std::vector<std::pair<BreakdownValue, FunnelCounts>> breakdown = {};
  std::vector<FunnelUser> users = {};

  friend bool operator==(const FunnelAnswer&, const FunnelAnswer&) = default;
};

struct RetentionCohortAnswer {
  Timestamp time = {};
  std::uint64_t size = 0;
  std::vector<std::optional<std::uint64_t>> returned = {};  // nullopt: after the end of the data

  friend bool operator==(const RetentionCohortAnswer&, const RetentionCohortAnswer&) = default;
};

// Over the cohorts whose cell of period k is known.
struct RetentionTotals {
  std::vector<std::uint64_t> size = {};
  std::vector<std::uint64_t> returned = {};
  std::vector<std::optional<double>> rate = {};

  friend bool operator==(const RetentionTotals&, const RetentionTotals&) = default;
};

struct RetentionAnswer {
  std::vector<RetentionCohortAnswer> cohorts = {};
  RetentionTotals totals = {};
  // (cohort's time, period) of cells whose period has not ended.
  std::vector<std::pair<Timestamp, std::size_t>> incomplete = {};

  friend bool operator==(const RetentionAnswer&, const RetentionAnswer&) = default;
};

struct PathNode {
  std::int64_t depth = 0;  // 0 at the anchor, negative before it
  std::string value = {};
  std::uint64_t users = 0;
  std::uint64_t events = 0;

  friend bool operator==(const PathNode&, const PathNode&) = default;
};

struct PathLink {
  std::int64_t depth = 0;  // that of `from`
  std::string from = {};
  std::string to = {};
  std::uint64_t users = 0;
  std::uint64_t transitions = 0;

  friend bool operator==(const PathLink&, const PathLink&) = default;
};

struct PathsAnswer {
  std::vector<PathNode> nodes = {};
  std::vector<PathLink> links = {};

  friend bool operator==(const PathsAnswer&, const PathsAnswer&) = default;
};

struct LifecyclePeriod {
  Timestamp time = {};
  std::uint64_t new_users = 0;
  std::uint64_t returning = 0;
  std::uint64_t resurrecting = 0;
  std::uint64_t dormant = 0;

  friend bool operator==(const LifecyclePeriod&, const LifecyclePeriod&) = default;
};

struct Stickiness {
  std::size_t periods_active = 0;
  std::uint64_t users = 0;

  friend bool operator==(const Stickiness&, const Stickiness&) = default;
};

struct LifecycleAnswer {
  std::vector<LifecyclePeriod> periods = {};
  std::vector<Stickiness> stickiness = {};

  friend bool operator==(const LifecycleAnswer&, const LifecycleAnswer&) = default;
};

struct HeatmapCell {
  std::size_t column = 0;
  std::size_t row = 0;
  std::uint64_t clicks = 0;

  friend bool operator==(const HeatmapCell&, const HeatmapCell&) = default;
};

struct HeatmapAnswer {
  std::vector<HeatmapCell> cells = {};  // those with clicks, by row, then column
  std::uint64_t clicks = 0;
  std::int64_t width = 0;  // of the page's area that the grid covers, in the clients' pixels
  std::int64_t height = 0;
  std::vector<TopRow> elements = {};

  friend bool operator==(const HeatmapAnswer&, const HeatmapAnswer&) = default;
};

struct UserRow {
  std::string user_id = {};
  Timestamp first_visit = {};
  Timestamp last_visit = {};
  std::uint64_t events = 0;
  std::uint64_t sessions = 0;
  std::string device = {};
  std::string browser = {};
  bool active = false;

  friend bool operator==(const UserRow&, const UserRow&) = default;
};

struct UsersAnswer {
  std::vector<UserRow> users = {};
  std::string next = {};  // UsersQuery::after of the next page; empty: this was the last

  friend bool operator==(const UsersAnswer&, const UsersAnswer&) = default;
};

struct AnswerMeta {
  double query_ms = 0;
  std::uint64_t events_scanned = 0;
  bool exact = true;  // false where a bound was needed, and when something is missing
  std::string source = "embedded";
  std::uint64_t as_of_sequence = 0;          // the log up to here is in the answer
  std::vector<std::string> incomplete = {};  // what is missing: damaged parts of the store

  friend bool operator==(const AnswerMeta&, const AnswerMeta&) = default;
};

// The alternatives stand in the order of those of Query.
using AnswerBody =
    std::variant<TrendsAnswer, TopAnswer, SessionsAnswer, FunnelAnswer, RetentionAnswer,
                 PathsAnswer, LifecycleAnswer, HeatmapAnswer, UsersAnswer>;

struct Answer {
  AnswerBody body = {};
  AnswerMeta meta = {};
};

}  // namespace v1
}  // namespace insightflow
