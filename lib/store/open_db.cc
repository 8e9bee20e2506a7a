#include "lib/store/open_db.h"

#include <rocksdb/metadata.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>

#include "lib/store/rocks_log_scan.h"
#include "lib/store/store.h"
#include "lib/store/store_options.h"

namespace insightflow {
inline namespace v1 {
namespace {

const char* const kSegmentsName = kFamilyNames[static_cast<std::size_t>(Family::kSegments)];

bool AreLogsSound(rocksdb::Env* env, const std::string& dir) {
  std::vector<std::string> names;
  if (!env->GetChildren(dir, &names).ok()) return false;
  for (const std::string& name : names) {
    if (!name.ends_with(".log")) continue;
    const Result<RocksLogScan> scan = ScanRocksLog(std::string(dir).append("/").append(name));
    if (!scan.ok() || !scan->damage.empty()) return false;
  }
  return true;
}

// Whether the file has all its bytes and, if it is of another family than segments, opens.
bool IsTableSound(rocksdb::Env* env, const rocksdb::LiveFileMetaData& file) {
  std::uint64_t size = 0;
  const std::string path = file.directory + "/" + file.relative_filename;
  if (!env->GetFileSize(path, &size).ok() || size != file.size) return false;
  if (file.column_family_name == kSegmentsName) return true;
  // Tables of all families are made alike, as far as opening is concerned.
  rocksdb::SstFileReader reader(
      rocksdb::Options(MakeDbOptions(env), MakeFamilyOptions(Family::kMeta)));
  return reader.Open(path).ok();
}

bool AreTablesSound(rocksdb::DB* db) {
  (void)db->DisableFileDeletions();  // or a compaction takes files away that were alive just now
  std::vector<rocksdb::LiveFileMetaData> files;
  db->GetLiveFilesMetaData(&files);
  const bool sound = std::all_of(files.begin(), files.end(), [&](const auto& file) {
    return IsTableSound(db->GetEnv(), file);
  });
  (void)db->EnableFileDeletions();
  return sound;
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
  if (!first.IsCorruption() || !AreLogsSound(options.env, dir)) return first;
  options.paranoid_checks = false;
  if (!open(options, handles, db).ok()) return first;
  if (AreTablesSound(*db)) return rocksdb::Status::OK();
  CloseDb(handles, db);
  return first;
}

}  // namespace v1
}  // namespace insightflow
