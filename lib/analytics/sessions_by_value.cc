#include "lib/analytics/sessions_by_value.h"

#include <algorithm>
#include <string>

#include "lib/analytics/query_checks.h"
#include "lib/analytics/ranking.h"
#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {
namespace {

std::size_t StepsOf(const SessionSums& sums) { return 8 + sums.durations.bytes() / 64; }

}  // namespace

void SessionSums::Merge(SessionSums* other) {
  sessions += other->sessions;
  users += other->users;
  bounces += other->bounces;
  events += other->events;
  durations.Merge(&other->durations);
}

SessionStats SessionSums::Stats() const {
  return {.sessions = sessions,
          .users = users,
          .bounces = bounces,
          .bounce_rate = Percent(bounces, sessions),
          .events_per_session =
              sessions == 0 ? 0 : static_cast<double>(events) / static_cast<double>(sessions),
          .duration = durations.Stats()};
}

void SessionsByValue::Coarsen() {
  if (std::exchange(coarse_, true)) return;
  duration_bytes_ = 0;
  for (SessionSums& sums : sums_) {
    sums.durations.Coarsen();
    duration_bytes_ += sums.durations.bytes();
  }
}

void SessionsByValue::Merge(SessionsByValue* other, Stop* stop) {
  if (other->coarse_) Coarsen();
  for (const auto& [code, at] : other->index_) {
    SessionSums& sums = Of(code);
    if (stop->Worked(StepsOf(other->sums_[at]) + StepsOf(sums))) return;
    duration_bytes_ -= sums.durations.bytes();
    sums.Merge(&other->sums_[at]);
    duration_bytes_ += sums.durations.bytes();
  }
  overlaps_.Merge(&other->overlaps_);
  *other = SessionsByValue();
}

std::size_t SessionsByValue::bytes(std::size_t more) const {
  // What the vectors of durations take as they grow: a few values each.
  const std::size_t durations = MostToCome(sums_.size(), more) * 2 * sizeof(double);
  return BytesWith(sums_, more) + TableBytesWith(index_, more) + duration_bytes_ + durations +
         overlaps_.bytes(more) + CapacityBytes(user_values_);
}

std::vector<std::pair<BreakdownValue, SessionStats>> SessionsByValue::Answer(
    std::size_t limit, std::uint64_t all_users, const ValueTable& values, bool* exact, Stop* stop) {
  TopCodes first(limit, values, stop);
  for (const auto& [code, at] : index_) {
    if (stop->over()) break;
    first.Add({code, sums_[at].sessions});
  }
  std::vector<std::pair<BreakdownValue, SessionStats>> answer;
  absl::flat_hash_set<std::uint64_t> named;
  for (const auto& [code, sessions] : first.InOrder()) {
    named.insert(code);
    BreakdownValue value;
    if (code != 0) value = std::string(values.Text(code));
    const SessionSums& sums = Of(code);
    if (stop->Worked(4 * StepsOf(sums))) return answer;
    if (!sums.durations.is_exact()) *exact = false;
    answer.emplace_back(std::move(value), sums.Stats());
  }
  if (first.left_out() != 0) {
    answer.emplace_back(kOtherValue, Others(named, all_users, exact, stop));
  }
  return answer;
}

SessionStats SessionsByValue::Others(const absl::flat_hash_set<std::uint64_t>& named,
                                     std::uint64_t all_users, bool* exact, Stop* stop) {
  SessionSums others;
  for (const auto& [code, at] : index_) {
    if (named.contains(code)) continue;
    if (stop->Worked(StepsOf(sums_[at]))) return {};
    others.Merge(&sums_[at]);
  }
  if (overlaps_.complete()) {
    others.users -=
        overlaps_.CountedTwice([&](std::uint64_t code) { return !named.contains(code); });
  } else {
    others.users = std::min(others.users, all_users);
    *exact = false;
  }
  return others.Stats();
}

}  // namespace v1
}  // namespace insightflow
