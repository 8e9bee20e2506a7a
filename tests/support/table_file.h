// Table files of segments, and the places in them where a bit may flip.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "lib/base/coding.h"
#include "lib/segments/segment_store.h"
#include "lib/store/store.h"

namespace insightflow {

// Each of them makes all of a segment unreadable.
enum class TablePlace {
  kMetaChunk,   // which has a checksum of its own
  kMetaKey,     // in the block that holds it
  kIndexBlock,  // of the file's blocks
  kMetaindex,   // of the blocks that hold no rows
  kProperties,
  kFooter,
};
inline constexpr std::array kTablePlaces = {TablePlace::kMetaChunk,  TablePlace::kMetaKey,
                                            TablePlace::kIndexBlock, TablePlace::kMetaindex,
                                            TablePlace::kProperties, TablePlace::kFooter};

inline std::string NameOf(TablePlace place) {
  switch (place) {
    case TablePlace::kMetaChunk: return "MetaChunk";
    case TablePlace::kMetaKey: return "MetaKey";
    case TablePlace::kIndexBlock: return "IndexBlock";
    case TablePlace::kMetaindex: return "Metaindex";
    case TablePlace::kProperties: return "Properties";
    case TablePlace::kFooter: return "Footer";
  }
  return "";
}

struct TableFile {
  std::string path;
  std::string meta_key;    // of the segment
  std::string meta_chunk;  // of the segment
};

// The file of the only segment of a day.
inline TableFile TableFileOf(const std::string& dir, std::int64_t day) {
  TableFile found;
  const auto store = Store::OpenReadOnly(dir, nullptr);
  EXPECT_TRUE(store.ok()) << store.status().ToString();
  if (!store.ok()) return found;
  std::vector<rocksdb::LiveFileMetaData> files;
  (*store)->db().GetLiveFilesMetaData(&files);
  for (const auto& file : files) {
    SegmentKey key;
    SegmentColumn column;
    std::uint32_t block = 0;
    if (file.column_family_name != "segments" ||
        !ParseStoredKey(file.largestkey, &key, &column, &block) || key.day != day) {
      continue;
    }
    found.path = file.directory + "/" + file.relative_filename;
    found.meta_key = file.largestkey;
  }
  rocksdb::ReadOptions options;
  options.fill_cache = false;  // which outlives the store
  const auto status = (*store)->db().Get(options, (*store)->family(Family::kSegments),
                                         found.meta_key, &found.meta_chunk);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return found;
}

// Where the handles of a table file's footer say, in the middle of the block; 1 the metaindex, 2
// the index.
inline std::size_t MiddleOfBlock(std::string_view bytes, int handle) {
  constexpr std::size_t kFooterBytes = 53;
  ByteReader in(bytes.substr(bytes.size() - kFooterBytes + 1));
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  for (int i = 0; i < handle; ++i) {
    EXPECT_TRUE(in.GetVarint(&offset) && in.GetVarint(&size));
  }
  return static_cast<std::size_t>(offset + size / 2);
}

inline std::size_t OffsetOf(TablePlace place, std::string_view bytes, const TableFile& file) {
  switch (place) {
    case TablePlace::kMetaChunk: return bytes.find(file.meta_chunk) + file.meta_chunk.size() / 2;
    case TablePlace::kMetaKey: return bytes.find(file.meta_chunk) - 10;
    case TablePlace::kIndexBlock: return MiddleOfBlock(bytes, 2);
    case TablePlace::kMetaindex: return MiddleOfBlock(bytes, 1);
    case TablePlace::kProperties: return bytes.find("rocksdb.");  // the first of them
    case TablePlace::kFooter: return bytes.size() - 3;
  }
  return 0;
}

inline std::string BytesOf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void FlipBitAt(const std::string& path, std::size_t offset) {
  const std::string bytes = BytesOf(path);
  ASSERT_LT(offset, bytes.size());
  std::fstream out(path, std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(static_cast<std::streamoff>(offset));
  out.put(static_cast<char>(bytes[offset] ^ 4));
  out.close();
  ASSERT_TRUE(out.good());
}

inline void FlipBit(const TableFile& file, TablePlace place) {
  FlipBitAt(file.path, OffsetOf(place, BytesOf(file.path), file));
}

// What a block puts before each chunk of the file: how long key and chunk are, and behind the key a
// sequence and a kind.
inline std::vector<std::size_t> OffsetsAroundKeys(const std::string& dir, const TableFile& file) {
  constexpr std::size_t kLengthsBytes = 4;  // three numbers
  constexpr std::size_t kBehindKeyBytes = 8;
  std::vector<std::size_t> offsets;
  const std::string bytes = BytesOf(file.path);
  const auto store = Store::OpenReadOnly(dir, nullptr);
  EXPECT_TRUE(store.ok()) << store.status().ToString();
  if (!store.ok()) return offsets;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> chunks(
      (*store)->db().NewIterator(options, (*store)->family(Family::kSegments)));
  for (chunks->SeekToFirst(); chunks->Valid(); chunks->Next()) {
    const std::size_t chunk = bytes.find(chunks->value().ToString());
    const std::size_t key_bytes = chunks->key().size();
    if (chunk == std::string::npos || chunk < kLengthsBytes + key_bytes + kBehindKeyBytes) continue;
    const std::size_t behind_key = chunk - kBehindKeyBytes;
    for (std::size_t i = 0; i < kBehindKeyBytes; ++i) offsets.push_back(behind_key + i);
    for (std::size_t i = 1; i <= kLengthsBytes; ++i) offsets.push_back(behind_key - key_bytes - i);
  }
  return offsets;
}

}  // namespace insightflow
