#include "lib/engine/merge_policy.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "lib/segments/segment_merger.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint64_t kSimilar = 4;
// Smaller segments all count as this small.
constexpr std::uint64_t kSmallRows = 4096;
// Sizes that alternate may leave many segments without a merge of similar ones: not more than this.
constexpr std::size_t kSegmentsADayMax = 32;
// A merge of settled segments writes at most so many times the rows beside the greatest of them, so
// that a few late events do not have a whole day written again.
constexpr std::uint64_t kWorth = 8;
// Of what the log grew by, a day that hardly grows has less than this part.
constexpr std::uint64_t kHardly = 8;

using Rows = std::span<const std::uint32_t>;

// As many of them as one segment takes.
std::size_t CountThatFit(Rows rows) {
  std::uint64_t sum = 0;
  std::size_t count = 0;
  while (count < rows.size() && sum + rows[count] <= kSegmentRowsMax) sum += rows[count++];
  return count;
}

std::size_t CountSimilar(Rows rows, std::uint64_t greatest) {
  return static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [&](std::uint64_t other) {
    return kSimilar * std::max(other, kSmallRows) >= greatest;
  }));
}

// A merge that begins at `begin`: the first neighbours of which `least` are similar to the greatest
// of them, and what follows up to a greater one. Smaller ones among them come along.
MergeRange MergeFrom(Rows rows, std::size_t begin, std::size_t least) {
  MergeRange range;
  std::uint32_t greatest = 0;
  const Rows near = rows.subspan(begin, std::min(rows.size() - begin, kMergeInputsMax));
  for (std::size_t count = 1; count <= near.size(); ++count) {
    greatest = std::max(greatest, near[count - 1]);
    if (range.count != 0 && greatest > range.greatest) break;
    if (CountSimilar(near.first(count), greatest) < least) continue;
    range = {begin, CountThatFit(near.first(count)), greatest};
  }
  return range.count >= 2 ? range : MergeRange();
}

// The neighbours of fewest rows, similar or not.
MergeRange LeastRange(Rows rows) {
  MergeRange least;
  std::uint64_t least_sum = kSegmentRowsMax + std::uint64_t{1};
  for (std::size_t begin = 0; begin + kMergeInputsMax <= rows.size(); ++begin) {
    const Rows range = rows.subspan(begin, kMergeInputsMax);
    const std::uint64_t sum = std::accumulate(range.begin(), range.end(), std::uint64_t{0});
    if (sum >= least_sum) continue;
    least = {begin, range.size(), *std::max_element(range.begin(), range.end())};
    least_sum = sum;
  }
  return least;
}

// Whether one that cannot be read lies between two neighbours, in the order of the log.
bool AreParted(const StoredSegment& before, const StoredSegment& after,
               std::span<const UnreadableSegment> unreadable) {
  return std::any_of(unreadable.begin(), unreadable.end(), [&](const UnreadableSegment& segment) {
    return segment.entry.key.day == before.key().day &&
           segment.entry.min_sequence > before.meta().min_sequence &&
           segment.entry.min_sequence < after.meta().min_sequence;
  });
}

// Of one day, in the order of the log.
struct Run {
  SegmentList segments;
  std::size_t settled = 0;  // the first ones
};

// The segments between those that are left out or cannot be read.
std::vector<Run> RunsOf(SegmentList day, std::uint64_t newest, std::span<const SegmentKey> left_out,
                        std::span<const UnreadableSegment> unreadable) {
  std::sort(day.begin(), day.end(), [](const auto& a, const auto& b) {
    return a->meta().min_sequence < b->meta().min_sequence;
  });
  std::vector<SegmentExtent> extents;
  for (const auto& segment : day) {
    extents.push_back({segment->meta().rows, segment->meta().max_sequence});
  }
  const std::size_t settled = CountSettled(extents, newest);
  std::vector<Run> runs(1);
  for (std::size_t i = 0; i < day.size(); ++i) {
    if (std::find(left_out.begin(), left_out.end(), day[i]->key()) != left_out.end()) {
      runs.emplace_back();
    } else {
      const SegmentList& before = runs.back().segments;
      if (!before.empty() && AreParted(*before.back(), *day[i], unreadable)) runs.emplace_back();
      if (i < settled) ++runs.back().settled;
      runs.back().segments.push_back(std::move(day[i]));
    }
  }
  return runs;
}

using Found = std::pair<std::uint64_t, SegmentList>;  // rows and segments of a merge

void PickFrom(const Run& run, std::size_t least, std::vector<Found>* found) {
  std::vector<std::uint32_t> rows;
  for (const auto& segment : run.segments) rows.push_back(segment->meta().rows);
  MergeRange range;
  if (least <= kMergeSegmentsMin) range = PickSettled(Rows(rows).first(run.settled));
  if (range.count == 0) range = PickRange(rows, least);
  if (range.count == 0) return;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < range.count; ++i) sum += rows[range.begin + i];
  const auto begin = run.segments.begin() + static_cast<std::ptrdiff_t>(range.begin);
  found->emplace_back(sum, SegmentList(begin, begin + static_cast<std::ptrdiff_t>(range.count)));
}

}  // namespace

MergeRange PickRange(const std::vector<std::uint32_t>& rows, std::size_t least) {
  MergeRange best;
  const auto tier = [](std::uint64_t greatest) { return std::max(greatest, kSmallRows); };
  for (std::size_t begin = 0; begin + 2 <= rows.size(); ++begin) {
    const MergeRange range = MergeFrom(rows, begin, least);
    if (range.count == 0) continue;
    if (best.count == 0 || tier(range.greatest) < tier(best.greatest)) best = range;
  }
  return best.count == 0 && rows.size() > kSegmentsADayMax ? LeastRange(rows) : best;
}

std::size_t CountSettled(std::span<const SegmentExtent> day, std::uint64_t newest) {
  std::uint64_t rows = 0;
  for (const SegmentExtent& segment : day) rows += segment.rows;
  const std::uint64_t grown = std::min<std::uint64_t>(rows, kSegmentRowsMax) / 2;
  std::uint64_t recent = 0;
  std::size_t count = day.size();
  while (count > 0 && day[count - 1].last + grown > newest) recent += day[--count].rows;
  return recent * kHardly <= grown ? count : 0;
}

MergeRange PickSettled(std::span<const std::uint32_t> rows) {
  MergeRange best;
  std::uint64_t best_sum = 0;
  for (std::size_t begin = 0; begin < rows.size(); ++begin) {
    std::uint64_t sum = 0;
    MergeRange range = {begin, 0, 0};
    for (const std::uint32_t next : rows.subspan(begin)) {
      sum += next;
      if (sum > kSegmentRowsMax || ++range.count > kMergeInputsMax) break;
      range.greatest = std::max(range.greatest, next);
      const bool worth = kWorth * std::max(sum - range.greatest, kSmallRows) >= sum;
      if (range.count < 2 || !worth || range.count < best.count) continue;
      if (range.count > best.count || sum < best_sum) {
        best = range;
        best_sum = sum;
      }
    }
  }
  return best;
}

std::vector<SegmentList> PickMerges(const SegmentList& segments, std::size_t least,
                                    std::span<const SegmentKey> left_out,
                                    std::span<const UnreadableSegment> unreadable) {
  std::uint64_t newest = 0;
  for (const auto& segment : segments) newest = std::max(newest, segment->meta().max_sequence);
  std::vector<Found> found;
  for (auto first = segments.begin(); first != segments.end();) {
    const auto last = std::find_if(first, segments.end(), [&](const auto& segment) {
      return segment->key().day != (*first)->key().day;
    });
    for (const Run& run : RunsOf(SegmentList(first, last), newest, left_out, unreadable)) {
      PickFrom(run, least, &found);
    }
    first = last;
  }
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.first < b.first; });
  std::vector<SegmentList> merges;
  std::uint64_t rows = 0;
  for (auto& [sum, inputs] : found) {
    rows += sum;
    if (!merges.empty() && rows > kRowsTogether) break;
    if (merges.size() == kSegmentsTogether) break;
    merges.push_back(std::move(inputs));
  }
  return merges;
}

}  // namespace v1
}  // namespace insightflow
