#include "lib/analytics/analysis.h"

#include <variant>

#include "lib/model/query_check.h"

namespace insightflow {
inline namespace v1 {
namespace {

Result<std::unique_ptr<Analysis>> Create(const FunnelQuery& query) { return CreateFunnel(query); }
Result<std::unique_ptr<Analysis>> Create(const HeatmapQuery& query) { return CreateHeatmap(query); }
Result<std::unique_ptr<Analysis>> Create(const LifecycleQuery& query) {
  return CreateLifecycle(query);
}
Result<std::unique_ptr<Analysis>> Create(const PathsQuery& query) { return CreatePaths(query); }
Result<std::unique_ptr<Analysis>> Create(const RetentionQuery& query) {
  return CreateRetention(query);
}
Result<std::unique_ptr<Analysis>> Create(const SessionsQuery& query) {
  return CreateSessions(query);
}
Result<std::unique_ptr<Analysis>> Create(const TopQuery& query) { return CreateTop(query); }
Result<std::unique_ptr<Analysis>> Create(const TrendsQuery& query) { return CreateTrends(query); }
Result<std::unique_ptr<Analysis>> Create(const UsersQuery& query) { return CreateUsers(query); }

}  // namespace

const QueryScope& ScopeOf(const Query& query) {
  return std::visit([](const auto& kind) -> const QueryScope& { return kind.scope; }, query);
}

ScanEnd EndOfData(const QueryScope& scope,
                  std::optional<std::pair<std::int64_t, std::int64_t>> data, std::int64_t now_ms) {
  ScanEnd end;
  end.now_ms = now_ms;
  if (data) {
    end.data_begin_ms = data->first;
    end.data_end_ms = data->second;
    end.last_event_ms = data->second;
  }
  if (scope.from) end.data_begin_ms = ToMillis(*scope.from);
  if (scope.to) {
    end.data_end_ms = ToMillis(*scope.to);
    end.end_is_event = false;
  }
  return end;
}

Result<std::unique_ptr<Analysis>> CreateAnalysis(const Query& query) {
  if (Status status = CheckQuery(query); !status.ok()) return status;
  return std::visit([](const auto& kind) { return Create(kind); }, query);
}

}  // namespace v1
}  // namespace insightflow
