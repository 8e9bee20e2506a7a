// insightflow import: files into a store. Safe to repeat, to interrupt and to kill.
#pragma once

#include <string>

#include "insightflow/ingest.h"
#include "server/app/settings.h"

namespace insightflow::server {

// Ends with one line of JSON on stdout. Returns the exit code: 0 when anything was accepted or
// known, or there was nothing to import; 1 when every line was rejected or something failed; 130
// when interrupted.
int Import(const ImportSettings& settings);

// That line: {"accepted","duplicates","rejected","truncated","seconds"}, perhaps with "errors",
// a line number each.
std::string ImportJson(const IngestResult& total, double seconds, bool with_errors);

}  // namespace insightflow::server
