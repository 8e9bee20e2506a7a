#include "lib/analytics/analysis.h"

namespace insightflow {
inline namespace v1 {

Result<std::unique_ptr<Analysis>> CreateSessions(const SessionsQuery&) {
  return Status(StatusCode::kInternal, "sessions queries are not there yet");
}

}  // namespace v1
}  // namespace insightflow
