// A query takes no more memory than its budget, whatever it counts and wherever it ends: while
// tables grow, states are merged and answers put together. What is allocated is counted.
#include <gtest/gtest.h>

#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "insightflow/engine.h"
#include "tests/support/counted_memory.h"
#include "tests/support/hand_folded.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

constexpr std::int64_t kDay = 19'700;
constexpr std::int64_t kDayMillis = 86'400'000;
constexpr std::size_t kMiB = std::size_t{1} << 20;
// What no budget counts: the plan, what the store needs to read a block, and the few thousand
// entries that tables begin with.
constexpr std::size_t kBeside = 4 * kMiB;
constexpr std::size_t kBesideAThread = 4 * kMiB;

struct Shape {
  int events = 0;
  int users = 0;
};

class Store {
 public:
  explicit Store(const Shape& shape) : clock_(FromMillis((kDay + 3) * kDayMillis)) {
    EngineOptions options = FoldedByHand(dir_.path(), &clock_);
    engine_ = *Engine::Open(options);
    constexpr int kBatch = 10'000;
    std::vector<Event> events;
    for (int i = 0; i < shape.events; ++i) {
      Event event;
      const std::string number = std::to_string(i);
      event.event_id = "an-id-" + number;
      event.user_id = "u" + std::to_string(static_cast<std::int64_t>(i) * 7'919 % shape.users);
      event.session_id = "s" + number;
      event.event_type = i % 3 == 0 ? "view" : i % 3 == 1 ? "click" : "purchase";
      event.page_url = "/page/" + number;
      event.element = "#element-" + std::to_string(i % 5);
      event.position_x = i * 31 % 4'000;
      event.position_y = i * 17 % 4'000;
      event.timestamp =
          FromMillis(kDay * kDayMillis + std::int64_t{i} * 3 * kDayMillis / shape.events);
      event.extra_data = R"({"price":)" + number + "}";
      events.push_back(std::move(event));
      if (events.size() < kBatch && i + 1 < shape.events) continue;
      EXPECT_TRUE(engine_->Ingest(events).ok());
      events.clear();
    }
    EXPECT_TRUE(engine_->Fold().ok());
  }

  struct Outcome {
    StatusCode code = StatusCode::kOk;
    std::size_t taken = 0;
  };
  Outcome Ask(const Query& query, std::size_t budget, std::size_t threads) {
    QueryOptions options;
    options.memory_bytes_max = budget;
    options.threads = threads;
    options.deadline = std::chrono::hours(1);
    const std::size_t before = CountedMemory::Begin();
    const Result<Answer> answer = engine_->Query(query, options);
    return {answer.status().code(), CountedMemory::peak() - before};
  }

 private:
  TempDir dir_;
  ManualClock clock_;
  std::unique_ptr<Engine> engine_;
};

struct Case {
  std::string name;
  Query query;
};

std::vector<FunnelStep> Steps(int count) {
  std::vector<FunnelStep> steps;
  const std::vector<std::string> types = {"view", "click", "purchase"};
  for (int i = 0; i < count; ++i) steps.push_back({.event = {.types = {types[i % 3]}}});
  return steps;
}

std::vector<Case> TrendsCases() {
  std::vector<Case> cases;
  const auto add = [&](std::string name, Measure measure, Interval interval,
                       const std::string& field) {
    TrendsQuery query;
    query.series = {{.measure = measure}};
    if (measure >= Measure::kSum) query.series[0].property = "extra_data.price";
    query.interval = interval;
    query.breakdown =
        Breakdown{.field = field, .limit = interval == Interval::kMinute ? 100 : 1'000};
    cases.push_back({"trends " + std::move(name), query});
  };
  add("count by event_id", Measure::kCount, Interval::kDay, "event_id");
  add("count by event_id and minute", Measure::kCount, Interval::kMinute, "event_id");
  add("users by page", Measure::kUsers, Interval::kHour, "page_url");
  add("sessions by page", Measure::kSessions, Interval::kHour, "page_url");
  add("sessions by type", Measure::kSessions, Interval::kMinute, "event_type");
  add("sum by page", Measure::kSum, Interval::kDay, "page_url");
  add("median by page", Measure::kP50, Interval::kTotal, "page_url");
  TrendsQuery compared = std::get<TrendsQuery>(cases[0].query);
  compared.scope.from = FromMillis((kDay + 1) * kDayMillis);
  compared.scope.to = FromMillis((kDay + 2) * kDayMillis);
  compared.compare_previous = true;
  cases.push_back({"trends compared", compared});
  return cases;
}

std::vector<Case> OtherCases() {
  std::vector<Case> cases;
  TopQuery top;
  top.field = "event_id";
  cases.push_back({"top by event_id", top});
  top.measure = Measure::kUsers;
  cases.push_back({"top by event_id, users", top});
  SessionsQuery sessions;
  cases.push_back({"sessions", sessions});
  sessions.rules.split_session_id = true;
  sessions.breakdown = Breakdown{.field = "page_url"};
  sessions.interval = Interval::kHour;
  cases.push_back({"sessions by page", sessions});
  FunnelQuery funnel;
  funnel.steps = Steps(3);
  funnel.window = std::chrono::hours(24 * 30);
  cases.push_back({"funnel", funnel});
  funnel.breakdown = FunnelBreakdown{};
  funnel.breakdown->field = "page_url";
  cases.push_back({"funnel by page", funnel});
  funnel.breakdown.reset();
  funnel.hold_constant = {"session_id"};
  cases.push_back({"funnel held", funnel});
  PathsQuery paths;
  paths.depth = 10;
  paths.timeout = std::chrono::hours(24);
  cases.push_back({"paths", paths});
  paths.anchor = PathsAnchor::kAround;
  paths.scope.limit = 1'000;
  cases.push_back({"paths of many names", paths});
  RetentionQuery retention;
  retention.period = RetentionPeriod::kHour;
  retention.cohort = RetentionCohort::kRecurring;
  retention.periods = 100;
  cases.push_back({"retention", retention});
  cases.push_back({"lifecycle", LifecycleQuery{}});
  UsersQuery users;
  users.scope.limit = 1'000;
  cases.push_back({"users", users});
  return cases;
}

void ExpectWithinBudgets(const Shape& shape, const std::vector<Case>& cases) {
  Store store(shape);
  for (const Case& each : cases) {
    for (const std::size_t threads : {1, 2}) {
      // What the store keeps of what it has read is its own.
      const auto first = store.Ask(each.query, 1'024 * kMiB, threads);
      EXPECT_EQ(first.code, StatusCode::kOk) << each.name;
      const auto all = store.Ask(each.query, 1'024 * kMiB, threads);
      int refused = 0;
      for (std::size_t budget = 4 * kMiB; budget < 4 * all.taken; budget = budget * 3 / 2) {
        const auto outcome = store.Ask(each.query, budget, threads);
        EXPECT_LE(outcome.taken, budget + kBeside + threads * kBesideAThread)
            << each.name << ", " << threads << " threads, a budget of " << budget;
        if (outcome.code == StatusCode::kResourceExhausted) {
          ++refused;
        } else {
          EXPECT_EQ(outcome.code, StatusCode::kOk) << each.name;
        }
      }
      // It is not for fear that it keeps to its budget.
      EXPECT_EQ(store.Ask(each.query, 4 * all.taken + 16 * kMiB, threads).code, StatusCode::kOk)
          << each.name << ", which takes " << all.taken;
      std::cout << each.name << ", " << threads << " threads: " << all.taken / 1024
                << " KiB, refused " << refused << "\n";
    }
  }
}

TEST(QueryMemory, OfTrendsIsWithinItsBudget) {
  ExpectWithinBudgets({.events = 120'000, .users = 20'000}, TrendsCases());
}

TEST(QueryMemory, OfOthersIsWithinItsBudget) {
  ExpectWithinBudgets({.events = 120'000, .users = 20'000}, OtherCases());
}

TEST(QueryMemory, OfOneUserIsWithinItsBudget) {
  ExpectWithinBudgets({.events = 120'000, .users = 1}, OtherCases());
}

}  // namespace
}  // namespace insightflow
