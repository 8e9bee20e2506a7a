// Distinct session_id values. A session may have events of several users, so each pair of session
// and interval stands in one hash set, as 64 bits of the session's hash. What is asked of sets of
// values and intervals is counted from it at the end, session by session: its pairs are brought
// together by parts of the hash, which are small enough to be sorted in the nearer caches.

#include <algorithm>
#include <bit>
#include <numeric>
#include <tuple>

#include "absl/container/flat_hash_set.h"

#include "lib/analytics/cell_index.h"
#include "lib/analytics/tally.h"
#include "lib/base/growth.h"

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

// Part of the sessions, with where each was seen; the parts are of about this many places.
constexpr std::size_t kPartPlaces = 1'024;

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

  void Take(Tally* other, std::span<const std::uint32_t> buckets, Stop* stop) override {
    auto& from = static_cast<SessionsTally&>(*other);
    const Taken taken(from.seen_.size() * (sizeof(Seen) + 1) * 2, stop);
    if (stop->over()) return;
    seen_.reserve(std::max(seen_.size(), from.seen_.size()));
    for (const Seen& seen : from.seen_) {
      if (stop->Worked(2)) return;
      const std::uint32_t code = from.lines_.codes()[seen.line];
      lines_.Prepare(code + std::size_t{1});
      seen_.insert({seen.session, lines_.LineOf(code), buckets[seen.bucket]});
    }
    from = SessionsTally(config_);
  }

  std::size_t bytes(std::size_t more, std::size_t codes) const override {
    return lines_.bytes(more, codes) + TableBytesWith(seen_, more);
  }

  void ForEachTotal(const VisitTotal& visit, bool*, Stop* stop) const override {
    const Taken taken(lines_.size() * sizeof(double), stop);
    if (stop->over()) return;
    std::vector<double> sessions(lines_.size());
    EachSession(
        [](const Seen& seen) { return seen.line; },
        [&](std::uint32_t line, std::uint32_t, bool is_first) { sessions[line] += is_first; },
        stop);
    for (std::uint32_t line = 0; line < sessions.size(); ++line) {
      visit(lines_.codes()[line], sessions[line]);
    }
  }

  std::vector<TallyLine> Lines(const TallyGroups& groups, std::size_t buckets, bool*,
                               Stop* stop) const override {
    std::vector<TallyLine> lines(groups.size);
    for (TallyLine& line : lines) {
      line.total = 0;
      line.buckets.assign(buckets, 0.0);
      if (stop->Worked(buckets)) return lines;
    }
    const Taken taken(lines_.size() * sizeof(std::uint32_t), stop);
    if (stop->over()) return lines;
    const std::vector<std::uint32_t> group_of_line = GroupsOf(lines_.codes(), groups);
    EachSession([&](const Seen& seen) { return group_of_line[seen.line]; },
                [&](std::uint32_t group, std::uint32_t bucket, bool is_first) {
                  TallyLine& line = lines[group];
                  *line.total += is_first;
                  *line.buckets[bucket] += 1;
                },
                stop);
    return lines;
  }

 private:
  // Calls visit(group, interval, whether it is the session's first one of that group) once for each
  // session, group and interval. O(pairs).
  template <typename GroupOf, typename Visit>
  void EachSession(const GroupOf& group_of, const Visit& visit, Stop* stop) const;
  std::vector<Seen> ByPart(std::vector<std::size_t>* ends, Stop* stop) const;

  TallyConfig config_;
  LineIndex lines_;
  absl::flat_hash_set<Seen> seen_;
};

// All pairs, those of a part one after another; `ends` is by part.
std::vector<Seen> SessionsTally::ByPart(std::vector<std::size_t>* ends, Stop* stop) const {
  const int bits = std::bit_width(seen_.size() / kPartPlaces);
  // What is taken of the hash is mixed: it may be of any quality.
  const auto part_of = [&](const Seen& seen) {
    return bits == 0 ? 0 : seen.session * 0x9E3779B97F4A7C15 >> (64 - bits);
  };
  std::vector<std::size_t> behind((std::size_t{1} << bits) + 1);
  for (const Seen& seen : seen_) {
    if (stop->Worked(1)) return {};
    ++behind[part_of(seen) + 1];
  }
  std::partial_sum(behind.begin(), behind.end(), behind.begin());
  std::vector<Seen> sorted(seen_.size());
  for (const Seen& seen : seen_) {
    if (stop->Worked(1)) return {};
    sorted[behind[part_of(seen)]++] = seen;
  }
  behind.pop_back();
  ends->swap(behind);
  return sorted;
}

template <typename GroupOf, typename Visit>
void SessionsTally::EachSession(const GroupOf& group_of, const Visit& visit, Stop* stop) const {
  const Taken taken(seen_.size() * (sizeof(Seen) + sizeof(std::size_t) / (kPartPlaces / 4)), stop);
  if (stop->over()) return;
  std::vector<std::size_t> ends;
  std::vector<Seen> all = ByPart(&ends, stop);
  if (stop->over()) return;
  for (std::size_t part = 0, begin = 0; part < ends.size(); begin = ends[part++]) {
    const std::span<Seen> places = std::span(all).subspan(begin, ends[part] - begin);
    if (stop->Worked(4 * places.size())) return;
    for (Seen& place : places) place.line = group_of(place);
    SortUnlessOver(
        places.begin(), places.end(),
        [](const Seen& a, const Seen& b) {
          return std::tie(a.session, a.line, a.bucket) < std::tie(b.session, b.line, b.bucket);
        },
        stop);
    if (stop->over()) return;
    const Seen* before = nullptr;
    for (const Seen& place : places) {
      const bool same =
          before != nullptr && before->session == place.session && before->line == place.line;
      if (!same || before->bucket != place.bucket) visit(place.line, place.bucket, !same);
      before = &place;
    }
  }
}

}  // namespace

std::unique_ptr<Tally> MakeSessionsTally(const TallyConfig& config) {
  return std::make_unique<SessionsTally>(config);
}

}  // namespace v1
}  // namespace insightflow
