// The order of a segment's dictionary: the most frequent entries first.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/model/batch.h"

namespace insightflow {
inline namespace v1 {

// The codes of `values` whose counts[code] is not 0, by falling count, then by text.
// O(entries × log entries).
std::vector<std::uint32_t> OrderByFrequency(const DictColumn& values,
                                            const std::vector<std::uint32_t>& counts);

}  // namespace v1
}  // namespace insightflow
