// Reads a segment: only the chunks of the columns that are named, a block at a time.
//
//   Result<SegmentReader> reader = SegmentReader::Open(key, meta_chunk);
//   SegmentBlock block;
//   for (std::uint32_t b = 0; b < reader->meta().blocks.size(); ++b) {
//     Status status = reader->ReadBlock(b, {SegmentColumn::kTime}, &source, &block);
//   }
//
// Whatever is damaged or missing is kDataLoss whose message names the day, segment, column and
// block. A reader is immutable: threads may share it, each with a source, scratch and block of its
// own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "insightflow/status.h"
#include "lib/base/byte_buffer.h"
#include "lib/segments/column_codec.h"
#include "lib/segments/segment_block.h"
#include "lib/segments/segment_format.h"

namespace insightflow {
inline namespace v1 {

// Where a reader gets its chunks.
class ChunkSource {
 public:
  virtual ~ChunkSource() = default;
  // The chunk, valid until the next call. kNotFound when there is none.
  virtual Result<std::string_view> Fetch(SegmentColumn column, std::uint32_t block) = 0;
};

// Memory that reads use again.
struct ReadScratch {
  ColumnScratch columns;
  ByteBuffer values;
  // Of the segment whose titles were needed last: by the code of a page that of its title.
  std::optional<SegmentKey> titles_of;
  std::vector<std::uint32_t> titles;
  // Whoever is content with SegmentBlock::day_time says so: time_ms is then left empty, unless
  // sequences are read.
  bool day_times = false;
};

class SegmentReader {
 public:
  static Result<SegmentReader> Open(const SegmentKey& key, std::string_view meta_chunk);

  const SegmentMeta& meta() const { return meta_; }

  // Reads the dictionary of the segment for each named text column that has one; others become
  // empty.
  Status ReadDictionaries(ColumnSet columns, ChunkSource* source, ReadScratch* scratch,
                          SegmentDictionaries* dictionaries) const;

  // Reads the named columns of a block into `out`, whose other columns become empty. User ids bring
  // the runs, sequences the times, positions and client sequences the flags, flags and the texts of
  // some types of events the types, titles the pages. After an error `out` is empty.
  Status ReadBlock(std::uint32_t block, ColumnSet columns, ChunkSource* source,
                   ReadScratch* scratch, SegmentBlock* out) const;

 private:
  explicit SegmentReader(SegmentMeta meta) : meta_(std::move(meta)) {}

  Status ReadTitles(ChunkSource* source, ReadScratch* scratch) const;

  SegmentMeta meta_;
};

}  // namespace v1
}  // namespace insightflow
