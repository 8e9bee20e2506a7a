// Measures whose value for a set of events follows from its parts: a cell for each pair of value
// and interval, a merge of cells for everything larger.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <type_traits>

#include "lib/analytics/cell_index.h"
#include "lib/analytics/exact_sum.h"
#include "lib/analytics/quantiles.h"
#include "lib/analytics/tally.h"
#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kTurns = 4;

// A cell's steps are those of a Stop that it takes to merge it or to tell its value.
struct CountCell {
  std::uint64_t count = 0;

  void Merge(const CountCell& other) { count += other.count; }
  std::optional<double> Value(bool*) { return static_cast<double>(count); }
  std::size_t bytes() const { return 0; }
  std::size_t steps() const { return 1; }
};

struct SumCell {
  ExactSum sum;

  void Add(double x) { sum.Add(x); }
  void Merge(const SumCell& other) { sum.Merge(other.sum); }
  std::optional<double> Value(bool*) { return sum.Round(); }
  std::size_t bytes() const { return sum.bytes(); }
  std::size_t steps() const { return 8; }
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
  std::size_t steps() const { return 8; }
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
  std::size_t steps() const { return 1; }
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
  std::size_t steps() const { return 16 + numbers.bytes() / 64; }
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

  void Take(Tally* other, std::span<const std::uint32_t> buckets, Stop* stop) override;

  std::size_t bytes(std::size_t more, std::size_t codes) const override {
    return index_.bytes(more) + lines_.bytes(more, codes) + BytesWith(cells_, more) + cell_bytes_ +
           CapacityBytes(span_counts_);
  }

  void ForEachTotal(const VisitTotal& visit, bool* exact, Stop* stop) const override;
  std::vector<TallyLine> Lines(const TallyGroups& groups, std::size_t buckets, bool* exact,
                               Stop* stop) const override;

 private:
  Cell& At(std::uint32_t line, std::uint32_t bucket) {
    const std::uint32_t cell = index_.At(line, bucket);
    if (cell >= cells_.size()) cells_.resize(cell + 1);
    return cells_[cell];
  }
  // What it takes to sort all cells, by one number after the other.
  std::size_t SortBytes(std::size_t numbers) const {
    return (2 * cells_.size() + numbers) * sizeof(std::uint32_t);
  }
  // Puts cells by a number that each has, below `numbers`; those of one stay in their order. Asks
  // as it goes: true when the query has ended. O(cells + numbers).
  template <typename NumberOf>
  static bool SortBy(NumberOf number_of, std::size_t numbers, std::vector<std::uint32_t>* cells,
                     Stop* stop);
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
void CellTally<Cell>::Take(Tally* other, std::span<const std::uint32_t> buckets, Stop* stop) {
  auto& from = static_cast<CellTally&>(*other);
  for (std::uint32_t i = 0; i < from.cells_.size(); ++i) {
    if (stop->Worked(from.cells_[i].steps())) return;
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
template <typename NumberOf>
bool CellTally<Cell>::SortBy(NumberOf number_of, std::size_t numbers,
                             std::vector<std::uint32_t>* cells, Stop* stop) {
  std::vector<std::uint32_t> behind(numbers + 1);
  for (const std::uint32_t cell : *cells) ++behind[number_of(cell) + 1];
  if (stop->Worked(cells->size() / 4 + numbers)) return true;
  std::partial_sum(behind.begin(), behind.end(), behind.begin());
  std::vector<std::uint32_t> sorted(cells->size());
  for (const std::uint32_t cell : *cells) {
    if (stop->Worked(1)) return true;
    sorted[behind[number_of(cell)]++] = cell;
  }
  cells->swap(sorted);
  return false;
}

template <typename Cell>
void CellTally<Cell>::ForEachTotal(const VisitTotal& visit, bool* exact, Stop* stop) const {
  const auto line_of = [&](std::uint32_t cell) { return index_.keys()[cell].first; };
  const Taken taken(SortBytes(lines_.size()), stop);
  if (stop->over()) return;
  std::vector<std::uint32_t> cells(cells_.size());
  std::iota(cells.begin(), cells.end(), 0);
  if (SortBy(line_of, lines_.size(), &cells, stop)) return;
  for (std::size_t begin = 0, end = 0; begin < cells.size(); begin = end) {
    Cell total;
    for (; end < cells.size() && line_of(cells[end]) == line_of(cells[begin]); ++end) {
      total.Merge(cells_[cells[end]]);
      if (stop->Worked(cells_[cells[end]].steps())) return;
    }
    visit(lines_.codes()[line_of(cells[begin])], total.Value(exact));
    if (stop->Worked(total.steps())) return;
  }
}

template <typename Cell>
std::vector<TallyLine> CellTally<Cell>::Lines(const TallyGroups& groups, std::size_t buckets,
                                              bool* exact, Stop* stop) const {
  const std::optional<double> nothing = MeasureOfNothing(config_.measure);
  std::vector<TallyLine> lines(groups.size);
  for (TallyLine& line : lines) {
    line.total = nothing;
    line.buckets.assign(buckets, nothing);
    if (stop->Worked(buckets)) return lines;
  }
  const Taken taken(SortBytes(std::max<std::size_t>(groups.size, buckets)) +
                        lines_.size() * sizeof(std::uint32_t),
                    stop);
  if (stop->over()) return lines;
  const std::vector<std::uint32_t> group_of_line = GroupsOf(lines_.codes(), groups);
  const auto group_of = [&](std::uint32_t cell) {
    return group_of_line[index_.keys()[cell].first];
  };
  const auto bucket_of = [&](std::uint32_t cell) { return index_.keys()[cell].second; };
  std::vector<std::uint32_t> cells(cells_.size());
  std::iota(cells.begin(), cells.end(), 0);
  if (SortBy(bucket_of, buckets, &cells, stop)) return lines;
  if (SortBy(group_of, groups.size, &cells, stop)) return lines;
  for (std::size_t begin = 0; begin < cells.size();) {
    const std::uint32_t group = group_of(cells[begin]);
    Cell total;
    while (begin < cells.size() && group_of(cells[begin]) == group) {
      const std::uint32_t bucket = bucket_of(cells[begin]);
      Cell point;
      for (; begin < cells.size() && group_of(cells[begin]) == group &&
             bucket_of(cells[begin]) == bucket;
           ++begin) {
        point.Merge(cells_[cells[begin]]);
        if (stop->Worked(cells_[cells[begin]].steps())) return lines;
      }
      total.Merge(point);
      lines[group].buckets[bucket] = point.Value(exact);
      if (stop->Worked(2 * point.steps())) return lines;
    }
    lines[group].total = total.Value(exact);
    if (stop->Worked(total.steps())) return lines;
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

std::vector<std::uint32_t> GroupsOf(std::span<const std::uint32_t> codes,
                                    const TallyGroups& groups) {
  std::vector<std::uint32_t> of_line(codes.size());
  std::transform(codes.begin(), codes.end(), of_line.begin(),
                 [&](std::uint32_t code) { return groups.GroupOf(code); });
  return of_line;
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
