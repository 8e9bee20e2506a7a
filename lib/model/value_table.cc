#include "lib/model/value_table.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 16;
// What an entry costs beside its bytes, about.
constexpr std::size_t kEntryBytes = 2 * sizeof(std::string_view) + 16;

}  // namespace

std::uint32_t ValueTable::Intern(std::string_view text) {
  const std::lock_guard lock(mutex_);
  return InternLocked(text);
}

void ValueTable::Intern(std::span<const std::string_view> texts, std::uint32_t* codes) {
  const std::lock_guard lock(mutex_);
  for (const std::string_view text : texts) *codes++ = InternLocked(text);
}

std::uint32_t ValueTable::InternLocked(std::string_view text) {
  if (text.empty()) return 0;
  if (const auto found = codes_.find(text); found != codes_.end()) return found->second;
  if (text.size() > block_left_) {
    block_left_ = std::max(kBlockBytes, text.size());
    blocks_.push_back(std::make_unique<char[]>(block_left_));
    block_bytes_ += block_left_;
  }
  // A block is filled from its end, so that what is left of it lies at its begin.
  char* const at = blocks_.back().get() + block_left_ - text.size();
  std::memcpy(at, text.data(), text.size());
  block_left_ -= text.size();
  texts_.emplace_back(at, text.size());
  const auto code = static_cast<std::uint32_t>(texts_.size());
  codes_.emplace(texts_.back(), code);
  return code;
}

std::string_view ValueTable::Text(std::uint32_t code) const {
  if (code == 0) return {};
  const std::lock_guard lock(mutex_);
  assert(code <= texts_.size());
  return texts_[code - 1];
}

std::uint32_t ValueTable::size() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint32_t>(texts_.size());
}

std::size_t ValueTable::bytes() const {
  const std::lock_guard lock(mutex_);
  return block_bytes_ + texts_.size() * kEntryBytes;
}

}  // namespace v1
}  // namespace insightflow
