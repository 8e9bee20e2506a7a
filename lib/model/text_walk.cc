#include "lib/model/text_walk.h"

#include <algorithm>
#include <array>

namespace insightflow {
inline namespace v1 {

TextWalk::TextWalk(const Timelines& timelines, std::size_t slot) {
  if (timelines.late_texts.pieces.empty()) {
    texts_ = timelines.texts[slot].data();
    return;
  }
  piece_ = timelines.late_texts.pieces.data();
  columns_ = timelines.late_texts.columns[slot].data();
}

// Codes and values lie in the memory of as many segments as the scan has, mostly out of the near
// caches.
void TextWalk::At(std::span<const std::uint32_t> rows, std::uint32_t* texts) {
  if (piece_ == nullptr) {
    for (const std::uint32_t row : rows) *texts++ = texts_[row];
    return;
  }
  constexpr std::size_t kAtATime = 64;
  std::array<Code, kAtATime> codes;
  std::array<const std::uint32_t*, kAtATime> found;
  while (!rows.empty()) {
    const std::size_t count = std::min(rows.size(), kAtATime);
    for (std::size_t i = 0; i < count; ++i) {
      codes[i] = CodeAt(rows[i]);
      __builtin_prefetch(codes[i].code);
    }
    for (std::size_t i = 0; i < count; ++i) {
      found[i] = TextOf(codes[i]);
      __builtin_prefetch(found[i]);
    }
    for (std::size_t i = 0; i < count; ++i) *texts++ = *found[i];
    rows = rows.subspan(count);
  }
}

}  // namespace v1
}  // namespace insightflow
