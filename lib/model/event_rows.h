// Events built in C++ as rows of a batch, without any rule applied.
#pragma once

#include <cstdint>
#include <span>

#include "insightflow/event.h"
#include "lib/model/batch.h"
#include "lib/model/event_value.h"
#include "lib/model/field_ref.h"

namespace insightflow {
inline namespace v1 {

// Appends a row for each event. Keys are those of the rows' numbers: no two are equal.
void AppendEvents(std::span<const Event> events, EventBatch* batch);

// One field of one row. `scratch` may hold the value.
EventValue ValueOf(const EventBatch& batch, std::size_t row, const FieldRef& field,
                   std::string* scratch);

}  // namespace v1
}  // namespace insightflow
