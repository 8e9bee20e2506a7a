#include "lib/live/live_erasure.h"

#include <algorithm>
#include <cassert>

#include "lib/live/live_time.h"
#include "lib/live/type_table.h"

namespace insightflow {
inline namespace v1 {

void LiveErasure::Add(const EventBatch& batch) {
  const DictColumn& types = batch.column(Field::kEventType);
  for (std::size_t row = 0; row < batch.rows; ++row) {
    assert(batch.column(Field::kUserId).At(row) == user_id_);
    Counted event;
    event.second = LiveTime::OfEvent(batch.time_ms[row], batch.received_ms).second;
    event.type = types_.Intern(types.At(row));
    const TypeKind kind = KindOfType(types.At(row));
    if (kind == TypeKind::kView) {
      event.value = pages_.Intern(batch.column(Field::kPageUrl).At(row));
    } else if (kind == TypeKind::kClick) {
      event.value = elements_.Intern(batch.column(Field::kElement).At(row));
    }
    events_.push_back(event);
  }
}

}  // namespace v1
}  // namespace insightflow
