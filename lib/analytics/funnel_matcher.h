// The best chain of one user's (or one session's) events: docs/funnel-specification.md, sections 1
// to 8. Each way of matching has a file of its own, which opens with its idea.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "lib/analytics/funnel_links.h"
#include "lib/analytics/funnel_rules.h"
#include "lib/analytics/funnel_ties.h"
#include "lib/analytics/stop.h"

namespace insightflow {
inline namespace v1 {

// Columns by row, in the order of a timeline.
struct FunnelRows {
  const std::int64_t* time_ms = nullptr;
  const std::uint64_t* steps = nullptr;       // bit k: matches step k + 1
  const std::uint64_t* exclusions = nullptr;  // bit e: matches exclusion e; null without any
  const std::uint64_t* keys = nullptr;  // equal for what hold_constant holds, 0: absent; or null
};

struct FunnelChain {
  static constexpr std::int64_t kNeverOpen = std::numeric_limits<std::int64_t>::min();

  std::uint32_t level = 0;   // the furthest step, from 1; 0: no chain
  std::uint64_t filled = 0;  // bit k: step k + 1, or, unordered, the chain's event k + 1
  std::array<std::uint32_t, kFunnelStepsMax> rows;  // by step, where filled
  // The latest start of a chain of this level that could go on behind the last row, as far as
  // exclusions and strictness are concerned. Not told of users who converted.
  std::int64_t open_start_ms = kNeverOpen;
};

// Holds room to work in: one for each thread.
class FunnelMatcher {
 public:
  explicit FunnelMatcher(const FunnelRules& rules);
  FunnelMatcher(const FunnelMatcher&) = delete;
  FunnelMatcher& operator=(const FunnelMatcher&) = delete;
  // O(rows × steps that they touch); with optional steps O(rows × steps × optional ones).
  void Match(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end, FunnelChain* chain);
  // Memory that it takes, at most, for each row of a user.
  static std::size_t BytesARow(const FunnelRules& rules);
  // Asks `stop` in the midst of long timelines; from its end on there is no chain.
  void Watch(Stop* stop) { stop_ = stop; }

 private:
  enum class Kind : std::uint8_t { kOrdered, kStrict, kUnordered, kGeneral, kCompat };
  // Steps that an event may match: one; several; or so many that they are looked at in runs.
  enum class Overlap : std::uint8_t { kNone, kSome, kMuch };
  // A chain on its way, for the general case: its start, and its steps among links_.
  struct Slot {
    std::int64_t start_ms = FunnelChain::kNeverOpen;
    std::uint32_t last = FunnelLinks::kNone;
  };
  using Table = std::vector<Slot>;  // by last step, then optional steps filled
  // A slot of a table.
  struct Place {
    std::uint32_t step = 0;
    std::uint32_t count = 0;
  };

  // funnel_ordered.cc
  void MatchOrdered(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                    FunnelChain* chain);
  template <Overlap kOverlap>
  void MatchOrdered(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                    FunnelChain* chain);
  template <Overlap kOverlap>
  static void TakeOn(std::uint64_t mask, std::uint32_t level, std::int64_t* start);
  struct Reached;
  std::uint32_t PassTies(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                         Reached* reached);
  void TraceOrdered(const FunnelRows& rows, std::uint32_t begin, const Reached& reached,
                    FunnelChain* chain);
  // funnel_strict.cc
  void MatchStrict(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                   FunnelChain* chain);
  // funnel_unordered.cc
  void MatchUnordered(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                      FunnelChain* chain);
  std::uint32_t Insert(std::uint64_t mask, std::uint32_t row, bool may_replace);
  // funnel_alike.cc
  void MatchAlike(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                  FunnelChain* chain);
  void TellAlike(const FunnelRows& rows, std::uint32_t first, FunnelChain* chain);
  bool IsHeld(const FunnelRows& rows, std::uint32_t row) const;
  void ForgetKinds();
  // funnel_general.cc
  void MatchGeneral(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                    FunnelChain* chain);
  void MatchByKey(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                  FunnelChain* chain);
  void MatchTable(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                  FunnelChain* chain);
  void MatchStrictTable(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                        FunnelChain* chain);
  void CollectExclusions(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end);
  std::uint64_t ExcludedBetween(std::int64_t after_ms, std::int64_t before_ms) const;
  std::uint64_t ExcludedAt(std::int64_t time_ms) const;
  Slot& At(Table* table, std::uint32_t step, std::uint32_t count) const {
    return (*table)[step * counts_ + count];
  }
  void StartTable();
  void ClearHeld(std::uint64_t steps);
  void Hold(const FunnelRows& rows, std::uint32_t step, std::uint32_t count, const Slot& slot);
  void Keep(const FunnelRows& rows, std::uint32_t step, std::uint32_t count, const Slot& slot);
  void ArriveGroup(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end);
  void KeepBest(const FunnelRows& rows, std::uint32_t last);
  void ArriveOne(const FunnelRows& rows, std::uint32_t row, std::uint64_t mask);
  void ArriveTies(const FunnelRows& rows, std::int64_t time_ms);
  void Arrive(const FunnelRows& rows, std::uint32_t from, std::uint32_t from_count,
              std::uint64_t set, std::uint32_t step, std::int64_t time_ms);
  void KeepArrived(const FunnelRows& rows);
  void ForgetLinks();
  void TellBest(FunnelChain* chain);
  // Before one time of a timeline, which may cost some ms, or next to nothing.
  bool HasEnded() { return stop_->Worked(kStepsATime); }
  // A loop over rows that cost little goes over so many of them and then asks, so that nothing in
  // it does. NextRows: how far it may go now; `row`, when it is at the end or the query has ended.
  static std::uint32_t RowsAtOnce(std::uint32_t row, std::uint32_t end) {
    return std::min<std::uint32_t>(end - row, Stop::kStepsPerQuestion) + row;
  }
  std::uint32_t NextRows(std::uint32_t row, std::uint32_t end) {
    if (row >= end || stop_->Worked(Stop::kStepsPerQuestion)) return row;
    return RowsAtOnce(row, end);
  }
  bool IsEarlier(const FunnelRows& rows, const Slot& a, const Slot& b) const;
  // Of chains that fill as many optional steps: the later start, then the earlier steps.
  bool IsBetterSlot(const FunnelRows& rows, const Slot& a, const Slot& b) const {
    if (a.start_ms < b.start_ms) return false;
    return a.start_ms != b.start_ms || IsEarlier(rows, a, b);
  }
  // funnel_clickhouse.cc
  void MatchClickHouse(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                       FunnelChain* chain);

  bool InWindow(std::int64_t start_ms, std::int64_t time_ms) const {
    return static_cast<std::uint64_t>(time_ms) - static_cast<std::uint64_t>(start_ms) <=
           rules_.window_ms;
  }

  static constexpr std::size_t kStepsATime = Stop::kStepsPerQuestion / 64;

  const FunnelRules& rules_;
  Kind kind_;
  Overlap overlap_ = Overlap::kNone;
  Stop never_;
  Stop* stop_ = &never_;
  FunnelTies ties_;
  // Ordered: start_[k] is the latest start of a chain that fills k steps; the last one is never
  // read for an answer.
  std::array<std::int64_t, kFunnelStepsMax + 2> start_ = {};
  // Unordered: the row that fills a step, kNone; and the mask of that row.
  std::array<std::uint32_t, kFunnelStepsMax> filler_ = {};
  std::array<std::uint64_t, kFunnelStepsMax> filler_mask_ = {};
  std::array<std::uint32_t, kFunnelStepsMax> basis_ = {};  // those rows, in their order
  // Unordered, steps alike: the latest events of a kind, which are as many as its steps, in turn
  // from `begin` on in filler_. By the kind's first step.
  struct EventKind {
    std::uint32_t begin = 0;
    std::uint32_t steps = 0;  // 0: the step is not the first of a kind
    std::uint32_t held = 0;
    std::uint32_t next = 0;
  };
  std::array<EventKind, kFunnelStepsMax> kinds_ = {};
  // General. Steps count from 0, chains are by their last step.
  std::uint32_t counts_ = 1;  // how many optional steps a chain may have filled: 0 to counts_ - 1
  Table held_;
  std::array<std::uint64_t, kFunnelStepsMax> counts_held_ = {};  // bit c: of c optional steps
  std::uint32_t used_ = 0;                                       // steps that may hold a chain
  Table arrived_;                                                // at the time in hand
  bool at_once_ = false;             // what arrives is held: nothing else does at that time
  std::vector<Place> arrived_list_;  // slots of arrived_ in use
  FunnelLinks links_;
  std::uint32_t best_ = FunnelLinks::kNone;  // of all chains so far
  std::uint32_t best_level_ = 0;
  std::uint32_t best_count_ = 0;  // optional steps that it fills
  std::array<std::uint32_t, kFunnelStepsMax> next_rows_ = {};
  std::array<std::uint32_t, kFunnelStepsMax> best_last_ = {};  // by count: a last step
  std::uint64_t best_counts_ = 0;                              // which of them are there
  std::vector<std::vector<std::int64_t>> excluded_at_;         // times, by exclusion
  std::vector<std::pair<std::uint64_t, std::uint32_t>> by_key_;
  std::vector<std::int64_t> key_time_ms_;  // rows of one key, side by side
  std::vector<std::uint64_t> key_steps_;
};

}  // namespace v1
}  // namespace insightflow
