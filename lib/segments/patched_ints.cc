#include "lib/segments/patched_ints.h"

#include <cstring>

namespace insightflow {
inline namespace v1 {
namespace {

// What is always inlined becomes code for the processor that the caller is compiled for.
#define INSIGHTFLOW_INLINE inline __attribute__((always_inline))
#define INSIGHTFLOW_WIDE __attribute__((target("avx2,bmi,bmi2")))

bool IsWide() {
  static const bool wide =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi2") != 0;
  return wide;
}

template <typename T>
INSIGHTFLOW_INLINE T CountBits(std::span<const T> values, BitCounts* counts) {
  T base = values[0];
  for (const T value : values) base = value < base ? value : base;
  // Most values need the same bits: counted in one place, each would wait for the one before.
  constexpr std::size_t kLanes = 4;
  std::array<BitCounts, kLanes> lanes = {};
  std::size_t i = 0;
  const auto count = [&](std::size_t lane) {
    const T above = static_cast<T>(values[i + lane] - base);
    ++lanes[lane][static_cast<std::size_t>(std::bit_width(above))];
  };
  for (; i + kLanes <= values.size(); i += kLanes) {
    count(0);
    count(1);
    count(2);
    count(3);
  }
  for (; i < values.size(); ++i) count(0);
  for (std::size_t bits = 0; bits < counts->size(); ++bits) {
    (*counts)[bits] = lanes[0][bits] + lanes[1][bits] + lanes[2][bits] + lanes[3][bits];
  }
  return base;
}

template <typename T>
INSIGHTFLOW_WIDE T CountBitsWide(std::span<const T> values, BitCounts* counts) {
  return CountBits(values, counts);
}

template <typename T>
void PutPlanesPlain(std::string* out, std::span<const T> values, const PatchPlan<T>& plan) {
  const T base = plan.base;
  const T mask = LowBits<T>(plan.width.total_bits());
  PutPlanes(out, values.size(), plan.width,
            [&](std::size_t i) { return static_cast<T>((values[i] - base) & mask); });
}

// The same in whole vectors.
template <typename T>
INSIGHTFLOW_WIDE void PutPlanesWide(std::string* out, std::span<const T> values,
                                    const PatchPlan<T>& plan) {
  const std::size_t n = values.size();
  const T* const from = values.data();
  const T base = plan.base;
  const IntWidth width = plan.width;
  const std::size_t begin = out->size();
  const std::size_t bytes = begin + width.bytes * n;
  out->resize(bytes + (width.bits == 0 ? 0 : (n + 7) / 8 * 8));
  auto* plane = reinterpret_cast<std::uint8_t*>(out->data() + begin);
  for (std::size_t byte = 0; byte < width.bytes; ++byte, plane += n) {
    for (std::size_t i = 0; i < n; ++i) {
      plane[i] = static_cast<std::uint8_t>(static_cast<T>(from[i] - base) >> (8 * byte));
    }
  }
  if (width.bits == 0) return;
  const std::size_t shift = 8 * width.bytes;
  for (std::size_t i = 0; i < n; ++i) {
    plane[i] = static_cast<std::uint8_t>(static_cast<T>(from[i] - base) >> shift);
  }
  const std::uint64_t low = ((1u << width.bits) - 1) * 0x0101010101010101u;
  std::uint8_t* to = plane;
  for (std::size_t i = 0; i < n; i += 8, to += width.bits) {
    std::uint64_t word;
    std::memcpy(&word, plane + i, sizeof word);
    word = __builtin_ia32_pext_di(word, low);
    std::memcpy(to, &word, sizeof word);  // ends no further than what was read
  }
  out->resize(bytes + BitPlaneBytes(width.bits, n));
}

}  // namespace

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

template <typename T>
PatchPlan<T> PlanPatched(std::span<const T> values) {
  BitCounts counts;
  PatchPlan<T> plan;
  plan.base = IsWide() ? CountBitsWide(values, &counts) : CountBits(values, &counts);
  std::size_t most = counts.size() - 1;
  while (counts[most] == 0) --most;
  plan.width = PatchedWidth(counts, values.size());
  plan.has_patches = most > plan.width.total_bits();
  return plan;
}

template <typename T>
void PutPlanned(std::string* out, std::span<const T> values, const PatchPlan<T>& plan,
                PatchScratch* scratch) {
  out->push_back(static_cast<char>(IntForm(plan.width)));
  PutVarint(out, plan.base);
  if (IsWide()) {
    PutPlanesWide(out, values, plan);
  } else {
    PutPlanesPlain(out, values, plan);
  }
  if (!plan.has_patches) {
    PutVarint(out, 0);
    return;
  }
  const std::size_t bits = plan.width.total_bits();
  const T mask = LowBits<T>(bits);
  scratch->gaps.clear();
  scratch->highs.clear();
  std::size_t before = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T above = static_cast<T>(values[i] - plan.base);
    if (above <= mask) continue;
    scratch->gaps.push_back(static_cast<std::uint32_t>(i - before));
    scratch->highs.push_back(std::uint64_t{above} >> bits);
    before = i;
  }
  PutVarint(out, scratch->gaps.size());
  PutInts<std::uint32_t>(out, scratch->gaps, false);
  PutInts<std::uint64_t>(out, scratch->highs, false);
}

template PatchPlan<std::uint8_t> PlanPatched(std::span<const std::uint8_t>);
template PatchPlan<std::uint32_t> PlanPatched(std::span<const std::uint32_t>);
template PatchPlan<std::uint64_t> PlanPatched(std::span<const std::uint64_t>);
template void PutPlanned(std::string*, std::span<const std::uint8_t>,
                         const PatchPlan<std::uint8_t>&, PatchScratch*);
template void PutPlanned(std::string*, std::span<const std::uint32_t>,
                         const PatchPlan<std::uint32_t>&, PatchScratch*);
template void PutPlanned(std::string*, std::span<const std::uint64_t>,
                         const PatchPlan<std::uint64_t>&, PatchScratch*);

}  // namespace v1
}  // namespace insightflow
