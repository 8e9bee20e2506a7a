// Texts one after another, in memory that is used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/base/byte_buffer.h"
#include "lib/base/limits.h"
#include "lib/segments/segment_format.h"

namespace insightflow {
inline namespace v1 {

struct TextPile {
  static_assert(kSegmentBlockRowsMax * kExtraDataBytesMax <= UINT32_MAX, "ends fit a block");

  ByteBuffer bytes;
  std::vector<std::uint32_t> ends;

  std::size_t size() const { return ends.size(); }
  std::string_view At(std::size_t i) const {
    const std::uint32_t begin = i == 0 ? 0 : ends[i - 1];
    return bytes.view().substr(begin, ends[i] - begin);
  }
  void Add(std::string_view text) {
    bytes.Append(text);
    ends.push_back(static_cast<std::uint32_t>(bytes.size()));
  }
  void View(std::vector<std::string_view>* views) const {
    views->clear();
    for (std::size_t i = 0; i < size(); ++i) views->push_back(At(i));
  }
  void Clear() {
    bytes.clear();
    ends.clear();
  }
};

}  // namespace v1
}  // namespace insightflow
