#include "lib/log/event_log.h"

#include <rocksdb/convenience.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <utility>

#include "lib/log/check.h"
#include "lib/log/failed_store.h"
#include "lib/log/follower_store.h"
#include "lib/log/log_base.h"
#include "lib/log/log_entry.h"
#include "lib/log/log_reader.h"
#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Write batches above this are given back to the system instead of kept for the next one.
constexpr std::size_t kKeptBatchBytes = std::size_t{4} << 20;

std::size_t BytesOf(std::span<const LogAppend> entries, std::span<const RejectedEvent> rejected) {
  constexpr std::size_t kOverhead = 64;
  std::size_t bytes = 0;
  for (const LogAppend& entry : entries) bytes += entry.record.size() + kOverhead;
  for (const RejectedEvent& event : rejected) bytes += event.raw.size() + 2 * kOverhead;
  return bytes;
}

Status CheckOrder(std::span<const LogAppend> entries, std::optional<LogEntryHeader> last) {
  for (const LogAppend& entry : entries) {
    const LogEntryHeader& header = entry.header;
    const std::uint64_t expected = last ? EndOf(*last) : 1;
    const std::string name = "log entry " + std::to_string(header.first_sequence);
    if (header.first_sequence != expected) {
      return Internal(name + " does not follow the log's end, " + std::to_string(expected));
    }
    if (header.rows == 0 || entry.record.empty()) return Internal(name + " is empty");
    if (last && header.received_ms < last->received_ms) {
      return Internal(name + ": received_ms goes back");
    }
    if (last && header.max_time_ms < last->max_time_ms) {
      return Internal(name + ": max_time_ms goes back");
    }
    last = header;
  }
  return Status::Ok();
}

}  // namespace

class EventLog::Impl {
 public:
  Impl(std::unique_ptr<Store> store, const EventLogOptions& options)
      : store_(std::move(store)),
        followers_(store_.get()),
        failed_(store_.get(), options.failed_events_max, options.failed_bytes_max) {}

  Status Open() {
    if (Status status = failed_.Open(); !status.ok()) return status;
    const Result<LogEntryHeader> base = ReadLogBase(*store_);
    if (!base.ok()) return base.status();
    begin_ = EndOf(*base);
    const auto reader = ReadLast();
    if (!reader->status().ok()) return reader->status();
    if (reader->Valid()) {
      last_ = reader->entry().header;
    } else if (base->rows != 0) {
      last_ = *base;
    }
    if (last_) store_->SetNextSequence(EndOf(*last_));
    return RemoveTrimmed();
  }

  Status Append(std::span<const LogAppend> entries, std::span<const RejectedEvent> rejected,
                std::int64_t received_ms, bool sync) {
    const std::size_t bytes = BytesOf(entries, rejected);
    if (bytes == 0) return sync ? store_->Sync() : store_->Health();
    if (Status status = Prepare(entries, bytes); !status.ok()) return status;
    const std::lock_guard failed_lock(failed_mutex_);
    if (Status status = failed_.Add(rejected, received_ms, &batch_); !status.ok()) {
      return store_->Stop(status);
    }
    std::optional<std::uint64_t> end;
    if (!entries.empty()) end = EndOf(entries.back().header);
    if (Status status = store_->Write(&batch_, sync, end); !status.ok()) return status;
    failed_.Commit();
    if (!entries.empty()) SetLast(entries.back().header);
    return Status::Ok();
  }

  Status AppendUnlogged(std::span<const LogAppend> entries) {
    if (entries.empty()) return store_->Health();
    if (Status status = Prepare(entries, BytesOf(entries, {})); !status.ok()) return status;
    const LogEntryHeader& last = entries.back().header;
    Status status = store_->WriteEntriesUnlogged(&batch_, EndOf(last));
    if (status.ok()) SetLast(last);
    return status;
  }

  std::optional<LogEntryHeader> last() const {
    const std::lock_guard lock(last_mutex_);
    return last_;
  }

  // Removes trimmed entries from files that hold others too, or that lie in the first level.
  Status RewriteTrimmed() {
    auto* const family = store_->family(Family::kLog);
    std::unique_ptr<rocksdb::Iterator> rows(
        store_->db().NewIterator(rocksdb::ReadOptions(), family));
    const auto end = LogKey(begin());
    const rocksdb::Slice slice(end.data(), end.size());
    rows->SeekToFirst();
    if (!rows->Valid() || rows->key().compare(slice) >= 0) {
      return FromRocks(rows->status(), "cannot read the log");
    }
    rocksdb::WriteBatch batch;
    (void)batch.DeleteRange(family, rows->key(), slice);
    rows.reset();  // which would keep the files
    if (Status status = store_->Write(&batch, true); !status.ok()) return status;
    if (Status status = store_->FlushFamily(Family::kLog); !status.ok()) return status;
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    const auto status = store_->db().CompactRange(options, family, nullptr, nullptr);
    return status.ok() ? Status::Ok() : store_->Stop(FromRocks(status, "cannot trim the log"));
  }

  Result<bool> HasFailedOf(std::string_view user_id) const { return failed_.HasUser(user_id); }

  Status EraseFailed(std::string_view user_id) {
    const std::lock_guard lock(failed_mutex_);
    rocksdb::WriteBatch batch;
    const Result<std::uint64_t> removed = failed_.EraseUser(user_id, &batch);
    if (!removed.ok()) return removed.status();
    if (*removed == 0) return Status::Ok();
    if (Status status = store_->Write(&batch, true); !status.ok()) return status;
    failed_.Commit();
    return Status::Ok();
  }

  std::uint64_t begin() const { return begin_.load(std::memory_order_acquire); }

  Status Trim(std::uint64_t sequence) {
    auto reader = ReadFrom(sequence);
    if (!reader->status().ok()) return reader->status();
    if (reader->Valid()) {
      reader->Prev();
    } else {
      reader = ReadLast();
    }
    if (!reader->status().ok()) return reader->status();
    if (!reader->Valid()) return Status::Ok();
    const LogEntryHeader last = reader->entry().header;
    reader.reset();  // which would keep the files
    rocksdb::WriteBatch batch;
    PutLogBase(*store_, last, &batch);
    if (Status status = store_->Write(&batch, true); !status.ok()) return status;
    begin_.store(EndOf(last), std::memory_order_release);
    return RemoveTrimmed();
  }

  std::unique_ptr<LogReader> ReadFrom(std::uint64_t sequence) const {
    return NewLogReader(*store_, begin(), sequence);
  }
  std::unique_ptr<LogReader> ReadLast() const { return NewLogReaderAtEnd(*store_, begin()); }
  std::unique_ptr<LogReader> ReadReceivedSince(std::int64_t received_ms) const {
    return NewLogReaderSince(*store_, begin(), received_ms);
  }

  Store& store() { return *store_; }
  const Store& store() const { return *store_; }
  FollowerStore& followers() { return followers_; }
  const FailedStore& failed() const { return failed_; }

 private:
  // Checks the entries and puts them into batch_.
  Status Prepare(std::span<const LogAppend> entries, std::size_t bytes) {
    if (Status status = CheckOrder(entries, last()); !status.ok()) return status;
    if (Status status = store_->CheckFreeSpace(bytes); !status.ok()) return status;
    Reserve(bytes);
    for (const LogAppend& entry : entries) Put(entry);
    return Status::Ok();
  }

  void SetLast(const LogEntryHeader& last) {
    const std::lock_guard lock(last_mutex_);
    last_ = last;
  }

  void Reserve(std::size_t bytes) {
    batch_.Clear();
    if (bytes > reserved_ || reserved_ > kKeptBatchBytes) {
      reserved_ = bytes;
      batch_ = rocksdb::WriteBatch(reserved_);
    }
  }

  // Files that hold trimmed entries only. What is in a file with others goes with it later.
  Status RemoveTrimmed() {
    if (begin() <= 1) return Status::Ok();
    const auto end = LogKey(begin());
    const rocksdb::Slice slice(end.data(), end.size());
    const rocksdb::RangePtr range(nullptr, &slice);
    const auto status = rocksdb::DeleteFilesInRanges(&store_->db(), store_->family(Family::kLog),
                                                     &range, 1, /*include_end=*/false);
    return status.ok() ? Status::Ok() : store_->Stop(FromRocks(status, "cannot trim the log"));
  }

  void Put(const LogAppend& entry) {
    const auto key = LogKey(entry.header.first_sequence);
    const auto header = EncodeLogHeader(entry.header);
    const rocksdb::Slice key_slice(key.data(), key.size());
    const std::array<rocksdb::Slice, 2> value = {rocksdb::Slice(header.data(), header.size()),
                                                 ToSlice(entry.record)};
    (void)batch_.Put(store_->family(Family::kLog), rocksdb::SliceParts(&key_slice, 1),
                     rocksdb::SliceParts(value.data(), value.size()));
  }

  const std::unique_ptr<Store> store_;
  FollowerStore followers_;
  FailedStore failed_;
  std::mutex failed_mutex_;  // from a change to its commit
  rocksdb::WriteBatch batch_;
  std::size_t reserved_ = 0;
  std::atomic<std::uint64_t> begin_ = 1;
  mutable std::mutex last_mutex_;
  std::optional<LogEntryHeader> last_;
};

EventLog::EventLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

EventLog::~EventLog() { (void)Close(); }

Result<std::unique_ptr<EventLog>> EventLog::Open(const EventLogOptions& options) {
  StoreOptions store_options;
  store_options.dir = options.dir;
  store_options.create_if_missing = options.create_if_missing;
  store_options.disk_free_min = options.disk_free_min;
  store_options.env = options.env;
  store_options.probe = options.probe;
  auto store = Store::Open(store_options);
  if (!store.ok()) return store.status();
  auto impl = std::make_unique<Impl>(std::move(*store), options);
  if (Status status = impl->Open(); !status.ok()) return status;
  return std::unique_ptr<EventLog>(new EventLog(std::move(impl)));
}

Status EventLog::Append(std::span<const LogAppend> entries, std::span<const RejectedEvent> rejected,
                        std::int64_t received_ms, bool sync) {
  return impl_->Append(entries, rejected, received_ms, sync);
}

Status EventLog::AppendUnlogged(std::span<const LogAppend> entries) {
  return impl_->AppendUnlogged(entries);
}

void EventLog::BeginSync() { impl_->store().BeginFlush(Family::kLog); }

Status EventLog::Sync() { return impl_->store().Sync(); }

Status EventLog::Health() const { return impl_->store().Health(); }

std::uint64_t EventLog::hash_seed() const { return impl_->store().hash_seed(); }

std::optional<LogEntryHeader> EventLog::last() const { return impl_->last(); }

std::uint64_t EventLog::begin() const { return impl_->begin(); }

Status EventLog::Trim(std::uint64_t sequence) { return impl_->Trim(sequence); }

Status EventLog::TrimNow(std::uint64_t sequence) {
  if (Status status = impl_->store().Flush(); !status.ok()) return status;
  if (Status status = impl_->Trim(sequence); !status.ok()) return status;
  return impl_->RewriteTrimmed();
}

Result<bool> EventLog::HasFailedOf(std::string_view user_id) const {
  return impl_->HasFailedOf(user_id);
}
Status EventLog::EraseFailed(std::string_view user_id) { return impl_->EraseFailed(user_id); }

std::unique_ptr<LogReader> EventLog::ReadFrom(std::uint64_t sequence) const {
  return impl_->ReadFrom(sequence);
}

std::unique_ptr<LogReader> EventLog::ReadLast() const { return impl_->ReadLast(); }

std::unique_ptr<LogReader> EventLog::ReadReceivedSince(std::int64_t received_ms) const {
  return impl_->ReadReceivedSince(received_ms);
}

Status EventLog::SaveFollower(std::string_view name, std::uint64_t applied_sequence,
                              std::string_view state) {
  return impl_->followers().Save(name, applied_sequence, state);
}

Status EventLog::SaveFollower(std::string_view name, std::uint64_t applied_sequence,
                              const WriteState& write) {
  return impl_->followers().Save(name, applied_sequence, write);
}

Result<std::optional<EventLog::FollowerState>> EventLog::LoadFollower(std::string_view name) const {
  return impl_->followers().Load(name);
}

Result<std::vector<FailedEvent>> EventLog::Failed(std::uint64_t after, std::size_t limit) const {
  return impl_->failed().Read(after, limit);
}

std::uint64_t EventLog::failed_events() const { return impl_->failed().events(); }

std::uint64_t EventLog::failed_dropped() const { return impl_->failed().dropped(); }

Status EventLog::Backup(const std::string& dir) { return impl_->store().Backup(dir); }

Result<CheckReport> EventLog::Check() const {
  // First to the files, so that what is checked is what the disk holds.
  if (Status status = impl_->store().Flush(); !status.ok()) return status;
  CheckReport report;
  static_cast<void>(CheckOpenStore(impl_->store(), &report));
  return report;
}

std::uint64_t EventLog::disk_bytes() const {
  std::uint64_t tables = 0;
  std::uint64_t memory = 0;
  auto& db = impl_->store().db();
  db.GetAggregatedIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &tables);
  db.GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &memory);
  return tables + memory;  // what is in memory is in the write-ahead log, or soon in tables
}

Store& EventLog::store() const { return impl_->store(); }

Status EventLog::Close() { return impl_->store().Close(); }

Result<CheckReport> EventLog::CheckDir(const std::string& dir, const AlsoCheck& also) {
  const auto contents = LookAtDir(dir);
  if (!contents.ok()) return contents.status();
  if (*contents != DirContents::kStore && *contents != DirContents::kHeadless) {
    return NotFound("there is no store in " + dir);
  }
  OwnerLock owner;
  if (Status status = owner.Acquire(dir); !status.ok()) return status;
  CheckReport report;
  if (*contents == DirContents::kHeadless) {
    report.damage.push_back(dir + " has lost its CURRENT file");
    CheckFilesOf(dir, &report);
    return report;
  }
  const auto store = Store::OpenReadOnly(dir, nullptr);
  Status status = store.status();
  if (status.ok()) status = (*store)->CheckFormat();
  if (status.code() == StatusCode::kFailedPrecondition ||
      status.code() == StatusCode::kPermissionDenied) {
    return status;
  }
  if (status.ok()) {
    status = (*store)->CompareWithMark();
    const std::optional<std::uint64_t> log_end = CheckOpenStore(**store, &report);
    if (log_end && also) also(**store, *log_end, &report);
  }
  if (!status.ok()) {
    report.damage.insert(report.damage.begin(), status.message());
    CheckFilesOf(dir, &report);
  }
  return report;
}

}  // namespace v1
}  // namespace insightflow
