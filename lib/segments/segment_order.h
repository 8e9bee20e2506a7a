// The order of a segment's rows: by user hash, user id, time and log sequence.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/segments/segment_builder.h"
#include "lib/segments/segment_rows.h"

namespace insightflow {
inline namespace v1 {

struct SegmentOrder {
  struct User {
    std::uint64_t hash = 0;
    std::uint32_t code = 0;  // in the column of user ids
    std::uint32_t end = 0;   // behind its rows in `rows`
  };
  std::vector<User> users;
  std::vector<std::uint32_t> rows;  // as they came
};

// Rows that come in order of time, as most do, are not compared more than once: users are counted
// and their rows put in place, and only what is not in order then is sorted.
SegmentOrder OrderRows(const SegmentRows& rows, std::uint64_t hash_seed,
                       const SegmentOptions& options);

}  // namespace v1
}  // namespace insightflow
