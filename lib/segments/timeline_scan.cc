#include "lib/segments/timeline_scan.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "lib/segments/part_scan.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Rows of one day whose segments share a range of sequences can only be put in order by them.
bool NeedsSequences(const std::vector<ScanInput>& inputs) {
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const SegmentMeta& before = inputs[i - 1].reader->meta();
    const SegmentMeta& after = inputs[i].reader->meta();
    if (before.key.day == after.key.day && before.max_sequence > after.min_sequence) return true;
  }
  return false;
}

bool HasClientOrder(const std::vector<ScanInput>& inputs) {
  return std::any_of(inputs.begin(), inputs.end(), [](const ScanInput& input) {
    return input.reader->meta().columns().Has(SegmentColumn::kClientSeq);
  });
}

}  // namespace

TimelineScan::TimelineScan(const ScanPlan& plan, std::vector<ScanInput> inputs, ValueTable* values,
                           ScanOptions options)
    : options_(options), context_(plan, values) {
  std::erase_if(inputs, [&](const ScanInput& input) {
    const SegmentMeta& meta = input.reader->meta();
    return meta.rows == 0 || meta.max_time_ms < plan.from_ms || meta.min_time_ms >= plan.to_ms;
  });
  std::sort(inputs.begin(), inputs.end(), [](const ScanInput& a, const ScanInput& b) {
    const SegmentMeta& left = a.reader->meta();
    const SegmentMeta& right = b.reader->meta();
    return std::pair(left.key.day, left.min_sequence) <
           std::pair(right.key.day, right.min_sequence);
  });
  context_.shape.sequences = !plan.any_order && NeedsSequences(inputs);
  context_.shape.client_order = plan.needs_client_order && HasClientOrder(inputs);
  for (ScanInput& input : inputs) {
    segments_.push_back(std::make_unique<ScanSegment>(std::move(input), &context_));
  }
  context_.shape.late_texts =
      plan.takes_late_texts && !context_.shape.client_order &&
      std::all_of(plan.texts.begin(), plan.texts.end(), [&](const FieldRef& field) {
        return std::all_of(segments_.begin(), segments_.end(),
                           [&](const auto& segment) { return segment->HasLateText(field); });
      });
}

TimelineScan::~TimelineScan() = default;

Status TimelineScan::Run(std::size_t part, TimelineVisitor* visitor, const ScanCheck& check) {
  PartScan scan(this, part, check);
  return scan.Run(visitor);
}

void TimelineScan::NoteDamage(const Status& status) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find(incomplete_.begin(), incomplete_.end(), status.message());
  if (found == incomplete_.end()) incomplete_.push_back(status.message());
}

std::vector<std::string> TimelineScan::incomplete() const {
  const std::lock_guard lock(mutex_);
  return incomplete_;
}

}  // namespace v1
}  // namespace insightflow
