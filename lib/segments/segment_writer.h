// Writes the chunks of one segment to table files that a commit then takes into the store.
#pragma once

#include <rocksdb/sst_file_writer.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/status.h"
#include "lib/segments/segment_builder.h"
#include "lib/segments/segment_format.h"
#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {

// The key of a chunk in the family `segments`, so that keys sort by day, segment, block and column.
// The dictionaries and then the meta, which are known last, lie behind all blocks.
inline constexpr std::size_t kStoredKeyBytes = 17;
using StoredChunkKey = std::array<char, kStoredKeyBytes>;
StoredChunkKey StoredKey(const SegmentKey& segment, SegmentColumn column, std::uint32_t block);
// Before every chunk of the segment, and behind those of the segment before.
StoredChunkKey FirstStoredKey(const SegmentKey& segment);
// False when the bytes are not such a key.
bool ParseStoredKey(std::string_view bytes, SegmentKey* segment, SegmentColumn* column,
                    std::uint32_t* block);

// The order in which a segment's chunks come.
enum class ChunkOrder {
  kAny,      // they are kept in memory until the meta comes
  kByBlock,  // rising by block, then the dictionaries, then the meta; a block is kept
};

// Not thread-safe.
class SegmentWriter final : public ChunkSink {
 public:
  SegmentWriter(Store* store, const SegmentKey& key, ChunkOrder order);
  // Removes the files, unless they were taken.
  ~SegmentWriter() override;
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  const SegmentKey& key() const { return key_; }

  // kMeta must come last: with it the files are durable. kResourceExhausted when the disk is full;
  // any other error stops the store.
  Status Write(SegmentColumn column, std::uint32_t block, std::string_view chunk) override;

  bool complete() const { return !meta_chunk_.empty(); }
  const std::string& meta_chunk() const { return meta_chunk_; }
  std::uint64_t bytes() const { return bytes_; }  // of all chunks
  const std::vector<rocksdb::ExternalSstFileInfo>& files() const { return files_; }

 private:
  Status Put(std::string_view key, std::string_view chunk);
  Status StartFile();
  Status FinishFile();
  Status WriteKept();
  Status Fail(const rocksdb::Status& status);

  Store* const store_;
  const SegmentKey key_;
  const ChunkOrder order_;
  std::map<std::string, std::string> kept_;  // by key
  std::uint32_t block_ = 0;                  // the last one
  std::unique_ptr<rocksdb::SstFileWriter> file_;
  std::string path_;
  std::vector<rocksdb::ExternalSstFileInfo> files_;
  std::string meta_chunk_;
  std::uint64_t bytes_ = 0;
};

// Removes the files that writers of a killed process left.
void RemoveUnfinishedSegments(const Store& store);

}  // namespace v1
}  // namespace insightflow
