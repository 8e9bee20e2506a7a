// The rows of the block that a merge is filling, as columns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/status.h"
#include "lib/base/byte_buffer.h"
#include "lib/segments/block_encoder.h"
#include "lib/segments/merged_dictionary.h"
#include "lib/segments/segment_block.h"

namespace insightflow {
inline namespace v1 {

using MergedDictionaries = std::array<MergedDictionary, kFieldCount>;

// Texts one after another, copied, since their source moves on.
struct TextPile {
  ByteBuffer bytes;
  std::vector<std::size_t> ends;

  void Add(std::string_view text) {
    bytes.Append(text);
    ends.push_back(bytes.size());
  }
  void View(std::vector<std::string_view>* views) const;
  void Clear() {
    bytes.clear();
    ends.clear();
  }
};

// What a block of an input's own codes become in the block that is filled: by field, by code; 0
// where that is not known yet.
using OwnCodes = std::array<std::vector<std::uint32_t>, kFieldCount>;

// A stretch of a decoded block of an input.
struct BlockSpan {
  std::size_t input = 0;
  const SegmentMeta* meta = nullptr;
  const SegmentBlock* block = nullptr;
  const SegmentDictionaries* dictionaries = nullptr;  // the input's, of fields that share none
  OwnCodes* own_codes = nullptr;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

class MergedBlock {
 public:
  explicit MergedBlock(const MergedDictionaries* dictionaries) : dictionaries_(dictionaries) {}

  std::uint32_t rows() const { return static_cast<std::uint32_t>(times_.size()); }
  // Whether the user is that of the last row, also of a block before.
  bool IsLastUser(std::uint64_t hash, std::string_view id) const {
    return any_ && hash == last_hash_ && id == last_id_;
  }
  // Appends rows of one user.
  void Append(const BlockSpan& span, std::uint64_t user_hash, std::string_view user_id);
  // Writes the block and empties it.
  Status Flush(std::uint32_t block, BlockEncoder* to);

 private:
  void AppendUser(std::uint32_t rows, std::uint64_t hash, std::string_view id);
  void AppendIds(const BlockSpan& span);
  void AppendText(const BlockSpan& span, std::size_t field);
  BlockGuides Guides() const;
  Status FlushNumbers(std::uint32_t block, BlockEncoder* to);
  Status FlushIds(std::uint32_t block, BlockEncoder* to);
  Status FlushTexts(std::uint32_t block, BlockEncoder* to);

  const MergedDictionaries* const dictionaries_;

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
  TextPile extra_;
  std::array<std::vector<std::uint32_t>, kFieldCount> codes_;
  std::array<DictColumn, kFieldCount> own_;  // of fields without a shared dictionary

  std::vector<std::uint8_t> types_;  // of the rows, where they are narrow
  std::vector<std::string_view> views_;
};

}  // namespace v1
}  // namespace insightflow
