#include "lib/log/check.h"

#include <rocksdb/metadata.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "lib/log/codec.h"
#include "lib/log/failed_store.h"
#include "lib/log/follower_store.h"
#include "lib/log/log_base.h"
#include "lib/log/log_entry.h"
#include "lib/store/file_checksum.h"
#include "lib/store/rocks_log_scan.h"
#include "lib/store/store_dir.h"
#include "lib/store/store_options.h"
#include "lib/store/table_guard.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;

rocksdb::ReadOptions CheckReadOptions() {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.verify_checksums = true;
  options.readahead_size = kReadBytes;
  return options;
}

// The checksum of a whole file, as it was computed while RocksDB wrote it.
rocksdb::Status ChecksumFile(rocksdb::Env* env, const std::string& path, std::string* checksum) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  rocksdb::Status status = env->NewSequentialFile(path, &file, rocksdb::EnvOptions());
  if (!status.ok()) return status;
  const auto sum =
      FileChecksumFactory()->CreateFileChecksumGenerator(rocksdb::FileChecksumGenContext());
  std::vector<char> buffer(kReadBytes);
  rocksdb::Slice bytes;
  do {
    status = file->Read(buffer.size(), &bytes, buffer.data());
    if (!status.ok()) return status;
    sum->Update(bytes.data(), bytes.size());
  } while (!bytes.empty());
  sum->Finalize();
  *checksum = sum->GetChecksum();
  return status;
}

std::string ContentsOf(const rocksdb::LiveFileMetaData& file) {
  if (file.column_family_name != kFamilyNames[0] || file.smallestkey.size() != 8 ||
      file.largestkey.size() != 8) {
    return "family " + file.column_family_name;
  }
  return "log entries " + std::to_string(LoadBigEndian64(file.smallestkey.data())) + " to " +
         std::to_string(LoadBigEndian64(file.largestkey.data()));
}

void CheckTableFiles(const Store& store, CheckReport* report) {
  // Refused by a store opened read-only, where nothing deletes files anyway.
  (void)store.db().DisableFileDeletions();
  std::vector<rocksdb::LiveFileMetaData> files;
  store.db().GetLiveFilesMetaData(&files);
  for (const auto& file : files) {
    const std::string path = file.directory + "/" + file.relative_filename;
    std::string checksum;
    const rocksdb::Status status = ChecksumFile(store.env(), path, &checksum);
    if (!status.ok()) {
      report->damage.push_back(path + " (" + ContentsOf(file) + "): " + status.ToString());
    } else if (checksum != file.file_checksum) {
      report->damage.push_back(path + " (" + ContentsOf(file) +
                               "): the checksum of the file does not match");
    }
  }
  (void)store.db().EnableFileDeletions(/*force=*/false);
}

// Walks all entries and goes on behind damage.
class LogCheck {
 public:
  LogCheck(const Store& store, const LogEntryHeader& base, CheckReport* report)
      : store_(store), report_(report), last_(base) {}

  void Run() {
    Seek(Expected());
    while (true) {
      while (rows_->Valid()) {
        CheckEntry();
        rows_->Next();
      }
      if (rows_->status().ok()) return;
      const std::string cause = rows_->status().ToString();
      const std::uint64_t from = Expected();
      const std::optional<std::uint64_t> next = FirstReadableAfter(from);
      report_->damage.push_back(next ? EventRange(from, *next) + " cannot be read: " + cause
                                     : "events from " + std::to_string(from) +
                                           " to the end cannot be read: " + cause);
      if (!next) return;
      last_ = LogEntryHeader{.first_sequence = *next, .rows = 0};
      Seek(*next);
    }
  }

  // The sequence behind the last event read.
  std::uint64_t Expected() const { return EndOf(last_); }

 private:
  void Seek(std::uint64_t sequence) {
    rows_.reset(store_.db().NewIterator(CheckReadOptions(), store_.family(Family::kLog)));
    const auto key = LogKey(sequence);
    rows_->Seek({key.data(), key.size()});
  }

  // The first entry behind the damage: a seek fails exactly while it ends in a damaged block, so
  // the border is found by doubling the distance and halving it again.
  std::optional<std::uint64_t> FirstReadableAfter(std::uint64_t damaged) {
    std::uint64_t low = damaged;  // a seek to here fails
    std::uint64_t high = damaged;
    for (std::uint64_t step = 1;; step *= 2) {
      if (high > UINT64_MAX - step) return std::nullopt;
      high += step;
      Seek(high);
      if (rows_->status().ok()) break;
      low = high;
    }
    while (high - low > 1) {
      const std::uint64_t middle = low + (high - low) / 2;
      Seek(middle);
      (rows_->status().ok() ? high : low) = middle;
    }
    Seek(high);
    if (!rows_->Valid()) return std::nullopt;
    return LoadBigEndian64(rows_->key().data());
  }

  void CheckEntry() {
    LogEntry entry;
    const Status status = DecodeLogEntry(ToView(rows_->key()), ToView(rows_->value()), &entry);
    if (!status.ok()) {
      report_->damage.push_back(status.message());
      return;
    }
    const LogEntryHeader& header = entry.header;
    const std::string name = EventRange(header.first_sequence, EndOf(header));
    if (header.first_sequence > Expected()) {
      report_->damage.push_back(EventRange(Expected(), header.first_sequence) + " are missing");
    } else if (header.first_sequence < Expected()) {
      report_->damage.push_back(name + " overlap the entry before");
    }
    if (last_.rows > 0 &&
        (header.received_ms < last_.received_ms || header.max_time_ms < last_.max_time_ms)) {
      report_->damage.push_back(name + ": times of the entry go back");
    }
    CheckRecord(name, entry);
    last_ = header;
    ++report_->records;
    report_->events += header.rows;
    report_->bytes += rows_->value().size();
  }

  void CheckRecord(const std::string& name, const LogEntry& entry) {
    const Status status = VerifyRecord(entry.record);
    if (!status.ok()) {
      report_->damage.push_back(name + ": " + status.message());
      return;
    }
    const Result<std::uint32_t> rows = RecordRows(entry.record);
    if (!rows.ok() || *rows != entry.header.rows) {
      report_->damage.push_back(name + ": the record has another number of rows");
    }
  }

  const Store& store_;
  CheckReport* const report_;
  std::unique_ptr<rocksdb::Iterator> rows_;
  LogEntryHeader last_;
};

void CheckTableFile(const std::string& path, CheckReport* report) {
  if (Status status = GuardTable(path); !status.ok()) {
    report->damage.push_back(status.message());
    return;
  }
  rocksdb::SstFileReader reader(
      rocksdb::Options(MakeDbOptions(rocksdb::Env::Default()), MakeFamilyOptions(Family::kLog)));
  rocksdb::Status status = reader.Open(path);
  if (status.ok()) status = reader.VerifyChecksum();
  if (!status.ok()) report->damage.push_back(path + ": " + status.ToString());
}

void CheckRocksLog(const std::string& path, CheckReport* report) {
  const Result<RocksLogScan> scan = ScanRocksLog(path);
  if (!scan.ok()) {
    report->damage.push_back(scan.status().message());
    return;
  }
  for (const std::string& line : scan->damage) {
    report->damage.push_back(path);
    report->damage.back().append(": ").append(line);
  }
  if (!scan->torn_tail.empty()) report->damage.push_back(path + ": " + scan->torn_tail);
}

}  // namespace

std::optional<std::uint64_t> CheckOpenStore(const Store& store, CheckReport* report) {
  CheckTableFiles(store, report);
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    if (store.family(static_cast<Family>(i)) != nullptr) continue;
    report->damage.push_back(std::string("the column family ") + kFamilyNames[i] + " is missing");
    return std::nullopt;
  }
  const Result<LogEntryHeader> base = ReadLogBase(store);
  if (!base.ok()) {
    report->damage.push_back(base.status().message());
    return std::nullopt;
  }
  LogCheck log(store, *base, report);
  log.Run();
  const auto add = [report](std::vector<std::string> lines) {
    std::move(lines.begin(), lines.end(), std::back_inserter(report->damage));
  };
  add(CheckFollowers(store));
  add(CheckFailedEvents(store));
  return log.Expected();
}

void CheckFilesOf(const std::string& dir, CheckReport* report) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator it(dir, error), end; !error && it != end;
       it.increment(error)) {
    files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    const std::string name = file.filename().string();
    if (IsNumbered(name, ".sst")) CheckTableFile(file.string(), report);
    if (IsNumbered(name, ".log") || name.starts_with("MANIFEST-")) {
      CheckRocksLog(file.string(), report);
    }
  }
}

}  // namespace v1
}  // namespace insightflow
