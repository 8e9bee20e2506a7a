#include "lib/store/open_db.h"

#include <rocksdb/metadata.h>
#include <rocksdb/sst_file_reader.h>

#include <string>
#include <vector>

#include "lib/store/rocks_log_scan.h"
#include "lib/store/store.h"
#include "lib/store/store_options.h"

namespace insightflow {
inline namespace v1 {
namespace {

const char* const kSegmentsName = kFamilyNames[static_cast<std::size_t>(Family::kSegments)];

// Of the write-ahead logs; empty when there is none.
std::string FindLogDamage(rocksdb::Env* env, const std::string& dir) {
  std::vector<std::string> names;
  if (const auto status = env->GetChildren(dir, &names); !status.ok()) return status.ToString();
  for (const std::string& name : names) {
    if (!name.ends_with(".log")) continue;
    const std::string path = std::string(dir).append("/").append(name);
    const Result<RocksLogScan> scan = ScanRocksLog(path);
    if (!scan.ok()) return scan.status().message();
    if (!scan->damage.empty()) return path + ": " + scan->damage.front();
  }
  return "";
}

// Whether the file has all its bytes and, if it is of another family than segments, opens.
rocksdb::Status LookAtTable(rocksdb::Env* env, const rocksdb::LiveFileMetaData& file) {
  std::uint64_t size = 0;
  const std::string path = file.directory + "/" + file.relative_filename;
  if (const auto status = env->GetFileSize(path, &size); !status.ok()) return status;
  if (size != file.size) {
    return rocksdb::Status::Corruption(
        path, "has " + std::to_string(size) + " bytes of " + std::to_string(file.size));
  }
  if (file.column_family_name == kSegmentsName) return rocksdb::Status::OK();
  // Tables of all families are made alike, as far as opening is concerned.
  rocksdb::SstFileReader reader(
      rocksdb::Options(MakeDbOptions(env), MakeFamilyOptions(Family::kMeta)));
  return reader.Open(path);
}

rocksdb::Status LookAtTables(rocksdb::DB* db) {
  (void)db->DisableFileDeletions();  // or a compaction takes files away that were alive just now
  std::vector<rocksdb::LiveFileMetaData> files;
  db->GetLiveFilesMetaData(&files);
  rocksdb::Status status;
  for (const auto& file : files) {
    status = LookAtTable(db->GetEnv(), file);
    if (!status.ok()) break;
  }
  (void)db->EnableFileDeletions();
  return status;
}

void CloseDb(std::vector<rocksdb::ColumnFamilyHandle*>* handles, rocksdb::DB** db) {
  for (auto* const family : *handles) (void)(*db)->DestroyColumnFamilyHandle(family);
  handles->clear();
  delete *db;
  *db = nullptr;
}

}  // namespace

rocksdb::Status OpenDespiteDamagedSegments(const std::string& dir, rocksdb::DBOptions options,
                                           const OpenDb& open,
                                           std::vector<rocksdb::ColumnFamilyHandle*>* handles,
                                           rocksdb::DB** db) {
  auto first = open(options, handles, db);
  if (!first.IsCorruption()) return first;
  const auto refuse = [&](const std::string& why) {
    const char* const damage = first.getState();  // null when there is no text
    return rocksdb::Status::Corruption(damage != nullptr ? damage : "",
                                       "not only segments are damaged: " + why);
  };
  if (const std::string in_log = FindLogDamage(options.env, dir); !in_log.empty()) {
    return refuse(in_log);
  }
  options.paranoid_checks = false;
  if (const auto again = open(options, handles, db); !again.ok()) return refuse(again.ToString());
  auto status = LookAtTables(*db);
  if (status.ok()) return status;
  CloseDb(handles, db);
  return refuse(status.ToString());
}

}  // namespace v1
}  // namespace insightflow
