// Timelines of many users: the unit of analysis, as columns. A run is all events of one user that
// the plan asked for, in order of time; equal times stand in the order of the log, or of the client
// (ScanPlan::needs_client_order). With ScanPlan::any_order all rows are one run. The views live as
// long as the call that hands them out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "insightflow/status.h"
#include "lib/base/hash.h"
#include "lib/model/scan_plan.h"
#include "lib/model/value_table.h"

namespace insightflow {
inline namespace v1 {

// Of Timelines::identities; 0 for "".
inline std::uint64_t IdentityHash(std::string_view text) {
  return text.empty() ? 0 : HashBytes(text, ProcessSeed()) | 1;
}

// Texts that nobody has looked up yet: rows are pieces of sources, each with codes of its own.
struct LateTexts {
  struct Piece {
    std::uint32_t begin = 0;  // rows
    std::uint32_t end = 0;
    std::uint32_t source = 0;
    std::uint32_t first = 0;  // the source's row that is the first here
  };
  struct Column {
    const std::uint16_t* codes = nullptr;   // by the source's row
    const std::uint32_t* values = nullptr;  // by its code: that of the scan's ValueTable
  };
  std::span<const Piece> pieces;
  std::vector<std::vector<Column>> columns;  // by slot, then source
};

struct Timelines {
  // run_ends[r] is the row behind run r; no run is empty.
  std::span<const std::uint32_t> run_ends;
  std::span<const std::int64_t> time_ms;
  // Bit s of a row: selector s of the plan holds. `more_matches` has the selectors from 64 on, and
  // is empty in plans with fewer.
  std::span<const std::uint64_t> matches;
  std::span<const std::uint64_t> more_matches;
  // In place of both, if the scan has them and the plan takes them: bits, or with
  // ScanPlan::takes_codes 1 + the selector that holds, 0 for none.
  std::span<const std::uint8_t> narrow_matches;
  // By slot, then row. Codes of the scan's ValueTable, 0 where absent. Numbers and bools are texts:
  // SpelledValue; an object or array is absent.
  std::vector<std::span<const std::uint32_t>> texts;
  // In their place, if the scan has them and the plan takes them; else without pieces.
  LateTexts late_texts;
  // By slot, then row: a 64-bit hash that is equal for equal values, 0 where absent. Cheaper than
  // texts when a value need not be shown.
  std::vector<std::span<const std::uint64_t>> identities;
  // By slot, then row: NaN where there is no number.
  std::vector<std::span<const double>> numbers;
  // By run; empty unless ScanPlan::needs_user_ids.
  std::span<const std::string_view> user_ids;

  std::size_t runs() const { return run_ends.size(); }
  std::size_t rows() const { return run_ends.empty() ? 0 : run_ends.back(); }
  std::size_t RunBegin(std::size_t run) const { return run == 0 ? 0 : run_ends[run - 1]; }
  bool Matches(std::size_t row, std::size_t selector) const {
    const std::uint64_t word = selector < 64 ? matches[row] : more_matches[row];
    return (word >> (selector % 64) & 1) != 0;
  }
};

// Takes timelines. An error ends the scan, which returns it.
class TimelineVisitor {
 public:
  virtual ~TimelineVisitor() = default;
  virtual Status Visit(const Timelines& timelines) = 0;
};

}  // namespace v1
}  // namespace insightflow
