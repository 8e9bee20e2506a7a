// What the engine takes, refuses and counts once.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/engine_fixture.h"

namespace insightflow {
namespace {

TEST_F(EngineTest, TakesABatchAndShowsItAtOnce) {
  auto engine = Open();
  const auto result = engine->Ingest(Envelope({
      EventJson("1", "u1", "view", "/a", kNow),
      EventJson("2", "u1", "view", "/b", kNow),
      EventJson("3", "u2", "view", "/a", kNow),
      EventJson("4", "u2", "purchase", "/a", kNow),
  }));
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->accepted, 4u);
  EXPECT_EQ(result->received, 4u);
  EXPECT_EQ(result->durability, Durability::kFsync);
  EXPECT_EQ(engine->Totals().total, 4u);
  EXPECT_EQ(engine->Totals().users, 2u);
  EXPECT_EQ(engine->Online().last_5_minutes, 2u);
  const Ranking pages = engine->HotPages(Window::kAll, 10);
  EXPECT_THAT(pages.rows, testing::ElementsAre(RankedCount{"/a", 2, 0}, RankedCount{"/b", 1, 0}));
  EXPECT_DOUBLE_EQ(engine->ConversionRate().rate, 50.0);
  EXPECT_EQ(engine->Metrics().next_sequence, 5u);
}

TEST_F(EngineTest, CountsAnIdOnceWithinABatchAcrossBatchesAndAcrossRestarts) {
  const std::string one = EventJson("1", "u", "view", "/", kNow);
  const std::string two = EventJson("2", "u", "view", "/", kNow);
  {
    auto engine = Open();
    auto result = engine->Ingest(Envelope({one, one}));
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->accepted, 1u);
    EXPECT_EQ(result->duplicates, 1u);
    result = engine->Ingest(Envelope({one, two}));
    EXPECT_EQ(result->accepted, 1u);
    EXPECT_EQ(result->duplicates, 1u);
    ASSERT_TRUE(engine->Close().ok());
  }
  auto engine = Open();
  const auto result = engine->Ingest(Envelope({two, one}));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->accepted, 0u);
  EXPECT_EQ(result->duplicates, 2u);
  EXPECT_EQ(engine->Totals().total, 2u);
}

TEST_F(EngineTest, ARetriedBatchWithoutIdsCountsOnceUnlessTheRuleIsOff) {
  const std::string event =
      R"([{"user_id":"u","session_id":"s","event_type":"view","page_url":"/","timestamp":1}])";
  auto engine = Open();
  EXPECT_EQ(engine->Ingest(event)->accepted, 1u);
  EXPECT_EQ(engine->Ingest(event)->duplicates, 1u);
  ASSERT_TRUE(engine->Close().ok());
  engine.reset();
  options_.rules.dedupe_by_content = false;
  engine = Open();
  EXPECT_EQ(engine->Ingest(event)->accepted, 1u);
  EXPECT_EQ(engine->Ingest(event)->accepted, 1u);
}

TEST_F(EngineTest, AnIdMayComeAgainAfterTheWindow) {
  options_.dedupe_window = std::chrono::hours(1);
  auto engine = Open();
  const std::string body = Envelope({EventJson("1", "u", "view", "/", kNow)});
  EXPECT_EQ(engine->Ingest(body)->accepted, 1u);
  clock_.Advance(std::chrono::minutes(59));
  EXPECT_EQ(engine->Ingest(body)->duplicates, 1u);
  clock_.Advance(std::chrono::hours(2));
  EXPECT_EQ(engine->Ingest(body)->accepted, 1u);
}

TEST_F(EngineTest, JudgesEachEventByItselfAndKeepsWhatItRefused) {
  auto engine = Open();
  const auto result = engine->Ingest(Envelope({
      EventJson("1", "u", "view", "/", kNow),
      EventJson("2", "", "view", "/", kNow),
      R"(17)",
      EventJson("3", "u", "view", "/", kNow + 25 * 3'600'000),
  }));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->accepted, 1u);
  EXPECT_EQ(result->rejected, 3u);
  ASSERT_EQ(result->errors.size(), 3u);
  EXPECT_EQ(result->errors[0].index, 1u);
  EXPECT_EQ(result->errors[0].code, RejectCode::kMissingField);
  EXPECT_EQ(result->errors[0].field, "user_id");
  EXPECT_EQ(result->errors[1].code, RejectCode::kBadType);
  EXPECT_EQ(result->errors[2].code, RejectCode::kBadTime);
  const auto failed = engine->FailedEvents(0, 10);
  ASSERT_TRUE(failed.ok());
  ASSERT_EQ(failed->size(), 3u);
  EXPECT_EQ((*failed)[1].event, "17");
  EXPECT_EQ((*failed)[0].received, FromMillis(kNow));
}

TEST_F(EngineTest, RefusesABatchAsAWholeWithoutKeepingAnything) {
  auto engine = Open();
  for (const std::string body : {"", "{", "[1,2", "nonsense", "{\"events\":[]} {}"}) {
    EXPECT_EQ(engine->Ingest(body).status().code(), StatusCode::kInvalidArgument) << body;
  }
  IngestOptions small;
  small.events_max = 1;
  const std::string two =
      Envelope({EventJson("1", "u", "view", "/", kNow), EventJson("2", "u", "view", "/", kNow)});
  EXPECT_EQ(engine->Ingest(two, small).status().code(), StatusCode::kOutOfRange);
  small = IngestOptions();
  small.bytes_max = 10;
  EXPECT_EQ(engine->Ingest(two, small).status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(engine->Totals().total, 0u);
  EXPECT_EQ(engine->Metrics().next_sequence, 1u);
  EXPECT_EQ(engine->Ingest(two)->accepted, 2u);
}

TEST_F(EngineTest, AnEmptyBatchIsFine) {
  auto engine = Open();
  for (const std::string body : {"[]", R"({"events":[]})"}) {
    const auto result = engine->Ingest(body);
    ASSERT_TRUE(result.ok()) << body;
    EXPECT_EQ(result->received, 0u);
  }
}

TEST_F(EngineTest, TakesEventsBuiltInCpp) {
  auto engine = Open();
  std::vector<Event> events(3);
  for (int i = 0; i < 3; ++i) {
    events[i].user_id = "u";
    events[i].session_id = "s";
    events[i].event_type = "click";
    events[i].element = "buy";
    events[i].page_url = "/p";
    events[i].timestamp = FromMillis(kNow + i);
    events[i].extra_data = R"({"n":)" + std::to_string(i) + "}";
  }
  events[2].user_id.clear();
  const auto result = engine->Ingest(events);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->accepted, 2u);
  EXPECT_EQ(result->rejected, 1u);
  const auto timeline = engine->UserEvents("u", 10);
  ASSERT_TRUE(timeline.ok());
  ASSERT_EQ(timeline->size(), 2u);
  EXPECT_EQ((*timeline)[0].event, events[1]);
  EXPECT_EQ((*timeline)[1].event, events[0]);
  EXPECT_EQ(engine->HotElements(Window::kAll, 1).rows[0], (RankedCount{"buy", 2, 0}));
}

TEST_F(EngineTest, ManyThreadsShareWritesAndNothingIsLost) {
  auto engine = Open();
  constexpr int kThreads = 8, kBatches = 40;
  std::atomic<std::uint64_t> accepted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int b = 0; b < kBatches; ++b) {
        std::vector<std::string> events;
        for (int i = 0; i <= b * 10; ++i) {
          events.push_back(
              EventJson(std::to_string(t) + "-" + std::to_string(b) + "-" + std::to_string(i),
                        "u" + std::to_string(i), "view", "/", kNow));
        }
        // The neighbour's batch overlaps: each event is sent by two threads.
        events.push_back(EventJson("shared-" + std::to_string(b), "u", "view", "/", kNow));
        accepted += engine->Ingest(Envelope(events))->accepted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::uint64_t sent = kBatches;
  for (int b = 0; b < kBatches; ++b) sent += kThreads * (b * 10 + 1);
  EXPECT_EQ(accepted.load(), sent);
  EXPECT_EQ(engine->Totals().total, sent);
  EXPECT_EQ(engine->Metrics().events_duplicate, (kThreads - 1) * kBatches);
  const auto report = engine->Check();
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->events, sent);
  EXPECT_THAT(report->damage, testing::IsEmpty());
}

TEST_F(EngineTest, AsyncAnswersEveryCallOnce) {
  auto engine = Open();
  std::atomic<int> answers{0};
  std::promise<void> all;
  constexpr int kCalls = 500;
  for (int i = 0; i < kCalls; ++i) {
    const std::string body =
        i % 7 == 0 ? "broken" : EventJson(std::to_string(i), "u", "view", "/", kNow);
    engine->IngestAsync(body, {}, [&, i](Result<IngestResult> result) {
      EXPECT_EQ(result.ok(), i % 7 != 0);
      if (++answers == kCalls) all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_EQ(answers.load(), kCalls);
  EXPECT_EQ(engine->Totals().total, static_cast<std::uint64_t>(kCalls - (kCalls + 6) / 7));
}

TEST_F(EngineTest, RelaxedDurabilityIsSaid) {
  for (const Durability durability : {Durability::kInterval, Durability::kNone}) {
    options_.durability = durability;
    options_.data_dir = dir_.path() + "/" + DurabilityName(durability);
    auto engine = Open();
    const auto result = engine->Ingest(EventJson("1", "u", "view", "/", kNow));
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->durability, durability);
    ASSERT_TRUE(engine->Close().ok());
    engine.reset();
    EXPECT_EQ(Open()->Totals().total, 1u);
  }
}

}  // namespace
}  // namespace insightflow
