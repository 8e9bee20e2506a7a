#include "lib/analytics/funnel_matcher.h"

#include <bit>

namespace insightflow {
inline namespace v1 {
namespace {

// Steps, from which on looking for runs among those that an event matches pays.
constexpr std::uint32_t kMuchFrom = 8;

}  // namespace

FunnelMatcher::FunnelMatcher(const FunnelRules& rules) : rules_(rules) {
  const bool general = rules.optional != 0 || rules.holds || !rules.exclusions.empty();
  if (rules.clickhouse) {
    kind_ = Kind::kCompat;
  } else if (general && rules.order != FunnelOrder::kUnordered) {
    kind_ = Kind::kGeneral;
  } else if (rules.order == FunnelOrder::kUnordered) {
    kind_ = rules.holds ? Kind::kGeneral : Kind::kUnordered;
  } else if (rules.order == FunnelOrder::kStrict) {
    kind_ = Kind::kStrict;
  } else {
    kind_ = Kind::kOrdered;
    if (!rules.HasDisjointSteps()) {
      overlap_ = rules.steps < kMuchFrom ? Overlap::kSome : Overlap::kMuch;
    }
  }
  std::uint32_t filled = 0;
  for (std::uint32_t k = 0; k < rules.alike.size(); ++k) {
    if (static_cast<std::uint32_t>(std::countr_zero(rules.alike[k])) != k) continue;
    kinds_[k].begin = filled;
    kinds_[k].steps = static_cast<std::uint32_t>(std::popcount(rules.alike[k]));
    filled += kinds_[k].steps;
  }
  counts_ = 1 + static_cast<std::uint32_t>(std::popcount(rules.optional));
  if (kind_ != Kind::kGeneral) return;
  held_.resize(std::size_t{rules.steps} * counts_);
  arrived_.resize(held_.size());
  excluded_at_.resize(rules.exclusions.size());
}

// Vectors that grow.
std::size_t FunnelMatcher::BytesARow(const FunnelRules& rules) {
  const std::size_t held = rules.holds ? sizeof(by_key_[0]) + 2 * sizeof(std::uint64_t) : 0;
  return 2 * (held + (rules.exclusions.empty() ? 0 : sizeof(std::int64_t)));
}

void FunnelMatcher::Match(const FunnelRows& rows, std::uint32_t begin, std::uint32_t end,
                          FunnelChain* chain) {
  chain->level = 0;
  chain->filled = 0;
  chain->open_start_ms = FunnelChain::kNeverOpen;
  switch (kind_) {
    case Kind::kOrdered: MatchOrdered(rows, begin, end, chain); break;
    case Kind::kStrict: MatchStrict(rows, begin, end, chain); break;
    case Kind::kUnordered: MatchUnordered(rows, begin, end, chain); break;
    case Kind::kGeneral: MatchGeneral(rows, begin, end, chain); break;
    case Kind::kCompat: MatchClickHouse(rows, begin, end, chain); break;
  }
  if (!stop_->over()) return;
  chain->level = 0;
  chain->filled = 0;
}

}  // namespace v1
}  // namespace insightflow
