// Numbers the texts that a scan meets, so that analyses count with codes. One table serves all
// threads of a scan; equal texts have equal codes, whichever segment they came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace insightflow {
inline namespace v1 {

class ValueTable {
 public:
  // Code 0 is "absent", which is what "" gets; others count from 1 in order of first use. Texts are
  // copied. Thread-safe; a call for many texts locks once.
  std::uint32_t Intern(std::string_view text);
  void Intern(std::span<const std::string_view> texts, std::uint32_t* codes);

  // The text of a code, which lives as long as the table. Thread-safe.
  std::string_view Text(std::uint32_t code) const;
  std::uint32_t size() const;
  std::size_t bytes() const;

 private:
  std::uint32_t InternLocked(std::string_view text);

  mutable std::mutex mutex_;
  absl::flat_hash_map<std::string_view, std::uint32_t> codes_;
  std::vector<std::string_view> texts_;  // texts_[code - 1]
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_left_ = 0;
  std::size_t block_bytes_ = 0;
};

}  // namespace v1
}  // namespace insightflow
