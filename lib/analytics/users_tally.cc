// Distinct users by interval and over all of them, also of any union of a breakdown's values.
//
// A timeline comes whole, so a user is counted once where its rows of an interval, or of all, hold
// an event that matches. A breakdown asks for more: which values are shown and which are the rest
// is known at the end, and the users of the rest are not the sum of its values' users. So users are
// counted by the set of values that they had: sets are few where values are, and shared beginnings
// of sets stand once, in a tree. Then the users of any union of values are those whose set has one
// of them.

#include <algorithm>
#include <array>
#include <bit>

#include "lib/analytics/cell_index.h"
#include "lib/analytics/tally.h"
#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {
namespace {

class PlainUsersTally final : public Tally {
 public:
  explicit PlainUsersTally(const TallyConfig& config) : config_(config) {}

  void Add(const Timelines&, std::span<const TimeSpan> spans, std::size_t) override {
    const std::uint64_t bit = std::uint64_t{1} << config_.selector;
    std::uint32_t last_run = UINT32_MAX;
    for (const TimeSpan& span : spans) {
      if ((span.any & bit) == 0) continue;
      ++At(span.bucket);
      total_ += span.run != last_run;
      last_run = span.run;
    }
  }

  void Take(Tally* other, std::span<const std::uint32_t> buckets, Stop*) override {
    auto& from = static_cast<PlainUsersTally&>(*other);
    for (std::size_t b = 0; b < from.counts_.size(); ++b) {
      if (from.counts_[b] != 0) At(buckets[b]) += from.counts_[b];
    }
    total_ += from.total_;
    from = PlainUsersTally(config_);
  }

  std::size_t bytes(std::size_t, std::size_t) const override { return CapacityBytes(counts_); }

  void ForEachTotal(const VisitTotal& visit, bool*, Stop*) const override {
    if (total_ != 0) visit(0, static_cast<double>(total_));
  }

  std::vector<TallyLine> Lines(const TallyGroups& groups, std::size_t buckets, bool*,
                               Stop*) const override {
    std::vector<TallyLine> lines(groups.size);
    lines[0].total = static_cast<double>(total_);
    lines[0].buckets.assign(buckets, 0.0);
    for (std::size_t b = 0; b < counts_.size(); ++b) {
      lines[0].buckets[b] = static_cast<double>(counts_[b]);
    }
    return lines;
  }

 private:
  std::uint64_t& At(std::uint32_t bucket) {
    if (bucket >= counts_.size()) counts_.resize(bucket + std::size_t{1});
    return counts_[bucket];
  }

  TallyConfig config_;
  std::vector<std::uint64_t> counts_;  // by interval
  std::uint64_t total_ = 0;
};

// Numbers sets of lines; the empty set is 0.
class SetTable {
 public:
  std::uint32_t Of(std::span<const std::uint32_t> sorted) {
    std::uint32_t node = 0;
    for (const std::uint32_t line : sorted) {
      const auto [at, added] = children_.try_emplace(std::uint64_t{node} << 32 | line, size());
      if (added) nodes_.push_back({node, line});
      node = at->second;
    }
    return node;
  }
  // Of lines below 64, as bits.
  std::uint32_t OfMask(std::uint64_t mask) {
    if (mask < small_.size() && small_[mask] != 0) return small_[mask];
    std::array<std::uint32_t, 64> lines;
    std::size_t count = 0;
    for (std::uint64_t rest = mask; rest != 0; rest &= rest - 1) {
      lines[count++] = static_cast<std::uint32_t>(std::countr_zero(rest));
    }
    const std::uint32_t set = Of({lines.data(), count});
    if (mask < small_.size()) small_[mask] = set;
    return set;
  }

  std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size()); }
  // Calls with each line of a set.
  template <typename Visit>
  void ForEach(std::uint32_t set, Visit visit) const {
    for (; set != 0; set = nodes_[set].parent) visit(nodes_[set].line);
  }
  // With so many more sets.
  std::size_t bytes(std::size_t more) const {
    return TableBytesWith(children_, more) + BytesWith(nodes_, more) + sizeof(small_);
  }

 private:
  struct Node {
    std::uint32_t parent = 0;
    std::uint32_t line = 0;
  };

  absl::flat_hash_map<std::uint64_t, std::uint32_t> children_;  // by parent and line
  std::vector<Node> nodes_ = {Node()};
  std::array<std::uint32_t, 1024> small_ = {};
};

// Collects a set of lines, each once.
class LineSet {
 public:
  void Add(std::uint32_t line) {
    if (line < 64) {
      mask_ |= std::uint64_t{1} << line;
      return;
    }
    GrowTo(&stamps_, line + std::size_t{1});
    if (stamps_[line] == round_) return;
    stamps_[line] = round_;
    large_.push_back(line);
  }
  void AddMask(std::uint64_t lines) { mask_ |= lines; }
  bool empty() const { return mask_ == 0 && large_.empty(); }
  // The set's number; the collection is empty afterwards.
  std::uint32_t Finish(SetTable* sets) {
    const std::uint64_t mask = mask_;
    mask_ = 0;
    if (large_.empty()) return sets->OfMask(mask);
    for (std::uint64_t rest = mask; rest != 0; rest &= rest - 1) {
      large_.push_back(static_cast<std::uint32_t>(std::countr_zero(rest)));
    }
    std::sort(large_.begin(), large_.end());
    const std::uint32_t set = sets->Of(large_);
    large_.clear();
    ++round_;
    return set;
  }
  void AddAll(const LineSet& other) {
    mask_ |= other.mask_;
    for (const std::uint32_t line : other.large_) Add(line);
  }
  // With so many lines.
  std::size_t bytes(std::size_t lines) const {
    return BytesGrownTo(stamps_, lines) + CapacityBytes(large_);
  }

 private:
  std::uint64_t mask_ = 0;
  std::vector<std::uint32_t> large_;   // lines from 64 on
  std::vector<std::uint64_t> stamps_;  // by line: the round that had it last
  std::uint64_t round_ = 1;
};

class UsersByValueTally final : public Tally {
 public:
  explicit UsersByValueTally(const TallyConfig& config) : config_(config) {}

  void Add(const Timelines& timelines, std::span<const TimeSpan> spans, std::size_t codes) override;
  void Take(Tally* other, std::span<const std::uint32_t> buckets, Stop* stop) override;
  std::size_t bytes(std::size_t more, std::size_t codes) const override {
    const std::size_t lines = lines_.size() + MostToCome(lines_.size(), more);
    return lines_.bytes(more, codes) + sets_.bytes(more) + index_.bytes(more) +
           2 * of_run_.bytes(std::min(lines, codes)) + BytesWith(counts_, more) +
           BytesWith(totals_, more) + BytesWith(found_, more);
  }
  void ForEachTotal(const VisitTotal& visit, bool* exact, Stop* stop) const override;
  std::vector<TallyLine> Lines(const TallyGroups& groups, std::size_t buckets, bool* exact,
                               Stop* stop) const override;

 private:
  // A span's set of lines.
  struct Found {
    std::uint32_t set = 0;
    std::uint32_t bucket = 0;
  };
  static std::uint64_t& At(std::vector<std::uint64_t>* counts, std::uint32_t index) {
    if (index >= counts->size()) counts->resize(index + std::size_t{1});
    return (*counts)[index];
  }
  void EndRun() {
    if (!of_run_.empty()) ++At(&totals_, of_run_.Finish(&sets_));
  }

  TallyConfig config_;
  LineIndex lines_;
  SetTable sets_;
  CellIndex index_;                    // of (set, interval)
  std::vector<std::uint64_t> counts_;  // users by number in index_
  std::vector<std::uint64_t> totals_;  // users by set
  LineSet of_span_;
  LineSet of_run_;
  std::vector<Found> found_;  // of a batch
};

void UsersByValueTally::Add(const Timelines& timelines, std::span<const TimeSpan> spans,
                            std::size_t codes) {
  lines_.Prepare(codes);
  const std::uint64_t* const words = timelines.matches.data();
  const std::size_t bit = config_.selector;
  const std::uint32_t* const values = timelines.texts[*config_.breakdown].data();
  std::uint32_t last_run = UINT32_MAX;
  for (const TimeSpan& span : spans) {
    if (span.run != last_run) EndRun();
    last_run = span.run;
    const std::uint32_t* lines = lines_.direct();
    std::uint64_t mask = 0;
    for (std::size_t row = span.begin; row < span.end; ++row) {
      if ((words[row] >> bit & 1) == 0) continue;
      const std::uint32_t line = lines[values[row]] - 1;
      if (line < 64) {
        mask |= std::uint64_t{1} << line;
      } else {
        of_span_.Add(lines_.LineOf(values[row]));
        lines = lines_.direct();
      }
    }
    of_span_.AddMask(mask);
    if (of_span_.empty()) continue;
    of_run_.AddAll(of_span_);
    found_.push_back({of_span_.Finish(&sets_), span.bucket});
  }
  EndRun();
  // By themselves: the look-ups miss the nearer caches, and wait for each other behind the branches
  // above.
  for (const Found& found : found_) ++At(&counts_, index_.At(found.set, found.bucket));
  found_.clear();
}

void UsersByValueTally::Take(Tally* other, std::span<const std::uint32_t> buckets, Stop* stop) {
  auto& from = static_cast<UsersByValueTally&>(*other);
  // Numbers of its sets here.
  const Taken taken(from.sets_.size() * sizeof(std::uint32_t), stop);
  if (stop->over()) return;
  std::vector<std::uint32_t> sets(from.sets_.size());
  LineSet lines;
  for (std::uint32_t set = 1; set < sets.size(); ++set) {
    std::size_t size = 0;
    from.sets_.ForEach(set, [&](std::uint32_t line) {
      ++size;
      const std::uint32_t code = from.lines_.codes()[line];
      lines_.Prepare(code + std::size_t{1});
      lines.Add(lines_.LineOf(code));
    });
    sets[set] = lines.Finish(&sets_);
    if (stop->Worked(3 * size)) return;
  }
  for (std::uint32_t i = 0; i < from.counts_.size(); ++i) {
    if (stop->Worked(1)) return;
    const auto [set, bucket] = from.index_.keys()[i];
    At(&counts_, index_.At(sets[set], buckets[bucket])) += from.counts_[i];
  }
  for (std::uint32_t set = 0; set < from.totals_.size(); ++set) {
    if (from.totals_[set] != 0) At(&totals_, sets[set]) += from.totals_[set];
  }
  from = UsersByValueTally(config_);
}

void UsersByValueTally::ForEachTotal(const VisitTotal& visit, bool*, Stop* stop) const {
  const Taken taken(lines_.size() * sizeof(std::uint64_t), stop);
  if (stop->over()) return;
  std::vector<std::uint64_t> users(lines_.size());
  for (std::uint32_t set = 0; set < totals_.size(); ++set) {
    if (totals_[set] == 0) continue;
    std::size_t size = 0;
    sets_.ForEach(set, [&](std::uint32_t line) {
      ++size;
      users[line] += totals_[set];
    });
    if (stop->Worked(size)) return;
  }
  for (std::uint32_t line = 0; line < users.size(); ++line) {
    visit(lines_.codes()[line], static_cast<double>(users[line]));
  }
}

std::vector<TallyLine> UsersByValueTally::Lines(const TallyGroups& groups, std::size_t buckets,
                                                bool*, Stop* stop) const {
  std::vector<TallyLine> lines(groups.size);
  for (TallyLine& line : lines) {
    line.total = 0;
    line.buckets.assign(buckets, 0.0);
    if (stop->Worked(buckets)) return {};
  }
  const Taken taken(lines_.size() * sizeof(std::uint32_t), stop);
  if (stop->over()) return {};
  const std::vector<std::uint32_t> group_of_line = GroupsOf(lines_.codes(), groups);
  std::vector<std::uint32_t> of_set;
  const auto groups_of = [&](std::uint32_t set) -> const std::vector<std::uint32_t>& {
    of_set.clear();
    sets_.ForEach(set, [&](std::uint32_t line) { of_set.push_back(group_of_line[line]); });
    (void)stop->Worked(2 * of_set.size());
    std::sort(of_set.begin(), of_set.end());
    of_set.erase(std::unique(of_set.begin(), of_set.end()), of_set.end());
    return of_set;
  };
  for (std::uint32_t set = 0; set < totals_.size(); ++set) {
    if (totals_[set] == 0) continue;
    if (stop->over()) return {};
    for (const std::uint32_t group : groups_of(set)) {
      *lines[group].total += static_cast<double>(totals_[set]);
    }
  }
  for (std::uint32_t i = 0; i < counts_.size(); ++i) {
    if (stop->over()) return {};
    const auto [set, bucket] = index_.keys()[i];
    for (const std::uint32_t group : groups_of(set)) {
      *lines[group].buckets[bucket] += static_cast<double>(counts_[i]);
    }
  }
  return lines;
}

}  // namespace

std::unique_ptr<Tally> MakeUsersTally(const TallyConfig& config) {
  if (config.breakdown) return std::make_unique<UsersByValueTally>(config);
  return std::make_unique<PlainUsersTally>(config);
}

}  // namespace v1
}  // namespace insightflow
