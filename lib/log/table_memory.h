// Zeroed memory of a hash table that is probed at random: aligned to cache lines, given back to the
// system at once, on huge pages where it is large enough for them.
#pragma once

#include <cstddef>
#include <utility>

namespace insightflow {
inline namespace v1 {

class TableMemory {
 public:
  TableMemory() = default;
  // Throws std::bad_alloc. `size` > 0.
  explicit TableMemory(std::size_t size);
  ~TableMemory();
  TableMemory(TableMemory&& other) noexcept { *this = std::move(other); }
  TableMemory& operator=(TableMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  // As it was when it was new.
  void Clear();

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

  // What a table of `size` bytes takes: whole pages when it is large.
  static std::size_t BytesFor(std::size_t size);

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace v1
}  // namespace insightflow
