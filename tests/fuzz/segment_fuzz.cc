// Any bytes as the chunks of a segment: as they are, and with checksums made to match.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/reference/segment_files.h"
#include "tests/reference/segment_twin.h"

namespace {

using namespace insightflow;

constexpr SegmentKey kKey = {20'000, 12};  // of the golden files, which are in the corpus

void Read(testing::SegmentFiles* files) {
  const Result<SegmentReader> reader = SegmentReader::Open(kKey, files->Meta());
  if (!reader.ok()) {
    // Of a newer version, or so it says.
    const bool newer = reader.status().code() == StatusCode::kFailedPrecondition;
    if (!newer && reader.status().code() != StatusCode::kDataLoss) std::abort();
    return;
  }
  const SegmentMeta& meta = reader->meta();
  ReadScratch scratch;
  SegmentDictionaries shared;
  Status status = reader->ReadDictionaries(ColumnSet::All(), files, &scratch, &shared);
  if (!status.ok() && status.code() != StatusCode::kDataLoss) std::abort();
  const bool complete = status.ok();
  SegmentBlock block;
  for (std::uint32_t b = 0; b < meta.blocks.size(); ++b) {
    status = reader->ReadBlock(b, ColumnSet::All(), files, &scratch, &block);
    if (!status.ok()) {
      if (status.code() != StatusCode::kDataLoss || block.rows != 0) std::abort();
    } else if (complete) {
      EventBatch batch;  // every value of every row is touched
      testing::AppendBlock(meta, shared, block, 0, &batch);
      if (batch.rows != block.rows) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  testing::SegmentFiles files =
      testing::SegmentFiles::Split({reinterpret_cast<const char*>(data), size});
  Read(&files);
  files.Reseal(kKey);
  Read(&files);
  return 0;
}
