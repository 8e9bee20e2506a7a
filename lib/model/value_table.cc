#include "lib/model/value_table.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "absl/hash/hash.h"
#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 16;
constexpr std::size_t kTextsToCome = std::size_t{1} << 15;

}  // namespace

ValueTable::ValueTable() : codes_(0, Hash{this}, Equal{this}) {}

std::size_t ValueTable::Hash::operator()(std::string_view text) const {
  return absl::Hash<std::string_view>()(text);
}

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
  if (const auto found = codes_.find(text); found != codes_.end()) return *found;
  if (text.size() > block_left_) {
    block_left_ = std::max(kBlockBytes, text.size());
    blocks_.push_back(std::make_unique<char[]>(block_left_));
    block_bytes_ += block_left_;
  }
  // A block is filled from its end, so that what is left of it lies at its begin.
  char* const at = blocks_.back().get() + block_left_ - text.size();
  std::memcpy(at, text.data(), text.size());
  block_left_ -= text.size();
  if (size_ % kTextsABlock == 0) {
    texts_.push_back(std::make_unique<std::string_view[]>(kTextsABlock));
  }
  texts_.back()[size_ % kTextsABlock] = {at, text.size()};
  codes_.insert(++size_);
  return size_;
}

std::string_view ValueTable::Text(std::uint32_t code) const {
  if (code == 0) return {};
  const std::lock_guard lock(mutex_);
  assert(code <= size_);
  return TextLocked(code);
}

std::uint32_t ValueTable::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

std::size_t ValueTable::bytes() const {
  const std::lock_guard lock(mutex_);
  return block_bytes_ + texts_.size() * kTextsABlock * sizeof(std::string_view) +
         BytesWith(texts_, kTextsToCome / kTextsABlock) + BytesWith(blocks_, kTextsToCome / 64) +
         TableBytesWith(codes_, kTextsToCome);
}

}  // namespace v1
}  // namespace insightflow
