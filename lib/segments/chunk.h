// What every chunk of a segment has around its values:
//
//   encoding     u8   how the values are written; each column numbers its own from 1
//   compression  u8   0 none; 1: a varint, the size of the values, then one Zstandard frame of them
//   values
//   checksum     u64  XXH3-64 of all before it; the seed is the hash of the chunk's key
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "insightflow/status.h"
#include "lib/base/byte_buffer.h"
#include "lib/segments/segment_format.h"

namespace insightflow {
inline namespace v1 {

// A segment of 16,384 rows of 16 KiB each keeps well below it.
inline constexpr std::uint64_t kChunkBytesMax = std::uint64_t{1} << 29;

struct ChunkKey {
  SegmentKey segment;
  SegmentColumn column = SegmentColumn::kMeta;
  std::uint32_t block = kMetaBlock;
};

// The seed of a chunk's checksum, so that a chunk under a wrong key is noticed.
std::uint64_t ChunkSeed(const ChunkKey& key);

// Replaces `chunk`. With `compress` the values are compressed if that makes them clearly smaller.
// kOutOfRange past kChunkBytesMax.
Status SealChunk(const ChunkKey& key, std::uint8_t encoding, std::string_view values, bool compress,
                 std::string* chunk);

struct ChunkValues {
  std::uint8_t encoding = 0;
  std::string_view bytes;  // in the chunk or in the scratch memory
};

// Verifies a chunk. kDataLoss that names it when it is damaged.
Status OpenChunk(const ChunkKey& key, std::string_view chunk, ByteBuffer* scratch,
                 ChunkValues* values);

}  // namespace v1
}  // namespace insightflow
