// The rows that a segment is built from, as columns in the order in which they came.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/base/byte_buffer.h"
#include "lib/base/hash.h"
#include "lib/model/batch.h"
#include "lib/model/stored_texts.h"
#include "lib/segments/segment_format.h"

namespace insightflow {
inline namespace v1 {

struct SegmentRows {
  struct Text {
    DictColumn values;                 // only its dictionary is used
    std::vector<std::uint32_t> codes;  // by row; shorter when the last rows are absent
  };

  std::vector<std::uint32_t> time;  // within the day, in milliseconds
  std::vector<std::uint64_t> sequence;
  std::vector<std::uint8_t> flags;
  std::array<Text, kFieldCount> text;
  // By row, and shorter or empty as the codes of a text.
  std::vector<std::int32_t> position_x;
  std::vector<std::int32_t> position_y;
  std::vector<std::uint64_t> client_seq;
  std::vector<std::uint8_t> id_forms;
  std::vector<Hash128> ids;  // packed, or where an id as text begins and its size
  ByteBuffer id_texts;
  // In one of two forms: shapes, of which row.shape is the code, and numbers; or texts.
  std::vector<ShapedTexts::Row> extra_rows;
  std::vector<std::uint64_t> extra_numbers;
  DictColumn extra_shapes;
  std::vector<std::uint64_t> extra_ends;
  ByteBuffer extra_data;

  std::uint32_t rows() const { return static_cast<std::uint32_t>(time.size()); }
  Text& column(Field field) { return text[static_cast<std::size_t>(field)]; }
  const Text& column(Field field) const { return text[static_cast<std::size_t>(field)]; }
  std::string_view IdText(std::size_t row) const {
    return id_texts.view().substr(ids[row].low, ids[row].high);
  }
  std::string_view ExtraData(std::size_t row) const {
    if (row >= extra_ends.size()) return {};
    const std::uint64_t begin = row == 0 ? 0 : extra_ends[row - 1];
    return extra_data.view().substr(begin, extra_ends[row] - begin);
  }
  ShapedTexts::Row ExtraRow(std::size_t row) const {
    return row < extra_rows.size() ? extra_rows[row] : ShapedTexts::Row();
  }
  std::size_t bytes() const;
  // Leaves no rows, and keeps the memory.
  void Clear();

  // Appends the rows of a batch that lie in the day. kOutOfRange, and nothing is appended, when
  // these are too many. `stored`: what DecodeRecord left there, or null.
  Status Append(std::uint32_t day, const EventBatch& batch, const StoredTexts* stored,
                std::uint64_t first_sequence);

 private:
  void AppendText(const DictColumn& from, Text* to);
  void AppendIds(const EventBatch& batch);
  void AppendStoredIds(const EventBatch& batch, const StoredTexts& stored);
  void AppendExtraData(const EventBatch& batch);
  bool CutExtraData(const EventBatch& batch);
  void AppendShapes(const ShapedTexts& texts);
  void UseExtraTexts();

  std::size_t before_ = 0;               // rows before the batch under way
  std::vector<std::uint32_t> selected_;  // of the batch under way
  std::vector<std::uint32_t> codes_;     // of its dictionary, as codes here
  std::vector<std::uint32_t> hashes_;    // of its dictionary
};

}  // namespace v1
}  // namespace insightflow
