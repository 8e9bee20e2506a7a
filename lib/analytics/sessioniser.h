// Cuts timelines into sessions. Used by every analysis that speaks of sessions.
//
//   Result<Sessioniser> rules = Sessioniser::Create(query.rules, "Europe/Berlin", &plan);
//   SessionCutter cutter(&*rules, values);                 // one a state
//   cutter.Cut(timelines, run, &sessions);
//
// A session ends before an event that, in this order of precedence:
//   comes more than the timeout after the event before it;
//   comes more than the maximum after the session's first event;
//   is on another day of the zone than the event before it;
//   has another campaign than the session, or another session_id. Of both, a session has the first
//   that one of its events has; events without one go on with it.
// The campaign is utm_campaign of the query of page_url, else extra_data.utm_campaign.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "insightflow/query.h"
#include "insightflow/result.h"
#include "insightflow/status.h"
#include "lib/analytics/calendar.h"
#include "lib/base/growth.h"
#include "lib/model/scan_plan.h"
#include "lib/model/timelines.h"
#include "lib/model/value_table.h"

namespace insightflow {
inline namespace v1 {

// Rows [begin, end) of a batch of timelines.
struct SessionSpan {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  SplitCause cause = SplitCause::kFirst;

  std::uint32_t size() const { return end - begin; }
  friend bool operator==(const SessionSpan&, const SessionSpan&) = default;
};

// The rules, checked. Immutable: threads may share it.
class Sessioniser {
 public:
  // Asks the plan for the columns that the rules need. kInvalidArgument: a timeout or a maximum
  // that is not above zero, or an unknown zone.
  static Result<Sessioniser> Create(const SessionRules& rules, const std::string& timezone,
                                    ScanPlan* plan);

 private:
  friend class SessionCutter;

  std::uint64_t timeout_ms_ = 0;
  std::uint64_t max_ms_ = std::numeric_limits<std::uint64_t>::max();
  std::optional<absl::TimeZone> zone_;      // with the split at midnight
  std::optional<std::size_t> session_ids_;  // slots of the plan
  std::optional<std::size_t> pages_;        // with campaigns_
  std::optional<std::size_t> campaigns_;
};

class SessionCutter {
 public:
  SessionCutter(const Sessioniser* rules, const ValueTable* values)
      : rules_(rules),
        values_(values),
        days_(Interval::kDay, rules->zone_.value_or(absl::UTCTimeZone())) {}

  // The sessions of one run, in order; `sessions` is replaced. O(rows); more than a billion rows a
  // second when only times matter.
  void Cut(const Timelines& timelines, std::size_t run, std::vector<SessionSpan>* sessions);
  // The same of runs from `run` on, until there are about a thousand sessions: enough for loops of
  // one question each. `run_ends` says where each run's sessions end; both are replaced. Returns
  // the run behind the last one.
  std::size_t CutSome(const Timelines& timelines, std::size_t run,
                      std::vector<SessionSpan>* sessions, std::vector<std::size_t>* run_ends);
  // Memory, at most, while a batch of so many rows is cut. Of one user they may be very many.
  std::size_t bytes(std::size_t rows) const {
    const std::size_t codes = rules_->pages_ ? 2 * values_->size() + std::size_t{4} : 0;
    return BytesGrownTo(campaigns_, codes) + CapacityBytes(ends_) + EndsAtOnce(rows) +
           days_.bytes();
  }
  // How many sessions such a batch has at most where that is more than the few that CutSome wants.
  std::size_t SessionsAtOnce(std::size_t rows) const { return rows > kRowsAtOnce ? rows : 0; }

 private:
  static constexpr std::size_t kRowsAtOnce = std::size_t{1} << 16;

  std::size_t EndsAtOnce(std::size_t rows) const { return SessionsAtOnce(rows) * sizeof(ends_[0]); }
  // As Cut, behind what `sessions` has.
  void Append(const Timelines& timelines, std::size_t run, std::vector<SessionSpan>* sessions);
  void CutByTime(const std::int64_t* times, std::uint32_t begin, std::uint32_t end,
                 std::vector<SessionSpan>* sessions);
  // Cuts `rest`, which has no gap.
  void CutByMaximum(const std::int64_t* times, SessionSpan rest,
                    std::vector<SessionSpan>* sessions) const;
  void CutByAll(const Timelines& timelines, std::uint32_t begin, std::uint32_t end,
                std::vector<SessionSpan>* sessions);
  std::uint64_t CampaignOf(const Timelines& timelines, std::uint32_t row);
  std::uint64_t CampaignOfCode(std::uint32_t code, bool is_page);

  const Sessioniser* rules_;
  const ValueTable* values_;
  Calendar days_;
  // By 2 * code + (1: as a page's campaign): 0 is not known yet, 1 is none.
  std::vector<std::uint64_t> campaigns_;
  std::vector<std::uint32_t> ends_;  // of a run's sessions, while it is cut
};

// utm_campaign of the query of a URL, decoded into `scratch` where it must be; empty when there is
// none.
std::string_view CampaignOfUrl(std::string_view url, std::string* scratch);

}  // namespace v1
}  // namespace insightflow
