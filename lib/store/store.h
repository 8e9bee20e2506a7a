// One RocksDB as the engine uses it: families, options, errors, and the rule that the first failed
// write stops the store for good.
//
// Thread safety: every method may be called from any thread.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "insightflow/status.h"
#include "lib/store/durable_mark.h"
#include "lib/store/store_dir.h"

namespace insightflow {
inline namespace v1 {

// Column families, docs/formats.md. The order is that of kFamilyNames; names are stored.
enum class Family : std::uint8_t {
  kLog,
  kSegments,
  kUsers,
  kCursors,
  kConfig,
  kCache,
  kFailed,
  kMeta,
};
inline constexpr std::size_t kFamilyCount = 8;
inline constexpr std::array<const char*, kFamilyCount> kFamilyNames = {
    "log", "segments", "users", "cursors", "config", "cache", "failed", "meta"};

inline constexpr std::uint32_t kStoreFormat = 1;

class Store;

struct StoreOptions {
  std::string dir;  // empty: in memory
  bool create_if_missing = true;
  std::size_t disk_free_min = 0;
  rocksdb::Env* env = nullptr;  // not owned; null: the machine's
  // Asked before an existing store is opened for writing; an error refuses it, unchanged.
  std::function<Status(const Store&)> probe = {};
};

inline rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// The reason why a store takes no more writes; shared with RocksDB's background threads.
class StopLatch {
 public:
  // The first cause stays. Returns what every later write gets.
  Status Stop(const Status& cause);
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }
  Status status() const;

 private:
  std::atomic<bool> stopped_ = false;
  mutable std::mutex mutex_;
  Status why_;
};

class Store {
 public:
  // Errors as Engine::Open. Looks at an existing store read-only first, and changes nothing in it
  // when it is damaged, of a newer format or not a store at all.
  static Result<std::unique_ptr<Store>> Open(const StoreOptions& options);
  // Changes nothing, takes no lock and creates nothing. Missing families are null.
  static Result<std::unique_ptr<Store>> OpenReadOnly(const std::string& dir, rocksdb::Env* env);
  ~Store();

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* family(Family family) const {
    return families_[static_cast<std::size_t>(family)];
  }
  const std::string& dir() const { return dir_; }  // as given; empty: in memory
  // The folder within env().
  std::string path() const { return dir_.empty() ? "/insightflow" : dir_; }
  rocksdb::Env* env() const { return env_; }
  std::uint64_t hash_seed() const { return hash_seed_; }

  // Writes one batch. An error means that the outcome is unknown: the store is then stopped and
  // every further write fails with kUnavailable. `next_sequence`: where the log ends afterwards.
  // Entries without the write-ahead log are in table files before anything is written behind them.
  Status Write(rocksdb::WriteBatch* batch, bool sync,
               std::optional<std::uint64_t> next_sequence = std::nullopt);
  // Writes what a crash may lose until FlushFamily has returned: large values that nothing names
  // yet, which would otherwise be written twice. Errors as Write.
  Status WriteUnlogged(rocksdb::WriteBatch* batch);
  // Writes entries of the log without the write-ahead log: a crash may lose them until Sync has
  // returned, and then nothing that was written after them is there either. Errors as Write.
  Status WriteEntriesUnlogged(rocksdb::WriteBatch* batch, std::uint64_t next_sequence);
  Status FlushFamily(Family of);
  // The same in the background; a failure stops the store.
  void BeginFlush(Family of);
  // Where the log ends, known once it was read.
  void SetNextSequence(std::uint64_t next_sequence);
  // Makes all writes so far durable.
  Status Sync();
  // Writes memory to table files, so that the write-ahead log is not needed. The outcome of writes
  // is not in doubt when it fails.
  Status Flush();
  // Leaves nothing on the disk of what was overwritten or removed before, but in the families of
  // the log and of segments, which give back whole files.
  Status Purge();
  // kResourceExhausted when the disk would have less than disk_free_min left after `bytes`. Looks
  // at most every 100 ms.
  Status CheckFreeSpace(std::size_t bytes) const;
  Status Health() const;
  // Marks the store as stopped for a reason outside of Write.
  Status Stop(const Status& cause) { return stop_->Stop(cause); }

  Status Backup(const std::string& target);
  Status Close();

  // The mark's verdict on a store that was opened read-only: kDataLoss when acknowledged writes
  // are missing.
  Status CompareWithMark() const;
  // OK when this build can read the store's format.
  Status CheckFormat() const;

 private:
  Store(std::string dir, rocksdb::Env* env);
  static Result<std::unique_ptr<Store>> OpenDir(const StoreOptions& options);
  Status OpenFamilies(bool is_new);
  Status LoadOrMakeMeta();
  Status Mark(bool sync);
  Status FlushEntries();

  const std::string dir_;
  OwnerLock owner_;
  std::unique_ptr<rocksdb::Env> memory_env_;
  rocksdb::Env* env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount> families_ = {};
  rocksdb::ColumnFamilyHandle* default_family_ = nullptr;
  std::shared_ptr<StopLatch> stop_ = std::make_shared<StopLatch>();
  std::uint64_t hash_seed_ = 0;
  std::size_t disk_free_min_ = 0;

  mutable std::mutex write_mutex_;  // one write and its mark at a time
  DurableMarkFile mark_;
  std::uint64_t next_sequence_ = 1;
  bool entries_unlogged_ = false;  // which may be in memory only

  mutable std::mutex space_mutex_;
  mutable std::int64_t space_checked_ms_ = -1;
  mutable std::uint64_t space_free_ = 0;
};

// What RocksDB says, as a Status of this library: corruption is kDataLoss, a full disk
// kResourceExhausted, a refusal of the system kPermissionDenied, anything else kUnavailable.
// `what` begins the message.
Status FromRocks(const rocksdb::Status& status, const std::string& what);

// The same for opening, with what to do about it.
Status OpenError(const rocksdb::Status& status, const std::string& dir);

}  // namespace v1
}  // namespace insightflow
