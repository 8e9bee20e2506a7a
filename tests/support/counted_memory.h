// Counts what a test program allocates: for tests of how much memory something takes. Included by
// one source file, whose program's operators new and delete it replaces.
#pragma once

#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace insightflow {

class CountedMemory {
 public:
  static void Add(void* block) {
    if (block == nullptr) return;
    const std::size_t now = live_ += malloc_usable_size(block);
    std::size_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now)) {
    }
  }
  static void Remove(void* block) {
    if (block != nullptr) live_ -= malloc_usable_size(block);
  }
  // From here on the greatest is looked for.
  static std::size_t Begin() {
    peak_ = live_.load();
    return peak_;
  }
  static std::size_t peak() { return peak_; }

 private:
  static inline std::atomic<std::size_t> live_ = 0;
  static inline std::atomic<std::size_t> peak_ = 0;
};

inline void* CountedNew(std::size_t size, std::size_t alignment) {
  void* const block =
      alignment <= alignof(std::max_align_t)
          ? std::malloc(size == 0 ? 1 : size)
          : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  CountedMemory::Add(block);
  return block;
}
inline void CountedDelete(void* block) {
  CountedMemory::Remove(block);
  std::free(block);
}

}  // namespace insightflow

// NOLINTBEGIN(misc-definitions-in-headers): replaced in the program of the one file
void* operator new(std::size_t size) {
  void* const block = insightflow::CountedNew(size, 0);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  void* const block = insightflow::CountedNew(size, static_cast<std::size_t>(alignment));
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return insightflow::CountedNew(size, 0);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return insightflow::CountedNew(size, 0);
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return operator new(size, alignment);
}
void operator delete(void* block) noexcept { insightflow::CountedDelete(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept {
  insightflow::CountedDelete(block);
}
void operator delete[](void* block, const std::nothrow_t&) noexcept {
  insightflow::CountedDelete(block);
}
void operator delete(void* block, std::size_t) noexcept { insightflow::CountedDelete(block); }
void operator delete(void* block, std::align_val_t) noexcept { insightflow::CountedDelete(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  insightflow::CountedDelete(block);
}
void operator delete[](void* block) noexcept { insightflow::CountedDelete(block); }
void operator delete[](void* block, std::size_t) noexcept { insightflow::CountedDelete(block); }
void operator delete[](void* block, std::align_val_t) noexcept {
  insightflow::CountedDelete(block);
}
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept {
  insightflow::CountedDelete(block);
}
// NOLINTEND(misc-definitions-in-headers)
