#include "lib/analytics/funnel_scan.h"

#include <bit>

#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {
namespace {

std::uint64_t BitsOf(std::uint64_t matches, const std::uint64_t* bits_of) {
  std::uint64_t bits = 0;
  for (; matches != 0; matches &= matches - 1) bits |= bits_of[std::countr_zero(matches)];
  return bits;
}

}  // namespace

FunnelScan::FunnelScan(const FunnelProgram* program, const ValueTable* values)
    : program_(program),
      matcher_(program->rules),
      steps_of_(BitsBySelector(program->step_selectors, kSelectorsMax)),
      exclusions_of_(BitsBySelector(program->exclusion_selectors, kSelectorsMax)),
      steps_of_byte_(ByByte(steps_of_)),
      exclusions_of_byte_(ByByte(exclusions_of_)) {
  if (program->searches) {
    search_.emplace(program->rules, program->step_selectors,
                    IsCoded() ? FunnelSearch::Form::kCode : FunnelSearch::Form::kBits);
  }
  if (program->sessions) cutter_.emplace(&*program->sessions, values);
}

std::array<std::uint64_t, 256> FunnelScan::ByByte(const std::vector<std::uint64_t>& bits_of) const {
  std::array<std::uint64_t, 256> of_byte = {};
  if (IsCoded()) {
    std::copy_n(bits_of.begin(), kCodedSelectorsMax, of_byte.begin() + 1);
    return of_byte;
  }
  for (std::size_t byte = 0; byte < of_byte.size(); ++byte) {
    of_byte[byte] = BitsOf(byte, bits_of.data());
  }
  return of_byte;
}

void FunnelScan::NarrowSteps(const Timelines& timelines) {
  selected_ = timelines.narrow_matches;
  if (!selected_.empty()) return;
  narrow_.resize(timelines.rows());
  for (std::size_t row = 0; row < narrow_.size(); ++row) {
    const std::uint64_t matches = timelines.matches[row];
    const bool coded = IsCoded() && matches != 0;
    narrow_[row] = static_cast<std::uint8_t>(coded ? 1 + std::countr_zero(matches) : matches);
  }
  selected_ = narrow_;
}

void FunnelScan::Translate(const Timelines& timelines, const std::vector<std::uint64_t>& bits_of,
                           const std::array<std::uint64_t, 256>& bits_of_byte,
                           PlainVector<std::uint64_t>* column) const {
  const std::size_t rows = timelines.rows();
  column->resize(rows);
  std::uint64_t* const to = column->data();
  const auto look_up = [&](const auto& matches) {
    for (std::size_t row = 0; row < rows; ++row) to[row] = bits_of_byte[matches[row]];
  };
  if (!timelines.narrow_matches.empty()) return look_up(timelines.narrow_matches);
  if (program_->plan.selectors.size() <= 8) return look_up(timelines.matches);
  for (std::size_t row = 0; row < rows; ++row) {
    to[row] = BitsOf(timelines.matches[row], bits_of.data());
  }
  if (timelines.more_matches.empty()) return;
  for (std::size_t row = 0; row < rows; ++row) {
    to[row] |= BitsOf(timelines.more_matches[row], bits_of.data() + 64);
  }
}

// 0 where one of the values is absent.
void FunnelScan::CombineKeys(const Timelines& timelines) {
  const std::size_t rows = timelines.rows();
  keys_.assign(
      timelines.identities[program_->hold_slots[0]].begin(),
      timelines.identities[program_->hold_slots[0]].begin() + static_cast<std::ptrdiff_t>(rows));
  for (std::size_t i = 1; i < program_->hold_slots.size(); ++i) {
    const std::span<const std::uint64_t> more = timelines.identities[program_->hold_slots[i]];
    for (std::size_t row = 0; row < rows; ++row) {
      if (more[row] == 0) keys_[row] = 0;
      if (keys_[row] == 0) continue;
      keys_[row] = (std::rotl(keys_[row], 23) * 0x9E3779B97F4A7C15 ^ more[row]) | 1;
    }
  }
}

FunnelRows FunnelScan::RowsOf(const Timelines& timelines) {
  FunnelRows rows;
  rows.time_ms = timelines.time_ms.data();
  rows.steps = timelines.matches.data();
  if (search_) {
    steps_.resize(timelines.rows());
    rows.steps = steps_.data();
    return rows;
  }
  if (!program_->direct || !timelines.narrow_matches.empty()) {
    Translate(timelines, steps_of_, steps_of_byte_, &steps_);
    rows.steps = steps_.data();
  }
  if (!program_->exclusion_selectors.empty()) {
    Translate(timelines, exclusions_of_, exclusions_of_byte_, &exclusions_);
    rows.exclusions = exclusions_.data();
  }
  if (program_->rules.holds) {
    CombineKeys(timelines);
    rows.keys = keys_.data();
  }
  return rows;
}

std::size_t FunnelScan::bytes(std::size_t rows) const {
  constexpr std::size_t kColumn = sizeof(std::uint64_t);
  std::size_t width = FunnelMatcher::BytesARow(program_->rules) + kColumn;
  if (search_) width += sizeof(narrow_[0]);
  if (!program_->exclusion_selectors.empty()) width += kColumn;
  if (program_->rules.holds) width += kColumn;
  const std::size_t sessions =
      cutter_ ? cutter_->bytes(rows) + cutter_->SessionsAtOnce(rows) * sizeof(SessionSpan) : 0;
  return rows * width + sessions + CapacityBytes(sessions_) + CapacityBytes(steps_) +
         CapacityBytes(narrow_) + CapacityBytes(exclusions_) + CapacityBytes(keys_);
}

std::int64_t FunnelScan::SessionDeadline(const Timelines& timelines, const SessionSpan& session,
                                         bool is_last) const {
  const std::int64_t deadline = Deadline();
  if (!is_last || deadline == FunnelChain::kNeverOpen) return FunnelChain::kNeverOpen;
  const SessionRules& rules = program_->query.session_rules;
  const auto later = [](std::int64_t time_ms, Duration by) {
    return by.count() > std::numeric_limits<std::int64_t>::max() - time_ms
               ? std::numeric_limits<std::int64_t>::max()
               : time_ms + by.count();
  };
  std::int64_t end = later(timelines.time_ms[session.end - 1], rules.timeout);
  if (rules.max_duration) {
    end = std::min(end, later(timelines.time_ms[session.begin], *rules.max_duration));
  }
  return std::min(deadline, end);
}

}  // namespace v1
}  // namespace insightflow
