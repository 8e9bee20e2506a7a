// How a part of a file crosses POST /api/import: ?first_line=N&repeated=BYTES. So many bytes of the
// body are about the lines that the file had before, "LINE BEFORE\n" each; the part's lines follow.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "insightflow/importer.h"
#include "server/http/http.h"

namespace insightflow::server {

// Adds the parameters to `query`, which holds none or some already, and puts the body together.
std::string PartBody(const FilePart& part, std::string_view lines, std::string* query);

// What a request says of its part, and where in its body the lines are. Without parameters the body
// is a whole file. kInvalidArgument: no such number or list; kOutOfRange: a list that is longer
// than a sender of ours makes it. Memory is at most 32 MiB.
Result<FilePart> ReadPart(const HttpRequest& request, std::string_view* lines);

}  // namespace insightflow::server
