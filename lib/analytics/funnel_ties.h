// Steps given to events of one instant: each event fills one step at most.
//
// Where no event matches two steps, a step is filled when there is an event for it. Elsewhere it is
// a matching in a bipartite graph, grown step by step along augmenting paths (Kuhn 1955; Hopcroft
// and Karp 1973 for the term). Steps are bits: bit k is step k + 1; "level" counts steps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace insightflow {
inline namespace v1 {

class FunnelTies {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // The rows [begin, end) are of one time; `masks` is indexed by row. O(rows).
  void Load(const std::uint64_t* masks, std::uint32_t begin, std::uint32_t end,
            std::uint32_t steps);
  // The same for rows that are not neighbours; masks[i] is that of rows[i].
  void Load(const std::uint32_t* rows, const std::uint64_t* masks, std::size_t count,
            std::uint32_t steps);

  std::uint64_t any() const { return any_; }  // steps that some event matches
  std::uint64_t twice() const { return twice_; }
  bool simple() const { return simple_; }

  // The highest level that a chain of `level` can be taken to, up to `limit`.
  std::uint32_t Farthest(std::uint32_t level, std::uint32_t limit);
  // Whether all steps of the set can be filled.
  bool CanFill(std::uint64_t set);
  // Of `wanted`, the steps that can be filled in addition to all of `required`: as many as can
  // be, and of those sets the one with the lowest steps. False when `required` cannot be filled.
  bool FillMost(std::uint64_t required, std::uint64_t wanted, std::uint64_t* filled);
  // Rows for all steps of a set that can be filled: step by step the first that will do. Writes
  // rows[k] for each step.
  void Assign(std::uint64_t set, std::uint32_t* rows);
  // As if the event matched no step of the set. `at` counts the rows that were loaded.
  void Forbid(std::size_t at, std::uint64_t set);
  void Allow(std::size_t at, std::uint64_t set);
  std::size_t size() const { return rows_.size(); }
  std::uint64_t mask(std::size_t at) const { return masks_[at]; }
  std::uint32_t row(std::size_t at) const { return rows_[at]; }

 private:
  void Keep(std::uint32_t row, std::uint64_t mask);
  void StartMatching();
  bool Augment(std::uint32_t step);
  bool TryAugment(std::uint32_t step);
  void Release(std::uint32_t step);
  bool Move(std::uint32_t step, std::uint32_t to);

  std::uint32_t steps_ = 0;
  std::uint64_t any_ = 0;
  std::uint64_t twice_ = 0;
  bool simple_ = true;
  std::array<std::uint32_t, 64> seen_ = {};  // by step: events kept
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint64_t> masks_;
  // The matching.
  std::array<std::uint32_t, 64> at_of_ = {};  // by step: an index into rows_
  std::vector<std::uint8_t> step_of_;         // by index: a step, or kFree, or kFixed
  std::vector<std::uint8_t> visited_;
};

}  // namespace v1
}  // namespace insightflow
