// The commands that ask a running server, which holds the store: --url in place of --data.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "insightflow/importer.h"
#include "server/app/client.h"
#include "server/app/settings.h"
#include "server/app/signals.h"

namespace insightflow::server {

// Errors of all: those of HttpCall and of the server, kCancelled at a signal. `url` has passed
// ParseServerUrl.

// The answer to a query: JSON, or a table for people.
Result<std::string> AskServer(const std::string& url, std::string_view query, bool as_table,
                              Signals& signals);

// The lines, to be read from the call.
Result<std::unique_ptr<HttpCall>> StartRemoteExport(const ExportSettings& settings,
                                                    Signals& signals);

// Sends a whole file, part by part. `read` as of Importer::AddFrom, and its errors. The result's
// errors have the line numbers of the file.
Result<IngestResult> ImportRemotely(const ImportSettings& settings,
                                    const Importer::ReadFunction& read, Signals& signals);

}  // namespace insightflow::server
