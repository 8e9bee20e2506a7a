#include "lib/store/store_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>

#include <cstdarg>

#include "lib/store/file_checksum.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

class QuietLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, std::va_list) override {}
};

class StopListener final : public rocksdb::EventListener {
 public:
  explicit StopListener(std::shared_ptr<StopLatch> latch) : latch_(std::move(latch)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) override {
    (void)latch_->Stop(FromRocks(*error, "background write"));
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  std::shared_ptr<StopLatch> latch_;
};

// One cache for every family of every store of the process: reads of the log bypass it.
std::shared_ptr<rocksdb::Cache> SharedBlockCache() {
  static const auto cache = rocksdb::NewLRUCache(4 * kMiB, 0);
  return cache;
}

void TuneLog(rocksdb::ColumnFamilyOptions* options) {
  options->write_buffer_size = 12 * kMiB;
  options->max_write_buffer_number = 3;
  // Keys only grow, so files never overlap and move down whole: with two levels and no limit on
  // the last one nothing is ever rewritten.
  options->num_levels = 2;
  options->max_bytes_for_level_base = std::uint64_t{1} << 60;
  options->target_file_size_base = 64 * kMiB;
  options->level0_file_num_compaction_trigger = 4;
  options->level0_slowdown_writes_trigger = 64;
  options->level0_stop_writes_trigger = 128;
  options->soft_pending_compaction_bytes_limit = 0;
  options->hard_pending_compaction_bytes_limit = 0;
  options->compression = rocksdb::kNoCompression;  // records are compressed already
}

void TuneSegments(rocksdb::ColumnFamilyOptions* options) {
  // Whole files come in and go out, each in the last level, and none overlaps another: there is
  // nothing to compact.
  options->num_levels = 2;
  options->max_bytes_for_level_base = std::uint64_t{1} << 60;
  options->target_file_size_base = 64 * kMiB;
  options->soft_pending_compaction_bytes_limit = 0;
  options->hard_pending_compaction_bytes_limit = 0;
  options->compression = rocksdb::kNoCompression;  // chunks are compressed already
}

}  // namespace

rocksdb::DBOptions MakeDbOptions(rocksdb::Env* env) {
  rocksdb::DBOptions options;
  options.env = env;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  // A torn tail is what a crash leaves; damage before it is refused.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.max_total_wal_size = 48 * kMiB;
  options.bytes_per_sync = kMiB;
  options.wal_bytes_per_sync = kMiB;
  options.log_readahead_size = kMiB;
  // Every byte of every table file is covered by a checksum in the manifest.
  options.file_checksum_gen_factory = FileChecksumFactory();
  options.max_bgerror_resume_count = 0;
  options.max_background_jobs = 2;
  options.max_open_files = 128;
  options.table_cache_numshardbits = 2;
  options.skip_stats_update_on_db_open = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = 1;
  options.max_log_file_size = kMiB;
  options.max_manifest_file_size = 4 * kMiB;
  options.manifest_preallocation_size = 64 << 10;
  return options;
}

rocksdb::ColumnFamilyOptions MakeFamilyOptions(Family family) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = kMiB;
  options.max_write_buffer_number = 2;
  options.compression = rocksdb::kLZ4Compression;
  options.ttl = 0;
  options.periodic_compaction_seconds = 0;
  if (family == Family::kLog) TuneLog(&options);
  if (family == Family::kSegments) TuneSegments(&options);
  if (family == Family::kCursors) {
    options.write_buffer_size = 4 * kMiB;
    options.target_file_size_base = 16 * kMiB;
    options.compression = rocksdb::kNoCompression;  // saved states are packed already
  }
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = SharedBlockCache();
  // Chunks are read one by one, and no neighbour should come along with a large one.
  table.block_size = family == Family::kSegments ? 4 << 10 : 32 << 10;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  table.max_auto_readahead_size = kMiB;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

std::shared_ptr<rocksdb::Logger> MakeQuietLogger() { return std::make_shared<QuietLogger>(); }

std::shared_ptr<rocksdb::EventListener> MakeStopListener(std::shared_ptr<StopLatch> latch) {
  return std::make_shared<StopListener>(std::move(latch));
}

}  // namespace v1
}  // namespace insightflow
