// Texts as their shapes and numbers, text_shapes.h: to be chosen from, put in another order and
// written again without being put together and cut anew.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/byte_buffer.h"
#include "lib/model/batch.h"
#include "lib/model/text_shapes.h"

namespace insightflow {
inline namespace v1 {

// What a TextUnshaper reads.
struct ShapedTexts {
  struct Row {
    std::uint32_t shape = 0;    // 0: an empty text, else the number of its shape from 1
    std::uint32_t numbers = 0;  // where its numbers begin
  };

  std::vector<Row> rows;
  std::vector<std::uint64_t> numbers;
  std::string shapes;
  std::vector<std::uint32_t> ends = {0};    // ends[shape] ends a shape
  std::vector<std::uint32_t> counts = {0};  // of the numbers of each

  std::string_view Shape(std::uint32_t shape) const {
    return std::string_view(shapes).substr(ends[shape - 1], ends[shape] - ends[shape - 1]);
  }
  std::size_t memory() const;  // that it keeps
  void Clear();
};

// Appends the text of a shape and its numbers. O(size of the text).
void JoinShape(std::string_view shape, const std::uint64_t* numbers, ByteBuffer* to);

// Gathers rows and writes what a TextShaper makes of their texts. Not thread-safe.
class ShapedRows {
 public:
  // The number of a shape among these rows, for Add. 0 when it is one too many for a row that comes
  // next. O(size of the shape).
  std::uint32_t Use(std::string_view shape);
  // 0: an empty text.
  void Add(std::uint32_t shape, const std::uint64_t* numbers) {
    codes_.push_back(shape);
    if (shape == 0) return;
    const Shape& known = known_[shape - 1];
    most_bytes_ += known.most_bytes;
    const std::uint8_t* const streams = streams_of_.data() + known.first_number;
    for (std::uint32_t i = 0; i < known.numbers; ++i) numbers_[streams[i]].push_back(numbers[i]);
  }
  bool empty() const { return known_.empty(); }  // no row has a text

  // As TextShaper::Put, and false where that would be. Once; then only Clear.
  bool Put(std::string* shapes, std::string* numbers, ShapeNumbers form);
  // Appends the texts of all rows, and where each ends in `to`.
  void Join(ByteBuffer* to, std::vector<std::uint32_t>* ends) const;
  void Clear();

 private:
  struct Shape {
    std::uint32_t first_number = 0;
    std::uint32_t numbers = 0;
    std::uint32_t most_bytes = 0;
  };

  DictColumn texts_;  // of shapes
  std::vector<Shape> known_;
  std::vector<std::uint8_t> streams_of_;  // the numbers of each
  shapes::Streams streams_;
  std::vector<std::uint32_t> codes_;
  std::array<std::vector<std::uint64_t>, shapes::kStreamsMax> numbers_;
  std::size_t most_bytes_ = 0;
};

}  // namespace v1
}  // namespace insightflow
