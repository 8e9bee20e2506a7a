// The version of the headers, and of the library that is linked.
#pragma once

#include "insightflow/export.h"

#define INSIGHTFLOW_VERSION_MAJOR 0
#define INSIGHTFLOW_VERSION_MINOR 1
#define INSIGHTFLOW_VERSION_PATCH 0
#define INSIGHTFLOW_VERSION "0.1.0"

namespace insightflow {
inline namespace v1 {

// The linked library's version, as "major.minor.patch". Equal to INSIGHTFLOW_VERSION unless an
// older or newer shared library was found at run time.
INSIGHTFLOW_EXPORT const char* Version();

}  // namespace v1
}  // namespace insightflow
