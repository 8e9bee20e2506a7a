// insightflow check: reads a store that nobody holds open and verifies every checksum.
#pragma once

#include <string>

#include "insightflow/engine.h"
#include "server/app/settings.h"

namespace insightflow::server {

// Returns the exit code: 0 sound, 1 damaged or not readable.
int Check(const CheckSettings& settings);

// For a terminal, and for a pipe.
std::string CheckTable(const CheckReport& report);
std::string CheckJson(const CheckReport& report);

}  // namespace insightflow::server
