// The durable log on RocksDB: one database a project, one column family an entry of
// docs/formats.md. Everything the engine stores goes through here.
//
// Thread safety: one thread appends (the commit thread); everything else may be called from any
// thread. After a failed append the log is stopped: the outcome of that write is unknown, so every
// further append fails with kUnavailable until the log is opened again.
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

#include "insightflow/status.h"
#include "insightflow/store.h"
#include "lib/base/piece_writer.h"
#include "lib/decode/decoder.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace insightflow {
inline namespace v1 {

class Store;

struct EventLogOptions {
  std::string dir;  // empty: in memory
  bool create_if_missing = true;
  std::size_t disk_free_min = std::size_t{64} << 20;
  std::size_t failed_events_max = 10'000;
  std::size_t failed_bytes_max = std::size_t{16} << 20;
  // For tests that make the disk fail. Not owned; null: the machine's.
  rocksdb::Env* env = nullptr;
  // Asked before an existing store is opened for writing; an error refuses it, unchanged.
  std::function<Status(const Store&)> probe = {};
};

// What is stored beside the record itself, known only at commit.
struct LogEntryHeader {
  std::uint64_t first_sequence = 0;
  std::uint32_t rows = 0;
  std::int64_t received_ms = 0;
  // The greatest event time of this and every earlier entry: a reader that goes backwards may stop
  // once it has enough newer events.
  std::int64_t max_time_ms = 0;
};

// One entry to append. The views must live until Append returns.
struct LogAppend {
  LogEntryHeader header;
  std::string_view record;  // from EncodeRecord
};

// An entry as it is read. The views live until the reader moves.
struct LogEntry {
  LogEntryHeader header;
  std::string_view record;
};

// Walks the log in either direction. Sees the entries that existed when it was made.
class LogReader {
 public:
  virtual ~LogReader() = default;
  virtual bool Valid() const = 0;
  virtual const LogEntry& entry() const = 0;
  virtual void Next() = 0;
  virtual void Prev() = 0;
  // kDataLoss when the reader stopped at damage, with the range in the message.
  virtual Status status() const = 0;
};

class EventLog {
 public:
  // Errors as Engine::Open.
  static Result<std::unique_ptr<EventLog>> Open(const EventLogOptions& options);
  ~EventLog();

  // Writes entries, in order of sequence, and rejected events in one atomic write; durable on
  // return when `sync`. kResourceExhausted before anything is written when the disk is nearly full
  // (the log goes on); any other error stops the log.
  Status Append(std::span<const LogAppend> entries, std::span<const RejectedEvent> rejected,
                std::int64_t received_ms, bool sync);
  // Appends entries that nobody waits for, without the write-ahead log: they are written to table
  // files only, as memory fills, and durable once Sync or an Append with `sync` has returned. A
  // crash before leaves a prefix of them. What is appended or saved otherwise has them written
  // first, so the two should not take turns. Errors as Append.
  Status AppendUnlogged(std::span<const LogAppend> entries);
  // Begins in the background what Sync would have to wait for.
  void BeginSync();
  // Makes everything written durable.
  Status Sync();
  // OK, or why the log is stopped or refuses appends (disk nearly full).
  Status Health() const;

  // The random seed of this store's hashes; made with the store.
  std::uint64_t hash_seed() const;
  // The header of the last entry, also of one that was trimmed since; nullopt when there never was
  // one.
  std::optional<LogEntryHeader> last() const;
  // The first sequence that was not trimmed: the log holds every event from here to its end.
  std::uint64_t begin() const;

  // Forgets the entries that end at or before `sequence`, for good: readers made from now on do not
  // see them, and their files go as far as they hold nothing else. Durable when it returns. One
  // caller at a time.
  Status Trim(std::uint64_t sequence);
  // The same, and afterwards nothing of them is on the disk: writes memory to files, and rewrites
  // those that they share with later entries.
  Status TrimNow(std::uint64_t sequence);

  // At the entry that holds `sequence`, else at the first one after it. Entries that are trimmed
  // count as never there, for every reader.
  std::unique_ptr<LogReader> ReadFrom(std::uint64_t sequence) const;
  // At the last entry.
  std::unique_ptr<LogReader> ReadLast() const;
  // At the first entry with received_ms >= the argument (received_ms never goes back in the log).
  // O(log n) reads.
  std::unique_ptr<LogReader> ReadReceivedSince(std::int64_t received_ms) const;

  // State that a follower saves with the sequence it has applied, replaced atomically. Values of
  // any size, whole or in the pieces that `write` hands to what it is given: the first error ends
  // the save, and leaves the state as it was. `name`: 1 to 64 letters.
  using WriteState = std::function<Status(const TakePiece&)>;
  Status SaveFollower(std::string_view name, std::uint64_t applied_sequence,
                      std::string_view state);
  Status SaveFollower(std::string_view name, std::uint64_t applied_sequence,
                      const WriteState& write);
  struct FollowerState {
    std::uint64_t applied_sequence = 0;
    std::string state;
  };
  // nullopt when there is none; kDataLoss when its checksum fails.
  Result<std::optional<FollowerState>> LoadFollower(std::string_view name) const;

  // Whether a rejected event mentions a user.
  Result<bool> HasFailedOf(std::string_view user_id) const;
  // Removes the rejected events that mention a user. From the disk they go with the next
  // Store::Purge.
  Status EraseFailed(std::string_view user_id);
  Result<std::vector<FailedEvent>> Failed(std::uint64_t after, std::size_t limit) const;
  std::uint64_t failed_events() const;
  std::uint64_t failed_dropped() const;

  Status Backup(const std::string& dir);
  // Reads everything: RocksDB's checksums, each record's, and that sequences have no gap.
  Result<CheckReport> Check() const;
  std::uint64_t disk_bytes() const;

  // What the log is kept in, for what else is kept there. Lives until Close.
  Store& store() const;

  // Flushes and closes; afterwards only the destructor may be called.
  Status Close();

  // As CheckStore of engine.h. `also` checks what else is kept in the store; it is given the
  // sequence behind the log's last event.
  using AlsoCheck = std::function<void(const Store&, std::uint64_t log_end, CheckReport*)>;
  static Result<CheckReport> CheckDir(const std::string& dir, const AlsoCheck& also = {});

 private:
  class Impl;
  explicit EventLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace insightflow
