#include "lib/segments/chunk.h"

#include <zstd.h>

#include <array>
#include <cstring>
#include <memory>

#include "lib/base/coding.h"
#include "lib/base/hash.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint8_t kStored = 0;
constexpr std::uint8_t kZstd = 1;
constexpr int kZstdLevel = 3;
// Smaller ones gain less than the frame costs.
constexpr std::size_t kCompressBytesMin = 64;
constexpr std::size_t kHeadBytes = 2;
constexpr std::size_t kChecksumBytes = sizeof(std::uint64_t);
// A block of a frame takes at least 4 bytes and holds at most 128 KiB, so a greater claim is a lie.
constexpr std::uint64_t kZstdRatioMax = 32 * 1024;

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Appends the frame and says true, unless it is hardly smaller.
bool AppendCompressed(std::string_view values, std::string* chunk) {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context(ZSTD_createCCtx());
  const std::size_t before = chunk->size();
  PutVarint(chunk, values.size());
  const std::size_t begin = chunk->size();
  const std::size_t worth = values.size() - values.size() / 16;
  chunk->resize(begin + worth);
  const std::size_t size = ZSTD_compressCCtx(context.get(), chunk->data() + begin, worth,
                                             values.data(), values.size(), kZstdLevel);
  const bool smaller = ZSTD_isError(size) == 0;
  chunk->resize(smaller ? begin + size : before);
  return smaller;
}

bool Decompress(std::string_view frame, std::uint64_t size, ByteBuffer* to) {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context(ZSTD_createDCtx());
  if (size > kChunkBytesMax || size > frame.size() * kZstdRatioMax) return false;
  to->clear();
  char* const begin = to->Extend(static_cast<std::size_t>(size));
  return ZSTD_decompressDCtx(context.get(), begin, static_cast<std::size_t>(size), frame.data(),
                             frame.size()) == size;
}

}  // namespace

std::uint64_t ChunkSeed(const ChunkKey& key) {
  std::array<char, 17> bytes;
  std::memcpy(bytes.data(), &key.segment.id, 8);
  std::memcpy(bytes.data() + 8, &key.segment.day, 4);
  std::memcpy(bytes.data() + 12, &key.block, 4);
  bytes[16] = static_cast<char>(key.column);
  return HashBytes({bytes.data(), bytes.size()}, 0);
}

Status SealChunk(const ChunkKey& key, std::uint8_t encoding, std::string_view values, bool compress,
                 std::string* chunk) {
  if (values.size() > kChunkBytesMax) {
    return OutOfRange("the column " + std::string(ColumnName(key.column)) + " of block " +
                      std::to_string(key.block) + " is larger than a segment allows");
  }
  chunk->clear();
  PutFixed(chunk, encoding);
  PutFixed(chunk, kZstd);
  if (!compress || values.size() < kCompressBytesMin || !AppendCompressed(values, chunk)) {
    chunk->back() = static_cast<char>(kStored);
    chunk->append(values);
  }
  PutFixed(chunk, HashBytes(*chunk, ChunkSeed(key)));
  return Status::Ok();
}

Status OpenChunk(const ChunkKey& key, std::string_view chunk, ByteBuffer* scratch,
                 ChunkValues* values) {
  const auto damaged = [&](std::string_view what) {
    return DamagedChunk(key.segment, key.column, key.block, what);
  };
  if (chunk.size() < kHeadBytes + kChecksumBytes) return damaged("cut off");
  const std::string_view checked = chunk.substr(0, chunk.size() - kChecksumBytes);
  std::uint64_t checksum;
  std::memcpy(&checksum, chunk.data() + checked.size(), sizeof checksum);
  if (HashBytes(checked, ChunkSeed(key)) != checksum) return damaged("wrong checksum");
  values->encoding = static_cast<std::uint8_t>(checked[0]);
  values->bytes = checked.substr(kHeadBytes);
  const auto compression = static_cast<std::uint8_t>(checked[1]);
  if (compression == kStored) return Status::Ok();
  if (compression != kZstd) return damaged("unknown compression");
  ByteReader in(values->bytes);
  std::uint64_t size;
  if (!in.GetVarint(&size) ||
      !Decompress(values->bytes.substr(values->bytes.size() - in.remaining()), size, scratch)) {
    return damaged("does not decompress");
  }
  values->bytes = scratch->view();
  return Status::Ok();
}

}  // namespace v1
}  // namespace insightflow
