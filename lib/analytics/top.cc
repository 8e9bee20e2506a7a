#include "lib/analytics/analysis.h"

namespace insightflow {
inline namespace v1 {

Result<std::unique_ptr<Analysis>> CreateTop(const TopQuery&) {
  return Status(StatusCode::kInternal, "top queries are not there yet");
}

}  // namespace v1
}  // namespace insightflow
