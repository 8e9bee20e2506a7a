// insightflow fold: brings all events of a store into segments, the columns that analyses read.
#pragma once

#include "server/app/settings.h"

namespace insightflow::server {

// Prints one line of JSON. Returns the exit code.
int Fold(const FoldSettings& settings);

}  // namespace insightflow::server
