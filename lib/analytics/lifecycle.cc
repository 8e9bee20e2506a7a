#include "lib/analytics/analysis.h"

namespace insightflow {
inline namespace v1 {

Result<std::unique_ptr<Analysis>> CreateLifecycle(const LifecycleQuery&) {
  return Status(StatusCode::kInternal, "lifecycle queries are not there yet");
}

}  // namespace v1
}  // namespace insightflow
