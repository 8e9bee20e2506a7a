// The log sequences of a block's rows.

#include <algorithm>
#include <array>
#include <bit>

#include "lib/segments/column_codec.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint8_t kSteps = 0;
constexpr std::uint8_t kForetold = 1;  // what each exceeds a line through time by

// The block's time is cut into so many equal parts. The first row of each is a knot, and so is the
// last row of all; between two knots the sequence is foretold by a line.
constexpr std::size_t kParts = 64;

struct Knots {
  std::array<std::uint32_t, kParts + 1> times = {};
  std::array<std::uint64_t, kParts + 1> sequences = {};
};

// Divides times within a day by what cuts the block's time into parts: a multiplication, which
// rounds as a division does for all n < 2^27 when the divisor is less than 2^21.
class PartOf {
 public:
  explicit PartOf(std::uint32_t part_ms)
      : shift_(kTimeBits + static_cast<unsigned>(std::bit_width(part_ms))),
        factor_((std::uint64_t{1} << shift_) / part_ms + 1) {}
  std::size_t operator()(std::uint32_t ms) const { return ms * factor_ >> shift_; }

 private:
  static constexpr unsigned kTimeBits = 27;
  static_assert(kDayMs <= 1 << kTimeBits && kDayMs / kParts < 1 << 21);

  unsigned shift_;
  std::uint64_t factor_;
};

// Arithmetic is modulo 2^64 throughout, so that any knots foretell something.
class Line {
 public:
  explicit Line(const Knots& knots) : knots_(knots), part_of_(PartMs(knots)) {
    for (std::size_t i = 0; i < kParts; ++i) {
      const std::uint32_t ms = knots.times[i + 1] - knots.times[i];
      scales_[i] = (std::uint64_t{1} << 32) / (ms == 0 ? 1 : ms);
    }
  }

  static std::uint32_t PartMs(const Knots& knots) {
    return (knots.times.back() - knots.times.front()) / kParts + 1;
  }

  std::uint64_t Foretell(std::uint32_t time) const {
    return Foretell(time, part_of_(time - knots_.times.front()));
  }
  // `i`: the part that the time is in.
  std::uint64_t Foretell(std::uint32_t time, std::size_t i) const {
    const std::uint64_t share = std::uint64_t{time - knots_.times[i]} * scales_[i];
    const std::uint64_t rise = knots_.sequences[i + 1] - knots_.sequences[i];
    return knots_.sequences[i] + (rise >> 32) * share + ((rise & UINT32_MAX) * share >> 32);
  }

 private:
  const Knots& knots_;
  PartOf part_of_;
  std::array<std::uint64_t, kParts> scales_ = {};
};

// Leaves the part of each row in `parts`.
Knots FindKnots(std::span<const std::uint32_t> times, std::span<const std::uint64_t> sequences,
                std::vector<std::uint8_t>* parts) {
  const auto is_before = [&](std::size_t a, std::size_t b) {
    return times[a] != times[b] ? times[a] < times[b] : sequences[a] < sequences[b];
  };
  std::size_t first = 0;
  std::size_t last = 0;
  for (std::size_t row = 1; row < times.size(); ++row) {
    if (is_before(row, first)) first = row;
    if (is_before(last, row)) last = row;
  }
  Knots knots;
  knots.times.front() = times[first];
  knots.times.back() = times[last];
  const PartOf part_of(Line::PartMs(knots));
  parts->resize(times.size());
  std::array<std::size_t, kParts + 1> rows;
  rows.fill(last);
  for (std::size_t row = 0; row < times.size(); ++row) {
    const std::size_t part = part_of(times[row] - times[first]);
    (*parts)[row] = static_cast<std::uint8_t>(part);
    std::size_t& knot = rows[part];
    if (is_before(row, knot)) knot = row;
  }
  for (std::size_t i = kParts; i > 0; --i) {
    if (is_before(rows[i], rows[i - 1])) rows[i - 1] = rows[i];  // no row in the part
  }
  for (std::size_t i = 0; i <= kParts; ++i) {
    knots.times[i] = times[rows[i]];
    knots.sequences[i] = sequences[rows[i]];
  }
  return knots;
}

}  // namespace

void PutSequences(std::span<const std::uint32_t> times, std::span<const std::uint64_t> sequences,
                  ColumnScratch* scratch, std::string* out) {
  const Knots knots = FindKnots(times, sequences, &scratch->bytes);
  const Line line(knots);
  std::vector<std::uint64_t>& excess = scratch->values64;
  excess.resize(sequences.size());
  std::int64_t least = INT64_MAX;
  for (std::size_t row = 0; row < sequences.size(); ++row) {
    excess[row] = sequences[row] - line.Foretell(times[row], scratch->bytes[row]);
    least = std::min(least, static_cast<std::int64_t>(excess[row]));
  }
  for (std::uint64_t& value : excess) value -= static_cast<std::uint64_t>(least);
  std::string foretold;
  PutInts<std::uint32_t>(&foretold, knots.times, true);
  PutInts<std::uint64_t>(&foretold, knots.sequences, true);
  PutFixed(&foretold, least);
  PutPatched<std::uint64_t>(&foretold, excess, &scratch->patch);

  std::string steps;
  const auto plan = PlanSteps(sequences, &scratch->values64);
  bool is_foretold = foretold.size() < plan.bytes_min(sequences.size());
  if (!is_foretold) {
    PutPlannedSteps<std::uint64_t>(&steps, scratch->values64, plan, &scratch->patch);
    is_foretold = foretold.size() < steps.size();
  }
  PutFixed(out, is_foretold ? kForetold : kSteps);
  out->append(is_foretold ? foretold : steps);
}

bool GetSequences(ByteReader* in, std::span<const std::int64_t> times, std::int64_t begin_ms,
                  ColumnScratch* scratch, std::span<std::uint64_t> sequences) {
  std::uint8_t form;
  if (!in->GetFixed(&form) || form > kForetold) return false;
  if (form == kSteps) {
    scratch->values64.resize(sequences.size());
    std::uint64_t* const to = sequences.data();
    return TakeSteps<std::uint64_t>(in, scratch->values64, &scratch->patch,
                                    [to](std::size_t i, std::uint64_t value) { to[i] = value; });
  }
  Knots knots;
  std::uint64_t least;
  if (!GetInts(in, knots.times.size(), &scratch->values32) ||
      !GetInts(in, knots.sequences.size(), &scratch->values64) || !in->GetFixed(&least) ||
      !GetPatched(in, sequences, &scratch->patch)) {
    return false;
  }
  std::copy(scratch->values32.begin(), scratch->values32.end(), knots.times.begin());
  std::copy(scratch->values64.begin(), scratch->values64.end(), knots.sequences.begin());
  const std::uint64_t from = knots.times.front();
  const std::uint64_t to = knots.times.back();
  if (to < from || to >= std::uint64_t{kDayMs}) return false;
  const Line line(knots);
  for (std::size_t row = 0; row < sequences.size(); ++row) {
    const auto time = static_cast<std::uint64_t>(times[row] - begin_ms);
    if (time < from || time > to) return false;
    sequences[row] += least + line.Foretell(static_cast<std::uint32_t>(time));
  }
  return true;
}

}  // namespace v1
}  // namespace insightflow
