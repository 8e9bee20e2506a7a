// The columns of those rows of a block that have a flag.

#include <algorithm>

#include "lib/model/batch.h"
#include "lib/segments/column_codec.h"
#include "lib/segments/multiples.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Calls use(row, next) for each row with the flag, next counting them.
template <typename Use>
std::size_t ForFlagged(std::span<const std::uint8_t> flags, std::uint8_t bit, Use use) {
  std::size_t next = 0;
  for (std::size_t row = 0; row < flags.size(); ++row) {
    if ((flags[row] & bit) != 0) use(row, next++);
  }
  return next;
}

std::size_t CountFlagged(std::span<const std::uint8_t> flags, std::uint8_t bit) {
  std::size_t count = 0;
  for (const std::uint8_t value : flags) count += (value & bit) != 0 ? 1 : 0;
  return count;
}

}  // namespace

std::uint8_t PutPositions(std::span<const std::uint8_t> flags, std::uint8_t bit,
                          std::span<const std::int32_t> positions, ColumnScratch* scratch,
                          std::string* out) {
  std::vector<std::uint32_t>& values = scratch->values32;
  values.resize(positions.size());
  values.resize(ForFlagged(flags, bit, [&](std::size_t row, std::size_t next) {
    values[next] = static_cast<std::uint32_t>(positions[row]) ^ 0x80000000u;  // keeps the order
  }));
  const std::uint8_t encoding = Multiples::Of(values).Divide(values, out);
  PutPatched<std::uint32_t>(out, values, &scratch->patch);
  return encoding;
}

bool GetPositions(ByteReader* in, std::uint8_t encoding, std::span<const std::uint8_t> flags,
                  std::uint8_t bit, ColumnScratch* scratch, std::span<std::int32_t> positions) {
  Multiples multiples;
  std::vector<std::uint32_t>& values = scratch->values32;
  values.resize(CountFlagged(flags, bit));
  if (!multiples.Get(in, encoding) || !GetPatched<std::uint32_t>(in, values, &scratch->patch)) {
    return false;
  }
  std::uint64_t most = 0;
  for (const std::uint32_t value : values) most = std::max(most, multiples.Value(value));
  if (most > UINT32_MAX) return false;
  std::fill(positions.begin(), positions.end(), 0);
  ForFlagged(flags, bit, [&](std::size_t row, std::size_t next) {
    const auto value = static_cast<std::uint32_t>(multiples.Value(values[next]));
    positions[row] = static_cast<std::int32_t>(value ^ 0x80000000u);
  });
  return true;
}

void PutClientSeqs(std::span<const std::uint8_t> flags, std::span<const std::uint64_t> seqs,
                   ColumnScratch* scratch, std::string* out) {
  std::vector<std::uint64_t> values(seqs.size());
  values.resize(ForFlagged(flags, kHasClientSeq,
                           [&](std::size_t row, std::size_t next) { values[next] = seqs[row]; }));
  PutSteps<std::uint64_t>(out, values, &scratch->values64, &scratch->patch);
}

bool GetClientSeqs(ByteReader* in, std::span<const std::uint8_t> flags, ColumnScratch* scratch,
                   std::span<std::uint64_t> seqs) {
  std::vector<std::uint64_t>& values = scratch->values64;
  values.resize(CountFlagged(flags, kHasClientSeq));
  std::uint64_t* const to = values.data();
  if (!TakeSteps<std::uint64_t>(in, values, &scratch->patch,
                                [to](std::size_t i, std::uint64_t value) { to[i] = value; })) {
    return false;
  }
  std::fill(seqs.begin(), seqs.end(), 0);
  ForFlagged(flags, kHasClientSeq,
             [&](std::size_t row, std::size_t next) { seqs[row] = values[next]; });
  return true;
}

}  // namespace v1
}  // namespace insightflow
