// Numbers the texts that a scan meets, so that analyses count with codes. One table serves all
// threads of a scan; equal texts have equal codes, whichever segment they came from.
//
// A text is kept once, in blocks that never move; the table that finds it holds its code alone, so
// that a value costs its bytes and some 20 more, and a table that grows little at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"

namespace insightflow {
inline namespace v1 {

class ValueTable {
 public:
  ValueTable();
  ValueTable(const ValueTable&) = delete;
  ValueTable& operator=(const ValueTable&) = delete;

  // Code 0 is "absent", which is what "" gets; others count from 1 in order of first use. Texts are
  // copied. Thread-safe; a call for many texts locks once.
  std::uint32_t Intern(std::string_view text);
  void Intern(std::span<const std::string_view> texts, std::uint32_t* codes);

  // The text of a code, which lives as long as the table. Thread-safe.
  std::string_view Text(std::uint32_t code) const;
  std::uint32_t size() const;
  // Memory, at most, while some ten thousands of further texts come in; without their bytes. O(1).
  std::size_t bytes() const;

 private:
  static constexpr std::size_t kTextsShift = 12;
  static constexpr std::size_t kTextsABlock = std::size_t{1} << kTextsShift;

  // A code is found by its text: hashes and comparisons look both up.
  struct Hash {
    using is_transparent = void;
    const ValueTable* table;
    std::size_t operator()(std::string_view text) const;
    std::size_t operator()(std::uint32_t code) const { return (*this)(table->TextLocked(code)); }
  };
  struct Equal {
    using is_transparent = void;
    const ValueTable* table;
    bool operator()(std::uint32_t a, std::uint32_t b) const { return a == b; }
    bool operator()(std::uint32_t code, std::string_view text) const {
      return table->TextLocked(code) == text;
    }
  };

  std::uint32_t InternLocked(std::string_view text);
  std::string_view TextLocked(std::uint32_t code) const {
    return texts_[(code - 1) >> kTextsShift][(code - 1) % kTextsABlock];
  }

  mutable std::mutex mutex_;
  absl::flat_hash_set<std::uint32_t, Hash, Equal> codes_;
  std::vector<std::unique_ptr<std::string_view[]>> texts_;  // of code - 1, so many a block
  std::uint32_t size_ = 0;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_left_ = 0;
  std::size_t block_bytes_ = 0;
};

}  // namespace v1
}  // namespace insightflow
