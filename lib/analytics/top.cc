// Counts by the codes of the scan's ValueTable: one addition a row. A user is counted once a value
// by a stamp that each value keeps: the last run that had it.

#include <algorithm>
#include <utility>
#include <vector>

#include "lib/analytics/analysis.h"
#include "lib/analytics/query_checks.h"
#include "lib/analytics/ranking.h"
#include "lib/base/growth.h"
#include "lib/model/time_zone.h"

namespace insightflow {
inline namespace v1 {
namespace {

class TopAnalysis;

class TopState final : public AnalysisState {
 public:
  TopState(const TopAnalysis* analysis, const ValueTable* values, bool users)
      : analysis_(analysis), values_(values), users_(users) {}

  Status Visit(const Timelines& timelines) override;
  Status DoMerge(AnalysisState* other) override;
  std::size_t bytes(std::size_t) const override {
    const std::size_t codes = values_->size() + std::size_t{1};
    return BytesGrownTo(counts_, codes) + (users_ ? BytesGrownTo(stamps_, codes) : 0);
  }

  const ValueTable& values() const { return *values_; }
  const std::vector<std::uint64_t>& counts() const { return counts_; }

 private:
  void CountEvents(const Timelines& timelines);
  void CountUsers(const Timelines& timelines);

  const TopAnalysis* const analysis_;
  const ValueTable* const values_;
  const bool users_;
  std::vector<std::uint64_t> counts_;  // by code; of code 0 without meaning
  std::vector<std::uint32_t> stamps_;
  std::uint32_t run_ = 0;
};

class TopAnalysis final : public Analysis {
 public:
  static Result<std::unique_ptr<Analysis>> Create(const TopQuery& query);

  std::unique_ptr<AnalysisState> NewState(const ValueTable* values) const override {
    return std::make_unique<TopState>(this, values, users_);
  }
  Result<AnswerBody> DoFinish(AnalysisState* state, const ScanEnd& end, bool* exact) const override;

 private:
  bool users_ = false;
  std::size_t limit_ = 0;
};

Status TopState::Visit(const Timelines& timelines) {
  // Every code of the batch is in the table by now.
  const std::size_t codes = values_->size() + std::size_t{1};
  GrowTo(&counts_, codes);
  if (!users_) {
    CountEvents(timelines);
    return Status::Ok();
  }
  GrowTo(&stamps_, codes);
  if (run_ > UINT32_MAX - timelines.runs()) {
    std::fill(stamps_.begin(), stamps_.end(), 0);
    run_ = 0;
  }
  CountUsers(timelines);
  return Status::Ok();
}

void TopState::CountEvents(const Timelines& timelines) {
  const std::uint32_t* const codes = timelines.texts[0].data();
  const std::uint64_t* const matches = timelines.matches.data();
  std::uint64_t* const counts = counts_.data();
  const std::size_t rows = timelines.rows();
  for (std::size_t row = 0; row < rows; ++row) counts[codes[row]] += matches[row] & 1;
}

void TopState::CountUsers(const Timelines& timelines) {
  const std::span<const std::uint32_t> codes = timelines.texts[0];
  std::size_t row = 0;
  for (const std::uint32_t end : timelines.run_ends) {
    ++run_;
    for (; row < end; ++row) {
      const std::uint32_t code = codes[row];
      if ((timelines.matches[row] & 1) == 0 || stamps_[code] == run_) continue;
      stamps_[code] = run_;
      ++counts_[code];
    }
  }
}

Status TopState::DoMerge(AnalysisState* other) {
  auto* const from = dynamic_cast<TopState*>(other);
  if (from == nullptr || from->analysis_ != analysis_ || from->values_ != values_) {
    return InvalidArgument("a state of another analysis cannot be merged into one of \"top\"");
  }
  const Taken grown(from->counts_.size() * sizeof(std::uint64_t), stop());
  if (stop()->over()) return stop()->status();
  GrowTo(&counts_, from->counts_.size());
  from->stamps_ = {};
  for (std::size_t i = 0; i < from->counts_.size(); ++i) counts_[i] += from->counts_[i];
  from->counts_ = {};
  return Status::Ok();
}

Result<std::unique_ptr<Analysis>> TopAnalysis::Create(const TopQuery& query) {
  auto analysis = std::make_unique<TopAnalysis>();
  if (Status status = CheckScope(query.scope); !status.ok()) return status;
  if (query.measure != Measure::kCount && query.measure != Measure::kUsers) {
    return InvalidArgument("measure of kind \"top\" must be \"count\" or \"users\"");
  }
  if (const auto zone = LoadZone(query.scope.timezone); !zone.ok()) return zone.status();
  ScanPlan& plan = analysis->plan_;
  if (Status status = plan.SetScope(query.scope); !status.ok()) return status;
  if (const auto bit = plan.AddSelector(query.events); !bit.ok()) return bit.status();
  if (const auto slot = plan.AddText(query.field); !slot.ok()) return slot.status();
  plan.only_matches = true;
  plan.any_order = query.measure == Measure::kCount;
  analysis->users_ = query.measure == Measure::kUsers;
  analysis->limit_ = query.scope.limit;
  return std::unique_ptr<Analysis>(std::move(analysis));
}

Result<AnswerBody> TopAnalysis::DoFinish(AnalysisState* state, const ScanEnd&, bool*) const {
  const auto& top = static_cast<const TopState&>(*state);
  TopCodes first(limit_, top.values(), state->stop());
  std::uint64_t all = 0;
  for (std::uint32_t code = 1; code < top.counts().size(); ++code) {
    if (state->stop()->over()) break;
    const std::uint64_t count = top.counts()[code];
    if (count != 0) first.Add({code, count});
    all += count;
  }
  TopAnswer answer;
  answer.rows = first.Rows();
  answer.other_values = first.left_out();
  answer.other_count = all;
  for (const TopRow& row : answer.rows) answer.other_count -= row.count;
  return AnswerBody(std::move(answer));
}

}  // namespace

Result<std::unique_ptr<Analysis>> CreateTop(const TopQuery& query) {
  return TopAnalysis::Create(query);
}

}  // namespace v1
}  // namespace insightflow
