// What goes in with a batch and what comes back for it.
//
// Every batch is judged event by event: accepted + duplicates + rejected == received, always.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/export.h"
#include "insightflow/status.h"
#include "insightflow/time.h"

namespace insightflow {
inline namespace v1 {

// Why one event was not taken. RejectCodeName gives the wire form, for example "missing_field".
enum class RejectCode : std::uint8_t {
  kMissingField,  // a required field is absent, null or empty
  kBadType,       // a field, or the event itself, has the wrong JSON type
  kTooLong,       // an id or a name is over its limit, or extra_data is over 16 KiB
  kBadTime,       // not a time, not after 1970, or more than 24 h in the future
  kTooDeep,       // extra_data is nested more than 16 levels
  kIntRange,      // an integer does not fit
  kBadString,     // not UTF-8, a lone surrogate, or a control character in a name
  kBadLine,       // a line of an import does not follow its format
};
INSIGHTFLOW_EXPORT const char* RejectCodeName(RejectCode code);

struct Rejection {
  std::size_t index = 0;  // position in the batch; in an import, the line number, from 1
  RejectCode code = RejectCode::kMissingField;
  std::string field = {};    // the wire name, empty when the whole event is at fault
  std::string message = {};  // for people; does not repeat the input
};

// When an answer is given. Anything but kFsync can lose the newest events on a power cut.
enum class Durability : std::uint8_t {
  kFsync,     // after the batch is on disk (default)
  kInterval,  // after the write; the disk follows within 1 s
  kNone,      // after the write; the operating system decides
};
INSIGHTFLOW_EXPORT const char* DurabilityName(Durability durability);

struct IngestOptions {
  // The batch's arrival. Default: the engine's clock.
  std::optional<Timestamp> received = {};
  // Set by servers from the connection; stored truncated, and only where the event names none.
  std::string_view client_address = {};
  std::string_view user_agent = {};
  // For clients that ask not to be tracked: the events are judged and counted as ever, but nothing
  // is stored that identifies their sender. user_id and session_id become "anonymous-" and 16
  // hexadecimal digits: a keyed hash of the UTC day of arrival, the client's truncated address and
  // its agent (those of the events when both are empty above). Of the rest only the time,
  // event_type, element, element_id, element_class, the positions, and page_url and referrer up to
  // their parameters are stored. A repeated event is still a duplicate, unless it came once with
  // and once without this. Rejected events are kept without their text.
  bool anonymous = false;
  // Past these the whole batch is refused with kOutOfRange. 0: no limit.
  std::size_t events_max = 10'000;
  std::size_t bytes_max = 4u << 20;
};

struct IngestResult {
  std::uint64_t received = 0;
  std::uint64_t accepted = 0;
  std::uint64_t duplicates = 0;  // known before, or twice in the batch; never an error
  std::uint64_t rejected = 0;
  std::uint64_t truncated = 0;         // accepted or duplicate events of which text was cut
  std::vector<Rejection> errors = {};  // one for each rejected event, in order of index
  Durability durability = Durability::kFsync;
};

using IngestCallback = std::function<void(Result<IngestResult>)>;

}  // namespace v1
}  // namespace insightflow
