// The greatest counts by value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "insightflow/result.h"
#include "lib/model/value_table.h"

namespace insightflow {
inline namespace v1 {

struct CodeCount {
  std::uint32_t code = 0;
  std::uint64_t count = 0;
};

// Puts the greatest counts first, in order, equal ones in order of their values; returns how many:
// `limit`, or all. O(n log limit).
inline std::size_t PutTopFirst(std::vector<CodeCount>* counts, std::size_t limit,
                               const ValueTable& values) {
  const std::size_t size = std::min(limit, counts->size());
  std::partial_sort(counts->begin(), counts->begin() + static_cast<std::ptrdiff_t>(size),
                    counts->end(), [&](const CodeCount& a, const CodeCount& b) {
                      if (a.count != b.count) return a.count > b.count;
                      return values.Text(a.code) < values.Text(b.code);
                    });
  return size;
}

inline std::vector<TopRow> TopRows(std::vector<CodeCount> counts, std::size_t limit,
                                   const ValueTable& values) {
  counts.resize(PutTopFirst(&counts, limit, values));
  std::vector<TopRow> rows;
  rows.reserve(counts.size());
  for (const CodeCount& count : counts) {
    rows.push_back({.value = std::string(values.Text(count.code)), .count = count.count});
  }
  return rows;
}

}  // namespace v1
}  // namespace insightflow
