// The time zones that queries name.
#pragma once

#include <string_view>

#include "absl/time/time.h"

#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

// Of an IANA name (Europe/Berlin, UTC) or an offset from +00:00 to +18:00 or -18:00.
// kInvalidArgument, with what is allowed, for anything else: what the machine calls its local time
// is no zone of a query. The first use of a name reads the system's zone files.
Result<absl::TimeZone> LoadZone(std::string_view name);

}  // namespace v1
}  // namespace insightflow
