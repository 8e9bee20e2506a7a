// Timelines of stored events: the segments of many days, merged by user.
//
//   TimelineScan scan(plan, std::move(inputs), &values, options);
//   each thread: while (std::optional<std::size_t> part = next()) scan.Run(*part, &visitor);
//
// A part is a range of user hashes. Within it each segment has a cursor on one decoded block; all
// users below the least hash that a cursor may still add to are complete. Their runs are put in
// order of the hash by counting, since hashes are spread evenly, copied together, and handed out.
// Plans that take any order get block by block instead: a part is then the blocks that begin in its
// range. A user is known by the 64-bit hash of the id, whose seed is the store's secret: that two
// of ten million users share one has a chance of 3 in a million.
//
// Thread safety: Run may be called by many threads, each with a visitor of its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "insightflow/status.h"
#include "lib/model/timelines.h"
#include "lib/segments/scan_segment.h"

namespace insightflow {
inline namespace v1 {

struct ScanOptions {
  std::size_t parts = 1;
  // Rows that are handed out at a time, about, and at least one user: what is put together should
  // still be in the cache when the visitor looks at it.
  std::size_t batch_rows = std::size_t{1} << 15;
};

// Asked between blocks, and before the rows of one user that are many are put together, with the
// memory that the rows of a part take: an error ends the scan.
using ScanCheck = std::function<Status(std::size_t bytes)>;

class TimelineScan {
 public:
  // `plan` and `values` must outlive the scan. Inputs whose days lie outside of the plan's range
  // cost nothing.
  TimelineScan(const ScanPlan& plan, std::vector<ScanInput> inputs, ValueTable* values,
               ScanOptions options);
  ~TimelineScan();

  std::size_t parts() const { return options_.parts; }
  // Hands out the timelines of one part. `check` may be null. Errors: those of the visitor and of
  // `check`. Damage is not an error here: see incomplete().
  Status Run(std::size_t part, TimelineVisitor* visitor, const ScanCheck& check = nullptr);

  // Rows in the plan's range that were looked at.
  std::uint64_t events_scanned() const { return scanned_.load(std::memory_order_relaxed); }
  // Memory of what is kept of the segments' dictionaries, beside the values.
  std::size_t table_bytes() const { return context_.table_bytes.load(std::memory_order_relaxed); }
  // What could not be read, and is missing in what was handed out.
  std::vector<std::string> incomplete() const;

 private:
  friend class PartScan;

  void NoteDamage(const Status& status);

  const ScanOptions options_;
  ScanContext context_;
  std::vector<std::unique_ptr<ScanSegment>> segments_;  // by day, then sequence
  std::atomic<std::uint64_t> scanned_{0};
  mutable std::mutex mutex_;
  std::vector<std::string> incomplete_;
};

}  // namespace v1
}  // namespace insightflow
