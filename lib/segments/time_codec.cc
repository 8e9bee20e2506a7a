// Times of a block's rows.

#include "lib/segments/column_codec.h"
#include "lib/segments/fast_columns.h"
#include "lib/segments/multiples.h"

namespace insightflow {
inline namespace v1 {

std::uint8_t PutTimes(std::span<const std::uint32_t> times, ColumnScratch* scratch,
                      std::string* out) {
  const Multiples multiples = Multiples::Of(times);
  if (multiples.divisor == 1) {
    PutSteps<std::uint32_t>(out, times, &scratch->values32, &scratch->patch);
    return kFirstEncoding;
  }
  std::vector<std::uint32_t> quotients(times.begin(), times.end());
  const std::uint8_t encoding = multiples.Divide(quotients, out);
  PutSteps<std::uint32_t>(out, quotients, &scratch->values32, &scratch->patch);
  return encoding;
}

bool GetTimes(ByteReader* in, std::uint8_t encoding, ColumnScratch* scratch,
              std::span<std::uint32_t> times, IntRange* range) {
  Multiples multiples;
  if (!multiples.Get(in, encoding) || !GetStepsFast(in, times, &scratch->patch, range)) {
    return false;
  }
  if (multiples.divisor == 1) return true;
  if (multiples.Value(range->most) >= std::uint64_t{kDayMs}) return false;
  const auto least = static_cast<std::uint32_t>(multiples.Value(range->least));
  *range = {least, static_cast<std::uint32_t>(multiples.Value(range->most))};
  for (std::uint32_t& time : times) time = multiples.least + time * multiples.divisor;
  return true;
}

}  // namespace v1
}  // namespace insightflow
