#include "lib/segments/block_value.h"

#include <cassert>

#include "lib/model/batch.h"

namespace insightflow {
inline namespace v1 {

ColumnSet ColumnsOf(const FieldRef& field) {
  switch (field.kind) {
    case FieldRef::Kind::kText: return {ColumnOf(field.field)};
    case FieldRef::Kind::kEventId: return {SegmentColumn::kEventId};
    case FieldRef::Kind::kTimestamp: return {SegmentColumn::kTime};
    case FieldRef::Kind::kPositionX: return {SegmentColumn::kFlags, SegmentColumn::kPositionX};
    case FieldRef::Kind::kPositionY: return {SegmentColumn::kFlags, SegmentColumn::kPositionY};
    case FieldRef::Kind::kClientSeq: return {SegmentColumn::kFlags, SegmentColumn::kClientSeq};
    case FieldRef::Kind::kExtra: return {SegmentColumn::kExtraData};
  }
  return {};
}

EventValue BlockValue(const SegmentBlock& block, const FieldRef& field, std::uint32_t row,
                      std::string* scratch) {
  const auto has = [&](std::uint8_t flag) {
    return !block.flags.empty() && (block.flags[row] & flag) != 0;
  };
  switch (field.kind) {
    case FieldRef::Kind::kText: break;
    case FieldRef::Kind::kEventId:
      return block.event_id.empty() ? EventValue() : EventValue::Text(block.event_id[row]);
    case FieldRef::Kind::kTimestamp: return EventValue::Integer(block.time_ms[row]);
    case FieldRef::Kind::kPositionX:
      return has(kHasPositionX) ? EventValue::Integer(block.position_x[row]) : EventValue();
    case FieldRef::Kind::kPositionY:
      return has(kHasPositionY) ? EventValue::Integer(block.position_y[row]) : EventValue();
    case FieldRef::Kind::kClientSeq:
      return has(kHasClientSeq)
                 ? EventValue::Integer(static_cast<std::int64_t>(block.client_seq[row]))
                 : EventValue();
    case FieldRef::Kind::kExtra:
      return block.extra_data.empty() ? EventValue()
                                      : FindJsonValue(block.extra_data[row], field.path, scratch);
  }
  assert(false);
  return {};
}

}  // namespace v1
}  // namespace insightflow
