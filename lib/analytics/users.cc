#include "lib/analytics/analysis.h"

namespace insightflow {
inline namespace v1 {

Result<std::unique_ptr<Analysis>> CreateUsers(const UsersQuery&) {
  return Status(StatusCode::kInternal, "users queries are not there yet");
}

}  // namespace v1
}  // namespace insightflow
