// What one series of "trends" has counted: by value of the breakdown and by interval.
//
// A tally takes a batch's rows as spans, each of one user's rows within one interval, so that what
// depends on user or interval is done once a span and not once a row. Values of the breakdown are
// codes; all events count for code 0 where there is no breakdown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "insightflow/query.h"
#include "lib/analytics/stop.h"
#include "lib/model/query_check.h"
#include "lib/model/timelines.h"

namespace insightflow {
inline namespace v1 {

struct TimeSpan {
  std::uint32_t begin = 0;  // rows
  std::uint32_t end = 0;
  std::uint32_t run = 0;
  std::uint32_t bucket = 0;
  std::uint64_t any = 0;  // bits that `matches` has in one of the rows
};

// Selectors of a query's series are bits of Timelines::matches.
static_assert(kTrendSeriesMax <= 64);

struct TallyConfig {
  Measure measure = Measure::kCount;
  std::size_t selector = 0;
  std::optional<std::size_t> breakdown;  // slot of texts
  std::size_t value = 0;                 // slot of numbers, or of identities for kSessions

  bool Holds(const Timelines& timelines, std::size_t row) const {
    return (timelines.matches[row] >> selector & 1) != 0;
  }
};

// Puts values together for the answer: each has a group of its own, or belongs to the rest.
struct TallyGroups {
  absl::flat_hash_map<std::uint32_t, std::uint32_t> of_code;
  std::optional<std::uint32_t> rest;
  std::uint32_t size = 0;

  // Every code of a tally has a group.
  std::uint32_t GroupOf(std::uint32_t code) const {
    const auto found = of_code.find(code);
    return found != of_code.end() ? found->second : *rest;
  }
};

using VisitTotal = std::function<void(std::uint32_t code, std::optional<double> total)>;

struct TallyLine {
  std::optional<double> total;
  std::vector<std::optional<double>> buckets;  // by number of the interval
};

class Tally {
 public:
  virtual ~Tally() = default;
  // Work that may take long is given a `stop`: what it says means nothing once that is over.
  //
  // `codes`: above every code of the batch.
  virtual void Add(const Timelines& timelines, std::span<const TimeSpan> spans,
                   std::size_t codes) = 0;
  // Takes what a tally of the same config has; `buckets[b]` is here the number of its interval b.
  virtual void Take(Tally* other, std::span<const std::uint32_t> buckets, Stop* stop) = 0;
  // As AnalysisState::bytes; `codes`: above every code that there is.
  virtual std::size_t bytes(std::size_t more, std::size_t codes) const = 0;
  // Calls with the code of each value that was counted, once each, and the measure over all
  // intervals. `*exact` becomes false where a bound was needed.
  virtual void ForEachTotal(const VisitTotal& visit, bool* exact, Stop* stop) const = 0;
  // By group. Intervals are 0 … buckets - 1.
  virtual std::vector<TallyLine> Lines(const TallyGroups& groups, std::size_t buckets, bool* exact,
                                       Stop* stop) const = 0;
};

// What a measure says of no events.
std::optional<double> MeasureOfNothing(Measure measure);
// By line: the group of its code.
std::vector<std::uint32_t> GroupsOf(std::span<const std::uint32_t> codes,
                                    const TallyGroups& groups);
bool IsOfNumber(Measure measure);

std::unique_ptr<Tally> MakeCellTally(const TallyConfig& config);      // kCount, kSum to kP99
std::unique_ptr<Tally> MakeUsersTally(const TallyConfig& config);     // kUsers
std::unique_ptr<Tally> MakeSessionsTally(const TallyConfig& config);  // kSessions
// A tally a config. Those that only count rows do it together, in one pass.
std::vector<std::unique_ptr<Tally>> MakeTallies(std::span<const TallyConfig> configs);

}  // namespace v1
}  // namespace insightflow
