// The text fields of an event, from whatever holds a row of them.
#pragma once

#include "insightflow/event.h"
#include "lib/model/field.h"

namespace insightflow {
inline namespace v1 {

// Fills in all text fields of `event`; text(field) is the row's value, "" when it is absent.
template <typename Text>
void SetTexts(Text text, Event* event) {
  event->user_id = text(Field::kUserId);
  event->session_id = text(Field::kSessionId);
  event->event_type = text(Field::kEventType);
  event->page_url = text(Field::kPageUrl);
  event->page_title = text(Field::kPageTitle);
  event->referrer = text(Field::kReferrer);
  event->element = text(Field::kElement);
  event->element_id = text(Field::kElementId);
  event->element_class = text(Field::kElementClass);
  event->element_text = text(Field::kElementText);
  event->user_agent = text(Field::kUserAgent);
  event->ip_address = text(Field::kIpAddress);
  event->tab_id = text(Field::kTabId);
}

}  // namespace v1
}  // namespace insightflow
