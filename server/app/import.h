// insightflow import: files into a store. Safe to repeat, to interrupt and to kill.
#pragma once

#include "server/app/settings.h"

namespace insightflow::server {

// Ends with one line of JSON on stdout. Returns the exit code: 0 when anything was accepted or
// known, or there was nothing to import; 1 when every line was rejected or something failed; 130
// when interrupted.
int Import(const ImportSettings& settings);

}  // namespace insightflow::server
