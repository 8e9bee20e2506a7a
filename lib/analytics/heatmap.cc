// Clicks of a page on a grid. How large the page is, and so which cell a click is in, is known at
// the end only: until then clicks are counted by position. Where these are too many, neighbours
// are put together, twice as coarse each time. How coarse depends on the positions alone, so that
// answers do not change with the number of threads; and positions are then off by less than
// 2^level pixels.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "lib/analytics/analysis.h"
#include "lib/analytics/query_checks.h"
#include "lib/analytics/ranking.h"
#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kPositionsMax = 1'000'000;
constexpr std::size_t kGridMax = 500;

std::uint32_t Clamped(double position) {
  return static_cast<std::uint32_t>(std::clamp(position, 0.0, 2147483647.0));
}

class Positions {
 public:
  void Add(std::uint32_t x, std::uint32_t y) {
    width_ = std::max(width_, std::int64_t{x} + 1);
    height_ = std::max(height_, std::int64_t{y} + 1);
    ++clicks_;
    ++counts_[Key(x >> level_, y >> level_)];
    Shrink();
  }
  void Merge(Positions* other, Stop* stop) {
    width_ = std::max(width_, other->width_);
    height_ = std::max(height_, other->height_);
    clicks_ += other->clicks_;
    while (level_ < other->level_ && !stop->Worked(counts_.size())) Halve();
    while (other->level_ < level_ && !stop->Worked(other->counts_.size())) other->Halve();
    for (const auto& [key, count] : other->counts_) {
      if (stop->Worked(1)) return;
      counts_[key] += count;
    }
    Shrink();
    *other = Positions();
  }

  // The cells with clicks, by row, then column.
  std::vector<HeatmapCell> Cells(std::size_t columns, std::size_t rows, Stop* stop) const {
    std::vector<std::uint64_t> grid(columns * rows);
    for (const auto& [key, count] : counts_) {
      if (stop->Worked(1)) return {};
      const auto x = static_cast<std::uint64_t>(key >> 32) << level_;
      const auto y = (key & 0xffffffff) << level_;
      const std::size_t column = x * columns / static_cast<std::uint64_t>(width_);
      const std::size_t row = y * rows / static_cast<std::uint64_t>(height_);
      grid[row * columns + column] += count;
    }
    std::vector<HeatmapCell> cells;
    for (std::size_t at = 0; at < grid.size(); ++at) {
      if (grid[at] != 0) cells.push_back({at % columns, at / columns, grid[at]});
    }
    return cells;
  }
  std::int64_t width() const { return width_; }
  std::int64_t height() const { return height_; }
  std::uint64_t clicks() const { return clicks_; }
  bool exact() const { return level_ == 0; }
  // Memory, at most, while so many more clicks come. Once it is full it is halved into a new one,
  // of which no more is known than that it is not greater.
  std::size_t bytes(std::size_t more) const {
    const std::size_t grown = TableBytesWith(counts_, more);
    return counts_.size() + more > kPositionsMax ? 2 * grown : grown;
  }

 private:
  static std::uint64_t Key(std::uint64_t x, std::uint64_t y) { return x << 32 | y; }
  void Shrink() {
    while (counts_.size() > kPositionsMax) Halve();
  }
  void Halve() {
    ++level_;
    absl::flat_hash_map<std::uint64_t, std::uint64_t> halved;
    for (const auto& [key, count] : counts_) {
      halved[Key(key >> 33, (key & 0xffffffff) >> 1)] += count;
    }
    counts_ = std::move(halved);
  }

  int level_ = 0;
  std::int64_t width_ = 0;
  std::int64_t height_ = 0;
  std::uint64_t clicks_ = 0;
  absl::flat_hash_map<std::uint64_t, std::uint64_t> counts_;
};

struct HeatmapSlots {
  std::size_t selector = 0;
  std::size_t x = 0;
  std::size_t y = 0;
  std::size_t element = 0;
};

class HeatmapState final : public AnalysisState {
 public:
  HeatmapState(const Analysis* analysis, const ValueTable* values, const HeatmapSlots& slots)
      : analysis_(analysis), values_(values), slots_(slots) {}

  Status Visit(const Timelines& timelines) override {
    const auto x = timelines.numbers[slots_.x];
    const auto y = timelines.numbers[slots_.y];
    const auto element = timelines.texts[slots_.element];
    const std::size_t rows = timelines.rows();
    for (std::size_t row = 0; row < rows; ++row) {
      if (!timelines.Matches(row, slots_.selector)) continue;
      if (element[row] != 0) ++elements_[element[row]];
      if (std::isnan(x[row]) || std::isnan(y[row])) continue;
      positions_.Add(Clamped(x[row]), Clamped(y[row]));
    }
    return Status::Ok();
  }

  Status DoMerge(AnalysisState* other) override {
    auto* const from = dynamic_cast<HeatmapState*>(other);
    if (from == nullptr || from == this || !from->IsOf(analysis_)) {
      return InvalidArgument("the state is that of another analysis");
    }
    positions_.Merge(&from->positions_, stop());
    for (const auto& [code, count] : std::exchange(from->elements_, {})) {
      if (stop()->Worked(1)) break;
      elements_[code] += count;
    }
    return Status::Ok();
  }

  std::size_t bytes(std::size_t more) const override {
    return positions_.bytes(more) + TableBytesWith(elements_, more);
  }

  HeatmapAnswer Answer(const HeatmapQuery& query) {
    HeatmapAnswer answer;
    answer.cells = positions_.Cells(query.columns, query.rows, stop());
    answer.clicks = positions_.clicks();
    answer.width = positions_.width();
    answer.height = positions_.height();
    TopCodes top(query.scope.limit, *values_, stop());
    for (const auto& [code, count] : elements_) {
      if (stop()->over()) break;
      top.Add({code, count});
    }
    answer.elements = top.Rows();
    return answer;
  }
  bool exact() const { return positions_.exact(); }
  bool IsOf(const Analysis* analysis) const { return analysis_ == analysis; }

 private:
  const Analysis* analysis_;
  const ValueTable* values_;
  HeatmapSlots slots_;
  Positions positions_;
  absl::flat_hash_map<std::uint32_t, std::uint64_t> elements_;
};

class Heatmap final : public Analysis {
 public:
  explicit Heatmap(const HeatmapQuery& query) : query_(query) {}

  Status Prepare() {
    if (query_.page_url.empty()) return InvalidArgument("page_url is missing");
    if (Status s = CheckScope(query_.scope); !s.ok()) return s;
    if (Status s = CheckWithin(query_.columns, "columns", 1, kGridMax); !s.ok()) return s;
    if (Status s = CheckWithin(query_.rows, "rows", 1, kGridMax); !s.ok()) return s;
    if (Status s = plan_.SetScope(query_.scope); !s.ok()) return s;
    EventSelector clicks = query_.event;
    clicks.filters.push_back({.field = "page_url", .values = {query_.page_url}});
    const Result<std::size_t> selector = plan_.AddSelector(clicks);
    if (!selector.ok()) return selector.status();
    plan_.only_matches = true;
    plan_.any_order = true;
    slots_ = {*selector, *plan_.AddNumber("position_x"), *plan_.AddNumber("position_y"),
              *plan_.AddText("element")};
    return Status::Ok();
  }

  std::unique_ptr<AnalysisState> NewState(const ValueTable* values) const override {
    return std::make_unique<HeatmapState>(this, values, slots_);
  }

  Result<AnswerBody> DoFinish(AnalysisState* state, const ScanEnd&, bool* exact) const override {
    auto* const heatmap = dynamic_cast<HeatmapState*>(state);
    if (heatmap == nullptr || !heatmap->IsOf(this)) {
      return InvalidArgument("the state is that of another analysis");
    }
    if (!heatmap->exact()) *exact = false;
    return AnswerBody(heatmap->Answer(query_));
  }

 private:
  const HeatmapQuery query_;
  HeatmapSlots slots_;
};

}  // namespace

Result<std::unique_ptr<Analysis>> CreateHeatmap(const HeatmapQuery& query) {
  auto heatmap = std::make_unique<Heatmap>(query);
  if (Status status = heatmap->Prepare(); !status.ok()) return status;
  return std::unique_ptr<Analysis>(std::move(heatmap));
}

}  // namespace v1
}  // namespace insightflow
