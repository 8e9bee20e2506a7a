// Ordered funnels where no two events of a user have the same time, which is nearly always: chains
// are found by searching bytes instead of passing over events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/analytics/funnel_matcher.h"
#include "lib/analytics/funnel_rules.h"

namespace insightflow {
inline namespace v1 {

// Columns by row, in the order of a timeline.
struct FunnelBytes {
  std::span<const std::int64_t> time_ms;
  std::span<const std::uint8_t> selected;  // which selectors match, as FunnelSearch::Form says
};

// Immutable: threads may share it.
class FunnelSearch {
 public:
  enum class Form : std::uint8_t {
    kBits,  // bit s of a row: selector s matches
    kCode,  // 0 for none, else 1 + s for the only one that does
  };

  // Step k + 1 matches an event that selectors[k] does, below 8 or below 255. For ordered and
  // strictly increasing funnels, in which nothing else matters.
  FunnelSearch(const FunnelRules& rules, std::span<const std::uint32_t> selectors, Form form);

  // What FunnelMatcher::Match finds. False when it must look itself: `chain` is then as it was,
  // except for its rows. O(rows + steps), as FunnelMatcher's at worst.
  bool Match(const FunnelBytes& rows, std::uint32_t begin, std::uint32_t end,
             FunnelChain* chain) const;

 private:
  // What a byte must be, where the mask looks at it.
  struct Test {
    std::uint8_t mask = 0;
    std::uint8_t value = 0;
  };

  // The first row of [from, end) that matches the step; `end` when there is none.
  static std::uint32_t FindNext(const FunnelBytes& rows, Test step, std::uint32_t from,
                                std::uint32_t end);
  // The last row before `before` that does, which must exist.
  static std::uint32_t FindLast(const FunnelBytes& rows, Test step, std::uint32_t before);
  // The latest start of a chain of the first steps that ends before a row; there must be one.
  std::uint32_t LatestStart(const FunnelBytes& rows, std::uint32_t steps,
                            std::uint32_t before) const;
  bool InWindow(const FunnelBytes& rows, std::uint32_t start, std::uint32_t row) const {
    return static_cast<std::uint64_t>(rows.time_ms[row]) -
               static_cast<std::uint64_t>(rows.time_ms[start]) <=
           rules_.window_ms;
  }

  const FunnelRules& rules_;
  std::vector<Test> steps_;
};

}  // namespace v1
}  // namespace insightflow
