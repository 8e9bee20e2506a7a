// An engine answers every kind of query as the analysis of the plain list of its events does,
// whatever the batches, threads, folds and restarts, and however late events come.
//
// INSIGHTFLOW_SEED and INSIGHTFLOW_CASES say which random cases are run, and how many.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <vector>

#include "insightflow/engine.h"
#include "lib/analytics/analyze.h"
#include "tests/support/random_cases.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using testing::RandomSeed;

constexpr std::int64_t kDay = 86'400'000;
constexpr std::int64_t kStartMs = 20'000 * kDay;

class Case {
 public:
  explicit Case(std::uint64_t seed) : random_(seed) {
    options_.data_dir = dir_ / "store";
    options_.durability = Durability::kNone;
    options_.clock = &clock_;
    options_.fold = Chance(50);
    options_.fold_rows = 1 + Below(400);
    options_.rules.require_session_id = options_.rules.require_page_url = false;
    Open();
  }

  // Some batches, sometimes a restart or a fold, and every query.
  void Run(const std::vector<Query>& queries) {
    const int steps = 1 + static_cast<int>(Below(4));
    for (int step = 0; step < steps; ++step) {
      for (std::uint64_t batch = Below(4); batch > 0; --batch) Ingest();
      if (Chance(25)) Open();
      if (Chance(40)) {
        ASSERT_TRUE(engine_->Fold().ok());
      }
      if (Chance(50)) Ask(queries[Below(queries.size())]);
    }
    for (const Query& query : queries) Ask(query);
    for (int i = 0; i < 5; ++i) Ask(WideFunnel());
  }

 private:
  void Open() {
    if (engine_ != nullptr) {
      ASSERT_TRUE(engine_->Close().ok());
    }
    engine_ = nullptr;
    auto engine = Engine::Open(options_);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(*engine);
  }

  void Ingest() {
    // Some batches are of one day, so that days are over sooner or later.
    first_day_ = Chance(50) ? 0 : Below(12);
    days_ = first_day_ == 0 ? 12 : 1;
    std::vector<Event> batch(1 + Below(Chance(10) ? 600 : 30));
    for (Event& event : batch) event = MakeEvent();
    const auto result = engine_->Ingest(batch);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    ASSERT_EQ(result->accepted, batch.size());
    events_.insert(events_.end(), batch.begin(), batch.end());
  }

  Event MakeEvent() {
    Event event;
    event.event_id = "e" + std::to_string(next_id_++);
    event.user_id = "u" + std::to_string(Below(20));
    event.event_type = Chance(60)
                           ? Pick({"view", "view", "view", "click", "click", "purchase", "scroll"})
                           : "t" + std::to_string(Below(8));
    event.timestamp =
        FromMillis(kStartMs + static_cast<std::int64_t>(first_day_ * kDay + Below(days_ * kDay)) /
                                  60'000 * 60'000);
    if (Chance(90)) event.session_id = "s" + std::to_string(Below(40));
    if (Chance(90)) event.page_url = "/" + std::to_string(Below(6));
    if (event.event_type == "click") {
      event.element = Pick({"product_1", "add_cart", "menu"});
      event.position_x = static_cast<std::int32_t>(Below(500));
      event.position_y = static_cast<std::int32_t>(Below(900));
    }
    if (Chance(30)) event.user_agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/127.0";
    if (Chance(40)) {
      event.extra_data = R"({"amount":)" + std::to_string(Below(50)) + R"(,"plan":")" +
                         Pick({"free", "pro"}) + R"("})";
    }
    if (Chance(20)) {
      event.tab_id = Pick({"t1", "t2"});
      event.seq = Below(9);
    }
    return event;
  }

  // Of more types than a byte has bits, which a scan may hand out as codes.
  FunnelQuery WideFunnel() {
    std::vector<std::string> types = {"view", "click", "purchase"};
    for (int t = 0; t < 8; ++t) types.push_back("t" + std::to_string(t));
    std::shuffle(types.begin(), types.end(), random_);
    FunnelQuery funnel;
    for (const std::string& type : types) funnel.steps.push_back({.event = {.types = {type}}});
    if (Chance(20)) funnel.steps.push_back(funnel.steps[Below(funnel.steps.size())]);
    if (Chance(20)) funnel.steps[3].event.types.emplace_back("scroll");
    if (Chance(20)) funnel.steps[3].event.types.push_back(types[5]);
    funnel.order = static_cast<FunnelOrder>(Below(4));
    if (Chance(50)) funnel.window = std::chrono::hours(1 + Below(100));
    if (Chance(20)) funnel.per = FunnelUnit::kSession;
    if (Chance(20)) funnel.hold_constant = {"session_id"};
    const bool unordered = funnel.order == FunnelOrder::kUnordered;
    if (!unordered && Chance(50)) {
      for (std::size_t k = 1; k < 11; ++k) funnel.steps[k].optional = Chance(60);
      funnel.steps.back().optional = false;
    }
    if (!unordered && funnel.order != FunnelOrder::kStrict && Chance(30)) {
      funnel.exclusions = {{{.types = {Pick({"scroll", "t3"})}}, 1 + Below(5), 7}};
    }
    if (Chance(50)) {
      funnel.breakdown = FunnelBreakdown{.field = "extra_data.plan"};
      funnel.breakdown->attribution = static_cast<Attribution>(Below(3));
      funnel.breakdown->step = 1 + Below(4);
    }
    return funnel;
  }

  void Ask(const Query& query) {
    QueryOptions options;
    options.threads = 1 + Below(3);
    const auto answer = engine_->Query(query, options);
    const auto expected = AnalyzeEvents(query, events_, clock_.Now());
    ASSERT_TRUE(expected.ok()) << expected.status().ToString();
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    EXPECT_EQ(answer->body, expected->body) << "kind " << query.index();
    EXPECT_EQ(answer->meta.as_of_sequence, events_.size());
    EXPECT_TRUE(answer->meta.incomplete.empty());
  }

  std::uint64_t Below(std::uint64_t n) { return random_() % n; }
  bool Chance(std::uint64_t percent) { return Below(100) < percent; }
  std::string Pick(std::initializer_list<const char*> values) {
    return *(values.begin() + Below(values.size()));
  }

  std::mt19937_64 random_;
  TempDir dir_;
  ManualClock clock_{FromMillis(kStartMs + 12 * kDay)};
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  std::vector<Event> events_;
  std::uint64_t next_id_ = 0;
  std::uint64_t first_day_ = 0;
  std::uint64_t days_ = 12;
};

// One of each kind, with what it can be asked.
std::vector<Query> Queries() {
  QueryScope middle;
  middle.from = FromMillis(kStartMs + 2 * kDay + 3'600'000);
  middle.to = FromMillis(kStartMs + 9 * kDay);
  middle.timezone = "Europe/Berlin";
  QueryScope pro;
  pro.filters = {{"extra_data.plan", FilterOp::kEq, {std::string("pro")}}};
  const EventSelector view = {.types = {"view"}};
  const EventSelector click = {.types = {"click"}};
  const EventSelector purchase = {.types = {"purchase"}};
  std::vector<Query> queries;
  queries.emplace_back(SessionsQuery{});
  queries.emplace_back(SessionsQuery{.scope = middle, .interval = Interval::kDay});
  queries.emplace_back(SessionsQuery{.scope = pro, .breakdown = Breakdown{.field = "page_url"}});
  TrendsQuery trends{.scope = middle, .series = {{.event = view}}};
  trends.series.push_back({.event = {}, .measure = Measure::kUsers});
  trends.series.push_back({.event = {}, .measure = Measure::kSessions});
  trends.series.push_back({.event = {}, .measure = Measure::kSum, .property = "extra_data.amount"});
  trends.compare_previous = true;
  queries.emplace_back(trends);
  trends.breakdown = Breakdown{.field = "extra_data.plan"};
  queries.emplace_back(trends);
  queries.emplace_back(TopQuery{.field = "page_url", .measure = Measure::kUsers, .events = view});
  queries.emplace_back(UsersQuery{});
  queries.emplace_back(LifecycleQuery{.scope = middle, .interval = Interval::kDay});
  queries.emplace_back(HeatmapQuery{.page_url = "/1"});
  queries.emplace_back(RetentionQuery{.scope = middle, .start = view, .return_event = purchase});
  queries.emplace_back(PathsQuery{.event = view});
  FunnelQuery funnel{.steps = {{.event = view}, {.event = click}, {.event = purchase}}};
  funnel.window = std::chrono::hours(48);
  queries.emplace_back(funnel);
  funnel.order = FunnelOrder::kStrict;
  funnel.per = FunnelUnit::kSession;
  queries.emplace_back(funnel);
  funnel.order = FunnelOrder::kUnordered;
  funnel.per = FunnelUnit::kUser;
  funnel.breakdown = FunnelBreakdown{.field = "extra_data.plan"};
  queries.emplace_back(funnel);
  return queries;
}

TEST(EngineQuery, EqualsTheAnalysisOfThePlainList) {
  const std::uint64_t seed = RandomSeed();
  const int cases = testing::RandomCases(15);
  const std::vector<Query> queries = Queries();
  for (int i = 0; i < cases && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + static_cast<std::uint64_t>(i)));
    Case(seed + static_cast<std::uint64_t>(i)).Run(queries);
  }
}

}  // namespace
}  // namespace insightflow
