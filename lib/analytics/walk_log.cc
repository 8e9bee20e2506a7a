#include "lib/analytics/walk_log.h"

#include <array>
#include <utility>

namespace insightflow {
inline namespace v1 {

void WalkLog::Append(const Walk& walk) {
  if (chunks_.empty() || chunks_.back().size() + 2 * kWalkStepsMax + 1 > kChunkWords) {
    chunks_.emplace_back().reserve(kChunkWords);
  }
  std::array<std::uint16_t, 2 * kWalkStepsMax + 1> words;
  std::size_t size = 0;
  const std::uint32_t head = static_cast<std::uint32_t>(walk.codes.size()) |
                             static_cast<std::uint32_t>(-walk.first_depth) << kBeforeShift |
                             (walk.ends ? kEnds : 0) | (walk.of_new_user ? kNewUser : 0);
  words[size++] = static_cast<std::uint16_t>(head);
  for (const std::uint32_t code : walk.codes) {
    if (code >= kLong) words[size++] = static_cast<std::uint16_t>(kLong | code >> 16);
    words[size++] = static_cast<std::uint16_t>(code);
  }
  chunks_.back().insert(chunks_.back().end(), words.data(), words.data() + size);
  words_ += size;
}

void WalkLog::Merge(WalkLog* other) {
  for (std::vector<std::uint16_t>& chunk : other->chunks_) chunks_.push_back(std::move(chunk));
  words_ += other->words_;
  *other = WalkLog();
}

}  // namespace v1
}  // namespace insightflow
