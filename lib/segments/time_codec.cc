// Times of a block's rows.

#include <algorithm>

#include "lib/segments/column_codec.h"
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

bool GetTimes(ByteReader* in, std::uint8_t encoding, std::int64_t begin_ms, ColumnScratch* scratch,
              std::span<std::int64_t> times, std::int64_t* least_ms, std::int64_t* most_ms) {
  Multiples multiples;
  if (!multiples.Get(in, encoding)) return false;
  scratch->values32.resize(times.size());
  std::int64_t* const to = times.data();
  std::uint32_t least = UINT32_MAX;
  std::uint32_t most = 0;
  const auto note = [&](std::uint32_t value) {
    least = std::min(least, value);
    most = std::max(most, value);
  };
  const auto plain = [&, to](std::size_t i, std::uint32_t time) {
    note(time);
    to[i] = begin_ms + time;
  };
  // What is too large for a day shows by its bounds.
  const auto scaled = [&, to](std::size_t i, std::uint32_t quotient) {
    note(quotient);
    to[i] = begin_ms + static_cast<std::int64_t>(multiples.Value(quotient) & INT64_MAX);
  };
  const bool read = multiples.divisor == 1
                        ? TakeSteps<std::uint32_t>(in, scratch->values32, &scratch->patch, plain)
                        : TakeSteps<std::uint32_t>(in, scratch->values32, &scratch->patch, scaled);
  if (!read || multiples.Value(most) >= std::uint64_t{kDayMs}) return false;
  *least_ms = begin_ms + static_cast<std::int64_t>(multiples.Value(least));
  *most_ms = begin_ms + static_cast<std::int64_t>(multiples.Value(most));
  return true;
}

}  // namespace v1
}  // namespace insightflow
