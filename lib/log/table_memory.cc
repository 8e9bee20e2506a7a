#include "lib/log/table_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Below, the allocator's own pages are fine; above, freed memory must not linger in its heap.
constexpr std::size_t kMapBytesMin = std::size_t{128} << 10;

std::size_t RoundUp(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

// Maps `size` bytes, from the beginning of a huge page when they fill one.
void* Map(std::size_t size) {
  const std::size_t slack = size >= kHugePage ? kHugePage : 0;
  void* const mapped = mmap(nullptr, size + slack, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  const auto begin = reinterpret_cast<std::uintptr_t>(mapped);
  const std::uintptr_t aligned = slack == 0 ? begin : RoundUp(begin, kHugePage);
  auto* const data = reinterpret_cast<char*>(aligned);
  if (aligned > begin) munmap(mapped, aligned - begin);
  if (slack > aligned - begin) munmap(data + size, slack - (aligned - begin));
  // Both are wishes; without them the table is slower. A new table is filled all over at once, so
  // asking for its pages together saves a fault for each.
  if (slack != 0) madvise(data, size, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
  madvise(data, size, MADV_POPULATE_WRITE);
#endif
  return data;
}

}  // namespace

std::size_t TableMemory::BytesFor(std::size_t size) {
  return RoundUp(size, size >= kMapBytesMin ? kPage : kLine);
}

TableMemory::TableMemory(std::size_t size) : bytes_(BytesFor(size)) {
  if (bytes_ >= kMapBytesMin) {
    data_ = Map(bytes_);
    return;
  }
  data_ = std::aligned_alloc(kLine, bytes_);
  if (data_ == nullptr) throw std::bad_alloc();
  Clear();
}

void TableMemory::Clear() { std::memset(data_, 0, bytes_); }

TableMemory::~TableMemory() {
  if (bytes_ >= kMapBytesMin) {
    munmap(data_, bytes_);
  } else {
    std::free(data_);
  }
}

}  // namespace v1
}  // namespace insightflow
