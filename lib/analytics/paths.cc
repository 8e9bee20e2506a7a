#include "lib/analytics/analysis.h"

namespace insightflow {
inline namespace v1 {

Result<std::unique_ptr<Analysis>> CreatePaths(const PathsQuery&) {
  return Status(StatusCode::kInternal, "paths queries are not there yet");
}

}  // namespace v1
}  // namespace insightflow
