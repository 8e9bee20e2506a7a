#include "lib/analytics/analysis.h"

namespace insightflow {
inline namespace v1 {

Result<std::unique_ptr<Analysis>> CreateRetention(const RetentionQuery&) {
  return Status(StatusCode::kInternal, "retention queries are not there yet");
}

}  // namespace v1
}  // namespace insightflow
