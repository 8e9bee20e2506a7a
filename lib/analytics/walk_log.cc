#include "lib/analytics/walk_log.h"

#include <utility>

namespace insightflow {
inline namespace v1 {

void WalkLog::Append(const Walk& walk) {
  if (chunks_.empty() || chunks_.back().size() + 2 * kWalkStepsMax + 1 > kChunkWords) {
    chunks_.emplace_back().reserve(kChunkWords);
  }
  std::vector<std::uint16_t>& chunk = chunks_.back();
  const std::size_t before = chunk.size();
  const std::uint32_t head = static_cast<std::uint32_t>(walk.codes.size()) |
                             static_cast<std::uint32_t>(-walk.first_depth) << kBeforeShift |
                             (walk.ends ? kEnds : 0) | (walk.of_new_user ? kNewUser : 0);
  chunk.push_back(static_cast<std::uint16_t>(head));
  for (const std::uint32_t code : walk.codes) {
    if (code >= kLong) chunk.push_back(static_cast<std::uint16_t>(kLong | code >> 16));
    chunk.push_back(static_cast<std::uint16_t>(code));
  }
  words_ += chunk.size() - before;
}

void WalkLog::Merge(WalkLog* other) {
  for (std::vector<std::uint16_t>& chunk : other->chunks_) chunks_.push_back(std::move(chunk));
  words_ += other->words_;
  *other = WalkLog();
}

}  // namespace v1
}  // namespace insightflow
