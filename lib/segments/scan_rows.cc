#include "lib/segments/scan_rows.h"

namespace insightflow {
inline namespace v1 {
namespace {

template <typename T>
void DropFront(std::vector<T>* values, std::size_t count) {
  values->erase(values->begin(), values->begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace

std::size_t ScanRows::bytes() const {
  std::size_t sum = runs.capacity() * sizeof(Run) + id_bytes.capacity() +
                    8 * (time_ms.capacity() + matches.capacity() + more_matches.capacity() +
                         sequence.capacity() + tab.capacity() + seq.capacity()) +
                    hidden.capacity();
  for (const auto& column : texts) sum += 4 * column.capacity();
  for (const auto& column : identities) sum += 8 * column.capacity();
  for (const auto& column : numbers) sum += 8 * column.capacity();
  return sum;
}

void ScanRows::Clear(const ScanShape& shape) {
  runs.clear();
  id_bytes.clear();
  ForEachColumn(shape, *this, [](auto& column) { column.clear(); });
}

void ScanRows::DropRuns(const ScanShape& shape, std::size_t count) {
  if (count == 0) return;
  const Run last = runs[count - 1];
  if (count == runs.size()) {
    Clear(shape);
    return;
  }
  ForEachColumn(shape, *this, [&](auto& column) { DropFront(&column, last.end); });
  DropFront(&id_bytes, last.id_end);
  DropFront(&runs, count);
  for (Run& run : runs) {
    run.end -= last.end;
    run.id_end -= last.id_end;
  }
}

}  // namespace v1
}  // namespace insightflow
