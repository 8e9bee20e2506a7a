// The rows of the block that a merge is filling, as columns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/status.h"
#include "lib/segments/block_encoder.h"
#include "lib/segments/merged_dictionary.h"
#include "lib/segments/segment_block.h"
#include "lib/segments/text_pile.h"

namespace insightflow {
inline namespace v1 {

using MergedDictionaries = std::array<MergedDictionary, kFieldCount>;

// What a block of an input's own codes become in the block that is filled: by field, by code; 0
// where that is not known yet.
using OwnCodes = std::array<std::vector<std::uint32_t>, kFieldCount>;

// Where an input of a merge stands.
struct MergePlace {
  const SegmentMeta* meta = nullptr;
  const SegmentBlock* block = nullptr;                // its codes are translated
  const SegmentDictionaries* dictionaries = nullptr;  // the input's, of fields that share none
  OwnCodes* own_codes = nullptr;
  // What the shapes of the block's extra_data became in the block that is filled, by number.
  std::vector<std::uint32_t>* known_shapes = nullptr;
};

// Rows are only noted as they come, and copied together, a column at a time: a user has few rows in
// each input, and short copies cost more than what they copy.
class MergedBlock {
 public:
  explicit MergedBlock(const MergedDictionaries* dictionaries) : dictionaries_(dictionaries) {}

  // What is pointed to must outlive this. Inputs are numbered as they are added.
  void AddInput(const MergePlace& input) { inputs_.push_back(input); }

  std::uint32_t rows() const { return static_cast<std::uint32_t>(times_.size() + noted_.size()); }
  // Appends rows of one user. Whether the user is another than that of the last row, also of a
  // block before.
  bool Append(std::size_t input, std::uint32_t begin, std::uint32_t end, std::uint64_t user_hash,
              std::string_view user_id);
  // Copies what was appended. Before a block of an input, or its own codes, change.
  void Take();
  // Writes the block and empties it.
  Status Flush(std::uint32_t block, BlockEncoder* to);

 private:
  bool AppendUser(std::uint32_t rows, std::uint64_t hash, std::string_view id);
  template <typename ColumnOf, typename To>
  void Gather(ColumnOf column_of, std::vector<To>* to) const;
  void GatherTimes();
  void GatherIds();
  void GatherExtra();
  void GatherOwnCodes(std::size_t field);
  BlockGuides Guides() const;
  Status FlushNumbers(std::uint32_t block, BlockEncoder* to);
  Status FlushIds(std::uint32_t block, BlockEncoder* to);
  Status FlushTexts(std::uint32_t block, BlockEncoder* to);

  const MergedDictionaries* const dictionaries_;
  std::vector<MergePlace> inputs_;
  std::vector<std::uint32_t> noted_;  // rows to copy: the input's number above the row's

  UserRuns runs_;
  TextPile users_;
  bool any_ = false;
  std::uint64_t last_hash_ = 0;
  std::string last_id_;

  std::vector<std::uint32_t> times_;
  std::vector<std::uint64_t> sequences_;
  std::vector<std::uint8_t> flags_;
  std::vector<std::int32_t> position_x_;
  std::vector<std::int32_t> position_y_;
  std::vector<std::uint64_t> client_seqs_;
  std::vector<std::uint8_t> id_forms_;
  std::vector<Hash128> ids_;
  TextPile id_texts_;
  ExtraRows extra_;
  std::array<std::vector<std::uint32_t>, kFieldCount> codes_;
  std::array<DictColumn, kFieldCount> own_;  // of fields without a shared dictionary

  std::vector<std::uint8_t> types_;  // of the rows, where they are narrow
  std::vector<std::string_view> views_;
};

}  // namespace v1
}  // namespace insightflow
