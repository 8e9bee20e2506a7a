#include "insightflow/status.h"

#include "insightflow/ingest.h"
#include "insightflow/version.h"

namespace insightflow {
inline namespace v1 {

const char* Version() { return INSIGHTFLOW_VERSION; }

const char* StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk: return "ok";
    case StatusCode::kCancelled: return "cancelled";
    case StatusCode::kInvalidArgument: return "invalid_argument";
    case StatusCode::kDeadlineExceeded: return "deadline_exceeded";
    case StatusCode::kNotFound: return "not_found";
    case StatusCode::kAlreadyExists: return "already_exists";
    case StatusCode::kPermissionDenied: return "permission_denied";
    case StatusCode::kResourceExhausted: return "resource_exhausted";
    case StatusCode::kFailedPrecondition: return "failed_precondition";
    case StatusCode::kOutOfRange: return "out_of_range";
    case StatusCode::kInternal: return "internal";
    case StatusCode::kUnavailable: return "unavailable";
    case StatusCode::kDataLoss: return "data_loss";
  }
  return "unknown";
}

const char* RejectCodeName(RejectCode code) {
  switch (code) {
    case RejectCode::kMissingField: return "missing_field";
    case RejectCode::kBadType: return "bad_type";
    case RejectCode::kTooLong: return "too_long";
    case RejectCode::kBadTime: return "bad_time";
    case RejectCode::kTooDeep: return "too_deep";
    case RejectCode::kIntRange: return "int_range";
    case RejectCode::kBadString: return "bad_string";
    case RejectCode::kBadLine: return "bad_line";
  }
  return "unknown";
}

const char* DurabilityName(Durability durability) {
  switch (durability) {
    case Durability::kFsync: return "fsync";
    case Durability::kInterval: return "interval";
    case Durability::kNone: return "none";
  }
  return "unknown";
}

}  // namespace v1
}  // namespace insightflow
