#include "lib/segments/segment_files.h"

#include <rocksdb/metadata.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <string>

#include "lib/store/store_options.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{4} << 20;

bool IsBefore(const SegmentKey& a, const SegmentKey& b) {
  return a.day != b.day ? a.day < b.day : a.id < b.id;
}

Status WriteChunks(Store* store, const std::string& path) {
  rocksdb::SstFileReader file(
      rocksdb::Options(MakeDbOptions(store->env()), MakeFamilyOptions(Family::kSegments)));
  const auto opened = file.Open(path);
  if (!opened.ok()) return store->Stop(FromRocks(opened, "cannot read a new segment"));
  const std::unique_ptr<rocksdb::Iterator> chunks(file.NewIterator(rocksdb::ReadOptions()));
  rocksdb::WriteBatch batch;
  const auto flush = [&] {
    Status status = store->WriteUnlogged(&batch);
    batch.Clear();
    return status;
  };
  for (chunks->SeekToFirst(); chunks->Valid(); chunks->Next()) {
    (void)batch.Put(store->family(Family::kSegments), chunks->key(), chunks->value());
    if (batch.GetDataSize() < kBatchBytes) continue;
    if (Status status = flush(); !status.ok()) return status;
  }
  if (Status status = flush(); !status.ok()) return status;
  if (chunks->status().ok()) return Status::Ok();
  return store->Stop(FromRocks(chunks->status(), "cannot read a new segment"));
}

// Before it takes a file RocksDB reads the one behind it, whose damage then keeps the new one out.
// Through its memory the chunks come in without a look at others. The file that a flush makes of
// them lies in the first level, where drops do not find it, and moves down as it is: no other file
// has a key in its range.
Status WriteSegment(Store* store, const SegmentWriter& segment) {
  for (const rocksdb::ExternalSstFileInfo& file : segment.files()) {
    if (Status status = WriteChunks(store, file.file_path); !status.ok()) return status;
  }
  if (Status status = store->FlushFamily(Family::kSegments); !status.ok()) {
    return store->Stop(status);
  }
  const rocksdb::Slice first(segment.files().front().smallest_key);
  const rocksdb::Slice last(segment.files().back().largest_key);
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  const auto moved =
      store->db().CompactRange(options, store->family(Family::kSegments), &first, &last);
  return moved.ok() ? Status::Ok() : store->Stop(FromRocks(moved, "cannot move a segment"));
}

// Adds the segments whose keys lie in a file that holds more than one.
Status ListSegments(const Store& store, const std::string& first, const std::string& last,
                    std::vector<SegmentKey>* found) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> keys(
      store.db().NewIterator(options, store.family(Family::kSegments)));
  keys->Seek(first);
  while (keys->Valid() && keys->key().compare(last) <= 0) {
    SegmentKey key;
    SegmentColumn column;
    std::uint32_t block = 0;
    if (!ParseStoredKey(ToView(keys->key()), &key, &column, &block)) {
      return DataLoss("a key in the family of segments is damaged");
    }
    found->push_back(key);
    const StoredChunkKey next = FirstStoredKey({key.day, key.id + 1});
    keys->Seek({next.data(), next.size()});
  }
  return Status::Ok();  // behind damage the next opening looks again
}

}  // namespace

Status TakeFiles(Store* store, std::span<const std::unique_ptr<SegmentWriter>> segments) {
  rocksdb::IngestExternalFileArg files;
  files.column_family = store->family(Family::kSegments);
  files.options.move_files = true;
  files.options.snapshot_consistency = false;  // no reader sees a segment before the manifest
  files.options.write_global_seqno = false;
  files.options.verify_file_checksum = false;  // it was computed while the file was written
  for (const auto& segment : segments) {
    for (const rocksdb::ExternalSstFileInfo& file : segment->files()) {
      files.external_files.push_back(file.file_path);
      files.files_checksums.push_back(file.file_checksum);
      files.files_checksum_func_names.push_back(file.file_checksum_func_name);
    }
  }
  if (files.external_files.empty()) return Status::Ok();
  const auto status = store->db().IngestExternalFiles({files});
  if (status.ok()) return Status::Ok();
  // Perhaps RocksDB's manifest has them and perhaps not; opening tells.
  if (!status.IsCorruption()) {
    return store->Stop(FromRocks(status, "cannot take a segment into the store"));
  }
  for (const auto& segment : segments) {
    if (Status written = WriteSegment(store, *segment); !written.ok()) return written;
  }
  return Status::Ok();
}

Result<std::vector<SegmentKey>> FindUnnamed(const Store& store, std::span<const SegmentKey> named) {
  std::vector<rocksdb::LiveFileMetaData> files;
  store.db().GetLiveFilesMetaData(&files);
  std::vector<SegmentKey> found;
  for (const auto& file : files) {
    if (file.column_family_name != kFamilyNames[static_cast<std::size_t>(Family::kSegments)]) {
      continue;
    }
    SegmentKey first;
    SegmentKey last;
    SegmentColumn column;
    std::uint32_t block = 0;
    if (!ParseStoredKey(file.smallestkey, &first, &column, &block) ||
        !ParseStoredKey(file.largestkey, &last, &column, &block)) {
      return DataLoss("a key in the family of segments is damaged");
    }
    found.push_back(first);
    if (first == last) continue;
    Status status = ListSegments(store, file.smallestkey, file.largestkey, &found);
    if (!status.ok()) return status;
  }
  std::sort(found.begin(), found.end(), IsBefore);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  std::erase_if(found, [&](const SegmentKey& key) {
    return std::binary_search(named.begin(), named.end(), key, IsBefore);
  });
  return found;
}

}  // namespace v1
}  // namespace insightflow
