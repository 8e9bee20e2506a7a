// Distinct session_id values. A session may have events of several users, so each pair of session
// and interval stands in one hash set, as 64 bits of the session's hash; what is asked of sets of
// values and intervals is counted from it at the end, by sorting.

#include <algorithm>
#include <tuple>

#include "absl/container/flat_hash_set.h"

#include "lib/analytics/cell_index.h"
#include "lib/analytics/tally.h"

namespace insightflow {
inline namespace v1 {
namespace {

struct Seen {
  std::uint64_t session = 0;
  std::uint32_t line = 0;
  std::uint32_t bucket = 0;

  friend bool operator==(const Seen&, const Seen&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const Seen& seen) {
    return H::combine(std::move(state), seen.session, seen.line, seen.bucket);
  }
};

// A session somewhere: in a group of values, and in an interval or any.
struct Placed {
  std::uint32_t group = 0;
  std::uint32_t bucket = 0;
  std::uint64_t session = 0;

  friend bool operator==(const Placed&, const Placed&) = default;
  friend bool operator<(const Placed& a, const Placed& b) {
    return std::tie(a.group, a.bucket, a.session) < std::tie(b.group, b.bucket, b.session);
  }
};

void SortOnce(std::vector<Placed>* placed) {
  std::sort(placed->begin(), placed->end());
  placed->erase(std::unique(placed->begin(), placed->end()), placed->end());
}

class SessionsTally final : public Tally {
 public:
  explicit SessionsTally(const TallyConfig& config) : config_(config) {}

  void Add(const Timelines& timelines, std::span<const TimeSpan> spans,
           std::size_t codes) override {
    lines_.Prepare(codes);
    const std::span<const std::uint64_t> sessions = timelines.identities[config_.value];
    Seen last;
    for (const TimeSpan& span : spans) {
      for (std::size_t row = span.begin; row < span.end; ++row) {
        if (sessions[row] == 0 || !config_.Holds(timelines, row)) continue;
        const std::uint32_t code = config_.breakdown ? timelines.texts[*config_.breakdown][row] : 0;
        const Seen seen{sessions[row], lines_.LineOf(code), span.bucket};
        if (seen == last) continue;
        last = seen;
        seen_.insert(seen);
      }
    }
  }

  void Take(Tally* other, std::span<const std::uint32_t> buckets) override {
    auto& from = static_cast<SessionsTally&>(*other);
    for (const Seen& seen : from.seen_) {
      const std::uint32_t code = from.lines_.codes()[seen.line];
      lines_.Prepare(code + std::size_t{1});
      seen_.insert({seen.session, lines_.LineOf(code), buckets[seen.bucket]});
    }
    from = SessionsTally(config_);
  }

  std::size_t bytes() const override {
    return lines_.bytes() + seen_.capacity() * (sizeof(Seen) + 1);
  }

  std::vector<std::pair<std::uint32_t, std::optional<double>>> Totals(bool*) const override {
    std::vector<Placed> placed;
    for (const Seen& seen : seen_) placed.push_back({seen.line, 0, seen.session});
    SortOnce(&placed);
    std::vector<double> sessions(lines_.size());
    for (const Placed& one : placed) ++sessions[one.group];
    std::vector<std::pair<std::uint32_t, std::optional<double>>> totals;
    for (std::uint32_t line = 0; line < sessions.size(); ++line) {
      totals.emplace_back(lines_.codes()[line], sessions[line]);
    }
    return totals;
  }

  std::vector<TallyLine> Lines(const TallyGroups& groups, std::size_t buckets,
                               bool*) const override {
    std::vector<TallyLine> lines(groups.size);
    for (TallyLine& line : lines) {
      line.total = 0;
      line.buckets.assign(buckets, 0.0);
    }
    std::vector<std::uint32_t> group_of_line;
    for (const std::uint32_t code : lines_.codes()) group_of_line.push_back(groups.GroupOf(code));
    std::vector<Placed> placed;
    for (const Seen& seen : seen_) {
      placed.push_back({group_of_line[seen.line], seen.bucket, seen.session});
    }
    SortOnce(&placed);
    for (const Placed& one : placed) *lines[one.group].buckets[one.bucket] += 1;
    for (Placed& one : placed) one.bucket = 0;
    SortOnce(&placed);
    for (const Placed& one : placed) *lines[one.group].total += 1;
    return lines;
  }

 private:
  TallyConfig config_;
  LineIndex lines_;
  absl::flat_hash_set<Seen> seen_;
};

}  // namespace

std::unique_ptr<Tally> MakeSessionsTally(const TallyConfig& config) {
  return std::make_unique<SessionsTally>(config);
}

}  // namespace v1
}  // namespace insightflow
