// Time zones by the names that queries use.
#pragma once

#include <absl/time/time.h>

#include <string_view>

#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

// "UTC", an IANA name such as "Europe/Berlin", or an offset such as "+03:30", at most 18 hours.
// kInvalidArgument: anything else, also names that mean another zone on another machine. Reads the
// machine's zone files, once a name.
Result<absl::TimeZone> LoadZone(std::string_view name);

}  // namespace v1
}  // namespace insightflow
