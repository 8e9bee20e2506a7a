#include "lib/analytics/funnel_tally.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <numeric>
#include <tuple>
#include <utility>

#include "lib/analytics/query_checks.h"
#include "lib/base/growth.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Newest first, then by id.
bool IsListedBefore(const FunnelUser& a, const FunnelUser& b) {
  return std::tie(b.time, a.user_id, a.step) < std::tie(a.time, b.user_id, b.step);
}

std::string NameOf(const EventSelector& event) {
  if (!event.name.empty()) return event.name;
  if (event.types.empty()) return "*";
  std::string name = event.types[0];
  for (std::size_t i = 1; i < event.types.size(); ++i) name += ", " + event.types[i];
  return name;
}

}  // namespace

FunnelTally::FunnelTally(const FunnelProgram* program) : program_(program) {
  if (!program->query.breakdown) GroupOf(0);
}

FunnelTally::Group FunnelTally::MakeGroup() const {
  Group group;
  group.stopped.resize(program_->rules.steps);
  group.pending.resize(program_->rules.steps);
  group.users.resize(program_->rules.steps);
  group.times.resize(program_->rules.steps);
  if (coarse_) {
    for (DurationTally& times : group.times) times.Coarsen();
  }
  return group;
}

std::uint32_t FunnelTally::GroupOf(std::uint32_t value) {
  const auto [at, is_new] =
      group_of_.try_emplace(value, static_cast<std::uint32_t>(groups_.size()));
  if (is_new) {
    groups_.push_back(MakeGroup());
    group_values_.push_back(value);
  }
  return at->second;
}

void FunnelTally::KnowEnd(const ScanEnd& end) {
  if (end.data_end_ms != ScanEnd::kNoEvents) known_ms_ = end.known_ms();
}

// Whether they are too many hangs on the users alone, not on how these were spread over states.
void FunnelTally::BoundDurations() {
  if (durations_ <= kExactDurationsMax || std::exchange(coarse_, true)) return;
  for (Group& group : groups_) {
    for (DurationTally& times : group.times) times.Coarsen();
  }
}

void FunnelTally::AddTimes(const FunnelVisit& visit, Group* group) {
  ++group->users[0];
  if (program_->rules.clickhouse) {
    for (std::uint32_t k = 1; k < visit.level; ++k) ++group->users[k];
    return;
  }
  std::int64_t before_ms = visit.time_ms[0];
  for (std::uint64_t left = visit.filled & ~std::uint64_t{1}; left != 0; left &= left - 1) {
    const int k = std::countr_zero(left);
    ++group->users[k];
    group->times[k].Add(static_cast<std::uint64_t>(visit.time_ms[k] - before_ms));
    before_ms = visit.time_ms[k];
    ++durations_;
  }
  if (visit.level == program_->rules.steps) {
    group->times[0].Add(static_cast<std::uint64_t>(before_ms - visit.time_ms[0]));
    ++durations_;
  }
}

void FunnelTally::Add(const FunnelVisit& visit) {
  const std::uint32_t group = program_->query.breakdown ? GroupOf(visit.value) : 0;
  ++groups_[group].stopped[visit.level - 1];
  AddTimes(visit, &groups_[group]);
  BoundDurations();
  if (known_ms_) {
    if (visit.deadline_ms > *known_ms_) ++groups_[group].pending[visit.level - 1];
  } else if (visit.deadline_ms > seen_ms_) {
    waiting_.push_back({visit.deadline_ms, group, visit.level});
    if (waiting_.size() >= prune_at_) DropClosed();
  }
  if (program_->query.users_at) List(visit);
}

void FunnelTally::DropClosed() {
  std::erase_if(waiting_, [&](const Waiting& w) { return w.deadline_ms <= seen_ms_; });
  prune_at_ = std::max<std::size_t>(4'096, waiting_.size() * 2);
}

void FunnelTally::List(const FunnelVisit& visit) {
  const FunnelUsersAt& at = *program_->query.users_at;
  const auto step = static_cast<std::uint32_t>(at.step - 1);
  if (at.outcome == FunnelOutcome::kReached ? (visit.filled >> step & 1) == 0
                                            : visit.level != at.step) {
    return;
  }
  FunnelUser user;
  user.user_id = visit.user_id;
  user.step = visit.level;
  user.time = FromMillis(visit.time_ms[visit.level - 1]);
  if (at.outcome == FunnelOutcome::kReached) return ListNow(std::move(user));
  if (visit.level == program_->rules.steps) return;
  if (known_ms_) {
    const bool is_pending = visit.deadline_ms > *known_ms_;
    if (is_pending == (at.outcome == FunnelOutcome::kPending)) ListNow(std::move(user));
  } else if (visit.deadline_ms > seen_ms_) {
    maybe_listed_.push_back({std::move(user), visit.deadline_ms});
    if (maybe_listed_.size() >= settle_at_) {
      SettleListed(seen_ms_);
      settle_at_ = std::max<std::size_t>(4'096, maybe_listed_.size() * 2);
    }
  } else if (at.outcome == FunnelOutcome::kDropped) {
    ListNow(std::move(user));
  }
}

// Those whose deadline is not after this time have dropped off.
void FunnelTally::SettleListed(std::int64_t closed_ms) {
  const bool wanted = program_->query.users_at->outcome == FunnelOutcome::kDropped;
  std::erase_if(maybe_listed_, [&](Listed& listed) {
    if (listed.deadline_ms > closed_ms) return false;
    if (wanted) ListNow(std::move(listed.user));
    return true;
  });
}

void FunnelTally::ListNow(FunnelUser user) {
  listed_.push_back(std::move(user));
  if (listed_.size() >= program_->query.users_at->limit * 2 + 64) TrimListed();
}

void FunnelTally::TrimListed() {
  const std::size_t keep = std::min(listed_.size(), program_->query.users_at->limit);
  std::partial_sort(listed_.begin(), listed_.begin() + static_cast<std::ptrdiff_t>(keep),
                    listed_.end(), IsListedBefore);
  listed_.resize(keep);
}

// Takes the durations out of `from`; its counts stay.
void FunnelTally::MergeGroup(Group* from, Group* to) {
  for (std::size_t k = 0; k < to->users.size(); ++k) {
    to->stopped[k] += from->stopped[k];
    to->pending[k] += from->pending[k];
    to->users[k] += from->users[k];
    to->times[k].Merge(&from->times[k]);
  }
}

std::size_t FunnelTally::StepsOf(const Group& group) {
  std::size_t steps = 0;
  for (const DurationTally& times : group.times) steps += StepsOf(times);
  return steps;
}

bool FunnelTally::CanShare(std::span<FunnelTally* const> tallies) {
  std::uint64_t durations = 0;
  for (const FunnelTally* tally : tallies) {
    if (tally->coarse_ || tally->program_->query.breakdown) return false;
    durations += tally->durations_;
  }
  return tallies.size() > 1 && durations >= kSharedDurationsMin && durations <= kExactDurationsMax;
}

void FunnelTally::RankShare(std::span<FunnelTally* const> tallies, std::size_t share, Stop* stop) {
  for (std::size_t k = share; k < program_->rules.steps; k += tallies.size()) {
    DurationTally& times = groups_[0].times[k];
    for (FunnelTally* tally : tallies) {
      if (tally == this) continue;
      if (stop->Worked(StepsOf(tally->groups_[0].times[k]))) return;
      times.Merge(&tally->groups_[0].times[k]);
    }
    if (stop->Worked(StepsOf(times))) return;
    times.Rank();
  }
}

void FunnelTally::Merge(FunnelTally* other, Stop* stop) {
  SawTime(other->seen_ms_);
  std::vector<std::uint32_t> new_group(other->groups_.size());
  for (std::size_t g = 0; g < other->groups_.size(); ++g) {
    if (stop->Worked(StepsOf(other->groups_[g]))) return;
    new_group[g] = GroupOf(other->group_values_[g]);
    MergeGroup(&other->groups_[g], &groups_[new_group[g]]);
  }
  for (Waiting waiting : other->waiting_) {
    waiting.group = new_group[waiting.group];
    waiting_.push_back(waiting);
  }
  DropClosed();
  durations_ += other->durations_;
  BoundDurations();
  if (program_->query.users_at) {
    for (FunnelUser& user : other->listed_) ListNow(std::move(user));
    for (Listed& listed : other->maybe_listed_) maybe_listed_.push_back(std::move(listed));
    SettleListed(seen_ms_);
  }
  const std::optional<std::int64_t> known_ms = other->known_ms_;
  *other = FunnelTally(program_);
  other->known_ms_ = known_ms;
}

std::size_t FunnelTally::bytes(std::size_t more) const {
  constexpr std::size_t kAllocation = 16;
  constexpr std::size_t kUserId = 64;
  constexpr std::size_t kHistogram = std::size_t{160} << 10;  // at most
  constexpr std::size_t kInHistogram = 34;                    // a value, at most
  constexpr std::size_t kExact = 2 * sizeof(double);
  const std::size_t steps = program_->rules.steps;
  const std::size_t a_group =
      steps * (3 * sizeof(std::uint64_t) + sizeof(DurationTally)) + (steps + 4) * kAllocation;
  const std::size_t more_groups = program_->query.breakdown ? MostToCome(groups_.size(), more) : 0;
  const std::size_t groups = groups_.size() + more_groups;
  const std::size_t exact = std::min(durations_ + more * steps, kExactDurationsMax) * kExact;
  const std::size_t coarse = std::min(durations_ * kInHistogram, groups * steps * kHistogram);
  return groups * a_group + BytesWith(groups_, more_groups) +
         BytesWith(group_values_, more_groups) + TableBytesWith(group_of_, more_groups) +
         (coarse_ ? coarse : exact) + BytesWith(waiting_, known_ms_ ? 0 : more) +
         CapacityBytes(listed_) + BytesWith(maybe_listed_, known_ms_ ? 0 : more) +
         (listed_.size() + maybe_listed_.size()) * kUserId;
}

FunnelCounts FunnelTally::CountsOf(Group* group, bool* exact) const {
  const std::uint32_t steps = program_->rules.steps;
  const std::vector<std::uint64_t>& users = group->users;
  FunnelCounts counts;
  counts.total_users = users[0];
  counts.conversion_rate = Percent(users[steps - 1], users[0]);
  counts.steps.resize(steps);
  for (std::uint32_t k = 0; k < steps; ++k) {
    FunnelStepAnswer& step = counts.steps[k];
    step.name = NameOf(program_->query.steps[k].event);
    step.users = users[k];
    step.conversion_rate = Percent(users[k], users[0]);
    step.step_conversion_rate =
        Percent(users[k], users[k == 0 ? 0 : program_->rules.RequiredBefore(k)]);
    if (k + 1 < steps) {
      step.pending = group->pending[k];
      step.drop_off = group->stopped[k] - group->pending[k];
      counts.pending_users += step.pending;
    }
    DurationTally& times = group->times[k];
    if (k == 0 || !times.any()) continue;
    *exact = *exact && times.is_exact();
    step.time_from_previous = times.Stats();
  }
  return counts;
}

// Values by users, then by name, absent first; past the limit they are one.
FunnelTally::Group FunnelTally::FinishBreakdown(const ValueTable& values, FunnelAnswer* answer,
                                                bool* exact, Stop* stop) {
  std::vector<std::uint32_t> order(groups_.size());
  std::iota(order.begin(), order.end(), 0);
  const auto text = [&](std::uint32_t g) {
    return group_values_[g] == 0 ? std::string_view() : values.Text(group_values_[g]);
  };
  const auto is_before = [&](std::uint32_t a, std::uint32_t b) {
    if (groups_[a].users[0] != groups_[b].users[0]) {
      return groups_[a].users[0] > groups_[b].users[0];
    }
    return text(a) < text(b);
  };
  const std::size_t limit = program_->query.breakdown->limit.value_or(program_->query.scope.limit);
  PutFirst(order.begin(), order.end(), limit, is_before, stop);
  Group all = MakeGroup();
  Group others = MakeGroup();
  for (std::size_t i = 0; i < order.size(); ++i) {
    Group& group = groups_[order[i]];
    if (stop->Worked((i < limit ? 4 : 1) * StepsOf(group))) break;
    if (i < limit) {
      BreakdownValue value;
      if (group_values_[order[i]] != 0) value = std::string(text(order[i]));
      answer->breakdown.emplace_back(std::move(value), CountsOf(&group, exact));
    }
    MergeGroup(&group, i < limit ? &all : &others);
  }
  if (others.users[0] > 0) {
    answer->breakdown.emplace_back(kOtherValue, CountsOf(&others, exact));
    MergeGroup(&others, &all);
  }
  return all;
}

void FunnelTally::CountPending(std::int64_t known_ms, Stop* stop) {
  for (const Waiting& waiting : waiting_) {
    if (stop->Worked(1)) return;
    if (waiting.deadline_ms > known_ms) ++groups_[waiting.group].pending[waiting.level - 1];
  }
}

FunnelAnswer FunnelTally::Finish(const ScanEnd& end, const ValueTable& values, bool* exact,
                                 Stop* stop) {
  const std::int64_t known_ms = end.data_end_ms == ScanEnd::kNoEvents ? seen_ms_ : end.known_ms();
  assert(!known_ms_ || *known_ms_ == known_ms);
  CountPending(known_ms, stop);
  FunnelAnswer answer;
  Group all = program_->query.breakdown ? FinishBreakdown(values, &answer, exact, stop)
                                        : std::move(groups_[0]);
  if (stop->over()) return answer;
  answer.counts = CountsOf(&all, exact);
  if (all.times[0].any()) {
    *exact = *exact && all.times[0].is_exact();
    answer.time_to_convert = all.times[0].Stats();
  }
  if (program_->query.users_at) {
    SettleListed(known_ms);
    if (program_->query.users_at->outcome == FunnelOutcome::kPending) {
      for (Listed& listed : maybe_listed_) ListNow(std::move(listed.user));
    }
    TrimListed();
    answer.users = std::move(listed_);
  }
  return answer;
}

}  // namespace v1
}  // namespace insightflow
