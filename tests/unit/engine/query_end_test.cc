// A query ends where its deadline or its caller ends it, also when all events were read and the
// answer is put together. The end is counted out, so that it comes at every stage.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/engine/tuned_engine.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;
constexpr int kEvents = 24'000;

class QueryEndTest : public testing::Test {
 protected:
  QueryEndTest() : clock_(FromMillis(kNow)) {
    EngineOptions options;
    options.data_dir = dir_.path();
    options.clock = &clock_;
    options.dedupe_bytes_max = 16u << 20;
    auto engine = TunedEngine::Open(options, {.query_ended = &ended_});
    EXPECT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(*engine);
    for (int i = 0; i < kEvents; i += 2'000) {
      std::string body = R"({"events":[)";
      for (int k = i; k < i + 2'000; ++k) {
        const std::string id = std::to_string(k);
        body += k == i ? "" : ",";
        body += R"({"event_type":"click","event_id":")" + id + R"(","user_id":"u)" +
                std::to_string(k / 6) + R"(","session_id":"s)" + id + R"(","page_url":"/)" + id +
                R"(","timestamp":)" + std::to_string(kNow - 40'000'000 + k * 1'000) + "}";
      }
      EXPECT_TRUE(engine_->Ingest(body + "]}").ok());
    }
  }

  // Asks, and ends at the question behind so many.
  StatusCode Ask(const Query& query, int patience) {
    patience_ = patience;
    asked_ = 0;
    QueryOptions options;
    options.threads = 1;
    options.deadline = std::chrono::hours(1);
    return engine_->Query(query, options).status().code();
  }
  int Questions(const Query& query) {
    EXPECT_EQ(Ask(query, 1'000'000), StatusCode::kOk);
    return asked_;
  }

  // `few` reads the same events to tell apart what is all the same; `many` has to answer much.
  void ExpectEndsWhileAnswering(const Query& many, const Query& few) {
    const int questions = Questions(many);
    const int while_reading = Questions(few);
    ASSERT_GE(questions, while_reading + 3);
    for (const int patience : {0, while_reading, questions - 2, questions - 1}) {
      EXPECT_EQ(Ask(many, patience), StatusCode::kCancelled) << patience << " of " << questions;
      EXPECT_EQ(asked_, patience + 1);
    }
  }

  TempDir dir_;
  ManualClock clock_;
  std::atomic<int> patience_ = 0;
  std::atomic<int> asked_ = 0;
  const std::function<bool()> ended_ = [this] { return ++asked_ > patience_; };
  std::unique_ptr<Engine> engine_;
};

TEST_F(QueryEndTest, TrendsAndTop) {
  for (const Measure measure : {Measure::kCount, Measure::kUsers, Measure::kSessions}) {
    TrendsQuery many;
    many.series = {{.measure = measure}};
    many.interval = Interval::kHour;
    many.breakdown = Breakdown{.field = "page_url"};
    TrendsQuery few = many;
    few.breakdown->field = "event_type";
    if (measure == Measure::kSessions) {
      few.series[0].measure = Measure::kCount;  // sessions themselves are many
    }
    ExpectEndsWhileAnswering(many, few);
  }
  TopQuery many, few;
  many.field = "page_url";
  few.field = "event_type";
  ExpectEndsWhileAnswering(many, few);
}

TEST_F(QueryEndTest, SessionsFunnelsAndPaths) {
  SessionsQuery many, few;
  few.breakdown = Breakdown{.field = "event_type"};
  many.breakdown = Breakdown{.field = "session_id"};
  ExpectEndsWhileAnswering(many, few);
  FunnelQuery funnel, plain;
  funnel.steps.resize(2);
  plain = funnel;
  funnel.breakdown = FunnelBreakdown{.field = "page_url"};
  ExpectEndsWhileAnswering(funnel, plain);
  PathsQuery pages, types;
  pages.by = "page_url";
  types.by = "event_type";
  pages.scope.limit = types.scope.limit = 10'000;
  ExpectEndsWhileAnswering(pages, types);
}

}  // namespace
}  // namespace insightflow
