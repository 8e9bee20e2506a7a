// The head of a response as bytes.
#pragma once

#include <string>
#include <string_view>

#include "server/http/http.h"

namespace insightflow::server {

struct ResponseContext {
  std::string_view date;  // as in the Date header
  std::string_view request_id;
  bool keep_alive = true;
  bool http_1_0 = false;  // of the request: keep-alive must be said
};

// Appends status line and headers, the empty line included. The headers that frame the message are
// the connection's: those of the same name in the response are left out. Control characters in
// a response's header become spaces, so that no value can begin another header.
void AppendResponseHead(const HttpResponse& response, const ResponseContext& context,
                        std::string* out);

// Whether a response of this status may have a body.
bool MayHaveBody(int status);

// Gives an error without a body the JSON form of all errors.
void CompleteError(HttpResponse* response, std::string_view request_id);

}  // namespace insightflow::server
