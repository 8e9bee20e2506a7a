#include <optional>
#include <string>
#include <string_view>

#include "lib/base/utf8.h"
#include "lib/decode/decoder.h"
#include "lib/decode/event_reader.h"
#include "lib/decode/json_text.h"
#include "lib/decode/row_writer.h"
#include "lib/validate/event_draft.h"

namespace insightflow {
inline namespace v1 {
namespace {

void SetDraft(const Event& event, EventDraft* draft) {
  draft->Reset();
  draft->event_id = event.event_id;
  draft->at(Field::kUserId) = event.user_id;
  draft->at(Field::kSessionId) = event.session_id;
  draft->at(Field::kEventType) = event.event_type;
  draft->at(Field::kPageUrl) = event.page_url;
  draft->at(Field::kPageTitle) = event.page_title;
  draft->at(Field::kReferrer) = event.referrer;
  draft->at(Field::kElement) = event.element;
  draft->at(Field::kElementId) = event.element_id;
  draft->at(Field::kElementClass) = event.element_class;
  draft->at(Field::kElementText) = event.element_text;
  draft->at(Field::kUserAgent) = event.user_agent;
  draft->at(Field::kIpAddress) = event.ip_address;
  draft->at(Field::kTabId) = event.tab_id;
  if (event.timestamp != Timestamp()) draft->time_ms = ToMillis(event.timestamp);
  draft->seq = event.seq;
  draft->position_x = event.position_x;
  draft->position_y = event.position_y;
}

Fault CheckStrings(const EventDraft& draft) {
  constexpr const char* kMessage = "a string is not valid Unicode";
  if (!IsUtf8(draft.event_id)) return {RejectCode::kBadString, "event_id", kMessage};
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    if (!IsUtf8(draft.text[f])) return {RejectCode::kBadString, kFieldRules[f].name, kMessage};
  }
  return {};
}

// The event as JSON, so that a refused one can be looked at and sent again.
std::string ToJson(const Event& event) {
  EventDraft draft;
  SetDraft(event, &draft);
  std::string out;
  JsonObjectWriter object(&out);
  const auto text = [&object](std::string_view name, std::string_view value) {
    std::string valid;
    AppendAsUtf8(value, &valid);
    if (!valid.empty()) object.Text(name, valid);
  };
  text("event_id", event.event_id);
  for (std::size_t f = 0; f < kFieldCount; ++f) text(kFieldRules[f].name, draft.text[f]);
  object.Raw("timestamp", std::to_string(ToMillis(event.timestamp)));
  if (event.seq) object.Raw("seq", std::to_string(*event.seq));
  if (event.position_x) object.Raw("position_x", std::to_string(*event.position_x));
  if (event.position_y) object.Raw("position_y", std::to_string(*event.position_y));
  if (EventReader().CheckExtraData(event.extra_data, &draft)) {
    text("extra_data", event.extra_data);
  } else {
    object.Raw("extra_data", draft.extra_data);
  }
  object.Close();
  return out;
}

}  // namespace

void DecodeEvents(const Event* events, std::size_t count, const DecodeContext& context,
                  DecodedBatch* out) {
  RowWriter writer;
  std::optional<EventReader> reader;  // its buffers are only needed for extra_data
  EventDraft draft;
  writer.Begin(context, false, out);
  for (std::size_t i = 0; i < count; ++i) {
    SetDraft(events[i], &draft);
    Fault fault = CheckStrings(draft);
    if (!fault && !events[i].extra_data.empty()) {
      if (!reader) reader.emplace();
      fault = reader->CheckExtraData(events[i].extra_data, &draft);
    }
    if (fault) {
      writer.Reject(fault, {i, {}});
    } else {
      writer.Add(&draft, {i, {}});
    }
  }
  writer.Finish(0);
  if (context.anonymous) return;
  for (RejectedEvent& rejected : out->rejected) {
    const std::string json = ToJson(events[rejected.why.index]);
    rejected.raw = CutUtf8(json, kRejectedBytesMax);
  }
}

}  // namespace v1
}  // namespace insightflow
