// What a dedupe window is besides the bytes of its tables: with them, all that another window of
// the same budget and span needs to go on in its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace insightflow {
inline namespace v1 {

struct DedupeState {
  // Keys that are forgotten together: when the first and the last of them came.
  struct Generation {
    std::int64_t first_ms = 0;
    std::int64_t last_ms = 0;

    friend bool operator==(const Generation&, const Generation&) = default;
  };
  struct Table {
    std::uint32_t first_lane = 0;
    std::uint32_t lanes = 0;
    std::uint32_t buckets = 0;  // of a lane; 0: no key yet
    bool compact = false;

    std::size_t bytes() const;

    friend bool operator==(const Table&, const Table&) = default;
  };

  std::uint64_t window_ms = 0;
  std::uint32_t lane_buckets_max = 0;  // what the budget comes to
  std::int64_t now_ms = 0;             // the latest that it was told
  std::int64_t reach_ms = 0;
  std::uint64_t newest = 0;             // number of the last generation
  std::vector<Generation> generations;  // alive, in their order
  std::vector<Table> tables;            // in the order of lanes

  // Whether a window can be in this state: what a window is given must not make it run wild,
  // whoever wrote it.
  bool IsSound() const;

  friend bool operator==(const DedupeState&, const DedupeState&) = default;
};

}  // namespace v1
}  // namespace insightflow
