#include "lib/analytics/funnel_rules.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <set>
#include <string_view>

#include "lib/analytics/query_checks.h"

namespace insightflow {
inline namespace v1 {
namespace {

Status Named(const std::string& field, const Status& status) {
  return {status.code(), field + ": " + status.message()};
}

Status CheckStepNumber(const std::string& field, std::size_t step, std::size_t steps) {
  return CheckWithin(step, field, 1, steps);
}

Status CheckSteps(const FunnelQuery& query) {
  if (query.steps.empty() || query.steps.size() > kFunnelStepsMax) {
    return OutOfRange("steps: a funnel has 1 to 64 steps, not " +
                      std::to_string(query.steps.size()));
  }
  if (query.steps.front().optional || query.steps.back().optional) {
    return InvalidArgument("steps: the first and the last step cannot be optional");
  }
  if (query.window && query.window->count() < 0) {
    return OutOfRange("window cannot be negative");
  }
  return Status::Ok();
}

Status CheckExclusions(const FunnelQuery& query) {
  if (query.exclusions.size() > kFunnelExclusionsMax) {
    return OutOfRange("exclusions: at most 64");
  }
  for (std::size_t i = 0; i < query.exclusions.size(); ++i) {
    const FunnelExclusion& exclusion = query.exclusions[i];
    const std::string name = "exclusions[" + std::to_string(i) + "]";
    Status status = CheckStepNumber(name + ".after_step", exclusion.after_step, query.steps.size());
    if (!status.ok()) return status;
    status = CheckStepNumber(name + ".before_step", exclusion.before_step, query.steps.size());
    if (!status.ok()) return status;
    if (exclusion.after_step >= exclusion.before_step) {
      return InvalidArgument(name + ": after_step is less than before_step");
    }
  }
  return Status::Ok();
}

// What one order or mode gives no meaning to.
Status CheckTogether(const FunnelQuery& query) {
  const bool optional = std::any_of(query.steps.begin(), query.steps.end(),
                                    [](const FunnelStep& step) { return step.optional; });
  const auto refuse = [](const char* field, const char* why) {
    return InvalidArgument(std::string(field) + ": " + why);
  };
  if (query.order == FunnelOrder::kUnordered) {
    if (optional) return refuse("steps", "optional steps need an order");
    if (!query.exclusions.empty()) return refuse("exclusions", "they need an order");
  }
  if (query.order == FunnelOrder::kStrict && !query.exclusions.empty()) {
    return refuse("exclusions", "nothing is between the steps of order \"strict\"");
  }
  if (!query.clickhouse) return Status::Ok();
  if (query.order != FunnelOrder::kOrdered) {
    return refuse("order", "\"compat\" replaces it; ask with one of the two");
  }
  if (optional) return refuse("steps", "\"compat\" knows no optional steps");
  if (!query.exclusions.empty()) return refuse("exclusions", "\"compat\" knows none");
  if (!query.hold_constant.empty()) return refuse("hold_constant", "\"compat\" does not know it");
  if (query.breakdown) return refuse("breakdown", "\"compat\" does not know it");
  if (query.clickhouse->allow_reentry && !query.clickhouse->strict_order) {
    return refuse("compat_modes", "\"allow_reentry\" needs \"strict_order\"");
  }
  return Status::Ok();
}

Status CheckOutputs(const FunnelQuery& query) {
  Status status = CheckScope(query.scope);
  if (query.breakdown && status.ok()) {
    status = CheckLimit(query.breakdown->limit.value_or(query.scope.limit), "breakdown.limit");
    if (status.ok() && query.breakdown->attribution == Attribution::kStep) {
      status = CheckStepNumber("breakdown.step", query.breakdown->step, query.steps.size());
    }
  }
  if (query.users_at && status.ok()) {
    status = CheckLimit(query.users_at->limit, "users_at.limit");
    if (status.ok()) {
      status = CheckStepNumber("users_at.step", query.users_at->step, query.steps.size());
    }
  }
  return status;
}

// Whether no event can match two of the selectors: their types say so.
bool AreDisjoint(const ScanPlan& plan, const std::vector<std::uint32_t>& selectors) {
  std::set<std::string_view> seen;
  for (const std::uint32_t selector : selectors) {
    const std::vector<std::string>& types = plan.selectors[selector].types;
    if (types.empty()) return selectors.size() == 1;
    for (const std::string& type : types) {
      if (!seen.insert(type).second) return false;
    }
  }
  return true;
}

// FunnelRules::alike.
std::vector<std::uint64_t> AlikeSteps(const FunnelProgram& program) {
  const std::set<std::uint32_t> selectors(program.step_selectors.begin(),
                                          program.step_selectors.end());
  if (!AreDisjoint(program.plan, {selectors.begin(), selectors.end()})) return {};
  const std::vector<std::uint64_t> steps_of =
      BitsBySelector(program.step_selectors, program.plan.selectors.size());
  std::vector<std::uint64_t> alike;
  alike.reserve(program.step_selectors.size());
  for (const std::uint32_t selector : program.step_selectors) alike.push_back(steps_of[selector]);
  return alike;
}

void SetRules(const FunnelQuery& query, FunnelRules* rules) {
  rules->steps = static_cast<std::uint32_t>(query.steps.size());
  if (query.window) rules->window_ms = static_cast<std::uint64_t>(query.window->count());
  rules->order = query.order;
  for (std::size_t k = 0; k < query.steps.size(); ++k) {
    if (query.steps[k].optional) rules->optional |= std::uint64_t{1} << k;
  }
  rules->holds = !query.hold_constant.empty();
  for (const FunnelExclusion& exclusion : query.exclusions) {
    std::uint64_t after = 0;
    for (std::size_t k = exclusion.after_step; k < exclusion.before_step; ++k) {
      after |= std::uint64_t{1} << (k - 1);
    }
    rules->exclusions.push_back(after);
  }
  rules->clickhouse = query.clickhouse;
}

Status AddSelectors(const FunnelQuery& query, FunnelProgram* program) {
  for (std::size_t k = 0; k < query.steps.size(); ++k) {
    const Result<std::size_t> selector = program->plan.AddSelector(query.steps[k].event);
    if (!selector.ok()) return Named("steps[" + std::to_string(k) + "]", selector.status());
    program->step_selectors.push_back(static_cast<std::uint32_t>(*selector));
  }
  program->rules.alike = AlikeSteps(*program);
  program->direct = program->plan.selectors.size() == query.steps.size();
  for (std::size_t i = 0; i < query.exclusions.size(); ++i) {
    const Result<std::size_t> selector = program->plan.AddSelector(query.exclusions[i].event);
    if (!selector.ok()) return Named("exclusions[" + std::to_string(i) + "]", selector.status());
    program->exclusion_selectors.push_back(static_cast<std::uint32_t>(*selector));
  }
  program->direct = program->direct && program->exclusion_selectors.empty();
  std::vector<std::uint32_t> all(program->plan.selectors.size());
  std::iota(all.begin(), all.end(), 0);
  program->plan.takes_codes =
      all.size() > 8 && all.size() <= kCodedSelectorsMax && AreDisjoint(program->plan, all);
  return Status::Ok();
}

// The rows among which a chain's value can be.
std::size_t BreakdownSelector(const FunnelQuery& query, const FunnelProgram& program) {
  const FunnelBreakdown& breakdown = *query.breakdown;
  if (query.order == FunnelOrder::kUnordered || breakdown.attribution == Attribution::kLast) {
    return ScanPlan::kEveryRow;
  }
  const std::size_t step = breakdown.attribution == Attribution::kStep ? breakdown.step : 1;
  return program.step_selectors[step - 1];
}

Status AddColumns(const FunnelQuery& query, FunnelProgram* program) {
  for (const std::string& field : query.hold_constant) {
    const Result<std::size_t> slot = program->plan.AddIdentity(field);
    if (!slot.ok()) return Named("hold_constant", slot.status());
    program->hold_slots.push_back(*slot);
  }
  if (query.breakdown) {
    const Result<std::size_t> slot =
        program->plan.AddText(query.breakdown->field, BreakdownSelector(query, *program));
    if (!slot.ok()) return Named("breakdown.field", slot.status());
    program->breakdown_slot = *slot;
  }
  if (query.per == FunnelUnit::kSession) {
    Result<Sessioniser> sessions =
        Sessioniser::Create(query.session_rules, query.scope.timezone, &program->plan);
    if (!sessions.ok()) return sessions.status();
    program->sessions = *sessions;
  }
  return Status::Ok();
}

}  // namespace

bool FunnelRules::HasDisjointSteps() const {
  return !alike.empty() && std::all_of(alike.begin(), alike.end(), [](std::uint64_t same) {
    return std::has_single_bit(same);
  });
}

std::vector<std::uint64_t> BitsBySelector(const std::vector<std::uint32_t>& selectors,
                                          std::size_t count) {
  std::vector<std::uint64_t> bits(count);
  for (std::size_t i = 0; i < selectors.size(); ++i) {
    bits[selectors[i]] |= std::uint64_t{1} << i;
  }
  return bits;
}

Result<FunnelProgram> FunnelProgram::Create(const FunnelQuery& query) {
  for (const auto check : {CheckSteps, CheckExclusions, CheckTogether, CheckOutputs}) {
    if (Status status = check(query); !status.ok()) return status;
  }
  FunnelProgram program;
  program.query = query;
  SetRules(query, &program.rules);
  if (Status status = program.plan.SetScope(query.scope); !status.ok()) {
    return Named("filters", status);
  }
  if (Status status = AddSelectors(query, &program); !status.ok()) return status;
  if (Status status = AddColumns(query, &program); !status.ok()) return status;
  const bool strict = query.order == FunnelOrder::kStrict;
  const bool needs_all = strict || query.per == FunnelUnit::kSession ||
                         (query.clickhouse && query.clickhouse->strict_order);
  program.plan.only_matches = !needs_all;
  program.plan.needs_client_order = strict || query.clickhouse.has_value();
  program.plan.needs_user_ids = query.users_at.has_value();
  program.searches =
      !program.rules.clickhouse && !program.rules.holds && program.rules.optional == 0 &&
      program.rules.exclusions.empty() &&
      (query.order == FunnelOrder::kOrdered || query.order == FunnelOrder::kStrictlyIncreasing) &&
      (program.plan.selectors.size() <= 8 || program.plan.takes_codes);
  // To make words of them costs more than it saves when the scan could have done it.
  program.plan.takes_narrow_matches = program.searches || !program.direct;
  return program;
}

}  // namespace v1
}  // namespace insightflow
