// The tallies of all series of a query. Series that only count rows, without a breakdown, share one
// table of counts by interval and selector: a pass over the rows' bits serves them all.

#include <algorithm>
#include <bit>

#include "lib/analytics/tally.h"
#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {
namespace {

struct RowCounts {
  std::uint64_t mask = 0;  // selectors that are counted
  std::size_t width = 0;
  std::vector<std::uint64_t> counts;  // [interval][selector]

  std::uint64_t* Of(std::uint32_t bucket) {
    const std::size_t end = (bucket + std::size_t{1}) * width;
    if (counts.size() < end) counts.resize(end + end / 2);
    return counts.data() + bucket * width;
  }
  std::size_t intervals() const { return width == 0 ? 0 : counts.size() / width; }
};

class RowCountTally final : public Tally {
 public:
  // The leader counts for all who share the table.
  RowCountTally(std::size_t selector, std::shared_ptr<RowCounts> shared, bool is_leader)
      : selector_(selector), shared_(std::move(shared)), is_leader_(is_leader) {
    shared_->mask |= std::uint64_t{1} << selector;
    shared_->width = std::max(shared_->width, selector + 1);
  }

  void Add(const Timelines& timelines, std::span<const TimeSpan> spans, std::size_t) override {
    if (!is_leader_) return;
    const std::uint64_t mask = shared_->mask;
    for (const TimeSpan& span : spans) {
      if ((span.any & mask) == 0) continue;
      std::uint64_t* const counts = shared_->Of(span.bucket);
      for (std::size_t row = span.begin; row < span.end; ++row) {
        for (std::uint64_t bits = timelines.matches[row] & mask; bits != 0; bits &= bits - 1) {
          ++counts[std::countr_zero(bits)];
        }
      }
    }
  }

  void Take(Tally* other, std::span<const std::uint32_t> buckets, Stop*) override {
    if (!is_leader_) return;
    RowCounts& from = *static_cast<RowCountTally&>(*other).shared_;
    const std::size_t intervals = std::min(from.intervals(), buckets.size());
    for (std::size_t b = 0; b < intervals; ++b) {
      std::uint64_t* const to = shared_->Of(buckets[b]);
      for (std::size_t s = 0; s < from.width; ++s) to[s] += from.counts[b * from.width + s];
    }
    from.counts = {};
  }

  std::size_t bytes(std::size_t, std::size_t) const override {
    return is_leader_ ? CapacityBytes(shared_->counts) : 0;
  }

  void ForEachTotal(const VisitTotal& visit, bool*, Stop*) const override {
    visit(0, static_cast<double>(Total()));
  }

  std::vector<TallyLine> Lines(const TallyGroups& groups, std::size_t buckets, bool*,
                               Stop*) const override {
    std::vector<TallyLine> lines(groups.size);
    lines[0].total = static_cast<double>(Total());
    lines[0].buckets.assign(buckets, 0.0);
    for (std::size_t b = 0; b < std::min(buckets, shared_->intervals()); ++b) {
      lines[0].buckets[b] = static_cast<double>(At(b));
    }
    return lines;
  }

 private:
  std::uint64_t At(std::size_t bucket) const {
    return shared_->counts[bucket * shared_->width + selector_];
  }
  std::uint64_t Total() const {
    std::uint64_t total = 0;
    for (std::size_t b = 0; b < shared_->intervals(); ++b) total += At(b);
    return total;
  }

  std::size_t selector_;
  std::shared_ptr<RowCounts> shared_;
  bool is_leader_;
};

std::unique_ptr<Tally> MakeTally(const TallyConfig& config) {
  if (config.measure == Measure::kUsers) return MakeUsersTally(config);
  if (config.measure == Measure::kSessions) return MakeSessionsTally(config);
  return MakeCellTally(config);
}

}  // namespace

std::vector<std::unique_ptr<Tally>> MakeTallies(std::span<const TallyConfig> configs) {
  std::vector<std::unique_ptr<Tally>> tallies;
  std::shared_ptr<RowCounts> shared;
  for (const TallyConfig& config : configs) {
    const bool counts_rows = config.measure == Measure::kCount && !config.breakdown;
    if (!counts_rows) {
      tallies.push_back(MakeTally(config));
      continue;
    }
    const bool is_leader = shared == nullptr;
    if (is_leader) shared = std::make_shared<RowCounts>();
    tallies.push_back(std::make_unique<RowCountTally>(config.selector, shared, is_leader));
  }
  return tallies;
}

}  // namespace v1
}  // namespace insightflow
