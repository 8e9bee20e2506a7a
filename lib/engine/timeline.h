// One user's events, newest first: out of the log what is not folded, by the live index where it
// reaches and by reading backwards before it, the rest out of segments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "insightflow/live.h"
#include "insightflow/status.h"
#include "lib/base/hash.h"
#include "lib/live/live_state.h"
#include "lib/log/event_log.h"
#include "lib/segments/segment_store.h"

namespace insightflow {
inline namespace v1 {

struct TimelineRange {
  std::size_t limit = 0;
  std::int64_t from_ms = INT64_MIN;  // inclusive
  std::int64_t before_ms = INT64_MAX;
  std::uint64_t before_sequence = 0;  // of the events at before_ms those before this belong too

  bool Ends(std::int64_t time_ms, std::uint64_t sequence) const {
    return time_ms > before_ms || (time_ms == before_ms && sequence >= before_sequence);
  }
};

// As Engine::UserEvents. Thread-safe. Complexity: of the log one entry read for each indexed event
// at most, past the index every entry that is not folded; of segments the blocks that hold the
// user, of days that can matter, the newest first.
Result<std::vector<StoredEvent>> ReadUserEvents(const EventLog& log, const LiveState& live,
                                                const SegmentStore& segments,
                                                std::string_view user_id,
                                                const TimelineRange& range);

// An event and the key by which it is known as sent before.
struct KeyedEvent {
  StoredEvent event;
  Hash128 key;
};

// Hands all of a user's events up to a sequence, as far as `erased` does not hide them, to `take`:
// pieces of a few thousand, in no order. The log must not be trimmed meanwhile. Damaged blocks of
// segments are passed over.
Status ForEventsOfUser(const EventLog& log, const LiveState& live, const SegmentStore& segments,
                       std::shared_ptr<const ErasedUsers> erased, std::string_view user_id,
                       std::uint64_t last_sequence,
                       const std::function<void(std::span<const KeyedEvent>)>& take);

// The event of a row.
Event EventOfRow(const EventBatch& batch, std::size_t row);

}  // namespace v1
}  // namespace insightflow
