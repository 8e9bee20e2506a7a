#include "lib/segments/fast_columns.h"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

namespace insightflow {
inline namespace v1 {
namespace {

// What is always inlined becomes code for the processor that the caller is compiled for.
#define INSIGHTFLOW_INLINE inline __attribute__((always_inline))
#define INSIGHTFLOW_AVX2 __attribute__((target("avx2")))

bool HasAvx2() {
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
}

// Bytes of a plane that are taken apart at a time.
constexpr std::size_t kPlaneStep = 16;

// The values of `step` bytes at `from`, kBits wide each, as bytes: the lowest bits first.
template <std::size_t kBits>
INSIGHTFLOW_INLINE void PartStep(const char* from, std::uint8_t* to) {
  const __m128i all = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  constexpr std::size_t kParts = 8 / kBits;
  const __m128i low = _mm_set1_epi8((1 << kBits) - 1);
  __m128i parts[kParts];  // parts[p]: value p of each byte
  for (std::size_t p = 0; p < kParts; ++p) {
    parts[p] = _mm_and_si128(_mm_srli_epi16(all, static_cast<int>(p * kBits)), low);
  }
  // Each round puts values side by side that are `apart` places from each other.
  const auto pairs = [](std::size_t wide, __m128i a, __m128i b, bool high) {
    if (wide == 1) return high ? _mm_unpackhi_epi8(a, b) : _mm_unpacklo_epi8(a, b);
    if (wide == 2) return high ? _mm_unpackhi_epi16(a, b) : _mm_unpacklo_epi16(a, b);
    return high ? _mm_unpackhi_epi32(a, b) : _mm_unpacklo_epi32(a, b);
  };
  std::size_t pieces = 1;  // vectors that a part has become
  for (std::size_t wide = 1; wide < kParts; wide *= 2, pieces *= 2) {
    __m128i next[kParts];
    const std::size_t groups = kParts / pieces;
    for (std::size_t group = 0; group < groups; group += 2) {
      for (std::size_t piece = 0; piece < pieces; ++piece) {
        const __m128i a = parts[group * pieces + piece];
        const __m128i b = parts[(group + 1) * pieces + piece];
        next[group * pieces + 2 * piece] = pairs(wide, a, b, false);
        next[group * pieces + 2 * piece + 1] = pairs(wide, a, b, true);
      }
    }
    std::copy_n(next, kParts, parts);
  }
  for (std::size_t p = 0; p < kParts; ++p) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + p * kPlaneStep), parts[p]);
  }
}

// Adds the plane's values, shifted left, to values[0] … values[n - 1].
template <std::size_t kBits, typename T>
INSIGHTFLOW_INLINE void AddBits(std::string_view plane, std::size_t shift, T* values,
                                std::size_t n) {
  constexpr std::size_t kCount = kPlaneStep * 8 / kBits;
  std::array<std::uint8_t, kCount> parts;
  std::array<char, kPlaneStep> rest = {};
  for (std::size_t i = 0; i < n;
       i += kCount, plane.remove_prefix(std::min(kPlaneStep, plane.size()))) {
    if (plane.size() < kPlaneStep) std::copy(plane.begin(), plane.end(), rest.begin());
    PartStep<kBits>(plane.size() < kPlaneStep ? rest.data() : plane.data(), parts.data());
    if (n - i >= kCount) {
      for (std::size_t j = 0; j < kCount; ++j) {
        values[i + j] = static_cast<T>(values[i + j] + static_cast<T>(T{parts[j]} << shift));
      }
    } else {
      for (std::size_t j = 0; j < n - i; ++j) {
        values[i + j] = static_cast<T>(values[i + j] + static_cast<T>(T{parts[j]} << shift));
      }
    }
  }
}

// As AddPlanes of packed_ints.h.
template <typename T>
INSIGHTFLOW_INLINE bool AddPlanesWide(std::string_view planes, IntWidth width, T base, T* values,
                                      std::size_t n) {
  const auto* plane = reinterpret_cast<const std::uint8_t*>(planes.data());
  if (width.bytes == 0) {
    std::fill_n(values, n, base);
  } else {
    for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<T>(base + plane[i]);
  }
  for (std::size_t byte = 1; byte < width.bytes; ++byte) {
    plane += n;
    for (std::size_t i = 0; i < n; ++i) {
      values[i] = static_cast<T>(values[i] + static_cast<T>(T{plane[i]} << (8 * byte)));
    }
  }
  if (width.bits == 0) return true;
  const std::string_view bits = planes.substr(width.bytes * n);
  const std::size_t shift = 8 * width.bytes;
  if (width.bits == 1) AddBits<1>(bits, shift, values, n);
  if (width.bits == 2) AddBits<2>(bits, shift, values, n);
  if (width.bits == 4) AddBits<4>(bits, shift, values, n);
  const std::size_t filling = bits.size() * 8 - n * width.bits;
  return filling == 0 || static_cast<std::uint8_t>(bits.back()) >> (8 - filling) == 0;
}

template <typename T>
INSIGHTFLOW_AVX2 bool AddPlanesAvx2(std::string_view planes, IntWidth width, T base, T* values,
                                    std::size_t n) {
  return AddPlanesWide(planes, width, base, values, n);
}

struct FastPlanes {
  template <typename T>
  bool operator()(std::string_view planes, IntWidth width, T base, T* values, std::size_t n) const {
    return HasAvx2() ? AddPlanesAvx2(planes, width, base, values, n)
                     : AddPlanesWide(planes, width, base, values, n);
  }
};

INSIGHTFLOW_AVX2 IntRange SumStepsAvx2(std::uint32_t base, std::uint32_t mask,
                                       std::span<std::uint32_t> values) {
  const __m256i bases = _mm256_set1_epi32(static_cast<int>(base));
  const __m256i masks = _mm256_set1_epi32(static_cast<int>(mask));
  const __m256i last = _mm256_set1_epi32(7);
  __m256i before = _mm256_setzero_si256();
  __m256i least = _mm256_set1_epi32(-1);
  __m256i most = _mm256_setzero_si256();
  std::size_t i = 0;
  for (; i + 8 <= values.size(); i += 8) {
    auto* const at = reinterpret_cast<__m256i*>(values.data() + i);
    __m256i sums = _mm256_loadu_si256(at);
    sums = _mm256_add_epi32(sums, _mm256_slli_si256(sums, 4));
    sums = _mm256_add_epi32(sums, _mm256_slli_si256(sums, 8));
    const __m256i low = _mm256_permute2x128_si256(sums, sums, 0x08);
    sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32(low, 0xff));
    const __m256i total = _mm256_permutevar8x32_epi32(sums, last);
    sums = _mm256_add_epi32(bases, _mm256_and_si256(_mm256_add_epi32(sums, before), masks));
    before = _mm256_add_epi32(before, total);
    _mm256_storeu_si256(at, sums);
    least = _mm256_min_epu32(least, sums);
    most = _mm256_max_epu32(most, sums);
  }
  std::array<std::uint32_t, 8> leasts;
  std::array<std::uint32_t, 8> mosts;
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(leasts.data()), least);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(mosts.data()), most);
  IntRange range = {*std::min_element(leasts.begin(), leasts.end()),
                    *std::max_element(mosts.begin(), mosts.end())};
  auto sum = static_cast<std::uint32_t>(_mm256_cvtsi256_si32(before));
  for (; i < values.size(); ++i) {
    sum += values[i];
    values[i] = base + (sum & mask);
    range.least = std::min(range.least, values[i]);
    range.most = std::max(range.most, values[i]);
  }
  return range;
}

// For at most 16 codes, the table in one register.
INSIGHTFLOW_AVX2 std::size_t LookUpAvx2(std::span<const std::uint8_t> codes,
                                        const std::uint8_t* table, std::uint8_t* to) {
  const __m256i values =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  std::size_t i = 0;
  for (; i + 32 <= codes.size(); i += 32) {
    const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes.data() + i));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm256_shuffle_epi8(values, at));
  }
  return i;
}

// Without the instruction of newer processors the compiler calls a function of its library.
INSIGHTFLOW_INLINE std::size_t CountBitsOf(std::string_view bytes) {
  std::size_t count = 0;
  for (; bytes.size() >= sizeof(std::uint64_t); bytes.remove_prefix(sizeof(std::uint64_t))) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof(word));
    count += static_cast<std::size_t>(std::popcount(word));
  }
  for (const char byte : bytes) {
    count += static_cast<std::size_t>(std::popcount(static_cast<std::uint8_t>(byte)));
  }
  return count;
}

__attribute__((target("popcnt"))) std::size_t CountBitsPopcnt(std::string_view bytes) {
  return CountBitsOf(bytes);
}

bool HasPopcnt() {
  static const bool has = __builtin_cpu_supports("popcnt") != 0;
  return has;
}

// Counts fit a byte in so many rows.
constexpr std::size_t kCountRows = 255;

INSIGHTFLOW_INLINE MaskCounts CountMasksWide(std::span<const std::uint8_t> masks,
                                             std::uint8_t filter) {
  MaskCounts counts;
  const auto others = static_cast<std::uint8_t>(~filter);
  constexpr std::size_t kLanes = 32;
  std::array<std::uint8_t, kLanes> held;
  std::array<std::uint8_t, kLanes> matched;
  while (masks.size() >= kLanes) {
    held.fill(0);
    matched.fill(0);
    const std::size_t rounds = std::min(masks.size() / kLanes, kCountRows);
    for (std::size_t r = 0; r < rounds; ++r) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const std::uint8_t mask = masks[r * kLanes + lane];
        held[lane] = static_cast<std::uint8_t>(held[lane] + ((mask & filter) != 0 ? 1 : 0));
        matched[lane] = static_cast<std::uint8_t>(matched[lane] + ((mask & others) != 0 ? 1 : 0));
      }
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      counts.held += held[lane];
      counts.matched += matched[lane];
    }
    masks = masks.subspan(rounds * kLanes);
  }
  for (const std::uint8_t mask : masks) {
    counts.held += (mask & filter) != 0 ? 1 : 0;
    counts.matched += (mask & others) != 0 ? 1 : 0;
  }
  return counts;
}

INSIGHTFLOW_AVX2 MaskCounts CountMasksAvx2(std::span<const std::uint8_t> masks,
                                           std::uint8_t filter) {
  return CountMasksWide(masks, filter);
}

}  // namespace

bool GetPatchedFast(ByteReader* in, std::span<std::uint8_t> values, PatchScratch* scratch) {
  return GetPatched(in, values, scratch, FastPlanes());
}

bool GetPatchedFast(ByteReader* in, std::span<std::uint32_t> values, PatchScratch* scratch) {
  return GetPatched(in, values, scratch, FastPlanes());
}

bool GetStepsFast(ByteReader* in, std::span<std::uint32_t> values, PatchScratch* scratch,
                  IntRange* range) {
  std::uint32_t base;
  std::uint32_t mask;
  if (values.empty()) return true;
  if (!GetStepsHead(in, &base, &mask) || !GetPatchedFast(in, values, scratch)) return false;
  *range = SumSteps(base, mask, values);
  return true;
}

IntRange SumSteps(std::uint32_t base, std::uint32_t mask, std::span<std::uint32_t> values) {
  return HasAvx2() ? SumStepsAvx2(base, mask, values) : SumStepsPlain(base, mask, values);
}

IntRange SumStepsPlain(std::uint32_t base, std::uint32_t mask, std::span<std::uint32_t> values) {
  IntRange range;
  std::uint32_t sum = 0;
  for (std::uint32_t& value : values) {
    sum += value;
    value = base + (sum & mask);
    range.least = std::min(range.least, value);
    range.most = std::max(range.most, value);
  }
  return range;
}

void LookUpBytes(std::span<const std::uint8_t> codes, const std::array<std::uint8_t, 256>& table,
                 std::size_t codes_end, std::uint8_t* to) {
  std::size_t i = 0;
  if (codes_end <= 16 && HasAvx2()) i = LookUpAvx2(codes, table.data(), to);
  for (; i < codes.size(); ++i) to[i] = table[codes[i]];
}

std::size_t CountBits(std::string_view bytes) {
  return HasPopcnt() ? CountBitsPopcnt(bytes) : CountBitsOf(bytes);
}

MaskCounts CountMasks(std::span<const std::uint8_t> masks, std::uint8_t filter) {
  return HasAvx2() ? CountMasksAvx2(masks, filter) : CountMasksWide(masks, filter);
}

}  // namespace v1
}  // namespace insightflow
