// Which segments of a day to merge: tiers, so that a row is written again a logarithm's times. Only
// neighbours in the log are merged. So the segments of a day follow each other in it, and a reader
// need not look at sequences to put a user's events in order.
//
// Tiers leave a few segments of each size, which a growing day needs and a day that is over does
// not: what has settled in it becomes one segment. The log says what is over, so that nobody need
// ask for the time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lib/segments/segment_store.h"

namespace insightflow {
inline namespace v1 {

using SegmentList = std::vector<std::shared_ptr<const StoredSegment>>;

// Segments of together so many rows are replaced in one commit, whose synced writes cost more than
// those of small segments. Not more segments than the second: each takes a file and some 10 KiB of
// memory.
inline constexpr std::uint64_t kRowsTogether = 262'144;
inline constexpr std::size_t kSegmentsTogether = 2'048;

// The merges to do next, in one commit: those of fewest rows, at most one a day, some more when
// they are small. From `least` neighbours of similar size in one day on, these, the smallest first,
// as many as one segment takes; unless only wide merges are wanted also those that have settled.
// Empty when there is nothing to merge. `segments` are sorted by day. Those that are left out, or
// cannot be read, are neighbours of none. O(n log n + n × (left_out + unreadable)).
inline constexpr std::size_t kMergeSegmentsMin = 4;
std::vector<SegmentList> PickMerges(const SegmentList& segments,
                                    std::size_t least = kMergeSegmentsMin,
                                    std::span<const SegmentKey> left_out = {},
                                    std::span<const UnreadableSegment> unreadable = {});

// Over row counts of one day, in the order of the log: how many, from which one on, and the
// greatest of them.
struct MergeRange {
  std::size_t begin = 0;
  std::size_t count = 0;
  std::uint32_t greatest = 0;
};
MergeRange PickRange(const std::vector<std::uint32_t>& rows, std::size_t least = kMergeSegmentsMin);

struct SegmentExtent {
  std::uint32_t rows = 0;
  std::uint64_t last = 0;  // sequence
};
// How many segments of a day, from the first in the log on, have settled: the log, which ends at
// `newest`, has grown behind them by half of what the day has, and hardly by rows of that day.
std::size_t CountSettled(std::span<const SegmentExtent> day, std::uint64_t newest);

// Among settled segments, by their rows: the most neighbours that fit into one and of which the
// greatest leaves enough for the others to be worth that it is written again.
MergeRange PickSettled(std::span<const std::uint32_t> rows);

}  // namespace v1
}  // namespace insightflow
