#include "lib/segments/scan_rows.h"

namespace insightflow {
inline namespace v1 {
namespace {

template <typename Vector>
std::size_t BytesOf(const Vector& values) {
  return values.capacity() * sizeof(typename Vector::value_type);
}

template <typename Vector>
void DropFront(Vector* values, std::size_t count) {
  values->erase(values->begin(), values->begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace

std::size_t ScanColumns::bytes() const {
  std::size_t sum =
      BytesOf(more_matches) + BytesOf(sequence) + BytesOf(tab) + BytesOf(seq) + BytesOf(hidden);
  for (const auto& column : texts) sum += BytesOf(column);
  for (const auto& column : identities) sum += BytesOf(column);
  for (const auto& column : numbers) sum += BytesOf(column);
  return sum;
}

std::size_t CursorRows::bytes() const {
  std::size_t sum = ScanColumns::bytes() + BytesOf(runs) + BytesOf(id_bytes) + BytesOf(time) +
                    BytesOf(narrow_matches) + BytesOf(matches);
  for (const auto& column : late_texts) sum += BytesOf(column);
  return sum;
}

std::size_t UserRows::bytes() const {
  return ScanColumns::bytes() + BytesOf(time_ms) + BytesOf(matches) + BytesOf(narrow_matches);
}

void CursorRows::Clear(const ScanShape& shape) {
  runs.clear();
  id_bytes.clear();
  time.clear();
  narrow_matches.clear();
  matches.clear();
  for (auto& column : late_texts) column.clear();
  ForEach(shape, [&](auto get) { get(*this).clear(); });
}

void CursorRows::DropRuns(const ScanShape& shape, std::size_t count) {
  if (count == 0) return;
  const Run last = runs[count - 1];
  DropFront(&time, last.end);
  if (shape.narrow_matches) {
    DropFront(&narrow_matches, last.end);
  } else {
    DropFront(&matches, last.end);
  }
  for (auto& column : late_texts) DropFront(&column, last.end);
  ForEach(shape, [&](auto get) { DropFront(&get(*this), last.end); });
  DropFront(&id_bytes, last.id_end);
  DropFront(&runs, count);
  for (Run& run : runs) {
    run.end -= last.end;
    run.id_end -= last.id_end;
  }
}

}  // namespace v1
}  // namespace insightflow
