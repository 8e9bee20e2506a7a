// One event of one user, as C++ programs build it and as timelines return it. The wire form has the
// same names; an empty string means "absent".
//
//   Event e{.user_id = "u1", .session_id = "s1", .event_type = "view", .page_url = "/home",
//           .timestamp = FromMillis(1'700'000'000'000)};
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "insightflow/time.h"

namespace insightflow {
inline namespace v1 {

// Limits are bytes of UTF-8. Ids and names past their limit are rejected; other text is cut at a
// character boundary and the event is counted once as truncated.
struct Event {
  std::string event_id = {};       // at most 64; the dedupe key; absent: a hash of the content
  std::string user_id = {};        // 1 to 64, required
  std::string session_id = {};     // 1 to 64, required unless the rules relax it
  std::string event_type = {};     // 1 to 64, no control characters, required
  std::string page_url = {};       // 1 to 2,048, required unless the rules relax it
  Timestamp timestamp = {};        // > 0, required; at most 24 h ahead of the server
  std::string page_title = {};     // 256
  std::string referrer = {};       // 2,048
  std::string element = {};        // 128
  std::string element_id = {};     // 128
  std::string element_class = {};  // 256
  std::string element_text = {};   // 256
  std::string user_agent = {};     // 512
  std::string ip_address = {};     // 45; cut to /24 or /48 before it is stored
  std::string tab_id = {};         // 36; with seq: the client's order within one timestamp
  std::optional<std::uint64_t> seq = {};
  std::optional<std::int32_t> position_x = {};
  std::optional<std::int32_t> position_y = {};
  std::string extra_data = {};  // a JSON object, at most 16 KiB and 16 levels deep; empty: absent

  friend bool operator==(const Event&, const Event&) = default;
};

}  // namespace v1
}  // namespace insightflow
