// Writes the chunks of a segment's blocks from values that are in the segment's order already.
// Builder and merger share it, so equal rows give equal bytes.
//
// A column of a block may be written in any order; each at most once. Columns without a value in
// the block get no chunk. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "insightflow/status.h"
#include "lib/segments/column_codec.h"
#include "lib/segments/guided_codec.h"
#include "lib/segments/segment_builder.h"
#include "lib/segments/segment_format.h"

namespace insightflow {
inline namespace v1 {

// Of each row of a block the code of its type, when SegmentMeta::has_narrow_types, and of its page,
// when the segment has a dictionary of pages; empty otherwise.
struct BlockGuides {
  std::span<const std::uint8_t> types;
  std::span<const std::uint32_t> pages;
};

class BlockEncoder {
 public:
  // Fills in what the chunks say about blocks in `meta`, whose key is set.
  BlockEncoder(SegmentMeta* meta, ChunkSink* sink) : meta_(meta), sink_(sink) {}

  // Cuts the rows into blocks. First of all.
  void Cut(std::uint32_t rows, std::uint32_t block_rows);

  // Whether a field has one dictionary for the whole segment, with so many values of together so
  // many bytes.
  static bool SharesDictionary(Field field, std::size_t entries, std::size_t bytes);
  // Before the codes of the field.
  void SetDictionary(Field field, std::uint32_t entries);
  // The most frequent values first, then by bytes.
  Status PutDictionary(Field field, std::span<const std::string_view> texts);
  // By the code of a page that of its title, TitleCounter::Titles. Before the codes of titles.
  void SetTitles(std::vector<std::uint32_t> titles) { titles_ = std::move(titles); }
  // Beside the dictionaries.
  Status PutTitles();

  Status PutUsers(std::uint32_t block, const UserRuns& runs, std::span<const std::string_view> ids);
  // Times within the day.
  Status PutTimes(std::uint32_t block, std::span<const std::uint32_t> times,
                  std::span<const std::uint64_t> sequences);
  // The flags, and of the columns that they announce a value a row. `all` is their union.
  Status PutFlags(std::uint32_t block, const BlockGuides& guides,
                  std::span<const std::uint8_t> flags, std::uint8_t* all);
  Status PutPositions(std::uint32_t block, SegmentColumn column,
                      std::span<const std::uint8_t> flags, std::span<const std::int32_t> positions);
  Status PutClientSeqs(std::uint32_t block, std::span<const std::uint8_t> flags,
                       std::span<const std::uint64_t> seqs);
  // As insightflow::PutEventIds.
  Status PutIds(std::uint32_t block, std::span<const std::uint8_t> forms,
                std::span<const Hash128> packed, std::span<const std::string_view> texts);
  Status PutExtra(std::uint32_t block, ExtraRows* rows);
  // Codes of the segment's dictionary; of types, those that the guides have.
  Status PutSharedCodes(Field field, std::uint32_t block, const BlockGuides& guides,
                        std::span<const std::uint32_t> codes);
  // Codes of the block's values, in order of first use.
  Status PutOwnCodes(Field field, std::uint32_t block, std::span<const std::string_view> values,
                     std::span<const std::uint32_t> codes);
  // Last of all.
  Status PutMeta() { return sink_->Write(SegmentColumn::kMeta, kMetaBlock, EncodeMeta(*meta_)); }

  bool has_narrow_types() const { return meta_->has_narrow_types(); }
  std::uint32_t blocks() const { return static_cast<std::uint32_t>(meta_->blocks.size()); }

 private:
  // Seals values_ and hands it out.
  RowGuides GuidesOf(const BlockGuides& guides) const;
  Status Emit(SegmentColumn column, std::uint32_t block, std::uint8_t encoding, bool compress);
  void AddToFilter(std::uint32_t block, std::span<const std::uint32_t> codes);

  SegmentMeta* const meta_;
  ChunkSink* const sink_;
  ColumnScratch scratch_;
  std::vector<std::uint32_t> titles_;
  std::string values_;
  std::string chunk_;
};

}  // namespace v1
}  // namespace insightflow
