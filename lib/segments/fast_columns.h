// The columns that every scan reads, decoded in vectors: as wide ones as the processor has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "lib/base/coding.h"
#include "lib/segments/patched_ints.h"

namespace insightflow {
inline namespace v1 {

// As GetPatched. O(values).
bool GetPatchedFast(ByteReader* in, std::span<std::uint8_t> values, PatchScratch* scratch);
bool GetPatchedFast(ByteReader* in, std::span<std::uint32_t> values, PatchScratch* scratch);

struct IntRange {
  std::uint32_t least = UINT32_MAX;
  std::uint32_t most = 0;
};

// Reads what PutSteps wrote, and how far the values reach. O(values).
bool GetStepsFast(ByteReader* in, std::span<std::uint32_t> values, PatchScratch* scratch,
                  IntRange* range);
// The sums of GetStepsFast: each value becomes base + (the sum up to it & mask). The second way is
// that of processors without wide vectors.
IntRange SumSteps(std::uint32_t base, std::uint32_t mask, std::span<std::uint32_t> values);
IntRange SumStepsPlain(std::uint32_t base, std::uint32_t mask, std::span<std::uint32_t> values);

// to[i] = table[codes[i]]; `codes_end` is more than any code. O(codes).
void LookUpBytes(std::span<const std::uint8_t> codes, const std::array<std::uint8_t, 256>& table,
                 std::size_t codes_end, std::uint8_t* to);

// How many bits are set. O(bytes).
std::size_t CountBits(std::string_view bytes);

struct MaskCounts {
  std::uint32_t held = 0;     // have the bits of `filter`
  std::uint32_t matched = 0;  // have others
};
MaskCounts CountMasks(std::span<const std::uint8_t> masks, std::uint8_t filter);

}  // namespace v1
}  // namespace insightflow
