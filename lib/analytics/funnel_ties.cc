#include "lib/analytics/funnel_ties.h"

#include <algorithm>
#include <bit>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint8_t kFree = 255;
constexpr std::uint8_t kFixed = 254;

constexpr std::uint64_t Bit(std::uint32_t k) { return std::uint64_t{1} << k; }

}  // namespace

void FunnelTies::Load(const std::uint64_t* masks, std::uint32_t begin, std::uint32_t end,
                      std::uint32_t steps) {
  Load(nullptr, nullptr, 0, steps);
  for (std::uint32_t row = begin; row < end; ++row) Keep(row, masks[row]);
}

void FunnelTies::Load(const std::uint32_t* rows, const std::uint64_t* masks, std::size_t count,
                      std::uint32_t steps) {
  steps_ = steps;
  any_ = 0;
  twice_ = 0;
  simple_ = true;
  rows_.clear();
  masks_.clear();
  std::fill_n(seen_.begin(), steps, 0);
  for (std::size_t i = 0; i < count; ++i) Keep(rows[i], masks[i]);
}

// No step needs more than `steps_` events to choose from: the others can hold one less.
void FunnelTies::Keep(std::uint32_t row, std::uint64_t mask) {
  bool needed = false;
  for (std::uint64_t left = mask; left != 0; left &= left - 1) {
    const int k = std::countr_zero(left);
    if (seen_[k] < steps_ + 1) {
      needed = true;
      ++seen_[k];
    }
  }
  if (!needed) return;
  twice_ |= any_ & mask;
  any_ |= mask;
  simple_ = simple_ && (mask & (mask - 1)) == 0;
  rows_.push_back(row);
  masks_.push_back(mask);
}

void FunnelTies::Forbid(std::size_t at, std::uint64_t set) { masks_[at] &= ~set; }
void FunnelTies::Allow(std::size_t at, std::uint64_t set) { masks_[at] |= set; }

void FunnelTies::StartMatching() {
  step_of_.assign(rows_.size(), kFree);
  at_of_.fill(kNone);
}

bool FunnelTies::Augment(std::uint32_t step) {
  visited_.assign(rows_.size(), 0);
  return TryAugment(step);
}

// At most 64 deep: each level of the recursion holds another step.
bool FunnelTies::TryAugment(std::uint32_t step) {  // NOLINT(misc-no-recursion)
  for (std::uint32_t at = 0; at < rows_.size(); ++at) {
    if ((masks_[at] & Bit(step)) == 0 || visited_[at] != 0 || step_of_[at] == kFixed) continue;
    visited_[at] = 1;
    if (step_of_[at] == kFree || TryAugment(step_of_[at])) {
      step_of_[at] = static_cast<std::uint8_t>(step);
      at_of_[step] = at;
      return true;
    }
  }
  return false;
}

void FunnelTies::Release(std::uint32_t step) {
  step_of_[at_of_[step]] = kFree;
  at_of_[step] = kNone;
}

std::uint32_t FunnelTies::Farthest(std::uint32_t level, std::uint32_t limit) {
  if (simple_) {
    const std::uint32_t run = level >= 64 ? 0 : std::countr_one(any_ >> level);
    return std::min(limit, level + run);
  }
  StartMatching();
  while (level < limit && Augment(level)) ++level;
  return level;
}

bool FunnelTies::CanFill(std::uint64_t set) {
  if ((set & ~any_) != 0) return false;
  if (simple_) return true;
  std::uint64_t filled = 0;
  return FillMost(set, 0, &filled);
}

bool FunnelTies::FillMost(std::uint64_t required, std::uint64_t wanted, std::uint64_t* filled) {
  if ((required & ~any_) != 0) return false;
  *filled = required | (wanted & any_);
  if (simple_) return true;
  StartMatching();
  for (std::uint64_t left = required; left != 0; left &= left - 1) {
    if (!Augment(std::countr_zero(left))) return false;
  }
  for (std::uint64_t left = wanted & any_; left != 0; left &= left - 1) {
    const std::uint32_t step = std::countr_zero(left);
    if (!Augment(step)) *filled &= ~Bit(step);
  }
  return true;
}

// Gives `step` the event `to`; the step that holds it must find another one.
bool FunnelTies::Move(std::uint32_t step, std::uint32_t to) {
  const std::uint32_t from = at_of_[step];
  const std::uint8_t other = step_of_[to];
  step_of_[from] = kFree;
  step_of_[to] = kFixed;
  at_of_[step] = to;
  if (other == kFree || Augment(other)) return true;
  step_of_[from] = static_cast<std::uint8_t>(step);
  step_of_[to] = other;
  at_of_[step] = from;
  return false;
}

void FunnelTies::Assign(std::uint64_t set, std::uint32_t* rows) {
  StartMatching();
  for (std::uint64_t left = set; left != 0; left &= left - 1) Augment(std::countr_zero(left));
  for (std::uint64_t left = set; left != 0; left &= left - 1) {
    const std::uint32_t step = std::countr_zero(left);
    for (std::uint32_t at = 0; at < rows_.size(); ++at) {
      if (step_of_[at] == kFixed || (masks_[at] & Bit(step)) == 0) continue;
      if (at == at_of_[step]) {
        step_of_[at] = kFixed;
        break;
      }
      if (Move(step, at)) break;
    }
    rows[step] = rows_[at_of_[step]];
  }
}

}  // namespace v1
}  // namespace insightflow
