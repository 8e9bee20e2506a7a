#include "lib/store/store.h"

#include <rocksdb/utilities/checkpoint.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <system_error>
#include <utility>
#include <vector>

#include "lib/base/coding.h"
#include "lib/store/manifest_guard.h"
#include "lib/store/open_db.h"
#include "lib/store/store_options.h"
#include "lib/store/table_guard.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr char kFormatKey[] = "format";
constexpr char kHashSeedKey[] = "hash_seed";
constexpr std::int64_t kSpaceCheckMs = 100;

std::int64_t SteadyMillis() {
  using std::chrono::milliseconds;
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::uint64_t RandomSeed() {
  std::random_device random;
  std::uint64_t seed = 0;
  while (seed == 0) seed = (std::uint64_t{random()} << 32) | random();
  return seed;
}

// Reads a fixed integer of `meta`; false when it is absent.
template <typename T>
Result<bool> GetMeta(const Store& store, const char* key, T* value) {
  std::string bytes;
  if (store.family(Family::kMeta) == nullptr) return false;
  const auto status =
      store.db().Get(rocksdb::ReadOptions(), store.family(Family::kMeta), key, &bytes);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return FromRocks(status, "cannot read the store's settings");
  ByteReader in(bytes);
  if (!in.GetFixed(value) || !in.empty()) {
    return DataLoss(std::string("the store's setting ") + key + " is damaged");
  }
  return true;
}

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

Status StopLatch::Stop(const Status& cause) {
  const std::lock_guard lock(mutex_);
  if (why_.ok()) {
    why_ = Unavailable("the store is stopped after a failed write, whose outcome is unknown: " +
                       cause.message() + "; remedy the cause and open the store again");
    stopped_.store(true, std::memory_order_release);
  }
  return why_;
}

Status StopLatch::status() const {
  if (!stopped()) return Status::Ok();
  const std::lock_guard lock(mutex_);
  return why_;
}

Status FromRocks(const rocksdb::Status& status, const std::string& what) {
  if (status.ok()) return Status::Ok();
  const std::string message = what + ": " + status.ToString();
  if (status.IsCorruption()) return DataLoss(message);
  if (status.IsNoSpace()) return ResourceExhausted(message + "; free space");
  if (Contains(message, "Permission denied") || Contains(message, "Read-only file system")) {
    return Status(StatusCode::kPermissionDenied, message);
  }
  return Unavailable(message);
}

Status OpenError(const rocksdb::Status& status, const std::string& dir) {
  const std::string what = "cannot open the store " + dir;
  const std::string text = status.ToString();
  if (Contains(text, "While lock file") || Contains(text, "lock hold by current process")) {
    return FailedPrecondition(what + ": it is in use by another process; stop that first");
  }
  if (status.IsInvalidArgument()) {
    return FailedPrecondition(what + ": made by another build of this software? " + text);
  }
  Status error = FromRocks(status, what);
  const bool file_missing = status.IsPathNotFound() || status.IsNotFound();
  if (file_missing) return DataLoss(error.message());
  if (error.code() == StatusCode::kPermissionDenied) {
    return Status(error.code(), error.message() + "; give this user the right to read and write");
  }
  return error;
}

Store::Store(std::string dir, rocksdb::Env* env)
    : dir_(std::move(dir)), env_(env != nullptr ? env : rocksdb::Env::Default()) {}

Store::~Store() {
  if (db_ == nullptr) return;
  for (auto* family : families_) {
    if (family != nullptr) (void)db_->DestroyColumnFamilyHandle(family);
  }
  if (default_family_ != nullptr) (void)db_->DestroyColumnFamilyHandle(default_family_);
  (void)db_->Close();
  db_.reset();
}

Result<std::unique_ptr<Store>> Store::OpenReadOnly(const std::string& dir, rocksdb::Env* env) {
  for (const auto guard : {GuardTables, GuardManifest}) {
    if (Status status = guard(dir); !status.ok()) return status;
  }
  std::unique_ptr<Store> store(new Store(dir, env));
  rocksdb::DBOptions options = MakeDbOptions(store->env_);
  options.create_if_missing = false;
  options.info_log = MakeQuietLogger();
  std::vector<std::string> names;
  auto status = rocksdb::DB::ListColumnFamilies(options, dir, &names);
  if (!status.ok()) return OpenError(status, dir);
  std::vector<rocksdb::ColumnFamilyDescriptor> wanted = {{rocksdb::kDefaultColumnFamilyName, {}}};
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    if (std::find(names.begin(), names.end(), kFamilyNames[i]) == names.end()) continue;
    wanted.emplace_back(kFamilyNames[i], MakeFamilyOptions(static_cast<Family>(i)));
    which.push_back(i);
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const auto open = [&](const rocksdb::DBOptions& how, auto* families, rocksdb::DB** opened) {
    return rocksdb::DB::OpenForReadOnly(how, dir, wanted, families, opened);
  };
  status = OpenDespiteDamagedSegments(dir, options, open, &handles, &db);
  if (!status.ok()) return OpenError(status, dir);
  store->db_.reset(db);
  store->default_family_ = handles[0];
  for (std::size_t i = 0; i < which.size(); ++i) store->families_[which[i]] = handles[i + 1];
  return store;
}

Status Store::CheckFormat() const {
  std::uint32_t format = 0;
  const Result<bool> found = GetMeta(*this, kFormatKey, &format);
  if (!found.ok()) return found.status();
  if (!*found || format <= kStoreFormat) return Status::Ok();
  return FailedPrecondition("the store " + dir_ + " has format " + std::to_string(format) +
                            ", this build reads up to " + std::to_string(kStoreFormat) +
                            "; use a newer build");
}

Status Store::CompareWithMark() const {
  const auto mark = ReadDurableMark(dir_);
  if (!mark.ok()) return mark.status();
  if (!mark->has_value() || db_->GetLatestSequenceNumber() >= (*mark)->writes) return Status::Ok();
  return DataLoss("the newest acknowledged writes are missing in " + dir_ +
                  ": the log reached up to event " + std::to_string((*mark)->next_sequence - 1) +
                  " (write " + std::to_string((*mark)->writes) + "), but only write " +
                  std::to_string(db_->GetLatestSequenceNumber()) + " can be read");
}

namespace {

// Decides about the folder before anything is written into it.
Status AcceptDir(const StoreOptions& options, DirContents contents) {
  const std::string& dir = options.dir;
  switch (contents) {
    case DirContents::kStore: return Status::Ok();
    case DirContents::kMissing:
    case DirContents::kNew:
      if (options.create_if_missing) return Status::Ok();
      return NotFound("there is no store in " + dir);
    case DirContents::kHeadless: return DataLoss("the store " + dir + " has lost its CURRENT file");
    case DirContents::kForeign:
      return InvalidArgument("the folder " + dir +
                             " holds other files and no store; choose an empty folder");
  }
  return Internal("unknown contents of a folder");
}

Status Probe(const StoreOptions& options) {
  auto probe = Store::OpenReadOnly(options.dir, options.env);
  if (!probe.ok()) return probe.status();
  if (Status status = (*probe)->CheckFormat(); !status.ok()) return status;
  if (Status status = (*probe)->CompareWithMark(); !status.ok()) return status;
  return options.probe ? options.probe(**probe) : Status::Ok();
}

// RocksDB's own files, as it opens. On a fuller disk it would fail halfway, and builds with
// assertions, as Debian's, would end the process there.
constexpr std::uint64_t kOpenFreeMin = std::uint64_t{1} << 20;

Status CheckRoomToOpen(const StoreOptions& options) {
  rocksdb::Env* const env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  std::uint64_t free = 0;
  if (!env->GetFreeSpace(options.dir, &free).ok() || free >= kOpenFreeMin) return Status::Ok();
  return ResourceExhausted("the disk of " + options.dir + " is full (" +
                           std::to_string(free >> 10) +
                           " KiB free, a store needs 1024 to open); free space");
}

}  // namespace

// With advice for who wanted to use the store; who checks it already follows that.
Result<std::unique_ptr<Store>> Store::Open(const StoreOptions& options) {
  auto store = OpenDir(options);
  if (store.status().code() != StatusCode::kDataLoss) return store;
  return DataLoss(store.status().message() + "; run `insightflow check --data " + options.dir +
                  "` to see what is damaged, and restore a backup");
}

Result<std::unique_ptr<Store>> Store::OpenDir(const StoreOptions& options) {
  std::unique_ptr<Store> store(new Store(options.dir, options.env));
  store->disk_free_min_ = options.disk_free_min;
  bool is_new = true;
  if (options.dir.empty()) {
    store->memory_env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    store->env_ = store->memory_env_.get();
  } else {
    auto contents = LookAtDir(options.dir);
    if (!contents.ok()) return contents.status();
    if (Status status = AcceptDir(options, *contents); !status.ok()) return status;
    if (*contents == DirContents::kMissing) {
      if (Status status = MakeDir(options.dir); !status.ok()) return status;
    }
    if (Status status = store->owner_.Acquire(options.dir); !status.ok()) return status;
    contents = LookAtDir(options.dir);  // again: now nobody else changes it
    if (!contents.ok()) return contents.status();
    is_new = *contents != DirContents::kStore;
    if (!is_new) {
      if (Status status = Probe(options); !status.ok()) return status;
    }
    if (Status status = CheckRoomToOpen(options); !status.ok()) return status;
  }
  if (Status status = store->OpenFamilies(is_new); !status.ok()) return status;
  if (Status status = store->LoadOrMakeMeta(); !status.ok()) return status;
  return store;
}

// A new store's families are made in one call: DB::Open would write the file of all options once
// for each, which takes longer than everything else.
Status Store::OpenFamilies(bool is_new) {
  rocksdb::DBOptions options = MakeDbOptions(env_);
  options.listeners.push_back(MakeStopListener(stop_));
  std::vector<rocksdb::ColumnFamilyDescriptor> ours;
  ours.reserve(kFamilyCount);
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    ours.emplace_back(kFamilyNames[i], MakeFamilyOptions(static_cast<Family>(i)));
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> wanted = {{rocksdb::kDefaultColumnFamilyName, {}}};
  if (!is_new) wanted.insert(wanted.end(), ours.begin(), ours.end());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const auto open = [&](const rocksdb::DBOptions& how, auto* families, rocksdb::DB** opened) {
    return rocksdb::DB::Open(how, path(), wanted, families, opened);
  };
  auto status = OpenDespiteDamagedSegments(path(), options, open, &handles, &db);
  if (!status.ok()) return OpenError(status, path());
  db_.reset(db);
  default_family_ = handles[0];
  handles.erase(handles.begin());
  if (is_new) {
    status = db->CreateColumnFamilies(ours, &handles);
  }
  std::copy(handles.begin(), handles.end(), families_.begin());
  if (!status.ok()) return OpenError(status, path());
  return stop_->status();
}

Status Store::LoadOrMakeMeta() {
  if (!dir_.empty()) {
    if (Status status = mark_.Open(dir_); !status.ok()) return status;
  }
  const Result<bool> found = GetMeta(*this, kHashSeedKey, &hash_seed_);
  if (!found.ok()) return found.status();
  if (*found) return Status::Ok();
  // A new store, or one whose first Open was killed before this write. The settings are the first
  // write of a store, so anything else in it means that they were lost.
  if (db_->GetLatestSequenceNumber() != 0) {
    return DataLoss("the store " + dir_ + " has lost its settings");
  }
  hash_seed_ = RandomSeed();
  std::string format;
  std::string seed;
  PutFixed(&format, kStoreFormat);
  PutFixed(&seed, hash_seed_);
  rocksdb::WriteBatch batch;
  (void)batch.Put(family(Family::kMeta), kFormatKey, format);
  (void)batch.Put(family(Family::kMeta), kHashSeedKey, seed);
  return Write(&batch, true);
}

Status Store::Mark(bool sync) {
  if (dir_.empty()) return Status::Ok();
  return mark_.Set({db_->GetLatestSequenceNumber(), next_sequence_}, sync);
}

Status Store::Write(rocksdb::WriteBatch* batch, bool sync,
                    std::optional<std::uint64_t> next_sequence) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  const std::lock_guard lock(write_mutex_);
  if (stop_->stopped()) return stop_->status();
  if (Status status = FlushEntries(); !status.ok()) return status;
  if (const auto status = db_->Write(options, batch); !status.ok()) {
    return stop_->Stop(FromRocks(status, "write"));
  }
  if (next_sequence) next_sequence_ = *next_sequence;
  if (!sync) return Status::Ok();
  if (Status status = Mark(false); !status.ok()) return stop_->Stop(status);
  return Status::Ok();
}

namespace {

// With the store's write_mutex_ held.
Status WriteToMemory(rocksdb::DB* db, StopLatch* stop, rocksdb::WriteBatch* batch) {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  if (stop->stopped()) return stop->status();
  const auto status = db->Write(options, batch);
  return status.ok() ? Status::Ok() : stop->Stop(FromRocks(status, "write"));
}

}  // namespace

Status Store::WriteUnlogged(rocksdb::WriteBatch* batch) {
  const std::lock_guard lock(write_mutex_);
  return WriteToMemory(db_.get(), stop_.get(), batch);
}

Status Store::WriteEntriesUnlogged(rocksdb::WriteBatch* batch, std::uint64_t next_sequence) {
  const std::lock_guard lock(write_mutex_);
  entries_unlogged_ = true;
  Status status = WriteToMemory(db_.get(), stop_.get(), batch);
  if (status.ok()) next_sequence_ = next_sequence;
  return status;
}

// With write_mutex_ held.
Status Store::FlushEntries() {
  if (!entries_unlogged_) return Status::Ok();
  if (Status status = FlushFamily(Family::kLog); !status.ok()) return stop_->Stop(status);
  entries_unlogged_ = false;
  return Status::Ok();
}

Status Store::FlushFamily(Family of) {
  return FromRocks(db_->Flush(rocksdb::FlushOptions(), family(of)), "cannot write table files");
}

void Store::BeginFlush(Family of) {
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;  // or it waits until there would be none
  (void)db_->Flush(options, family(of));
}

void Store::SetNextSequence(std::uint64_t next_sequence) {
  const std::lock_guard lock(write_mutex_);
  next_sequence_ = next_sequence;
}

Status Store::Sync() {
  const std::lock_guard lock(write_mutex_);
  if (stop_->stopped()) return stop_->status();
  if (dir_.empty()) return Status::Ok();
  if (Status status = FlushEntries(); !status.ok()) return status;
  if (const auto status = db_->SyncWAL(); !status.ok()) {
    return stop_->Stop(FromRocks(status, "sync"));
  }
  if (Status status = Mark(false); !status.ok()) return stop_->Stop(status);
  return Status::Ok();
}

Status Store::Flush() {
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  for (auto* family : families_) {
    if (family != nullptr) handles.push_back(family);
  }
  return FromRocks(db_->Flush(rocksdb::FlushOptions(), handles), "cannot write table files");
}

Status Store::Purge() {
  if (Status status = Flush(); !status.ok()) return status;
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    const auto of = static_cast<Family>(i);
    if (of == Family::kLog || of == Family::kSegments || family(of) == nullptr) continue;
    const auto status = db_->CompactRange(options, family(of), nullptr, nullptr);
    if (!status.ok()) return stop_->Stop(FromRocks(status, "cannot rewrite table files"));
  }
  return Status::Ok();
}

Status Store::CheckFreeSpace(std::size_t bytes) const {
  if (dir_.empty()) return Status::Ok();
  const std::lock_guard lock(space_mutex_);
  const std::int64_t now = SteadyMillis();
  if (space_checked_ms_ < 0 || now - space_checked_ms_ >= kSpaceCheckMs) {
    std::uint64_t free = 0;
    // When the system does not tell, the write itself will.
    if (!env_->GetFreeSpace(dir_, &free).ok()) return Status::Ok();
    space_free_ = free;
    space_checked_ms_ = now;
  }
  if (space_free_ >= disk_free_min_ && space_free_ - disk_free_min_ >= bytes) return Status::Ok();
  return ResourceExhausted("the disk of " + dir_ + " is nearly full (" +
                           std::to_string(space_free_ >> 20) + " MiB free, " +
                           std::to_string(disk_free_min_ >> 20) + " MiB are kept); free space");
}

Status Store::Health() const {
  if (stop_->stopped()) return stop_->status();
  return CheckFreeSpace(0);
}

Status Store::Backup(const std::string& target) {
  if (dir_.empty()) {
    return FailedPrecondition("a store in memory cannot be backed up; open one with a folder");
  }
  std::error_code error;
  if (std::filesystem::symlink_status(target, error).type() !=
      std::filesystem::file_type::not_found) {
    return Status(StatusCode::kAlreadyExists, target + " exists already; choose a new folder");
  }
  const std::string absolute = std::filesystem::absolute(target, error).string();
  // The copy holds at least what is synced now, so this is the mark that it must keep.
  if (Status status = Sync(); !status.ok()) return status;
  const auto mark = ReadDurableMark(dir_);
  if (!mark.ok()) return mark.status();
  rocksdb::Checkpoint* raw = nullptr;
  auto status = rocksdb::Checkpoint::Create(db_.get(), &raw);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
  if (status.ok()) status = checkpoint->CreateCheckpoint(absolute);
  if (!status.ok()) return FromRocks(status, "cannot back up to " + target);
  DurableMarkFile copy;
  if (Status opened = copy.Open(absolute); !opened.ok()) return opened;
  return mark->has_value() ? copy.Set(**mark, true) : Status::Ok();
}

Status Store::Close() {
  if (db_ == nullptr) return Status::Ok();
  Status result = stop_->status();
  if (result.ok()) result = Flush();
  if (result.ok()) {
    const std::lock_guard lock(write_mutex_);
    result = Mark(true);
  }
  for (auto*& family : families_) {
    if (family != nullptr) (void)db_->DestroyColumnFamilyHandle(std::exchange(family, nullptr));
  }
  (void)db_->DestroyColumnFamilyHandle(std::exchange(default_family_, nullptr));
  const Status closed = FromRocks(db_->Close(), "cannot close the store");
  db_.reset();
  owner_.Release();
  return result.ok() ? closed : result;
}

}  // namespace v1
}  // namespace insightflow
