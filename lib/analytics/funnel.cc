// The funnel as an analysis: columns of the scan to rows of a matcher, its chains to a tally.
#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <utility>
#include <vector>

#include "lib/analytics/analysis.h"
#include "lib/analytics/funnel_matcher.h"
#include "lib/analytics/funnel_rules.h"
#include "lib/analytics/funnel_scan.h"
#include "lib/analytics/funnel_tally.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kStepsAValue = Stop::kStepsPerQuestion / 256;

class FunnelState final : public AnalysisState {
 public:
  FunnelState(const FunnelProgram* program, const ValueTable* values)
      : program_(program), values_(values), scan_(program, values), tally_(program) {
    scan_.Watch(stop());
  }

  Status Visit(const Timelines& timelines) override {
    const bool grows = program_->query.breakdown.has_value();
    FunnelVisit visit;
    std::array<std::int64_t, kFunnelStepsMax> times;
    visit.time_ms = times.data();
    scan_.ForEach(timelines, [&](const FunnelUnitChain& unit) {
      const FunnelChain& chain = *unit.chain;
      for (std::uint64_t left = chain.filled; left != 0; left &= left - 1) {
        const int k = std::countr_zero(left);
        times[k] = timelines.time_ms[chain.rows[k]];
      }
      visit.level = chain.level;
      visit.filled = chain.filled;
      visit.deadline_ms = unit.deadline_ms;
      if (program_->query.breakdown) visit.value = ValueOf(timelines, chain);
      if (!timelines.user_ids.empty()) visit.user_id = timelines.user_ids[unit.run];
      // Some hundred new values take as many KiB.
      if (grows && stop()->Worked(kStepsAValue)) return;
      tally_.Add(visit);
    });
    for (const std::uint32_t end : timelines.run_ends) {
      tally_.SawTime(timelines.time_ms[end - 1]);
    }
    return Status::Ok();
  }

  Status DoMerge(AnalysisState* other) override {
    auto* state = dynamic_cast<FunnelState*>(other);
    if (state == nullptr || state == this || state->program_ != program_ ||
        state->values_ != values_) {
      return InvalidArgument("the state is of another analysis");
    }
    tally_.Merge(&state->tally_, stop());
    return Status::Ok();
  }

  // Of all states together.
  struct Agreed {
    std::vector<FunnelTally*> tallies;
    std::size_t share = 0;  // which of them is this state's
  };
  void Agree(Agreed agreed) { agreed_ = std::move(agreed); }
  void Settle() override { tally_.RankShare(agreed_.tallies, agreed_.share, stop()); }
  FunnelTally* tally() { return &tally_; }

  void KnowEnd(const ScanEnd& end) override { tally_.KnowEnd(end); }
  std::size_t bytes(std::size_t more) const override {
    return scan_.bytes(more) + tally_.bytes(std::min(more, Stop::kStepsPerQuestion));
  }
  const FunnelProgram* program() const { return program_; }

  FunnelAnswer Finish(const ScanEnd& end, bool* exact) {
    return tally_.Finish(end, *values_, exact, stop());
  }

 private:
  std::uint32_t ValueOf(const Timelines& timelines, const FunnelChain& chain) const {
    const FunnelBreakdown& breakdown = *program_->query.breakdown;
    std::size_t step = 0;
    if (breakdown.attribution == Attribution::kLast) step = chain.level - 1;
    if (breakdown.attribution == Attribution::kStep) step = breakdown.step - 1;
    if ((chain.filled >> step & 1) == 0) return 0;
    return timelines.texts[program_->breakdown_slot][chain.rows[step]];
  }

  const FunnelProgram* const program_;
  const ValueTable* const values_;
  FunnelScan scan_;
  FunnelTally tally_;
  Agreed agreed_;
};

class Funnel final : public Analysis {
 public:
  explicit Funnel(FunnelProgram program) : program_(std::move(program)) { plan_ = program_.plan; }

  std::unique_ptr<AnalysisState> NewState(const ValueTable* values) const override {
    return std::make_unique<FunnelState>(&program_, values);
  }

  bool Agree(std::span<const std::unique_ptr<AnalysisState>> states) const override {
    std::vector<FunnelTally*> tallies;
    for (const auto& state : states) {
      auto* const funnel = dynamic_cast<FunnelState*>(state.get());
      if (funnel == nullptr || funnel->program() != &program_) return false;
      tallies.push_back(funnel->tally());
    }
    if (!FunnelTally::CanShare(tallies)) return false;
    for (std::size_t i = 0; i < states.size(); ++i) {
      static_cast<FunnelState&>(*states[i]).Agree({tallies, i});
    }
    return true;
  }

  Result<AnswerBody> DoFinish(AnalysisState* state, const ScanEnd& end,
                              bool* exact) const override {
    auto* funnel = dynamic_cast<FunnelState*>(state);
    if (funnel == nullptr || funnel->program() != &program_) {
      return InvalidArgument("the state is of another analysis");
    }
    return AnswerBody(funnel->Finish(end, exact));
  }

 private:
  const FunnelProgram program_;
};

}  // namespace

Result<std::unique_ptr<Analysis>> CreateFunnel(const FunnelQuery& query) {
  Result<FunnelProgram> program = FunnelProgram::Create(query);
  if (!program.ok()) return program.status();
  return std::unique_ptr<Analysis>(std::make_unique<Funnel>(std::move(*program)));
}

}  // namespace v1
}  // namespace insightflow
