// Once a query has ended, every analysis leaves its work: that of answering, of merging, and of one
// user's long timeline. Work is counted in the steps of Stop, after the moment at which it is over.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "lib/analytics/analysis.h"
#include "lib/analytics/paths.h"
#include "lib/analytics/stop.h"
#include "lib/model/event_rows.h"
#include "lib/model/memory_timelines.h"

namespace insightflow {
namespace {

constexpr std::int64_t kStartMs = 1'700'000'000'000;
constexpr int kEvents = 60'000;
constexpr int kPages = 20'000;
// What may be done behind the end: an analysis counts what it does at once, before or after.
constexpr std::uint64_t kSlack = 6 * Stop::kStepsPerQuestion;

// An end after some questions, and what work of whom was done when it came.
class End {
 public:
  explicit End(int patience) : patience_(patience) {}

  void Watch(AnalysisState* state) {
    states_.push_back(state);
    state->Watch(&ended_);
  }
  int asked() const { return asked_; }
  bool came() const { return asked_ > patience_; }
  std::uint64_t StepsNow() const {
    std::uint64_t steps = 0;
    for (AnalysisState* state : states_) steps += state->stop()->steps();
    return steps;
  }
  std::uint64_t StepsBehind() const { return StepsNow() - steps_; }

 private:
  const int patience_;
  int asked_ = 0;
  std::uint64_t steps_ = 0;
  std::vector<AnalysisState*> states_;
  const std::function<bool()> ended_ = [this] {
    ++asked_;
    if (asked_ == patience_ + 1) steps_ = StepsNow();
    return asked_ > patience_;
  };
};

// Many users in two halves, with as many pages, sessions, positions and days.
class Halves {
 public:
  Halves() {
    for (int i = 0; i < kEvents; ++i) {
      Event event = {.user_id = "u" + std::to_string(i / 12), .event_type = "click"};
      event.timestamp = FromMillis(kStartMs + (i * std::int64_t{7'919'000}) % 600'000'000'000);
      event.session_id = "s" + std::to_string(i / 3);
      event.page_url = "/" + std::to_string(i * 7 % kPages);
      event.element = "e" + std::to_string(i % kPages);
      event.position_x = i % 300;
      event.position_y = i / 300;
      event.extra_data = R"({"x":)" + std::to_string(i % 1'000) + "}";
      AppendEvents({&event, 1}, &batches_[i < kEvents / 2 ? 0 : 1]);
    }
  }

  // What answering comes to behind the scan.
  Result<AnswerBody> Answer(const Analysis& analysis, End* end) const {
    ValueTable values;
    std::vector<std::unique_ptr<AnalysisState>> states;
    for (const EventBatch& batch : batches_) {
      states.push_back(analysis.NewState(&values));
      Status status = VisitTimelines(batch, analysis.plan(), &values, 16'384, states.back().get());
      if (!status.ok()) return status;
    }
    for (const auto& state : states) end->Watch(state.get());
    Result<AnswerBody> answer = Put(analysis, states);
    if (end->came()) {
      EXPECT_LT(end->StepsBehind(), kSlack);
    }
    return answer;
  }

 private:
  static Result<AnswerBody> Put(const Analysis& analysis,
                                const std::vector<std::unique_ptr<AnalysisState>>& states) {
    if (analysis.Agree(states)) {
      for (const auto& state : states) state->Settle();
    }
    if (Status status = states[0]->Merge(states[1].get()); !status.ok()) return status;
    ScanEnd at_end;
    at_end.data_begin_ms = kStartMs;
    at_end.data_end_ms = at_end.last_event_ms = at_end.now_ms = kStartMs + 600'000'000'000;
    bool exact = true;
    return analysis.Finish(states[0].get(), at_end, &exact);
  }

  EventBatch batches_[2];
};

// From the first question to the last, the end is at once everybody's.
void ExpectEnds(const Halves& halves, const Analysis& analysis, const std::string& name) {
  SCOPED_TRACE(name);
  End never(1'000'000);
  const Result<AnswerBody> answer = halves.Answer(analysis, &never);
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  const int questions = never.asked();
  ASSERT_GE(questions, 5);
  for (const int patience :
       {0, 1, questions / 3, questions / 2, questions * 3 / 4, questions - 1}) {
    SCOPED_TRACE(std::to_string(patience) + " of " + std::to_string(questions));
    End end(patience);
    EXPECT_EQ(halves.Answer(analysis, &end).status().code(), StatusCode::kCancelled);
    // Two states, who are told each for itself.
    EXPECT_LE(end.asked(), patience + 2);
  }
}

TrendsQuery Trends(Measure measure, bool breaks_down, Interval interval) {
  TrendsQuery query;
  query.series = {{.measure = measure}};
  if (measure == Measure::kSum || measure == Measure::kMax || measure == Measure::kP90)
    query.series[0].property = "extra_data.x";
  query.interval = interval;
  if (breaks_down) query.breakdown = Breakdown{.field = "page_url", .limit = 30};
  return query;
}

TEST(StopTest, TrendsEnd) {
  const Halves halves;
  for (const Measure measure : {Measure::kCount, Measure::kUsers, Measure::kSessions, Measure::kSum,
                                Measure::kMax, Measure::kP90}) {
    ExpectEnds(halves, **CreateAnalysis(Trends(measure, true, Interval::kDay)),
               "measure " + std::to_string(static_cast<int>(measure)));
  }
  // Points alone are much where lines are many.
  TrendsQuery wide = Trends(Measure::kCount, true, Interval::kDay);
  wide.breakdown->limit = 100;
  ExpectEnds(halves, **CreateAnalysis(wide), "many lines");
}

TEST(StopTest, TopEnds) {
  TopQuery top;
  top.field = "page_url";
  ExpectEnds(Halves(), **CreateAnalysis(top), "top");
}

TEST(StopTest, SessionsEnd) {
  SessionsQuery query;
  query.breakdown = Breakdown{.field = "page_url"};
  ExpectEnds(Halves(), **CreateAnalysis(query), "sessions");
}

TEST(StopTest, RetentionEnds) {
  RetentionQuery query;
  query.periods = 400;
  query.cohort = RetentionCohort::kRecurring;
  ExpectEnds(Halves(), **CreateAnalysis(query), "retention");
}

TEST(StopTest, FunnelsEnd) {
  FunnelQuery query;
  query.steps.resize(3);
  query.breakdown = FunnelBreakdown{.field = "page_url"};
  ExpectEnds(Halves(), **CreateAnalysis(query), "funnel");
}

TEST(StopTest, PathsEnd) {
  const Halves halves;
  PathsQuery query;
  query.timeout = std::chrono::days(365);
  query.depth = 10;
  ExpectEnds(halves, **CreatePathsWithin(query, kWalkWordsMax), "walks");
  ExpectEnds(halves, **CreatePathsWithin(query, 0), "counts");
  query.scope.limit = 10'000;
  ExpectEnds(halves, **CreatePathsWithin(query, kWalkWordsMax), "many links");
}

TEST(StopTest, AHeatmapEnds) {
  EventBatch batch;
  Event event = {.user_id = "u", .event_type = "click", .page_url = "/"};
  event.timestamp = FromMillis(kStartMs);
  for (int i = 0; i < kEvents; ++i) {
    event.position_x = i % 300;
    event.position_y = i / 300;
    event.element = "e" + std::to_string(i);
    AppendEvents({&event, 1}, &batch);
  }
  HeatmapQuery query;
  query.page_url = "/";
  const auto analysis = *CreateAnalysis(query);
  const auto answer = [&](End* end) {
    ValueTable values;
    const auto one = analysis->NewState(&values);
    const auto other = analysis->NewState(&values);
    for (const auto& state : {one.get(), other.get()}) {
      EXPECT_TRUE(VisitTimelines(batch, analysis->plan(), &values, 16'384, state).ok());
      end->Watch(state);
    }
    Status status = one->Merge(other.get());
    bool exact = true;
    if (status.ok()) status = analysis->Finish(one.get(), {}, &exact).status();
    if (end->came()) {
      EXPECT_LT(end->StepsBehind(), kSlack);
    }
    return status.code();
  };
  End never(1'000'000);
  EXPECT_EQ(answer(&never), StatusCode::kOk);
  ASSERT_GE(never.asked(), 5);
  for (const int patience : {0, 1, never.asked() / 2, never.asked() - 1}) {
    End end(patience);
    EXPECT_EQ(answer(&end), StatusCode::kCancelled);
    EXPECT_EQ(end.asked(), patience + 1);
  }
}

// One user, whose timeline is one piece of work.
void ExpectEndsWithinAUser(const FunnelQuery& query, const EventBatch& batch, int questions_min) {
  const auto analysis = CreateAnalysis(query);
  ASSERT_TRUE(analysis.ok()) << analysis.status().ToString();
  const auto visit = [&](End* end) {
    ValueTable values;
    const auto state = (*analysis)->NewState(&values);
    end->Watch(state.get());
    const Status status =
        VisitTimelines(batch, (*analysis)->plan(), &values, batch.rows, state.get());
    EXPECT_TRUE(status.ok()) << status.ToString();
    if (end->came()) {
      EXPECT_LE(end->StepsBehind(), 2 * Stop::kStepsPerQuestion);
      bool exact = true;
      EXPECT_EQ((*analysis)->Finish(state.get(), {}, &exact).status().code(),
                StatusCode::kCancelled);
    }
    return end->asked();
  };
  End never(1'000'000);
  const int questions = visit(&never);
  ASSERT_GE(questions, questions_min);
  for (const int patience : {0, 1, questions / 2, questions - 1}) {
    End end(patience);
    EXPECT_EQ(visit(&end), patience + 1);
  }
}

void ExpectEndsWithinAUser(const FunnelQuery& query, const EventBatch& batch) {
  ExpectEndsWithinAUser(query, batch, static_cast<int>(batch.rows / Stop::kStepsPerQuestion) - 1);
}

TEST(StopTest, AFunnelEndsInTheMidstOfAUser) {
  FunnelQuery base;
  base.steps.assign(63, {.event = {}});
  base.steps.push_back({.event = {{"nothing"}}});
  base.window = std::chrono::milliseconds(40);
  for (const int ties : {1, 2}) {
    SCOPED_TRACE(ties);
    EventBatch batch;
    for (int i = 0; i < 20'000; ++i) {
      Event event = {.user_id = "u", .event_type = i % 2 == 0 ? "view" : "click"};
      event.timestamp = FromMillis(kStartMs + i / ties);
      event.extra_data = R"({"n":)" + std::to_string(i / 100) + "}";
      AppendEvents({&event, 1}, &batch);
    }
    for (const FunnelOrder order : {FunnelOrder::kOrdered, FunnelOrder::kStrictlyIncreasing,
                                    FunnelOrder::kStrict, FunnelOrder::kUnordered}) {
      SCOPED_TRACE(static_cast<int>(order));
      FunnelQuery query = base;
      query.order = order;
      ExpectEndsWithinAUser(query, batch);
      query.steps.assign({{.event = {{"view"}}}, {.event = {{"click"}}}, {.event = {{"nothing"}}}});
      const bool rises =
          order == FunnelOrder::kOrdered || order == FunnelOrder::kStrictlyIncreasing;
      // Where times differ these are searched for, which takes no time.
      if (ties > 1 || !rises) ExpectEndsWithinAUser(query, batch);
      if (order == FunnelOrder::kStrictlyIncreasing) continue;
      query.hold_constant = {"extra_data.n"};
      ExpectEndsWithinAUser(query, batch);
    }
    for (const bool once : {false, true}) {
      FunnelQuery query = base;
      query.clickhouse = ClickHouseModes{.strict_once = once};
      ExpectEndsWithinAUser(query, batch);
    }
  }
}

// Few events may be much work, where many of one time could each fill every step.
TEST(StopTest, AClickHouseFunnelEndsInTheMidstOfTies) {
  constexpr int kTimes = 10;
  constexpr int kTies = 20;
  FunnelQuery query;
  query.steps.assign(63, {.event = {}});
  query.steps.push_back({.event = {{"nothing"}}});
  query.window = std::chrono::days(1);
  query.clickhouse = ClickHouseModes{.strict_once = true};
  EventBatch batch;
  for (int i = 0; i < kTimes * kTies; ++i) {
    Event event = {.user_id = "u", .event_type = "view"};
    event.timestamp = FromMillis(kStartMs + i / kTies);
    AppendEvents({&event, 1}, &batch);
  }
  ExpectEndsWithinAUser(query, batch, kTimes);
}

TEST(StopTest, NobodyIsAskedForWhoWaitsForEver) {
  Stop stop;
  EXPECT_FALSE(stop.Worked(1'000'000'000));
  EXPECT_TRUE(stop.status().ok());
  int asked = 0;
  const std::function<bool()> ended = [&] { return ++asked == 3; };
  stop.Watch(&ended);
  for (std::size_t i = 0; i < 2 * Stop::kStepsPerQuestion; ++i) EXPECT_FALSE(stop.Worked(1));
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(stop.Worked(Stop::kStepsPerQuestion));
  EXPECT_TRUE(stop.Worked(Stop::kStepsPerQuestion));
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(stop.status().code(), StatusCode::kCancelled);
}

TEST(StopTest, SortsAsTheStandardDoes) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{4'097}, std::size_t{50'000}}) {
    std::vector<std::uint32_t> numbers(size);
    for (std::uint32_t i = 0; i < size; ++i) numbers[i] = i * 2'654'435'761u % 10'007;
    std::vector<std::uint32_t> sorted = numbers;
    std::sort(sorted.begin(), sorted.end());
    Stop stop;
    std::vector<std::uint32_t> whole = numbers;
    SortUnlessOver(whole.begin(), whole.end(), std::less<>(), &stop);
    EXPECT_EQ(whole, sorted);
    for (const std::size_t limit : {std::size_t{0}, std::size_t{1}, std::size_t{100}, size}) {
      std::vector<std::uint32_t> first = numbers;
      const std::size_t shown = PutFirst(first.begin(), first.end(), limit, std::less<>(), &stop);
      ASSERT_EQ(shown, std::min(limit, size));
      first.resize(shown);
      EXPECT_TRUE(std::equal(first.begin(), first.end(), sorted.begin()));
    }
  }
}

}  // namespace
}  // namespace insightflow
