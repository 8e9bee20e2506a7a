#include "lib/engine/line_ordinals.h"

namespace insightflow {
inline namespace v1 {

void LineOrdinals::Apply(EventBatch* batch) {
  for (std::size_t row = 0; row < batch->rows; ++row) {
    if ((batch->flags[row] & kLineKey) == 0) continue;
    batch->flags[row] &= static_cast<std::uint8_t>(~kLineKey);
    if (lines_ != 0 && lines_ % lines_max_ == 0) seen_.clear();
    Hash128& key = batch->keys[row];
    const std::uint64_t identity[] = {key.low, key.high, source_, lines_ / lines_max_,
                                      seen_[key.low]++};
    key = HashBytes128({reinterpret_cast<const char*>(identity), sizeof identity}, seed_);
    ++lines_;
  }
}

void LineOrdinals::NextFile() {
  lines_ = 0;
  seen_ = {};
}

}  // namespace v1
}  // namespace insightflow
