// The extra_data of a block's rows: as shapes and numbers as long as these say all, else as texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/model/shaped_texts.h"
#include "lib/segments/text_pile.h"

namespace insightflow {
inline namespace v1 {

// Whoever adds shapes keeps what each became among the rows, 0 before that is known and after
// Clear. Not thread-safe.
class ExtraRows {
 public:
  void Add(std::string_view text) {
    if (text.empty()) return AddEmpty();
    if (!as_texts_) UseTexts();
    texts_.Add(text);
  }
  void AddEmpty() {
    if (as_texts_) {
      texts_.Add({});
    } else {
      shaped_.Add(0, nullptr);
    }
  }
  // `known`: what the shape became. shape() is its text.
  template <typename ShapeText>
  void Add(std::uint32_t* known, ShapeText shape, const std::uint64_t* numbers) {
    if (*known == 0 && !as_texts_) {
      *known = shaped_.Use(shape());
      if (*known == 0) UseTexts();
    }
    if (as_texts_) return AddJoined(shape(), numbers);
    shaped_.Add(*known, numbers);
  }

  bool empty() const { return as_texts_ ? texts_.bytes.empty() : shaped_.empty(); }
  // As ShapedRows::Put; false when the rows are texts.
  bool PutShaped(std::string* shapes, std::string* numbers) {
    return !as_texts_ && shaped_.Put(shapes, numbers, ShapeNumbers::kDivided);
  }
  const TextPile& AsTexts() {
    if (!as_texts_) UseTexts();
    return texts_;
  }
  void Clear();

 private:
  void UseTexts();
  void AddJoined(std::string_view shape, const std::uint64_t* numbers);

  bool as_texts_ = false;
  ShapedRows shaped_;
  TextPile texts_;
};

}  // namespace v1
}  // namespace insightflow
