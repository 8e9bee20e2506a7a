// The log's newest rows, which are not folded yet, as segments in memory: so that a query reads one
// form only. They are made when a query asks and kept until they are folded; small pieces are made
// anew together with what came behind them, so that a row is encoded O(log n) times.
//
// Thread safety: Get may be called by many threads; one makes what all need.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "insightflow/status.h"
#include "lib/log/event_log.h"
#include "lib/segments/memory_segment.h"
#include "lib/segments/scan_segment.h"

namespace insightflow {
inline namespace v1 {

class TailSegments {
 public:
  // `rows_max`: of a segment, about.
  explicit TailSegments(std::uint64_t rows_max) : rows_max_(rows_max) {}

  struct Tail {
    std::vector<ScanInput> inputs;
    std::uint64_t last = 0;
  };
  // The rows behind sequence `folded` up to `last` or a little later, all ends of log entries.
  // Errors: kDataLoss, those of the log.
  Result<Tail> Get(const EventLog& log, std::uint64_t folded, std::uint64_t last);

 private:
  struct Segment {
    MemorySegment chunks;
    std::optional<SegmentReader> reader;
  };
  struct Piece {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::vector<std::shared_ptr<const Segment>> segments;  // one a day
  };

  Status Extend(const EventLog& log, std::uint64_t folded, std::uint64_t last);
  Result<Piece> Make(const EventLog& log, std::uint64_t first, std::uint64_t last) const;
  static Result<std::shared_ptr<const Segment>> Finish(SegmentBuilder* builder,
                                                       const SegmentKey& key);

  const std::uint64_t rows_max_;
  std::mutex mutex_;
  std::vector<Piece> pieces_;  // rising, without a gap
};

}  // namespace v1
}  // namespace insightflow
