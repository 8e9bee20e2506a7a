// The greatest counts by value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "insightflow/result.h"
#include "lib/analytics/stop.h"
#include "lib/model/value_table.h"

namespace insightflow {
inline namespace v1 {

struct CodeCount {
  std::uint32_t code = 0;
  std::uint64_t count = 0;
};

// Puts the greatest counts first, in order, equal ones in order of their values; returns how many:
// `limit`, or all. As PutFirst.
inline std::size_t PutTopFirst(std::vector<CodeCount>* counts, std::size_t limit,
                               const ValueTable& values, Stop* stop) {
  const auto is_before = [&](const CodeCount& a, const CodeCount& b) {
    if (a.count != b.count) return a.count > b.count;
    return values.Text(a.code) < values.Text(b.code);
  };
  return PutFirst(counts->begin(), counts->end(), limit, is_before, stop);
}

inline std::vector<TopRow> TopRows(std::vector<CodeCount> counts, std::size_t limit,
                                   const ValueTable& values, Stop* stop) {
  counts.resize(PutTopFirst(&counts, limit, values, stop));
  std::vector<TopRow> rows;
  rows.reserve(counts.size());
  for (const CodeCount& count : counts) {
    rows.push_back({.value = std::string(values.Text(count.code)), .count = count.count});
  }
  return rows;
}

}  // namespace v1
}  // namespace insightflow
