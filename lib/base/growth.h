// What containers take while they grow. A container that grows holds its old and its new storage
// side by side for a while, so that a budget which is looked at afterwards was passed by then:
// whoever has one asks what the next entries may take before they come. How many these are at most
// is known, how many really come is not: a few ten thousand double a container at most, as far as a
// budget is concerned; more than that are taken to come.
#pragma once

#include <algorithm>
#include <cstddef>

namespace insightflow {
inline namespace v1 {

inline std::size_t MostToCome(std::size_t size, std::size_t more) {
  constexpr std::size_t kABatch = std::size_t{1} << 16;
  constexpr std::size_t kFew = 1'024;
  return more <= kABatch ? std::min(more, size + kFew) : more;
}

template <typename Vector>
std::size_t CapacityBytes(const Vector& vector) {
  return vector.capacity() * sizeof(typename Vector::value_type);
}

// Of a vector that so many more values are appended to, one by one: at most, in bytes.
template <typename Vector>
std::size_t BytesWith(const Vector& vector, std::size_t more) {
  const std::size_t size = vector.size() + MostToCome(vector.size(), more);
  if (size <= vector.capacity()) return CapacityBytes(vector);
  std::size_t capacity = vector.capacity();
  std::size_t before = capacity;
  while (size > capacity) {
    before = capacity;
    capacity = capacity == 0 ? 1 : 2 * capacity;
  }
  return (capacity + before) * sizeof(typename Vector::value_type);
}

// Vectors by code or by line: as long as the greatest of them, and half as long again, so that few
// of the codes to come make it grow.
template <typename Vector>
void GrowTo(Vector* vector, std::size_t size) {
  if (vector->size() >= size) return;
  const std::size_t grown = std::max(size, vector->size() + vector->size() / 2);
  vector->reserve(grown);
  vector->resize(grown);
}
// What GrowTo may take, in bytes.
template <typename Vector>
std::size_t BytesGrownTo(const Vector& vector, std::size_t size) {
  if (vector.size() >= size) return CapacityBytes(vector);
  const std::size_t grown = std::max(size, vector.size() + vector.size() / 2);
  return CapacityBytes(vector) + grown * sizeof(typename Vector::value_type);
}

// Of a flat hash table (a byte beside each slot, at most 7/8 full, twice as large each time) that
// so many more entries are put into: at most, in bytes.
template <typename Table>
std::size_t TableBytesWith(const Table& table, std::size_t more) {
  constexpr std::size_t kSlot = sizeof(typename Table::value_type) + 1;
  constexpr std::size_t kEnds = 32;
  const std::size_t size = table.size() + MostToCome(table.size(), more);
  std::size_t capacity = table.capacity();
  if (size <= capacity - capacity / 8) return capacity * kSlot + (capacity == 0 ? 0 : kEnds);
  std::size_t before = capacity;
  while (size > capacity - capacity / 8) {
    before = capacity;
    capacity = 2 * capacity + 1;
  }
  return (capacity + before) * kSlot + 2 * kEnds;
}

}  // namespace v1
}  // namespace insightflow
