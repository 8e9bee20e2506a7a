// Settings of an engine. The defaults suit a service with a few hundred MiB to spare.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "insightflow/ingest.h"
#include "insightflow/query.h"
#include "insightflow/time.h"

namespace insightflow {
inline namespace v1 {

// Which fields an event must have, beside user_id, event_type and timestamp.
struct ValidationRules {
  bool require_session_id = true;
  bool require_page_url = true;
  // Events without event_id are deduplicated by their content, so that a retried batch of a client
  // that sends no ids counts once. Off: each such event is new.
  bool dedupe_by_content = true;
  // An event further ahead of the server's clock is rejected as bad_time.
  std::chrono::milliseconds future_max = std::chrono::hours(24);
  // With sent_at: a clock that differs by more than this shifts the whole batch.
  std::chrono::milliseconds skew_max = std::chrono::minutes(5);
};

// Bounds of the live numbers. Past a bound, answers say so (count_error_max, "__other__").
struct LiveLimits {
  std::size_t event_types_max = 255;          // further types count as "__other__"
  std::size_t pages_max = 100'000;            // exact up to here, then Space-Saving
  std::size_t elements_max = 20'000;          // exact up to here, then Space-Saving
  std::size_t users_max = 1'000'000;          // profiles kept; further users only count in totals
  std::size_t recent_events_max = 2'000'000;  // reach of the index behind quick timelines
};

// How one query is answered.
struct QueryOptions {
  // A query that takes longer ends with kDeadlineExceeded, also while its answer is put together.
  std::chrono::milliseconds deadline = std::chrono::seconds(10);
  // Past it the query ends with kResourceExhausted. It bounds what a query keeps and the rows that
  // are under way; both depend on what is asked, not on how many events there are.
  std::size_t memory_bytes_max = std::size_t{256} << 20;
  std::size_t threads = 0;  // 0: as many as the machine has
  // Not owned. Set to true from any thread, it ends the query with kCancelled.
  const std::atomic<bool>* cancelled = nullptr;
};

enum class ExportFormat : std::uint8_t { kNdjson, kCsv };

inline constexpr std::size_t kExportChunkBytes = std::size_t{64} << 10;

// Which events are exported, and how.
struct ExportOptions {
  std::optional<Timestamp> from = {};  // inclusive
  std::optional<Timestamp> to = {};    // exclusive
  std::vector<Filter> filters = {};    // all must hold
  // CSV is as RFC 4180 says, with a header of all wire names. Text that a spreadsheet would take
  // for a formula (it begins with = + - @, tab or CR) gets an apostrophe in front, which Importer
  // takes off again; extra_data is a cell of JSON.
  ExportFormat format = ExportFormat::kNdjson;
  // Not owned. Set to true from any thread, it ends the export with kCancelled.
  const std::atomic<bool>* cancelled = nullptr;
};

struct EngineOptions {
  // The folder of the store; made when missing. Empty: in memory, nothing survives Close().
  std::string data_dir = {};
  bool create_if_missing = true;

  Durability durability = Durability::kFsync;
  ValidationRules rules = {};
  LiveLimits live = {};

  // Memory for the ids of the dedupe window. When it is spent, the window gets shorter and
  // EngineMetrics::dedupe_reach tells how long it is.
  std::size_t dedupe_bytes_max = std::size_t{1} << 30;
  std::chrono::milliseconds dedupe_window = std::chrono::hours(24 * 7);

  // The live numbers are saved when events pause, and at the latest after this many, so that
  // opening after a crash replays no more than these. A save delays answers by about 0.2 s for a
  // million users.
  std::uint64_t live_save_events = 16'000'000;

  // Bytes of batches that wait for the disk; past them IngestAsync answers kResourceExhausted and
  // Ingest waits.
  std::size_t in_flight_bytes_max = std::size_t{64} << 20;
  // Ingest is refused with kResourceExhausted while the disk has less than this free.
  std::size_t disk_free_min = std::size_t{64} << 20;
  // Rejected events kept for inspection; the oldest go first.
  std::size_t failed_events_max = 10'000;
  std::size_t failed_bytes_max = std::size_t{16} << 20;

  // Events go from the log into columns, which analyses read, when this many are not there yet, by
  // a thread that steps back for others. Off: only Engine::Fold does that.
  bool fold = true;
  std::uint64_t fold_rows = 262'144;

  // Events of days, by their UTC event time, that lie more than this before the current one expire:
  // no query or timeline has them, and within a minute they leave the disk. Live totals and
  // profiles, which are of all time, keep them, the totals also when a user is erased whose events
  // had expired before. 0: none expires.
  std::uint32_t retention_days = 0;

  // Not owned; must outlive the engine. Null: the machine's clock.
  const Clock* clock = nullptr;
};

}  // namespace v1
}  // namespace insightflow
