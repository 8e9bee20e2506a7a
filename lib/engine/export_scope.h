// Which rows an export takes: a range of time and filters, compiled. Immutable.
#pragma once

#include <cstdint>
#include <vector>

#include "insightflow/options.h"
#include "insightflow/status.h"
#include "lib/model/predicate.h"
#include "lib/segments/segment_block.h"
#include "lib/segments/segment_format.h"

namespace insightflow {
inline namespace v1 {

class ExportScope {
 public:
  // kInvalidArgument: a bad filter, or a range that ends before it begins.
  static Result<ExportScope> Create(const ExportOptions& options);

  bool MayHold(std::int64_t min_time_ms, std::int64_t max_time_ms) const {
    return max_time_ms >= from_ms_ && min_time_ms < to_ms_;
  }

  // What the filters on fields with a dictionary for the whole segment say to each code, by filter.
  using Tables = std::vector<std::vector<std::uint8_t>>;
  Tables TablesOf(const SegmentMeta& meta, const SegmentDictionaries& dictionaries) const;

  // keep[row] is 1 for the rows that the scope takes.
  void Judge(const SegmentMeta& meta, const SegmentBlock& block, const Tables& tables,
             std::vector<std::uint8_t>* keep) const;

 private:
  std::int64_t from_ms_ = INT64_MIN;
  std::int64_t to_ms_ = INT64_MAX;
  std::vector<Predicate> filters_;
};

}  // namespace v1
}  // namespace insightflow
