// Questions about stored events: one struct a kind, with the names of the wire (docs/queries.md).
//
//   FunnelQuery funnel;
//   funnel.steps = {{.event = {{"view"}}}, {.event = {{"purchase"}}}};
//   funnel.window = std::chrono::days(7);
//   Result<Answer> answer = engine->Query(funnel);
//
// A query is plain data: copy it, compare it, share it between threads. A default member means what
// the wire means when the field is absent. Queries are checked when they are asked.
#pragma once

#include <chrono>
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

using Duration = std::chrono::milliseconds;

enum class FilterOp : std::uint8_t {
  kEq,
  kNe,  // exactly when kEq is not: also where the field is absent
  kIn,
  kNotIn,  // exactly when kIn is not
  kContains,
  kStartsWith,
  kGlob,  // * any text, ? one character, \ takes the next as it is
  kGt,
  kGte,
  kLt,
  kLte,
  kExists,  // value false: is absent
};

// A JSON value to compare with: numbers by value with numbers, texts as bytes with texts. One of a
// kind that the field never has is refused, docs/queries.md.
using FilterValue = std::variant<std::string, std::int64_t, double, bool>;

struct Filter {
  std::string field = {};  // a wire field, or "extra_data." and a path of keys
  FilterOp op = FilterOp::kEq;
  std::vector<FilterValue> values = {};  // one; one or more for kIn, kNotIn; none or one bool for
                                         // kExists

  friend bool operator==(const Filter&, const Filter&) = default;
};

// Which events are meant: of one of the types (none: of any), and every filter holds.
struct EventSelector {
  std::vector<std::string> types = {};
  std::vector<Filter> filters = {};
  std::string name = {};  // to be shown; empty: the types

  friend bool operator==(const EventSelector&, const EventSelector&) = default;
};

// What every query has.
struct QueryScope {
  std::optional<Timestamp> from = {};  // inclusive
  std::optional<Timestamp> to = {};    // exclusive
  std::string timezone = "UTC";        // an IANA name, or an offset as +03:30
  std::vector<Filter> filters = {};    // on every event, before anything else
  std::size_t limit = 20;              // rows, or values of a breakdown; 1 to 10,000

  friend bool operator==(const QueryScope&, const QueryScope&) = default;
};

enum class Interval : std::uint8_t { kMinute, kHour, kDay, kWeek, kMonth, kTotal };

enum class Measure : std::uint8_t {
  kCount,
  kUsers,
  kSessions,  // distinct values of session_id
  kSum,       // of a number; events without it do not count
  kAvg,
  kMin,
  kMax,
  kP50,
  kP90,
  kP99,
};

struct TrendSeries {
  EventSelector event = {};
  Measure measure = Measure::kCount;
  std::string property = {};  // for kSum to kP99: "extra_data." and a path, or a numeric wire field

  friend bool operator==(const TrendSeries&, const TrendSeries&) = default;
};

struct Breakdown {
  std::string field = {};
  std::optional<std::size_t> limit = {};  // absent: the scope's

  friend bool operator==(const Breakdown&, const Breakdown&) = default;
};

struct TrendsQuery {
  QueryScope scope = {};
  std::vector<TrendSeries> series = {};  // at least one
  Interval interval = Interval::kDay;
  std::optional<Breakdown> breakdown = {};
  bool compare_previous = false;  // needs from and to

  friend bool operator==(const TrendsQuery&, const TrendsQuery&) = default;
};

struct TopQuery {
  QueryScope scope = {};
  std::string field = "page_url";
  Measure measure = Measure::kCount;  // kCount or kUsers
  EventSelector events = {};

  friend bool operator==(const TopQuery&, const TopQuery&) = default;
};

// How events become sessions, docs/queries.md.
struct SessionRules {
  Duration timeout = std::chrono::minutes(30);                    // a longer gap splits; > 0
  std::optional<Duration> max_duration = std::chrono::hours(24);  // nullopt: none
  bool split_midnight = false;                                    // of the query's zone
  bool split_campaign = false;
  bool split_session_id = false;

  friend bool operator==(const SessionRules&, const SessionRules&) = default;
};

struct SessionsQuery {
  QueryScope scope = {};
  SessionRules rules = {};
  std::optional<Interval> interval = {};
  std::optional<Breakdown> breakdown = {};

  friend bool operator==(const SessionsQuery&, const SessionsQuery&) = default;
};

enum class FunnelOrder : std::uint8_t { kOrdered, kStrictlyIncreasing, kStrict, kUnordered };
enum class FunnelUnit : std::uint8_t { kUser, kSession };

struct FunnelStep {
  EventSelector event = {};
  bool optional = false;

  friend bool operator==(const FunnelStep&, const FunnelStep&) = default;
};

struct FunnelExclusion {
  EventSelector event = {};
  std::size_t after_step = 1;  // numbers from 1
  std::size_t before_step = 2;

  friend bool operator==(const FunnelExclusion&, const FunnelExclusion&) = default;
};

enum class Attribution : std::uint8_t { kFirst, kLast, kStep };

struct FunnelBreakdown {
  std::string field = {};
  Attribution attribution = Attribution::kFirst;
  std::size_t step = 1;  // for kStep
  std::optional<std::size_t> limit = {};

  friend bool operator==(const FunnelBreakdown&, const FunnelBreakdown&) = default;
};

enum class FunnelOutcome : std::uint8_t { kReached, kDropped, kPending };

struct FunnelUsersAt {
  std::size_t step = 1;
  FunnelOutcome outcome = FunnelOutcome::kReached;
  std::size_t limit = 100;

  friend bool operator==(const FunnelUsersAt&, const FunnelUsersAt&) = default;
};

// Modes of ClickHouse's windowFunnel, which replace `order`.
struct ClickHouseModes {
  bool strict_deduplication = false;
  bool strict_order = false;
  bool strict_increase = false;
  bool strict_once = false;
  bool allow_reentry = false;

  friend bool operator==(const ClickHouseModes&, const ClickHouseModes&) = default;
};

struct FunnelQuery {
  QueryScope scope = {};
  std::vector<FunnelStep> steps = {};   // 1 to 64
  std::optional<Duration> window = {};  // nullopt: no limit
  FunnelOrder order = FunnelOrder::kOrdered;
  FunnelUnit per = FunnelUnit::kUser;
  SessionRules session_rules = {};  // for kSession
  std::vector<FunnelExclusion> exclusions = {};
  std::vector<std::string> hold_constant = {};  // fields
  std::optional<FunnelBreakdown> breakdown = {};
  std::optional<FunnelUsersAt> users_at = {};
  std::optional<ClickHouseModes> clickhouse = {};

  friend bool operator==(const FunnelQuery&, const FunnelQuery&) = default;
};

// A funnel that the store keeps under an id, docs/queries.md.
struct FunnelDefinition {
  std::string id = {};     // 1 to 64 of A-Z a-z 0-9 _ . and -, not dots alone
  std::string name = {};   // to be shown, 1 to 256 bytes
  bool active = true;      // an inactive one is kept and shown, and answers nothing
  FunnelQuery query = {};  // without from and to, which are of each question

  friend bool operator==(const FunnelDefinition&, const FunnelDefinition&) = default;
};

inline constexpr std::size_t kFunnelsMax = 1'000;  // stored definitions
inline constexpr std::size_t kFunnelBytesMax = std::size_t{64} << 10;
inline constexpr std::size_t kFunnelsBytesMax = std::size_t{8} << 20;  // of all together

enum class RetentionPeriod : std::uint8_t { kHour, kDay, kWeek, kMonth };
enum class RetentionCohort : std::uint8_t { kFirstTime, kRecurring };
enum class RetentionReturn : std::uint8_t { kOn, kOnOrAfter };
enum class RetentionBucket : std::uint8_t { kCalendar, kRolling };

struct RetentionQuery {
  QueryScope scope = {};
  EventSelector start = {};
  EventSelector return_event = {};
  RetentionPeriod period = RetentionPeriod::kDay;
  std::size_t periods = 8;  // 1 to 400
  RetentionCohort cohort = RetentionCohort::kFirstTime;
  RetentionReturn return_on = RetentionReturn::kOn;
  RetentionBucket bucket = RetentionBucket::kCalendar;

  friend bool operator==(const RetentionQuery&, const RetentionQuery&) = default;
};

enum class PathsAnchor : std::uint8_t { kStart, kEnd, kAround };

struct PathsQuery {
  QueryScope scope = {};
  std::string by = "page_url";  // or "event_type"
  PathsAnchor anchor = PathsAnchor::kStart;
  EventSelector event = {};  // the anchor; of any type and no filter: the session's first or last
  std::size_t depth = 5;     // 1 to 20
  bool fold_repeats = true;
  Duration timeout = std::chrono::minutes(30);

  friend bool operator==(const PathsQuery&, const PathsQuery&) = default;
};

struct LifecycleQuery {
  QueryScope scope = {};
  Interval interval = Interval::kWeek;  // kHour to kMonth
  EventSelector event = {};

  friend bool operator==(const LifecycleQuery&, const LifecycleQuery&) = default;
};

struct HeatmapQuery {
  QueryScope scope = {};
  std::string page_url = {};
  std::size_t columns = 48;  // 1 to 500
  std::size_t rows = 32;
  EventSelector event = {.types = {"click"}};

  friend bool operator==(const HeatmapQuery&, const HeatmapQuery&) = default;
};

enum class UsersSort : std::uint8_t { kLastVisit, kEvents };

struct UsersQuery {
  QueryScope scope = {};
  std::string search = {};  // a part of the user id
  UsersSort sort = UsersSort::kLastVisit;
  std::string after = {};  // UsersAnswer::next of the page before

  friend bool operator==(const UsersQuery&, const UsersQuery&) = default;
};

using Query = std::variant<TrendsQuery, TopQuery, SessionsQuery, FunnelQuery, RetentionQuery,
                           PathsQuery, LifecycleQuery, HeatmapQuery, UsersQuery>;

}  // namespace v1
}  // namespace insightflow
