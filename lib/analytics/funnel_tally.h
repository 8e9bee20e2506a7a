// What the chains of many users add up to. docs/funnel-specification.md, sections 10 and 11.
//
// Who is pending hangs on the end of the data. Where that is not known beforehand, those whose
// window may still be open are kept by its deadline, and forgotten as soon as a later event shows
// that it is closed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "insightflow/result.h"
#include "lib/analytics/analysis.h"
#include "lib/analytics/duration_tally.h"
#include "lib/analytics/funnel_rules.h"
#include "lib/analytics/stop.h"

namespace insightflow {
inline namespace v1 {

// One user's (one session's) chain as numbers.
struct FunnelVisit {
  static constexpr std::int64_t kClosed = std::numeric_limits<std::int64_t>::min();

  std::uint32_t level = 0;  // at least 1
  std::uint64_t filled = 0;
  const std::int64_t* time_ms = nullptr;  // by step, where filled
  // An event up to here could go on from the chain; kClosed: none could.
  std::int64_t deadline_ms = kClosed;
  std::uint32_t value = 0;  // of the breakdown, as a code
  std::string_view user_id;
};

class FunnelTally {
 public:
  explicit FunnelTally(const FunnelProgram* program);

  void Add(const FunnelVisit& visit);
  // As AnalysisState::KnowEnd. All states of a query know it, or none.
  void KnowEnd(const ScanEnd& end);
  // There is an event at this time, or the data is known to go on to it.
  void SawTime(std::int64_t time_ms) { seen_ms_ = std::max(seen_ms_, time_ms); }
  // Whether tallies of one query have so many times that ranking them is worth sharing.
  static bool CanShare(std::span<FunnelTally* const> tallies);
  // Takes from all of them the times of every n-th step, from its share on, and ranks them. The n
  // tallies may do so at one time. As Merge, it means nothing once `stop` is over.
  void RankShare(std::span<FunnelTally* const> tallies, std::size_t share, Stop* stop);
  // This and Finish mean nothing once `stop` is over.
  void Merge(FunnelTally* other, Stop* stop);
  // Memory, at most, while so many more users come.
  std::size_t bytes(std::size_t more) const;
  FunnelAnswer Finish(const ScanEnd& end, const ValueTable& values, bool* exact, Stop* stop);

 private:
  struct Group {
    std::vector<std::uint64_t> stopped;  // by level - 1
    std::vector<std::uint64_t> pending;
    std::vector<DurationTally> times;  // by step; [0] is from the first step to the last
    std::vector<std::uint64_t> users;  // by step
  };
  struct Waiting {
    std::int64_t deadline_ms = 0;
    std::uint32_t group = 0;
    std::uint32_t level = 0;
  };
  struct Listed {
    FunnelUser user;
    std::int64_t deadline_ms = FunnelVisit::kClosed;
  };

  // Times of more conversions than this, of all steps and values together, are told from
  // histograms: each of them may have 1 M exact ones, of which there may be many thousands.
  static constexpr std::uint64_t kExactDurationsMax = 4'000'000;
  static constexpr std::uint64_t kSharedDurationsMin = 1'000;

  void BoundDurations();
  std::uint32_t GroupOf(std::uint32_t value);
  Group MakeGroup() const;
  void AddTimes(const FunnelVisit& visit, Group* group);
  void List(const FunnelVisit& visit);
  void ListNow(FunnelUser user);
  void TrimListed();
  void DropClosed();
  void CountPending(std::int64_t known_ms, Stop* stop);
  void SettleListed(std::int64_t closed_ms);
  static void MergeGroup(Group* from, Group* to);
  // Steps of a Stop that a group takes to be merged or told.
  static std::size_t StepsOf(const Group& group);
  static std::size_t StepsOf(const DurationTally& times) { return 4 + times.bytes() / 64; }
  FunnelCounts CountsOf(Group* group, bool* exact) const;
  // Returns all of it as one.
  Group FinishBreakdown(const ValueTable& values, FunnelAnswer* answer, bool* exact, Stop* stop);

  const FunnelProgram* program_;
  std::int64_t seen_ms_ = FunnelVisit::kClosed;
  std::optional<std::int64_t> known_ms_;  // where the data ends, when that is known
  std::vector<Group> groups_;
  std::vector<std::uint32_t> group_values_;
  absl::flat_hash_map<std::uint32_t, std::uint32_t> group_of_;
  std::vector<Waiting> waiting_;
  std::size_t prune_at_ = 4'096;
  std::uint64_t durations_ = 0;
  bool coarse_ = false;
  std::vector<FunnelUser> listed_;    // at most about twice the limit
  std::vector<Listed> maybe_listed_;  // depends on the end of the data
  std::size_t settle_at_ = 4'096;
};

}  // namespace v1
}  // namespace insightflow
