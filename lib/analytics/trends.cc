#include "lib/analytics/analysis.h"

namespace insightflow {
inline namespace v1 {

Result<std::unique_ptr<Analysis>> CreateTrends(const TrendsQuery&) {
  return Status(StatusCode::kInternal, "trends queries are not there yet");
}

}  // namespace v1
}  // namespace insightflow
