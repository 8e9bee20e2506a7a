// The texts of some rows of timelines, whether they are late or not.
//
//   TextWalk pages(timelines, slot);
//   pages.At(row);
//
// Not thread-safe; the timelines must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/model/timelines.h"

namespace insightflow {
inline namespace v1 {

class TextWalk {
 public:
  TextWalk(const Timelines& timelines, std::size_t slot);

  // The row's code of the scan's ValueTable. A step for each piece between this row and the one
  // that was asked for before.
  std::uint32_t At(std::uint32_t row) {
    if (piece_ == nullptr) return texts_[row];
    return *TextOf(CodeAt(row));
  }
  // The same of many rows: none waits for the memory that another one needs.
  void At(std::span<const std::uint32_t> rows, std::uint32_t* texts);

 private:
  struct Code {
    const std::uint16_t* code;
    const std::uint32_t* values;
  };

  Code CodeAt(std::uint32_t row) {
    while (row >= piece_->end) ++piece_;
    while (row < piece_->begin) --piece_;
    const LateTexts::Column& column = columns_[piece_->source];
    return {column.codes + piece_->first + (row - piece_->begin), column.values};
  }
  static const std::uint32_t* TextOf(const Code& code) { return code.values + *code.code; }

  const std::uint32_t* texts_ = nullptr;  // when they are not late
  const LateTexts::Piece* piece_ = nullptr;
  const LateTexts::Column* columns_ = nullptr;  // by source
};

}  // namespace v1
}  // namespace insightflow
