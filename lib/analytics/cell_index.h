// Numbers pairs of (line, interval), so that counts and sums stand in one vector without holes. A
// direct table while it is small, a hash table past that.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {

class CellIndex {
 public:
  // The number of a pair; new ones count from size(). Amortised O(1).
  std::uint32_t At(std::uint32_t line, std::uint32_t bucket) {
    if (line < lines_ && bucket < buckets_) {
      const std::uint32_t known = dense_[std::size_t{bucket} * lines_ + line];
      if (known != 0) return known - 1;
    }
    return Slow(line, bucket);
  }

  // The direct table of an interval, for loops over its rows: numbers + 1 of the first
  // direct_lines() lines, 0 where there is none yet. Null without one. Until the next At.
  const std::uint32_t* Direct(std::uint32_t bucket) const {
    return bucket < buckets_ ? dense_.data() + std::size_t{bucket} * lines_ : nullptr;
  }
  std::uint32_t direct_lines() const { return lines_; }

  std::uint32_t size() const { return static_cast<std::uint32_t>(keys_.size()); }
  // (line, bucket) by number.
  const std::vector<std::pair<std::uint32_t, std::uint32_t>>& keys() const { return keys_; }
  // With so many more pairs.
  std::size_t bytes(std::size_t more) const {
    return CapacityBytes(dense_) + BytesWith(keys_, more) +
           (is_sparse_ ? TableBytesWith(sparse_, more) : DenseBytesWith(more));
  }

 private:
  static constexpr std::size_t kDenseMax = std::size_t{1} << 18;

  std::uint32_t Slow(std::uint32_t line, std::uint32_t bucket) {
    if (!is_sparse_ && (line >= lines_ || bucket >= buckets_)) Grow(line, bucket);
    if (is_sparse_) {
      const auto [at, added] = sparse_.try_emplace(std::uint64_t{line} << 32 | bucket, size());
      if (added) keys_.emplace_back(line, bucket);
      return at->second;
    }
    keys_.emplace_back(line, bucket);
    dense_[std::size_t{bucket} * lines_ + line] = size();
    return size() - 1;
  }

  // The direct table grows up to its end; then the hash table is made, beside it.
  std::size_t DenseBytesWith(std::size_t more) const {
    const std::size_t grown = 4 * (dense_.size() + MostToCome(dense_.size(), more));
    if (grown <= kDenseMax) return grown * sizeof(dense_[0]);
    constexpr std::size_t kSlot = sizeof(decltype(sparse_)::value_type) + 1;
    return kDenseMax * sizeof(dense_[0]) + 3 * kSlot * keys_.size();
  }

  void Grow(std::uint32_t line, std::uint32_t bucket) {
    const std::size_t lines = line < lines_ ? lines_ : std::max<std::size_t>(line + 1, 2 * lines_);
    const std::size_t buckets =
        bucket < buckets_ ? buckets_ : std::max<std::size_t>(bucket + 1, 2 * buckets_);
    if (lines * buckets > kDenseMax) {
      is_sparse_ = true;
      for (std::uint32_t i = 0; i < size(); ++i) {
        sparse_.emplace(std::uint64_t{keys_[i].first} << 32 | keys_[i].second, i);
      }
      lines_ = buckets_ = 0;
      dense_ = {};
      return;
    }
    lines_ = static_cast<std::uint32_t>(lines);
    buckets_ = static_cast<std::uint32_t>(buckets);
    dense_.assign(lines * buckets, 0);
    for (std::uint32_t i = 0; i < size(); ++i) {
      dense_[std::size_t{keys_[i].second} * lines_ + keys_[i].first] = i + 1;
    }
  }

  std::vector<std::uint32_t> dense_;  // [bucket][line]: number + 1, 0 for none
  std::uint32_t lines_ = 0;
  std::uint32_t buckets_ = 0;
  bool is_sparse_ = false;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> sparse_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> keys_;
};

// Numbers the values of a breakdown, given as codes, in order of first use.
class LineIndex {
 public:
  // Before rows with codes up to `codes` - 1.
  void Prepare(std::size_t codes) { GrowTo(&lines_, codes); }
  std::uint32_t LineOf(std::uint32_t code) {
    const std::uint32_t known = lines_[code];
    return known != 0 ? known - 1 : Add(code);
  }
  // By code: line + 1, 0 where there is none yet. Until the next LineOf.
  const std::uint32_t* direct() const { return lines_.data(); }
  std::uint32_t size() const { return static_cast<std::uint32_t>(codes_.size()); }
  const std::vector<std::uint32_t>& codes() const { return codes_; }  // by line
  // With so many more values, with codes up to `codes` - 1.
  std::size_t bytes(std::size_t more, std::size_t codes) const {
    return BytesGrownTo(lines_, codes) + BytesWith(codes_, more);
  }

 private:
  std::uint32_t Add(std::uint32_t code) {
    codes_.push_back(code);
    lines_[code] = size();
    return size() - 1;
  }

  std::vector<std::uint32_t> lines_;  // by code: line + 1, 0 for none
  std::vector<std::uint32_t> codes_;
};

}  // namespace v1
}  // namespace insightflow
