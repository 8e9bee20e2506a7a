#include "lib/segments/patched_ints.h"

namespace insightflow {
inline namespace v1 {

IntWidth PatchedWidth(const BitCounts& counts, std::size_t n) {
  const auto bytes_of = [](IntWidth width, std::size_t count) {
    return width.bytes * count + BitPlaneBytes(width.bits, count);
  };
  std::size_t most = counts.size() - 1;
  while (most > 0 && counts[most] == 0) --most;
  IntWidth best = IntWidthOf(LowBits<std::uint64_t>(most));
  std::size_t best_bytes = bytes_of(best, n);
  const std::size_t widest = best.total_bits();
  std::size_t below = 0;  // values that need at most `bits`
  std::size_t counted = 0;
  for (std::size_t bits = 0; bits < widest; ++bits) {
    const IntWidth width = IntWidthOf(LowBits<std::uint64_t>(bits));
    if (width.total_bits() != bits) continue;
    while (counted <= bits) below += counts[counted++];
    const std::size_t patches = n - below;
    if (patches == 0) break;
    // Some gaps are several times as wide as they are on average.
    const IntWidth gap = IntWidthOf<std::uint64_t>(4 * n / patches);
    const IntWidth high = IntWidthOf(LowBits<std::uint64_t>(most > bits ? most - bits : 0));
    const std::size_t bytes = bytes_of(width, n) + bytes_of(gap, patches) + bytes_of(high, patches);
    if (bytes < best_bytes) {
      best = width;
      best_bytes = bytes;
    }
  }
  return best;
}

}  // namespace v1
}  // namespace insightflow
