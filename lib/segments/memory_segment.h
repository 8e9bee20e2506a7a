// A segment in memory: what a builder wrote, for readers. Immutable once built, so threads may
// share it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "lib/segments/segment_builder.h"
#include "lib/segments/segment_reader.h"

namespace insightflow {
inline namespace v1 {

class MemorySegment final : public ChunkSink {
 public:
  Status Write(SegmentColumn column, std::uint32_t block, std::string_view chunk) override {
    bytes_ += chunk.size();
    chunks_[{column, block}] = chunk;
    return Status::Ok();
  }

  // kDataLoss when the builder has not finished.
  Result<SegmentReader> Open(const SegmentKey& key) const {
    const auto meta = chunks_.find({SegmentColumn::kMeta, kMetaBlock});
    if (meta == chunks_.end()) return DataLoss("the segment was not finished");
    return SegmentReader::Open(key, meta->second);
  }
  // The segment must outlive the source.
  std::unique_ptr<ChunkSource> NewSource() const { return std::make_unique<Source>(this); }
  std::size_t bytes() const { return bytes_; }

 private:
  class Source final : public ChunkSource {
   public:
    explicit Source(const MemorySegment* segment) : segment_(segment) {}
    Result<std::string_view> Fetch(SegmentColumn column, std::uint32_t block) override {
      const auto found = segment_->chunks_.find({column, block});
      if (found == segment_->chunks_.end()) return NotFound("no such chunk");
      return std::string_view(found->second);
    }

   private:
    const MemorySegment* const segment_;
  };

  std::map<std::pair<SegmentColumn, std::uint32_t>, std::string> chunks_;
  std::size_t bytes_ = 0;
};

}  // namespace v1
}  // namespace insightflow
