#include "lib/analytics/calendar.h"

#include <algorithm>
#include <cassert>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kTimeMin = -62'135'596'800'000 + 400 * kDayMs;
constexpr std::int64_t kTimeMax = 253'402'300'800'000 - 400 * kDayMs;
constexpr std::size_t kGrowthMin = 512;
constexpr std::size_t kGrowthMax = kIntervalsMax - 1'000;  // changes of the clock add some

std::int64_t UsualLength(Interval interval) {
  switch (interval) {
    case Interval::kMinute: return 60'000;
    case Interval::kHour: return 3'600'000;
    case Interval::kWeek: return 7 * kDayMs;
    case Interval::kMonth: return 2'629'746'000;
    case Interval::kDay:
    case Interval::kTotal: break;
  }
  return kDayMs;
}

}  // namespace

Calendar::Slot Calendar::At(std::int64_t time_ms) {
  time_ms = std::clamp(time_ms, kTimeMin, kTimeMax - 1);
  if (bounds_.empty() || time_ms < bounds_.front() || time_ms >= bounds_.back()) {
    GrowToHold(time_ms);
  }
  const std::int64_t guess = (time_ms - bounds_.front()) / UsualLength(interval_);
  std::size_t index = std::min(static_cast<std::size_t>(guess), bounds_.size() - 2);
  while (time_ms < bounds_[index]) --index;
  while (time_ms >= bounds_[index + 1]) ++index;
  return SlotAt(index);
}

Calendar::Slot Calendar::After(const Slot& slot, std::int64_t by) {
  const std::int64_t ordinal = slot.ordinal + by;
  while (ordinal < first_ordinal_ && GrowBackwards()) {
  }
  while (ordinal - first_ordinal_ > static_cast<std::int64_t>(bounds_.size()) - 2 &&
         GrowForwards()) {
  }
  const std::int64_t last = static_cast<std::int64_t>(bounds_.size()) - 2;
  return SlotAt(
      static_cast<std::size_t>(std::clamp(ordinal - first_ordinal_, std::int64_t{0}, last)));
}

Calendar::Slot Calendar::SlotAt(std::size_t index) const {
  return {bounds_[index], bounds_[index + 1], first_ordinal_ + static_cast<std::int64_t>(index)};
}

void Calendar::GrowToHold(std::int64_t time_ms) {
  if (bounds_.empty()) {
    const Result<TimeBuckets> one = TimeBuckets::Create(interval_, zone_, time_ms, time_ms + 1);
    assert(one.ok() && one->size() == 1);
    bounds_ = {one->Begin(0), one->End(0)};
  }
  while (time_ms < bounds_.front() && GrowBackwards()) {
  }
  while (time_ms >= bounds_.back() && GrowForwards()) {
  }
}

bool Calendar::GrowForwards() {
  const auto count = static_cast<std::int64_t>(std::clamp(bounds_.size(), kGrowthMin, kGrowthMax));
  const std::int64_t from = bounds_.back();
  const std::int64_t to = std::min(from + count * UsualLength(interval_), kTimeMax);
  const Result<TimeBuckets> more = TimeBuckets::Create(interval_, zone_, from, to);
  assert(more.ok());
  for (std::size_t i = 0; i < more->size(); ++i) {
    if (more->End(i) > bounds_.back()) bounds_.push_back(more->End(i));
  }
  return bounds_.back() > from;
}

bool Calendar::GrowBackwards() {
  const auto count = static_cast<std::int64_t>(std::clamp(bounds_.size(), kGrowthMin, kGrowthMax));
  const std::int64_t to = bounds_.front();
  const std::int64_t from = std::max(to - count * UsualLength(interval_), kTimeMin);
  const Result<TimeBuckets> more = TimeBuckets::Create(interval_, zone_, from, to);
  assert(more.ok());
  std::vector<std::int64_t> bounds;
  for (std::size_t i = 0; i < more->size() && more->Begin(i) < to; ++i) {
    bounds.push_back(more->Begin(i));
  }
  first_ordinal_ -= static_cast<std::int64_t>(bounds.size());
  bounds.insert(bounds.end(), bounds_.begin(), bounds_.end());
  bounds_ = std::move(bounds);
  return bounds_.front() < to;
}

}  // namespace v1
}  // namespace insightflow
