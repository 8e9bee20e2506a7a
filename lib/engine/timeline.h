// One user's events, newest first, out of the log: by the live index where it reaches, by reading
// the log backwards before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "insightflow/live.h"
#include "insightflow/status.h"
#include "lib/live/live_state.h"
#include "lib/log/event_log.h"

namespace insightflow {
inline namespace v1 {

// As Engine::UserEvents; `before_ms` is INT64_MAX for no bound. Thread-safe.
// Complexity: one log entry read for each indexed event at most; past the index, every entry back
// to the first one that can matter.
Result<std::vector<StoredEvent>> ReadUserEvents(const EventLog& log, const LiveState& live,
                                                std::string_view user_id, std::size_t limit,
                                                std::int64_t before_ms);

// The event of a row.
Event EventOfRow(const EventBatch& batch, std::size_t row);

}  // namespace v1
}  // namespace insightflow
