// A segment in memory: takes chunks from a builder, gives them to a reader, and is one string.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/coding.h"
#include "lib/base/hash.h"
#include "lib/segments/chunk.h"
#include "lib/segments/segment_builder.h"
#include "lib/segments/segment_reader.h"

namespace insightflow::testing {

class SegmentFiles final : public ChunkSink, public ChunkSource {
 public:
  Status Write(SegmentColumn column, std::uint32_t block, std::string_view chunk) override {
    chunks[{column, block}] = chunk;
    return Status::Ok();
  }
  Result<std::string_view> Fetch(SegmentColumn column, std::uint32_t block) override {
    ++fetched[column];
    const auto found = chunks.find({column, block});
    if (found == chunks.end()) return NotFound("no such chunk");
    return std::string_view(found->second);
  }
  std::string_view Meta() const {
    const auto found = chunks.find({SegmentColumn::kMeta, kMetaBlock});
    return found == chunks.end() ? std::string_view() : std::string_view(found->second);
  }

  // Of each chunk its column (u8), block (u32), size (u32) and bytes.
  std::string Joined() const {
    std::string out;
    for (const auto& [key, chunk] : chunks) {
      PutFixed(&out, static_cast<std::uint8_t>(key.first));
      PutFixed(&out, key.second);
      PutFixed(&out, static_cast<std::uint32_t>(chunk.size()));
      out += chunk;
    }
    return out;
  }
  // Takes as many chunks as there are.
  static SegmentFiles Split(std::string_view joined) {
    SegmentFiles files;
    ByteReader in(joined);
    std::uint8_t column;
    std::uint32_t block;
    std::uint32_t size;
    std::string_view chunk;
    while (in.GetFixed(&column) && in.GetFixed(&block) && in.GetFixed(&size) &&
           in.GetRaw(size, &chunk)) {
      files.chunks[{static_cast<SegmentColumn>(column), block}] = chunk;
    }
    return files;
  }
  // Gives every chunk a checksum that matches, so that tests reach what lies behind it.
  void Reseal(const SegmentKey& segment) {
    for (auto& [key, chunk] : chunks) {
      if (chunk.size() < sizeof(std::uint64_t)) continue;
      const std::size_t end = chunk.size() - sizeof(std::uint64_t);
      const std::uint64_t checksum = HashBytes(std::string_view(chunk).substr(0, end),
                                               ChunkSeed({segment, key.first, key.second}));
      std::memcpy(chunk.data() + end, &checksum, sizeof checksum);
    }
  }
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& [key, chunk] : chunks) sum += chunk.size();
    return sum;
  }

  std::map<std::pair<SegmentColumn, std::uint32_t>, std::string> chunks;
  std::map<SegmentColumn, int> fetched;
};

}  // namespace insightflow::testing
