// Measures whose value for a set of events follows from its parts: a cell for each pair of value
// and interval, a merge of cells for everything larger.

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "lib/analytics/cell_index.h"
#include "lib/analytics/exact_sum.h"
#include "lib/analytics/quantiles.h"
#include "lib/analytics/tally.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kTurns = 4;

struct CountCell {
  std::uint64_t count = 0;

  void Merge(const CountCell& other) { count += other.count; }
  std::optional<double> Value(bool*) { return static_cast<double>(count); }
  std::size_t bytes() const { return 0; }
};

struct SumCell {
  ExactSum sum;

  void Add(double x) { sum.Add(x); }
  void Merge(const SumCell& other) { sum.Merge(other.sum); }
  std::optional<double> Value(bool*) { return sum.Round(); }
  std::size_t bytes() const { return sum.bytes(); }
};

struct AverageCell {
  ExactSum sum;
  std::uint64_t count = 0;

  void Add(double x) {
    sum.Add(x);
    ++count;
  }
  void Merge(const AverageCell& other) {
    sum.Merge(other.sum);
    count += other.count;
  }
  std::optional<double> Value(bool*) {
    if (count == 0) return std::nullopt;
    return sum.Round() / static_cast<double>(count);
  }
  std::size_t bytes() const { return sum.bytes(); }
};

// Of zeros there is one.
template <bool kIsMax>
struct ExtremeCell {
  double extreme =
      kIsMax ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();

  void Add(double x) { extreme = kIsMax ? std::max(extreme, x + 0.0) : std::min(extreme, x + 0.0); }
  void Merge(const ExtremeCell& other) { Add(other.extreme); }
  std::optional<double> Value(bool*) {
    if (std::isinf(extreme)) return std::nullopt;
    return extreme;
  }
  std::size_t bytes() const { return 0; }
};

template <unsigned kPercent>
struct PercentileCell {
  Quantiles numbers;

  void Add(double x) { numbers.Add(x + 0.0); }
  void Merge(const PercentileCell& other) {
    Quantiles copy = other.numbers;
    numbers.Merge(&copy);
  }
  std::optional<double> Value(bool* exact) {
    if (!numbers.exact()) *exact = false;
    if (numbers.count() == 0) return std::nullopt;
    return numbers.Percentile(kPercent);
  }
  std::size_t bytes() const { return numbers.bytes(); }
};

template <typename Cell>
class CellTally final : public Tally {
 public:
  explicit CellTally(const TallyConfig& config) : config_(config) {}

  void Add(const Timelines& timelines, std::span<const TimeSpan> spans,
           std::size_t codes) override {
    lines_.Prepare(codes);
    if constexpr (std::is_same_v<Cell, CountCell>) {
      config_.breakdown ? CountByValue(timelines, spans, codes) : CountAll(timelines, spans);
    } else {
      AddNumbers(timelines, spans);
    }
  }

  void Take(Tally* other, std::span<const std::uint32_t> buckets) override;

  std::size_t bytes() const override {
    return index_.bytes() + lines_.bytes() + cells_.capacity() * sizeof(Cell) + cell_bytes_ +
           span_counts_.capacity() * sizeof(span_counts_[0]);
  }

  std::vector<std::pair<std::uint32_t, std::optional<double>>> Totals(bool* exact) const override;
  std::vector<TallyLine> Lines(const TallyGroups& groups, std::size_t buckets,
                               bool* exact) const override;

 private:
  Cell& At(std::uint32_t line, std::uint32_t bucket) {
    const std::uint32_t cell = index_.At(line, bucket);
    if (cell >= cells_.size()) cells_.resize(cell + 1);
    return cells_[cell];
  }
  // Cells by a number that each has, those of one number one after another.
  template <typename NumberOf>
  std::vector<std::uint32_t> CellsBy(NumberOf number_of) const {
    std::vector<std::uint32_t> cells(cells_.size());
    for (std::uint32_t i = 0; i < cells.size(); ++i) cells[i] = i;
    std::sort(cells.begin(), cells.end(),
              [&](std::uint32_t a, std::uint32_t b) { return number_of(a) < number_of(b); });
    return cells;
  }
  void CountAll(const Timelines& timelines, std::span<const TimeSpan> spans);
  void CountByValue(const Timelines& timelines, std::span<const TimeSpan> spans, std::size_t codes);
  void CountRows(const Timelines& timelines, const TimeSpan& span);
  void CountLongSpan(const Timelines& timelines, const TimeSpan& span, std::size_t codes);
  void AddNumbers(const Timelines& timelines, std::span<const TimeSpan> spans);

  TallyConfig config_;
  LineIndex lines_;
  CellIndex index_;
  std::vector<Cell> cells_;
  std::size_t cell_bytes_ = 0;
  std::vector<std::uint32_t> span_counts_;  // [turn][code], of a long span
};

template <typename Cell>
void CellTally<Cell>::CountAll(const Timelines& timelines, std::span<const TimeSpan> spans) {
  if constexpr (std::is_same_v<Cell, CountCell>) {
    const std::uint64_t* const words = timelines.matches.data();
    const std::size_t bit = config_.selector;
    for (const TimeSpan& span : spans) {
      std::uint64_t count = 0;
      for (std::size_t row = span.begin; row < span.end; ++row) count += words[row] >> bit & 1;
      if (count != 0) At(lines_.LineOf(0), span.bucket).count += count;
    }
  }
}

template <typename Cell>
void CellTally<Cell>::CountByValue(const Timelines& timelines, std::span<const TimeSpan> spans,
                                   std::size_t codes) {
  for (const TimeSpan& span : spans) {
    if (span.end - span.begin >= kTurns * codes) {
      CountLongSpan(timelines, span, codes);
    } else {
      CountRows(timelines, span);
    }
  }
}

// Rows of one value would wait for each other's count: they take turns.
template <typename Cell>
void CellTally<Cell>::CountLongSpan(const Timelines& timelines, const TimeSpan& span,
                                    std::size_t codes) {
  if constexpr (std::is_same_v<Cell, CountCell>) {
    const std::uint64_t* const words = timelines.matches.data();
    const std::size_t bit = config_.selector;
    const std::uint32_t* const values = timelines.texts[*config_.breakdown].data();
    span_counts_.assign(kTurns * codes, 0);
    std::uint32_t* const counts = span_counts_.data();
    std::size_t row = span.begin;
    for (; row + kTurns <= span.end; row += kTurns) {
      for (std::size_t turn = 0; turn < kTurns; ++turn) {
        counts[turn * codes + values[row + turn]] +=
            static_cast<std::uint32_t>(words[row + turn] >> bit & 1);
      }
    }
    for (; row < span.end; ++row) {
      counts[values[row]] += static_cast<std::uint32_t>(words[row] >> bit & 1);
    }
    for (std::uint32_t code = 0; code < codes; ++code) {
      std::uint64_t count = 0;
      for (std::size_t turn = 0; turn < kTurns; ++turn) count += counts[turn * codes + code];
      if (count != 0) At(lines_.LineOf(code), span.bucket).count += count;
    }
  }
}

// Row by row a count is found by two small tables; what they lack yet goes the long way.
template <typename Cell>
void CellTally<Cell>::CountRows(const Timelines& timelines, const TimeSpan& span) {
  if constexpr (std::is_same_v<Cell, CountCell>) {
    const std::uint64_t* const words = timelines.matches.data();
    const std::size_t bit = config_.selector;
    const std::uint32_t* const codes = timelines.texts[*config_.breakdown].data();
    const std::uint32_t* lines = lines_.direct();
    const std::uint32_t* direct = index_.Direct(span.bucket);
    std::uint32_t direct_lines = direct != nullptr ? index_.direct_lines() : 0;
    CountCell* cells = cells_.data();
    for (std::size_t row = span.begin; row < span.end; ++row) {
      if ((words[row] >> bit & 1) == 0) continue;
      const std::uint32_t line = lines[codes[row]] - 1;
      const std::uint32_t cell = line < direct_lines ? direct[line] : 0;
      if (cell != 0) {
        ++cells[cell - 1].count;
        continue;
      }
      ++At(lines_.LineOf(codes[row]), span.bucket).count;
      lines = lines_.direct();
      direct = index_.Direct(span.bucket);
      direct_lines = direct != nullptr ? index_.direct_lines() : 0;
      cells = cells_.data();
    }
  }
}

template <typename Cell>
void CellTally<Cell>::AddNumbers(const Timelines& timelines, std::span<const TimeSpan> spans) {
  if constexpr (!std::is_same_v<Cell, CountCell>) {
    const std::span<const double> numbers = timelines.numbers[config_.value];
    for (const TimeSpan& span : spans) {
      for (std::size_t row = span.begin; row < span.end; ++row) {
        if (std::isnan(numbers[row]) || !config_.Holds(timelines, row)) continue;
        const std::uint32_t code = config_.breakdown ? timelines.texts[*config_.breakdown][row] : 0;
        Cell& cell = At(lines_.LineOf(code), span.bucket);
        const std::size_t before = cell.bytes();
        cell.Add(numbers[row]);
        cell_bytes_ += cell.bytes() - before;
      }
    }
  }
}

template <typename Cell>
void CellTally<Cell>::Take(Tally* other, std::span<const std::uint32_t> buckets) {
  auto& from = static_cast<CellTally&>(*other);
  for (std::uint32_t i = 0; i < from.cells_.size(); ++i) {
    const auto [line, bucket] = from.index_.keys()[i];
    const std::uint32_t code = from.lines_.codes()[line];
    lines_.Prepare(code + std::size_t{1});
    Cell& cell = At(lines_.LineOf(code), buckets[bucket]);
    const std::size_t before = cell.bytes();
    cell.Merge(from.cells_[i]);
    cell_bytes_ += cell.bytes() - before;
    from.cells_[i] = Cell();
  }
  from = CellTally(config_);
}

template <typename Cell>
std::vector<std::pair<std::uint32_t, std::optional<double>>> CellTally<Cell>::Totals(
    bool* exact) const {
  const auto line_of = [&](std::uint32_t cell) { return index_.keys()[cell].first; };
  const std::vector<std::uint32_t> cells = CellsBy(line_of);
  std::vector<std::pair<std::uint32_t, std::optional<double>>> totals;
  for (std::size_t begin = 0, end = 0; begin < cells.size(); begin = end) {
    Cell total;
    for (; end < cells.size() && line_of(cells[end]) == line_of(cells[begin]); ++end) {
      total.Merge(cells_[cells[end]]);
    }
    totals.emplace_back(lines_.codes()[line_of(cells[begin])], total.Value(exact));
  }
  return totals;
}

template <typename Cell>
std::vector<TallyLine> CellTally<Cell>::Lines(const TallyGroups& groups, std::size_t buckets,
                                              bool* exact) const {
  const std::optional<double> nothing = MeasureOfNothing(config_.measure);
  std::vector<TallyLine> lines(groups.size);
  for (TallyLine& line : lines) {
    line.total = nothing;
    line.buckets.assign(buckets, nothing);
  }
  std::vector<std::uint32_t> group_of_line;
  for (const std::uint32_t code : lines_.codes()) group_of_line.push_back(groups.GroupOf(code));
  const auto group_of = [&](std::uint32_t cell) {
    return group_of_line[index_.keys()[cell].first];
  };
  const auto place_of = [&](std::uint32_t cell) {
    return std::uint64_t{group_of(cell)} << 32 | index_.keys()[cell].second;
  };
  const std::vector<std::uint32_t> cells = CellsBy(place_of);
  for (std::size_t begin = 0; begin < cells.size();) {
    const std::uint32_t group = group_of(cells[begin]);
    Cell total;
    while (begin < cells.size() && group_of(cells[begin]) == group) {
      const std::uint64_t place = place_of(cells[begin]);
      Cell point;
      for (; begin < cells.size() && place_of(cells[begin]) == place; ++begin) {
        point.Merge(cells_[cells[begin]]);
      }
      total.Merge(point);
      lines[group].buckets[static_cast<std::uint32_t>(place)] = point.Value(exact);
    }
    lines[group].total = total.Value(exact);
  }
  return lines;
}

}  // namespace

std::optional<double> MeasureOfNothing(Measure measure) {
  switch (measure) {
    case Measure::kCount:
    case Measure::kUsers:
    case Measure::kSessions:
    case Measure::kSum: return 0;
    default: return std::nullopt;
  }
}

bool IsOfNumber(Measure measure) {
  return measure != Measure::kCount && measure != Measure::kUsers && measure != Measure::kSessions;
}

std::unique_ptr<Tally> MakeCellTally(const TallyConfig& config) {
  switch (config.measure) {
    case Measure::kSum: return std::make_unique<CellTally<SumCell>>(config);
    case Measure::kAvg: return std::make_unique<CellTally<AverageCell>>(config);
    case Measure::kMin: return std::make_unique<CellTally<ExtremeCell<false>>>(config);
    case Measure::kMax: return std::make_unique<CellTally<ExtremeCell<true>>>(config);
    case Measure::kP50: return std::make_unique<CellTally<PercentileCell<50>>>(config);
    case Measure::kP90: return std::make_unique<CellTally<PercentileCell<90>>>(config);
    case Measure::kP99: return std::make_unique<CellTally<PercentileCell<99>>>(config);
    default: return std::make_unique<CellTally<CountCell>>(config);
  }
}

}  // namespace v1
}  // namespace insightflow
