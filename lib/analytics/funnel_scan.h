// Walks timelines user by user, or session by session, and finds the best chain of each.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "lib/analytics/funnel_matcher.h"
#include "lib/analytics/funnel_rules.h"
#include "lib/analytics/funnel_search.h"
#include "lib/analytics/sessioniser.h"
#include "lib/analytics/stop.h"
#include "lib/base/plain_vector.h"
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
  FunnelScan(const FunnelProgram* program, const ValueTable* values);
  // Asks `stop`, which outlives this, also in the midst of a user: what is found behind the end of
  // the query means nothing.
  void Watch(Stop* stop) { matcher_.Watch(stop); }

  // Memory, at most, while a batch of so many rows is looked at. Of one user they may be very many.
  std::size_t bytes(std::size_t rows) const;

  // Calls `take` with the FunnelUnitChain of each user or session that reached step 1.
  template <typename Take>
  void ForEach(const Timelines& timelines, Take take) {
    if (search_) NarrowSteps(timelines);
    const FunnelRows rows = RowsOf(timelines);
    FunnelUnitChain unit;
    unit.chain = &chain_;
    for (std::size_t run = 0; run < timelines.runs(); ++run) {
      unit.run = run;
      const auto begin = static_cast<std::uint32_t>(timelines.RunBegin(run));
      if (!cutter_) {
        Match(timelines, rows, begin, timelines.run_ends[run]);
        unit.deadline_ms = Deadline();
        if (chain_.level > 0) take(static_cast<const FunnelUnitChain&>(unit));
        continue;
      }
      cutter_->Cut(timelines, run, &sessions_);
      for (const SessionSpan& session : sessions_) {
        Match(timelines, rows, session.begin, session.end);
        unit.deadline_ms = SessionDeadline(timelines, session, &session == &sessions_.back());
        if (chain_.level > 0) take(static_cast<const FunnelUnitChain&>(unit));
      }
    }
  }

 private:
  FunnelRows RowsOf(const Timelines& timelines);
  // Finds chain_.
  void Match(const Timelines& timelines, const FunnelRows& rows, std::uint32_t begin,
             std::uint32_t end) {
    if (search_) {
      if (search_->Match({timelines.time_ms, selected_}, begin, end, &chain_)) return;
      // Only now are they needed.
      for (std::uint32_t row = begin; row < end; ++row) {
        steps_[row] = steps_of_byte_[selected_[row]];
      }
    }
    matcher_.Match(rows, begin, end, &chain_);
  }
  // Bytes are codes of selectors, not bits.
  bool IsCoded() const { return program_->plan.takes_codes; }
  // Selectors as bytes, in selected_.
  void NarrowSteps(const Timelines& timelines);
  // What the selectors of each row stand for.
  void Translate(const Timelines& timelines, const std::vector<std::uint64_t>& bits_of,
                 const std::array<std::uint64_t, 256>& bits_of_byte,
                 PlainVector<std::uint64_t>* column) const;
  std::array<std::uint64_t, 256> ByByte(const std::vector<std::uint64_t>& bits_of) const;
  void CombineKeys(const Timelines& timelines);
  // With the last moment at which an event would still be of the session.
  std::int64_t SessionDeadline(const Timelines& timelines, const SessionSpan& session,
                               bool is_last) const;
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
  std::optional<FunnelSearch> search_;
  FunnelChain chain_;
  std::optional<SessionCutter> cutter_;  // per session
  std::vector<SessionSpan> sessions_;
  std::vector<std::uint64_t> steps_of_;       // by selector: steps
  std::vector<std::uint64_t> exclusions_of_;  // by selector
  // By narrow matches.
  std::array<std::uint64_t, 256> steps_of_byte_;
  std::array<std::uint64_t, 256> exclusions_of_byte_;
  PlainVector<std::uint64_t> steps_;
  std::span<const std::uint8_t> selected_;
  PlainVector<std::uint8_t> narrow_;
  PlainVector<std::uint64_t> exclusions_;
  std::vector<std::uint64_t> keys_;
};

}  // namespace v1
}  // namespace insightflow
