// InsightFlow: a user-behaviour analytics engine in one process. Read this header first.
//
//   #include <insightflow/engine.h>
//
//   insightflow::EngineOptions options;
//   options.data_dir = "/var/lib/shop";
//   auto engine = insightflow::Engine::Open(options);
//   if (!engine.ok()) return Fail(engine.status());
//
//   auto result = (*engine)->Ingest(R"({"events":[{"user_id":"u1","session_id":"s1",
//       "event_type":"view","page_url":"/home","timestamp":1700000000000}]})");
//   // result->accepted == 1, and it is on the disk.
//
//   for (const auto& page : (*engine)->HotPages(insightflow::Window::kAll, 10).rows)
//     std::cout << page.value << ' ' << page.count << '\n';
//
// An accepted event is appended once, durably, to one ordered log; live numbers follow that log. A
// crash, a restart and a normal day are the same code path.
//
// Thread safety: every method may be called from any thread at any time, except the destructor.
// Errors: methods return Status or Result; nothing throws, prints or aborts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/event.h"
#include "insightflow/export.h"
#include "insightflow/ingest.h"
#include "insightflow/live.h"
#include "insightflow/options.h"
#include "insightflow/query.h"
#include "insightflow/result.h"
#include "insightflow/status.h"
#include "insightflow/store.h"

namespace insightflow {
inline namespace v1 {

// Counters since Open and gauges of this moment; all in the units their names say.
struct EngineMetrics {
  std::uint64_t events_accepted = 0;
  std::uint64_t events_duplicate = 0;
  std::uint64_t events_rejected = 0;
  std::uint64_t events_truncated = 0;
  std::uint64_t batches = 0;
  std::uint64_t commits = 0;          // synced writes; batches / commits is the group size
  std::uint64_t commit_micros = 0;    // total time of those writes
  std::uint64_t next_sequence = 1;    // the log's end: the sequence of the next event
  std::uint64_t in_flight_bytes = 0;  // batches that wait for the disk
  std::uint64_t log_bytes = 0;        // on disk, about
  std::uint64_t dedupe_ids = 0;       // ids remembered
  std::uint64_t dedupe_bytes = 0;     // memory they take
  std::chrono::milliseconds dedupe_reach = {};  // how far back every id is remembered
  std::uint64_t live_bytes = 0;                 // memory of the live numbers, about
  std::uint64_t live_users = 0;                 // user profiles held
  std::uint64_t users_overflow_events = 0;      // events of users past LiveLimits::users_max
  std::uint64_t types_overflow_events = 0;      // events of types past LiveLimits::event_types_max
  std::uint64_t failed_events = 0;              // rejected events kept
  std::uint64_t failed_dropped = 0;             // rejected events that had to make room
  std::uint64_t folded_sequence = 0;            // events up to here are in segments
  std::uint64_t fold_lag_events = 0;            // events behind it, in the log only
  std::uint64_t segments = 0;
  std::uint64_t segment_bytes = 0;
  std::uint64_t segment_merges = 0;    // since Open
  std::uint64_t erasures_pending = 0;  // users erased whose events are still on the disk
  // kDataLoss: ids in a damaged part of the store are unknown. Their events may be taken again.
  Status ids_status = {};
  // kDataLoss: the live numbers had to be made again and lack events of a damaged part of the
  // store.
  Status live_status = {};
  Status fold_status = {};  // why folding has stopped or waits; events are taken meanwhile
};

class INSIGHTFLOW_EXPORT Engine {
 public:
  // Opens or makes the store, replays what live numbers need, and starts the commit thread.
  // Errors: kFailedPrecondition when another process holds the store, kDataLoss when a checksum
  // fails, kPermissionDenied, kNotFound (create_if_missing off), kResourceExhausted (disk full),
  // kInvalidArgument (options). The message says what to do.
  static Result<std::unique_ptr<Engine>> Open(const EngineOptions& options);

  // Closes; errors are lost, so call Close() to see them.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Waits for batches under way, saves the live numbers and releases the store. Idempotent. Any
  // call after it fails with kFailedPrecondition or answers empty.
  Status Close();

  // Takes a JSON batch: {"events":[…],"sent_at"?: ms}, a bare array, or one event. Returns when the
  // events are durable (EngineOptions::durability) and visible to every query.
  // Errors, each for the batch as a whole, nothing of it kept: kInvalidArgument (not JSON to its
  // end), kOutOfRange (over a limit of IngestOptions), kResourceExhausted (the disk is full).
  // kUnavailable: a write failed and its outcome is unknown; the engine takes no more until it is
  // opened again, and the batch may then be sent again without counting twice.
  // Complexity: O(bytes). Calls from many threads share one synced write.
  Result<IngestResult> Ingest(std::string_view json, const IngestOptions& options = {});

  // The same for events built in C++.
  Result<IngestResult> Ingest(std::span<const Event> events, const IngestOptions& options = {});

  // As Ingest, without waiting for the disk: parses in the calling thread, then returns. `done` is
  // called once, on the calling thread (errors that are known at once) or on a thread of the
  // engine; it must not block. `json` need not outlive the call.
  void IngestAsync(std::string_view json, const IngestOptions& options, IngestCallback done);

  // Live numbers, at this moment of the engine's clock. Microseconds; never touch the disk.
  OnlineUsers Online() const;
  EventTotals Totals() const;
  EventRates Rates() const;
  Conversion ConversionRate() const;
  Ranking HotPages(Window window, std::size_t limit) const;     // "view" events by page_url
  Ranking HotElements(Window window, std::size_t limit) const;  // "click" events by element
  Dashboard GetDashboard(std::size_t hot_pages_limit) const;

  // The profile of one user, or kNotFound.
  Result<UserProfile> User(std::string_view user_id) const;

  // One user's events with timestamp < before, newest first, at most `limit` (1 to 1,000). Equal
  // timestamps: the later in the log comes first, but within a page events of one tab_id come in
  // order of their seq. An unknown user has no events. Recent events are found by an index; older
  // ones by reading the log backwards. With `before_sequence`, also the events at `before` that
  // have a lesser sequence: with the timestamp of a page's last event, and the least sequence that
  // the page has of it, the next page leaves nothing out and repeats nothing.
  Result<std::vector<StoredEvent>> UserEvents(std::string_view user_id, std::size_t limit,
                                              std::optional<Timestamp> before = std::nullopt,
                                              std::uint64_t before_sequence = 0) const;

  // Answers a question about all events that were acknowledged before the call, wherever they are
  // stored by now. Threads of its own, so it may be called from many. Errors: kInvalidArgument and
  // kOutOfRange (the query; the message names the field), kDeadlineExceeded, kCancelled,
  // kResourceExhausted (memory). Damaged parts of the store are named in AnswerMeta::incomplete,
  // and the rest answers. O(events of the range), over the columns that the query names.
  Result<Answer> Query(const insightflow::Query& query, const QueryOptions& options = {}) const;

  // Funnel definitions, kept in the store; a change is on the disk when the call returns. There is
  // always one named "default", built in until it is replaced. All may fail with kDataLoss (the
  // definition is damaged; replacing or removing it is the remedy) and with kFailedPrecondition (a
  // newer version wrote it). O(size of the definition), of all for Funnels and new ones.
  // In order of id.
  Result<std::vector<FunnelDefinition>> Funnels() const;
  // kNotFound when there is none.
  Result<FunnelDefinition> Funnel(std::string_view id) const;
  // What it asks, as ParseQuery (wire.h) takes it for "funnel_id". kNotFound when it is inactive.
  Result<FunnelQuery> ActiveFunnel(std::string_view id) const;
  // Keeps one under an id that has none. kAlreadyExists; kInvalidArgument, naming the field;
  // kOutOfRange: past kFunnelsMax, kFunnelBytesMax or kFunnelsBytesMax. A write that fails stops
  // the engine, as for Ingest.
  Status AddFunnel(const FunnelDefinition& funnel);
  // The same, in place of what the id has. True when it had nothing.
  Result<bool> PutFunnel(const FunnelDefinition& funnel);
  // kNotFound when there is none. "default" becomes the built-in one again, and is never missing.
  Status RemoveFunnel(std::string_view id);

  // Hands the events that were acknowledged before the call to `sink`, whole lines of about
  // kExportChunkBytes a call, in memory that does not grow with their number. Exporter (exporter.h)
  // does the same step by step and says in which order. Errors: those of Exporter and of `sink`,
  // which ends the export by one; what was handed over before is then a part only.
  Status Export(const ExportOptions& options,
                const std::function<Status(std::string_view lines)>& sink) const;

  // Rejected events with id > after, oldest first.
  Result<std::vector<FailedEvent>> FailedEvents(std::uint64_t after, std::size_t limit) const;

  // Takes a user's events back, those that were answered before the call: at once every answer, the
  // live totals too, is as though they had never been, their ids may come again, rejected events
  // that mention the user are gone, and so is the id from filters on user_id of stored funnels.
  // From the disk they go within a day, or when Fold is called. Returns how many there were.
  // Errors: kInvalidArgument (the id's length), kUnavailable, kResourceExhausted (disk full),
  // kDataLoss. O(the user's events and segments).
  Result<std::uint64_t> EraseUser(std::string_view user_id);

  // Waits until every event that was answered before the call is in a segment, the columns that
  // analyses read, small segments are merged, and nothing of erased users is on the disk. Segments
  // are made in the background anyway; this is for the end of an import, and for tests.
  // kResourceExhausted when the disk is nearly full, kDataLoss when the log is damaged. O(events
  // that are not in segments).
  Status Fold();

  // Copies the store, consistent and openable, into a folder that must not exist. Cheap on one
  // file system: files are linked. Ingest goes on meanwhile.
  Status Backup(const std::string& dir);

  // Reads everything and verifies every checksum, while the engine goes on.
  Result<CheckReport> Check() const;

  EngineMetrics Metrics() const;

  // OK while the engine takes events; otherwise why it does not.
  Status Health() const;

 private:
  friend class Importer;
  friend class Exporter;
  friend class TunedEngine;
  class Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Checks a store that no engine holds open, also one that is too damaged to open: then the damage
// is in the report. Errors: kNotFound, kFailedPrecondition (in use), kPermissionDenied.
INSIGHTFLOW_EXPORT Result<CheckReport> CheckStore(const std::string& data_dir);

}  // namespace v1
}  // namespace insightflow
