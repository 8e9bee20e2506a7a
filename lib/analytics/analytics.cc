#include "insightflow/analytics.h"

#include <bit>
#include <limits>

#include "lib/analytics/analyze.h"
#include "lib/analytics/funnel_rules.h"
#include "lib/analytics/funnel_scan.h"
#include "lib/model/event_rows.h"
#include "lib/model/memory_timelines.h"

namespace insightflow {
inline namespace v1 {
namespace {

class PathCollector final : public TimelineVisitor {
 public:
  PathCollector(const FunnelProgram* program, const ValueTable* values) : scan_(program, values) {}

  Status Visit(const Timelines& timelines) override {
    scan_.ForEach(timelines, [&](const FunnelUnitChain& unit) {
      const FunnelChain& chain = *unit.chain;
      FunnelPath path;
      path.user_id = std::string(timelines.user_ids[unit.run]);
      path.level = chain.level;
      for (std::uint64_t left = chain.filled; left != 0; left &= left - 1) {
        const auto k = static_cast<std::size_t>(std::countr_zero(left));
        path.steps.push_back({k + 1, FromMillis(timelines.time_ms[chain.rows[k]])});
      }
      paths_.push_back(std::move(path));
    });
    return Status::Ok();
  }

  std::vector<FunnelPath> Take() { return std::move(paths_); }

 private:
  FunnelScan scan_;
  std::vector<FunnelPath> paths_;
};

}  // namespace

Result<Answer> Analyze(const Query& query, std::span<const Event> events, Timestamp now) {
  return AnalyzeEvents(query, events, now);
}

Result<std::vector<FunnelPath>> FunnelPaths(const FunnelQuery& query,
                                            std::span<const Event> events) {
  if (query.clickhouse) return InvalidArgument("compat: its modes tell levels, not paths");
  Result<FunnelProgram> program = FunnelProgram::Create(query);
  if (!program.ok()) return program.status();
  program->plan.needs_user_ids = true;
  EventBatch batch;
  AppendEvents(events, &batch);
  ValueTable values;
  PathCollector collector(&*program, &values);
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  Status status = VisitTimelines(batch, program->plan, &values, kAll, &collector);
  if (!status.ok()) return status;
  return collector.Take();
}

}  // namespace v1
}  // namespace insightflow
