// Combined access logs, as Apache and Nginx write them, to event drafts.
//
//   address identity user [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 512 "referrer"
//   "agent"
//
// The site may stand before the address. The last field may be cut off or missing; more fields may
// follow it. In quotes, \" and \\ stand
// for a quote and a backslash; other escapes stay as they are written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/validate/event_draft.h"

namespace insightflow {
inline namespace v1 {

// The fields of one line, as views into it.
struct AccessLogLine {
  std::string_view address;
  std::int64_t time_ms = 0;
  std::string_view request;  // still escaped, as are referrer and agent
  int status = 0;
  std::string_view bytes;  // digits or "-"
  std::string_view referrer;
  std::string_view agent;
};

// False when the line does not follow the format.
bool ParseAccessLogLine(std::string_view line, AccessLogLine* parsed);

// error, resource or view.
std::string_view AccessLogEventType(int status, std::string_view path);

// Whether the agent names itself as a program: crawlers, feed fetchers, monitors, HTTP libraries.
bool IsBotAgent(std::string_view agent);

// Turns lines into drafts whose views live until the next call. Not thread-safe.
class AccessLogReader {
 public:
  // A fault of kBadLine when the line does not follow the format. `line` holds no newline.
  Fault Read(std::string_view line, EventDraft* draft);

 private:
  std::string utf8_;
  std::string user_id_;
  std::string request_;
  std::string referrer_;
  std::string agent_;
  std::string redacted_;
  std::string extra_;
};

}  // namespace v1
}  // namespace insightflow
