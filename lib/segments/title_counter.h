// Which title each page of a segment has, so that rows need not say it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <absl/container/flat_hash_map.h>

namespace insightflow {
inline namespace v1 {

// Counts the titles of pages, by codes in any numbering. Not thread-safe.
class TitleCounter {
 public:
  // Pages have the codes 1 … `pages`.
  explicit TitleCounter(std::size_t pages) : first_(pages + 1) {}

  // A row that has a title; 0 is "no page". O(1).
  void Add(std::uint32_t page, std::uint32_t title) {
    ++rows_;
    Count& first = first_[page];
    if (first.rows == 0) first.title = title;
    if (first.title == title) {
      ++first.rows;
    } else if (others_.size() < kOthersMax) {
      ++others_[{page, title}];
    }
  }

  // By the new code of each page, new_pages[page], the new code of the title that most of its rows
  // have, the least of several, or 0. Empty unless that is right for most rows that have a title.
  // The same however the rows were ordered.
  std::vector<std::uint32_t> Titles(std::span<const std::uint32_t> new_pages,
                                    std::span<const std::uint32_t> new_titles) const;

 private:
  // Pages with as many further titles do not foretell them, whatever their order.
  static constexpr std::size_t kOthersMax = std::size_t{1} << 16;

  struct Count {
    std::uint32_t title = 0;
    std::uint32_t rows = 0;
  };

  std::uint64_t rows_ = 0;
  std::vector<Count> first_;  // by page
  absl::flat_hash_map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> others_;
};

}  // namespace v1
}  // namespace insightflow
