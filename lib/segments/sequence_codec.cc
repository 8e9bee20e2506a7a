// The log sequences of a block's rows.

#include <algorithm>
#include <array>

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

// Arithmetic is modulo 2^64 throughout, so that any knots foretell something.
class Line {
 public:
  explicit Line(const Knots& knots) : knots_(knots), part_ms_(PartMs(knots)) {
    for (std::size_t i = 0; i < kParts; ++i) {
      const std::uint32_t ms = knots.times[i + 1] - knots.times[i];
      scales_[i] = (std::uint64_t{1} << 32) / (ms == 0 ? 1 : ms);
    }
  }

  static std::uint32_t PartMs(const Knots& knots) {
    return (knots.times.back() - knots.times.front()) / kParts + 1;
  }

  std::uint64_t Foretell(std::uint32_t time) const {
    const std::size_t i = (time - knots_.times.front()) / part_ms_;
    const std::uint64_t share = std::uint64_t{time - knots_.times[i]} * scales_[i];
    const std::uint64_t rise = knots_.sequences[i + 1] - knots_.sequences[i];
    return knots_.sequences[i] + (rise >> 32) * share + ((rise & UINT32_MAX) * share >> 32);
  }

 private:
  const Knots& knots_;
  std::uint32_t part_ms_;
  std::array<std::uint64_t, kParts> scales_ = {};
};

Knots FindKnots(std::span<const std::uint32_t> times, std::span<const std::uint64_t> sequences) {
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
  const std::uint32_t part_ms = Line::PartMs(knots);
  std::array<std::size_t, kParts + 1> rows;
  rows.fill(last);
  for (std::size_t row = 0; row < times.size(); ++row) {
    std::size_t& knot = rows[(times[row] - times[first]) / part_ms];
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
  const Knots knots = FindKnots(times, sequences);
  const Line line(knots);
  std::vector<std::uint64_t>& excess = scratch->values64;
  excess.resize(sequences.size());
  std::int64_t least = INT64_MAX;
  for (std::size_t row = 0; row < sequences.size(); ++row) {
    excess[row] = sequences[row] - line.Foretell(times[row]);
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
