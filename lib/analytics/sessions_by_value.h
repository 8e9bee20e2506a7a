// What sessions add up to: all of them, or those of each value of a breakdown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "insightflow/result.h"
#include "lib/analytics/duration_tally.h"
#include "lib/analytics/overlaps.h"
#include "lib/analytics/stop.h"
#include "lib/model/value_table.h"

namespace insightflow {
inline namespace v1 {

struct SessionSums {
  std::uint64_t sessions = 0;
  std::uint64_t users = 0;
  std::uint64_t bounces = 0;
  std::uint64_t events = 0;
  std::uint64_t last_user = 0;  // the one of whom a session came last
  DurationTally durations;

  // `user` numbers those of one state, from 1, one after the other. True the first time for one.
  bool Add(std::uint64_t user, std::uint32_t size, bool bounce, std::uint64_t duration_ms) {
    ++sessions;
    bounces += bounce ? 1 : 0;
    events += size;
    durations.Add(duration_ms);
    if (last_user == user) return false;
    last_user = user;
    ++users;
    return true;
  }
  // Takes what `other` has, who has no user in common.
  void Merge(SessionSums* other);
  SessionStats Stats() const;
};

// All medians are exact, or none: it hangs on the number of all sessions, so that memory is bounded
// by the number of values and not of sessions.
class SessionsByValue {
 public:
  // A session of a value, which is a code. One user's, then EndUser, then the next one's.
  void Add(std::uint32_t code, std::uint64_t user, std::uint32_t size, bool bounce,
           std::uint64_t duration_ms) {
    SessionSums& sums = Of(code);
    const std::size_t before = sums.durations.bytes();
    if (sums.Add(user, size, bounce, duration_ms)) user_values_.push_back(code);
    duration_bytes_ += sums.durations.bytes() - before;
  }
  void EndUser() {
    overlaps_.Add(&user_values_);
    user_values_.clear();
  }
  // As Quantiles::Coarsen.
  void Coarsen();
  // This and Answer mean nothing once `stop` is over.
  void Merge(SessionsByValue* other, Stop* stop);
  // Memory, at most, with so many more sessions.
  std::size_t bytes(std::size_t more) const;
  // The values with most sessions, then the others together.
  std::vector<std::pair<BreakdownValue, SessionStats>> Answer(std::size_t limit,
                                                              std::uint64_t all_users,
                                                              const ValueTable& values, bool* exact,
                                                              Stop* stop);

 private:
  SessionSums& Of(std::uint32_t code) {
    const auto [at, added] = index_.try_emplace(code, sums_.size());
    if (added) {
      sums_.emplace_back();
      if (coarse_) sums_.back().durations.Coarsen();
    }
    return sums_[at->second];
  }
  SessionStats Others(const absl::flat_hash_set<std::uint64_t>& named, std::uint64_t all_users,
                      bool* exact, Stop* stop);

  absl::flat_hash_map<std::uint32_t, std::size_t> index_;
  std::vector<SessionSums> sums_;
  std::size_t duration_bytes_ = 0;
  bool coarse_ = false;
  Overlaps overlaps_;
  std::vector<std::uint64_t> user_values_;  // of the user in hand
};

}  // namespace v1
}  // namespace insightflow
