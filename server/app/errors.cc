#include "server/app/errors.h"

namespace insightflow::server {

HttpResponse StatusResponse(const Status& status, std::string_view request_id) {
  int http_status = 500;
  const char* retry_after = nullptr;
  switch (status.code()) {
    case StatusCode::kInvalidArgument: http_status = 400; break;
    case StatusCode::kNotFound: http_status = 404; break;
    case StatusCode::kAlreadyExists: http_status = 409; break;
    case StatusCode::kOutOfRange: http_status = 413; break;
    case StatusCode::kResourceExhausted:
      http_status = 503;
      retry_after = "1";
      break;
    case StatusCode::kDeadlineExceeded: http_status = 504; break;
    case StatusCode::kCancelled:
    case StatusCode::kFailedPrecondition:  // the engine is closing
    case StatusCode::kUnavailable:         // it must be opened again
      http_status = 503;
      retry_after = "5";
      break;
    default: break;
  }
  HttpResponse response =
      ErrorResponse(http_status, StatusCodeName(status.code()), status.message(), request_id);
  if (retry_after != nullptr) response.headers.Set("Retry-After", retry_after);
  return response;
}

}  // namespace insightflow::server
