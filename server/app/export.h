// insightflow export: a store's events as lines, to stdout or a file.
#pragma once

#include "server/app/settings.h"

namespace insightflow::server {

// Returns the exit code: 0 when all was written; 1 when something failed; 130 when interrupted; 141
// when the reader of a pipe has gone, which is said without words, as other tools do.
int Export(const ExportSettings& settings);

}  // namespace insightflow::server
