#include "lib/analytics/analysis.h"

namespace insightflow {
inline namespace v1 {

Result<std::unique_ptr<Analysis>> CreateHeatmap(const HeatmapQuery&) {
  return Status(StatusCode::kInternal, "heatmap queries are not there yet");
}

}  // namespace v1
}  // namespace insightflow
