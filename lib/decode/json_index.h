// Where the tokens of a JSON text begin: brackets, colons, commas, strings, numbers and words.
//
// simdjson's first stage finds them with SIMD instructions chosen at run time, checks UTF-8 on the
// way, and refuses open strings and bare control characters within strings. Its second stage is not
// used: it gives up on a whole text where only one event is at fault. JsonCursor judges the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace insightflow {
inline namespace v1 {

class JsonIndex {
 public:
  enum class Outcome : std::uint8_t {
    kOk,
    kBadUtf8,  // the index is complete, but somewhere in the text is a byte that is not UTF-8
    kNotJson,  // a string without end or with a bare control character; there is no index
  };

  JsonIndex();
  ~JsonIndex();
  JsonIndex(JsonIndex&&) noexcept;
  JsonIndex& operator=(JsonIndex&&) noexcept;

  static constexpr std::size_t kBytesMax = 0xffff'ff00;

  // `text` has at most kBytesMax bytes and needs no padding. About 3 GB/s. The index is valid until
  // the next Build.
  Outcome Build(std::string_view text);

  // Offsets of the tokens in order, and after them the text's size.
  const std::uint32_t* begin() const;
  const std::uint32_t* end() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace insightflow
