#include "lib/model/event_rows.h"

#include <array>
#include <string>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::array<std::pair<Field, std::string Event::*>, kFieldCount> kTexts = {{
    {Field::kUserId, &Event::user_id},
    {Field::kSessionId, &Event::session_id},
    {Field::kEventType, &Event::event_type},
    {Field::kPageUrl, &Event::page_url},
    {Field::kPageTitle, &Event::page_title},
    {Field::kReferrer, &Event::referrer},
    {Field::kElement, &Event::element},
    {Field::kElementId, &Event::element_id},
    {Field::kElementClass, &Event::element_class},
    {Field::kElementText, &Event::element_text},
    {Field::kUserAgent, &Event::user_agent},
    {Field::kIpAddress, &Event::ip_address},
    {Field::kTabId, &Event::tab_id},
}};

}  // namespace

void AppendEvents(std::span<const Event> events, EventBatch* batch) {
  for (const Event& event : events) {
    const std::size_t row = batch->PushRow(ToMillis(event.timestamp));
    for (const auto& [field, member] : kTexts) batch->column(field).Set(row, event.*member);
    if (event.position_x) batch->SetPositionX(*event.position_x);
    if (event.position_y) batch->SetPositionY(*event.position_y);
    if (event.seq) batch->SetClientSeq(*event.seq);
    batch->keys[row] = {row + 1, 0};
    batch->event_id.Set(row, event.event_id);
    batch->extra_data.Set(row, event.extra_data);
  }
}

EventValue ValueOf(const EventBatch& batch, std::size_t row, const FieldRef& field,
                   std::string* scratch) {
  const auto has = [&](std::uint8_t flag) { return (batch.flags[row] & flag) != 0; };
  switch (field.kind) {
    case FieldRef::Kind::kText: return EventValue::Text(batch.Text(field.field, row));
    case FieldRef::Kind::kEventId: return EventValue::Text(batch.event_id.At(row));
    case FieldRef::Kind::kTimestamp: return EventValue::Integer(batch.time_ms[row]);
    case FieldRef::Kind::kPositionX:
      return has(kHasPositionX) ? EventValue::Integer(batch.position_x[row]) : EventValue();
    case FieldRef::Kind::kPositionY:
      return has(kHasPositionY) ? EventValue::Integer(batch.position_y[row]) : EventValue();
    case FieldRef::Kind::kClientSeq:
      return has(kHasClientSeq)
                 ? EventValue::Integer(static_cast<std::int64_t>(batch.client_seq[row]))
                 : EventValue();
    case FieldRef::Kind::kExtra:
      return FindJsonValue(batch.extra_data.At(row), field.path, scratch);
  }
  return {};
}

}  // namespace v1
}  // namespace insightflow
