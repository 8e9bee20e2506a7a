#include "lib/analytics/interval_book.h"

#include <algorithm>
#include <utility>

namespace insightflow {
inline namespace v1 {

Status IntervalBook::Find(std::int64_t time_ms, Slot* slot) {
  if (interval_ == Interval::kTotal) {
    *slot = {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(), 0};
    if (begins_.empty()) begins_.push_back(slot->begin_ms);
    return Status::Ok();
  }
  if (!window_.Covers(time_ms)) {
    if (Status status = GrowTo(time_ms); !status.ok()) return status;
  }
  const std::size_t index = window_.IndexOf(time_ms);
  if (ids_[index] == kNone) {
    ids_[index] = size();
    begins_.push_back(window_.Begin(index));
  }
  *slot = {window_.Begin(index), window_.End(index), ids_[index]};
  return Status::Ok();
}

// Grows by more than it must, so that times that come one after another do not each grow it.
Status IntervalBook::GrowTo(std::int64_t time_ms) {
  std::int64_t from = time_ms, to = time_ms + 1;
  for (const std::int64_t begin : begins_) {
    from = std::min(from, begin);
    to = std::max(to, begin + 1);
  }
  const bool before = from == time_ms, after = to == time_ms + 1;
  const std::int64_t span = to - from;
  Result<TimeBuckets> wide = TooManyIntervals(interval_);
  for (std::int64_t more = span; !wide.ok(); more /= 2) {
    wide =
        TimeBuckets::Create(interval_, zone_, before ? from - more : from, after ? to + more : to);
    if (!wide.ok() && more == 0) return wide.status();
  }
  window_ = std::move(*wide);
  ids_.assign(window_.size(), kNone);
  for (std::uint32_t id = 0; id < size(); ++id) ids_[window_.IndexOf(begins_[id])] = id;
  return Status::Ok();
}

Status IntervalBook::Take(const IntervalBook& other, std::vector<std::uint32_t>* numbers) {
  numbers->clear();
  for (const std::int64_t begin : other.begins_) {
    Slot slot;
    if (Status status = Find(begin, &slot); !status.ok()) return status;
    numbers->push_back(slot.id);
  }
  return Status::Ok();
}

Result<TimeBuckets> IntervalBook::Whole(const ScanEnd& end, std::int64_t from_ms) const {
  if (end.data_begin_ms == ScanEnd::kNoEvents || end.data_end_ms == ScanEnd::kNoEvents) {
    return TimeBuckets();
  }
  std::int64_t from = end.data_begin_ms;
  std::int64_t to = end.data_end_ms + (end.end_is_event ? 1 : 0);
  // Events that the end of the scan did not know of yet have their intervals, too.
  for (const std::int64_t begin : begins_) {
    from = std::min(from, std::max(begin, from_ms));
    to = std::max(to, begin + 1);
  }
  return TimeBuckets::Create(interval_, zone_, from, to);
}

std::size_t IntervalBook::bytes() const {
  return window_.size() * (sizeof(std::int64_t) + sizeof(std::uint32_t)) +
         begins_.capacity() * sizeof(std::int64_t);
}

}  // namespace v1
}  // namespace insightflow
