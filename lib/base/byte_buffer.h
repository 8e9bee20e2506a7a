// Bytes that only grow at their end: a std::string whose new bytes are not cleared first and whose
// short appends need no call.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "lib/base/short_text.h"

namespace insightflow {
inline namespace v1 {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(const ByteBuffer& other) { Append(other.view()); }
  ByteBuffer(ByteBuffer&& other) noexcept { swap(other); }
  ByteBuffer& operator=(ByteBuffer other) noexcept {
    swap(other);
    return *this;
  }
  ~ByteBuffer() = default;

  // `bytes` must not lie in this buffer. Amortised O(size of bytes).
  void Append(std::string_view bytes) {
    if (bytes.size() > capacity_ - size_) Grow(bytes.size());
    CopyBytes(data_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  // Makes the buffer longer by `more` bytes of any value; returns where they begin.
  char* Extend(std::size_t more) {
    if (more > capacity_ - size_) Grow(more);
    size_ += more;
    return data_.get() + size_ - more;
  }
  // Makes the buffer shorter.
  void Truncate(std::size_t size) {
    assert(size <= size_);
    size_ = size;
  }
  // Empties the buffer and keeps its memory.
  void clear() { size_ = 0; }

  std::string_view view() const { return {data_.get(), size_}; }
  const char* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }

  void swap(ByteBuffer& other) noexcept {
    data_.swap(other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  void Grow(std::size_t more) {
    constexpr std::size_t kFirst = 64;
    const std::size_t capacity = std::max({kFirst, capacity_ * 2, size_ + more});
    std::unique_ptr<char[]> data(new char[capacity]);
    CopyBytes(data.get(), data_.get(), size_);
    data_.swap(data);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace v1
}  // namespace insightflow
