// What tests of paths set that queries do not.
#pragma once

#include <cstddef>
#include <memory>

#include "lib/analytics/analysis.h"

namespace insightflow {
inline namespace v1 {

// Two bytes each: enough for the sessions of some 150 million events.
inline constexpr std::size_t kWalkWordsMax = std::size_t{1} << 26;

// Walks are kept as they are up to so many words, past that as counts of every node and link.
Result<std::unique_ptr<Analysis>> CreatePathsWithin(const PathsQuery& query,
                                                    std::size_t walk_words_max);

}  // namespace v1
}  // namespace insightflow
