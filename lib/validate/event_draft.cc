#include "lib/validate/event_draft.h"

#include <cstddef>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr const char* kRequired = "the field is required";

const char* TooLong(std::size_t bytes_max) {
  static_assert(kEventIdBytesMax == 64 && kUserIdBytesMax == 64 && kSessionIdBytesMax == 64 &&
                kEventTypeBytesMax == 64 && kTabIdBytesMax == 36);
  return bytes_max == 36 ? "the value is longer than 36 bytes"
                         : "the value is longer than 64 bytes";
}

// C0, DEL and C1 (U+0080 to U+009F, in UTF-8 led by C2).
bool HasControl(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f) return true;
    if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      return true;
    }
  }
  return false;
}

bool IsRequired(Field field, const ValidationRules& rules) {
  switch (field) {
    case Field::kUserId:
    case Field::kEventType: return true;
    case Field::kSessionId: return rules.require_session_id;
    case Field::kPageUrl: return rules.require_page_url;
    default: return false;
  }
}

}  // namespace

void EventDraft::Reset() {
  text.fill({});
  event_id = {};
  extra_data = {};
  time_ms.reset();
  position_x.reset();
  position_y.reset();
  seq.reset();
  if (!has_lifted) return;
  has_lifted = false;
  lifted.fill({});
  lifted_x.reset();
  lifted_y.reset();
}

Fault CheckDraft(const EventDraft& draft, const ValidationRules& rules) {
  if (draft.event_id.size() > kEventIdBytesMax) {
    return {RejectCode::kTooLong, "event_id", TooLong(kEventIdBytesMax)};
  }
  for (const Field field :
       {Field::kUserId, Field::kSessionId, Field::kEventType, Field::kPageUrl, Field::kTabId}) {
    const FieldRule& rule = RuleOf(field);
    const std::string_view value = draft.at(field);
    if (value.empty() && IsRequired(field, rules)) {
      return {RejectCode::kMissingField, rule.name, kRequired};
    }
    if (rule.is_name && value.size() > rule.bytes_max) {
      return {RejectCode::kTooLong, rule.name, TooLong(rule.bytes_max)};
    }
  }
  if (HasControl(draft.at(Field::kEventType))) {
    return {RejectCode::kBadString, RuleOf(Field::kEventType).name,
            "a name may not hold control characters"};
  }
  if (!draft.time_ms) return {RejectCode::kMissingField, "timestamp", kRequired};
  if (*draft.time_ms <= 0) {
    return {RejectCode::kBadTime, "timestamp", "the time must be after 1970-01-01T00:00:00Z"};
  }
  if (draft.extra_data.size() > kExtraDataBytesMax) {
    return {RejectCode::kTooLong, "extra_data", "extra_data is longer than 16 KiB"};
  }
  return {};
}

void ApplyLifted(EventDraft* draft) {
  if (!draft->has_lifted) return;
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    if (draft->text[f].empty()) draft->text[f] = draft->lifted[f];
  }
  if (!draft->position_x) draft->position_x = draft->lifted_x;
  if (!draft->position_y) draft->position_y = draft->lifted_y;
}

}  // namespace v1
}  // namespace insightflow
