#include "lib/segments/scan_rows.h"

#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {
namespace {

template <typename Vector>
void DropFront(Vector* values, std::size_t count) {
  values->erase(values->begin(), values->begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace

std::size_t ScanColumns::bytes() const {
  std::size_t sum = CapacityBytes(more_matches) + CapacityBytes(sequence) + CapacityBytes(tab) +
                    CapacityBytes(seq) + CapacityBytes(hidden);
  for (const auto& column : texts) sum += CapacityBytes(column);
  for (const auto& column : identities) sum += CapacityBytes(column);
  for (const auto& column : numbers) sum += CapacityBytes(column);
  return sum;
}

std::size_t CursorRows::bytes() const {
  std::size_t sum = ScanColumns::bytes() + CapacityBytes(runs) + CapacityBytes(id_bytes) +
                    CapacityBytes(time) + CapacityBytes(narrow_matches) + CapacityBytes(matches);
  for (const auto& column : late_texts) sum += CapacityBytes(column);
  return sum;
}

std::size_t UserRows::bytes() const {
  return ScanColumns::bytes() + CapacityBytes(time_ms) + CapacityBytes(matches) +
         CapacityBytes(narrow_matches);
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
