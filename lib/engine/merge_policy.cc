#include "lib/engine/merge_policy.h"

#include <algorithm>
#include <utility>

#include "lib/segments/segment_merger.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint64_t kSimilar = 4;
// Smaller segments all count as this small.
constexpr std::uint64_t kSmallRows = 4096;
// Merges of together so many rows share a commit, whose synced writes cost more than small merges.
constexpr std::uint64_t kRowsTogether = 262'144;

}  // namespace

MergeRange PickRange(const std::vector<std::uint32_t>& rising_rows, std::size_t least) {
  const std::size_t n = rising_rows.size();
  for (std::size_t begin = 0; begin + least <= n; ++begin) {
    const std::uint64_t similar =
        kSimilar * std::max<std::uint64_t>(rising_rows[begin], kSmallRows);
    if (rising_rows[begin + least - 1] > similar) continue;
    std::uint64_t rows = 0;
    std::size_t end = begin;
    while (end < n && end - begin < kMergeInputsMax && rising_rows[end] <= similar &&
           rows + rising_rows[end] <= kSegmentRowsMax) {
      rows += rising_rows[end++];
    }
    if (end - begin >= 2) return {begin, end - begin};
  }
  return {};
}

std::vector<SegmentList> PickMerges(const SegmentList& segments, std::size_t least) {
  std::vector<std::pair<std::uint64_t, SegmentList>> found;
  for (auto first = segments.begin(); first != segments.end();) {
    const auto last = std::find_if(first, segments.end(), [&](const auto& segment) {
      return segment->key().day != (*first)->key().day;
    });
    SegmentList day(first, last);
    first = last;
    std::stable_sort(day.begin(), day.end(),
                     [](const auto& a, const auto& b) { return a->meta().rows < b->meta().rows; });
    std::vector<std::uint32_t> rows;
    for (const auto& segment : day) rows.push_back(segment->meta().rows);
    const MergeRange range = PickRange(rows, least);
    if (range.count == 0) continue;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < range.count; ++i) sum += rows[range.begin + i];
    const auto begin = day.begin() + static_cast<std::ptrdiff_t>(range.begin);
    found.emplace_back(sum, SegmentList(begin, begin + static_cast<std::ptrdiff_t>(range.count)));
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<SegmentList> merges;
  std::uint64_t rows = 0;
  for (auto& [sum, inputs] : found) {
    rows += sum;
    if (!merges.empty() && rows > kRowsTogether) break;
    merges.push_back(std::move(inputs));
  }
  return merges;
}

}  // namespace v1
}  // namespace insightflow
