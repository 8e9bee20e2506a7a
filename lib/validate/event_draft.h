// An event between its bytes and its row: views into the input, and the rules it must meet.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "insightflow/ingest.h"
#include "insightflow/options.h"
#include "lib/model/field.h"

namespace insightflow {
inline namespace v1 {

// Why an event is refused. All text is static; false while there is no fault.
struct Fault {
  RejectCode code = RejectCode::kMissingField;
  std::string_view field = {};
  const char* message = nullptr;

  explicit operator bool() const { return message != nullptr; }
};

struct EventDraft {
  std::array<std::string_view, kFieldCount> text = {};  // by Field; empty: absent
  std::string_view event_id = {};
  std::string_view extra_data = {};  // a JSON object without white space between its tokens
  std::optional<std::int64_t> time_ms = {};
  std::optional<std::int32_t> position_x = {};
  std::optional<std::int32_t> position_y = {};
  std::optional<std::uint64_t> seq = {};

  // What extra_data holds under the name of an optional field, for rows that lack the field itself.
  bool has_lifted = false;
  std::array<std::string_view, kFieldCount> lifted = {};
  std::optional<std::int32_t> lifted_x = {};
  std::optional<std::int32_t> lifted_y = {};

  // Makes everything absent.
  void Reset();

  std::string_view& at(Field field) { return text[static_cast<std::size_t>(field)]; }
  std::string_view at(Field field) const { return text[static_cast<std::size_t>(field)]; }
};

// Whether a field is also taken from extra_data when the event lacks it.
constexpr bool IsLifted(Field field) {
  return field >= Field::kPageTitle && field <= Field::kUserAgent;
}

// Required fields, lengths of ids and names, characters of event_type, a time after 1970. Not the
// future: that is judged after the batch's skew correction. The first fault found, in the order of
// the wire fields.
Fault CheckDraft(const EventDraft& draft, const ValidationRules& rules);

// Fills what the draft lacks from `lifted`.
void ApplyLifted(EventDraft* draft);

}  // namespace v1
}  // namespace insightflow
