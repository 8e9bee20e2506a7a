// A funnel's question compiled: what the scan must bring, and what a matcher must know.
// docs/funnel-specification.md says what it all means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "insightflow/query.h"
#include "insightflow/status.h"
#include "lib/analytics/sessioniser.h"
#include "lib/model/scan_plan.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kFunnelStepsMax = 64;
inline constexpr std::size_t kFunnelExclusionsMax = 64;

// Steps are bits here: bit k is step k + 1.
struct FunnelRules {
  static constexpr std::uint64_t kNoWindow = std::numeric_limits<std::int64_t>::max();

  std::uint32_t steps = 0;
  std::uint64_t window_ms = kNoWindow;
  FunnelOrder order = FunnelOrder::kOrdered;
  std::uint64_t optional = 0;
  bool holds = false;  // hold_constant
  // By step: the steps that the very same events match, if no event matches any other as well;
  // else empty.
  std::vector<std::uint64_t> alike;
  // By exclusion: the steps after which a chain cannot pass it.
  std::vector<std::uint64_t> exclusions;
  std::optional<ClickHouseModes> clickhouse;

  bool has_window() const { return window_ms != kNoWindow; }
  // No event matches two steps.
  bool HasDisjointSteps() const;
  // The last step before step k + 1 that cannot be skipped; k > 0.
  std::uint32_t RequiredBefore(std::uint32_t k) const {
    std::uint32_t j = k - 1;
    while ((optional >> j & 1) != 0) --j;
    return j;
  }
};

// By selector, of `count`: the bits of the places at which it stands in `selectors`.
std::vector<std::uint64_t> BitsBySelector(const std::vector<std::uint32_t>& selectors,
                                          std::size_t count);

struct FunnelProgram {
  FunnelQuery query;
  FunnelRules rules;
  ScanPlan plan;
  std::vector<std::uint32_t> step_selectors;
  std::vector<std::uint32_t> exclusion_selectors;
  bool direct = false;    // the scan's matches are the steps' bits as they are
  bool searches = false;  // FunnelSearch finds most chains
  std::vector<std::size_t> hold_slots;
  std::size_t breakdown_slot = 0;
  std::optional<Sessioniser> sessions;  // per session

  // kInvalidArgument, kOutOfRange: the message names the field.
  static Result<FunnelProgram> Create(const FunnelQuery& query);
};

}  // namespace v1
}  // namespace insightflow
