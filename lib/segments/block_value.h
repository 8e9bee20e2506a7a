// The value of a field that has no dictionary, in one row of a decoded block.
#pragma once

#include <cstdint>
#include <string>

#include "lib/model/event_value.h"
#include "lib/model/field_ref.h"
#include "lib/segments/segment_block.h"
#include "lib/segments/segment_format.h"

namespace insightflow {
inline namespace v1 {

// What must be decoded for a field.
ColumnSet ColumnsOf(const FieldRef& field);

// Of any field but text ones. The value lives as long as the block and `scratch` stay as they are.
EventValue BlockValue(const SegmentBlock& block, const FieldRef& field, std::uint32_t row,
                      std::string* scratch);

}  // namespace v1
}  // namespace insightflow
