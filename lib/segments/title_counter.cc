#include "lib/segments/title_counter.h"

namespace insightflow {
inline namespace v1 {

std::vector<std::uint32_t> TitleCounter::Titles(std::span<const std::uint32_t> new_pages,
                                                std::span<const std::uint32_t> new_titles) const {
  if (rows_ == 0 || others_.size() >= kOthersMax) return {};
  std::vector<Count> most(first_.size());
  const auto offer = [&](std::size_t page, std::uint32_t title, std::uint32_t rows) {
    Count& best = most[page];
    const std::uint32_t code = new_titles[title];
    if (rows > best.rows || (rows == best.rows && code < best.title)) best = {code, rows};
  };
  for (std::size_t page = 1; page < first_.size(); ++page) {
    if (first_[page].rows > 0) offer(page, first_[page].title, first_[page].rows);
  }
  for (const auto& [pair, rows] : others_) {
    if (pair.first != 0) offer(pair.first, pair.second, rows);
  }
  std::vector<std::uint32_t> titles(first_.size());
  std::uint64_t right = 0;
  for (std::size_t page = 1; page < first_.size(); ++page) {
    titles[new_pages[page]] = most[page].title;
    right += most[page].rows;
  }
  if (right < rows_ - rows_ / 8) return {};
  return titles;
}

}  // namespace v1
}  // namespace insightflow
