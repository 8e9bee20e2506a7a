#include "lib/analytics/analysis.h"

namespace insightflow {
inline namespace v1 {

Result<std::unique_ptr<Analysis>> CreateFunnel(const FunnelQuery&) {
  return Status(StatusCode::kInternal, "funnel queries are not there yet");
}

}  // namespace v1
}  // namespace insightflow
