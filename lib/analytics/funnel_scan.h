// Walks timelines user by user, or session by session, and finds the best chain of each.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "lib/analytics/funnel_matcher.h"
#include "lib/analytics/funnel_rules.h"
#include "lib/model/timelines.h"

namespace insightflow {
inline namespace v1 {

struct FunnelUnitChain {
  std::size_t run = 0;
  const FunnelChain* chain = nullptr;
  // An event up to here could go on from it; INT64_MIN: none could.
  std::int64_t deadline_ms = FunnelChain::kNeverOpen;
};

class FunnelScan {
 public:
  explicit FunnelScan(const FunnelProgram* program);

  // Calls `take` with the FunnelUnitChain of each user or session that reached step 1.
  template <typename Take>
  void ForEach(const Timelines& timelines, Take take) {
    const FunnelRows rows = RowsOf(timelines);
    const bool by_session = program_->query.per == FunnelUnit::kSession;
    FunnelUnitChain unit;
    unit.chain = &chain_;
    for (std::size_t run = 0; run < timelines.runs(); ++run) {
      unit.run = run;
      const auto begin = static_cast<std::uint32_t>(timelines.RunBegin(run));
      const std::uint32_t run_end = timelines.run_ends[run];
      for (std::uint32_t row = begin, end = run_end; row < run_end; row = end) {
        end = by_session ? SessionEnd(timelines, row, run_end) : run_end;
        matcher_.Match(rows, row, end, &chain_);
        if (chain_.level == 0) continue;
        unit.deadline_ms = Deadline();
        if (by_session && unit.deadline_ms != FunnelChain::kNeverOpen) {
          unit.deadline_ms = end == run_end
                                 ? std::min(unit.deadline_ms, SessionDeadline(timelines, row, end))
                                 : FunnelChain::kNeverOpen;
        }
        take(static_cast<const FunnelUnitChain&>(unit));
      }
    }
  }

 private:
  FunnelRows RowsOf(const Timelines& timelines);
  void TranslateSteps(const Timelines& timelines);
  void TranslateExclusions(const Timelines& timelines);
  void CombineKeys(const Timelines& timelines);
  std::uint32_t SessionEnd(const Timelines& timelines, std::uint32_t begin,
                           std::uint32_t run_end) const;
  std::int64_t SessionDeadline(const Timelines& timelines, std::uint32_t begin,
                               std::uint32_t end) const;
  std::int64_t Deadline() const {
    if (!program_->rules.has_window() || chain_.open_start_ms == FunnelChain::kNeverOpen) {
      return FunnelChain::kNeverOpen;
    }
    const auto window = static_cast<std::int64_t>(program_->rules.window_ms);
    const bool fits = chain_.open_start_ms <= std::numeric_limits<std::int64_t>::max() - window;
    return fits ? chain_.open_start_ms + window : std::numeric_limits<std::int64_t>::max();
  }

  const FunnelProgram* const program_;
  FunnelMatcher matcher_;
  FunnelChain chain_;
  std::vector<std::uint64_t> steps_of_;      // by selector: steps
  std::vector<std::uint64_t> exclusions_of_;  // by selector
  std::array<std::uint64_t, 256> steps_of_byte_ = {};  // by selectors 0 to 7
  std::vector<std::uint64_t> steps_;
  std::vector<std::uint64_t> exclusions_;
  std::vector<std::uint64_t> keys_;
};

}  // namespace v1
}  // namespace insightflow
