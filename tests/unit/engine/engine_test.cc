// An engine opens, closes, is backed up and starts again; and a query of it ends in time.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/engine_fixture.h"

namespace insightflow {
namespace {

TEST_F(EngineTest, CloseAnswersWhatWasTakenAndRefusesTheRest) {
  auto engine = Open();
  std::atomic<int> good{0};
  for (int i = 0; i < 100; ++i) {
    engine->IngestAsync(EventJson(std::to_string(i), "u", "view", "/", kNow), {},
                        [&](Result<IngestResult> result) { good += result.ok() ? 1 : 0; });
  }
  EXPECT_TRUE(engine->Close().ok());
  EXPECT_TRUE(engine->Close().ok());
  EXPECT_EQ(good.load(), 100);
  EXPECT_EQ(engine->Ingest("[]").status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(engine->UserEvents("u", 1).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(engine->Check().status().code(), StatusCode::kFailedPrecondition);
  EXPECT_FALSE(engine->Health().ok());
  engine.reset();
  EXPECT_EQ(Open()->Totals().total, 100u);
}

TEST_F(EngineTest, AStoreIsHeldByOneEngine) {
  auto engine = Open();
  EXPECT_EQ(Engine::Open(options_).status().code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(engine->Close().ok());
  EXPECT_TRUE(Engine::Open(options_).ok());
}

TEST_F(EngineTest, ABackupOpensAndHoldsWhatWasAccepted) {
  auto engine = Open();
  ASSERT_EQ(engine->Ingest(EventJson("1", "u", "view", "/", kNow))->accepted, 1u);
  const std::string backup = dir_.path() + "/backup";
  ASSERT_TRUE(engine->Backup(backup).ok());
  EXPECT_EQ(engine->Backup(backup).code(), StatusCode::kAlreadyExists);
  ASSERT_EQ(engine->Ingest(EventJson("2", "u", "view", "/", kNow))->accepted, 1u);
  EngineOptions copy = options_;
  copy.data_dir = backup;
  auto opened = Engine::Open(copy);
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  EXPECT_EQ((*opened)->Totals().total, 1u);
  EXPECT_EQ((*opened)->Ingest(EventJson("1", "u", "view", "/", kNow))->duplicates, 1u);
}

TEST_F(EngineTest, WorksInMemory) {
  options_.data_dir.clear();
  auto engine = Open();
  ASSERT_EQ(engine->Ingest(EventJson("1", "u", "view", "/", kNow))->accepted, 1u);
  EXPECT_EQ(engine->UserEvents("u", 10)->size(), 1u);
}

// One user's timeline is one piece of work, and one of many steps that may be skipped is long.
TEST_F(EngineTest, ADeadlineEndsAQueryInTheMidstOfAUser) {
  auto engine = Open();
  const auto ingest = [&](const std::string& user, int events) {
    std::vector<std::string> batch;
    for (int i = 0; i < events; ++i) {
      batch.push_back(EventJson(user + std::to_string(i), user, "view", "/", kNow - 9'999 + i / 8));
      if (batch.size() < 2'000 && i + 1 < events) continue;
      ASSERT_TRUE(engine->Ingest(Envelope(batch)).ok());
      batch.clear();
    }
  };
  ingest("small", 800);
  ingest("large", 8'000);
  FunnelQuery query;
  query.steps.assign(32, {.event = {{"view"}}, .optional = true});
  query.steps.front().optional = false;
  query.steps.push_back({.event = {{"nothing"}}});
  // Processor time, of which a busy machine takes nothing away.
  const auto cost = [&](const std::string& user, QueryOptions options, StatusCode code) {
    query.scope.filters = {{.field = "user_id", .values = {user}}};
    const std::clock_t begin = std::clock();
    EXPECT_EQ(engine->Query(query, options).status().code(), code);
    return std::clock() - begin;
  };
  QueryOptions patient;
  patient.deadline = std::chrono::hours(1);
  QueryOptions hasty;
  hasty.deadline = std::chrono::milliseconds(5);
  const auto whole = cost("small", patient, StatusCode::kOk);
  EXPECT_LT(cost("large", hasty, StatusCode::kDeadlineExceeded), 4 * whole);
}

TEST_F(EngineTest, OptionsAreChecked) {
  EngineOptions bad = options_;
  bad.live.event_types_max = 256;
  EXPECT_EQ(Engine::Open(bad).status().code(), StatusCode::kInvalidArgument);
  bad = options_;
  bad.dedupe_bytes_max = 1;
  EXPECT_EQ(Engine::Open(bad).status().code(), StatusCode::kInvalidArgument);
  bad = options_;
  bad.create_if_missing = false;
  bad.data_dir += "/nowhere";
  EXPECT_EQ(Engine::Open(bad).status().code(), StatusCode::kNotFound);
}

// What is asked after a restart: everything that must equal an engine that never stopped.
std::string Answers(const Engine& engine) {
  std::string out;
  const Dashboard d = engine.GetDashboard(100);
  for (const RankedCount& row : d.hot_pages.rows) {
    out += row.value + "=" + std::to_string(row.count) + "±" + std::to_string(row.count_error_max) +
           " ";
  }
  out += "| " + std::to_string(d.online.last_5_minutes) + " " +
         std::to_string(d.online.last_30_minutes) + " " + std::to_string(d.totals.users);
  for (const TypeCount& type : d.totals.by_type) {
    out += " " + type.type + ":" + std::to_string(type.count);
  }
  for (const std::uint64_t n : d.rates.seconds) out += " " + std::to_string(n);
  for (const std::uint64_t n : d.rates.minutes) out += " " + std::to_string(n);
  for (const std::uint64_t n : d.rates.hours) out += " " + std::to_string(n);
  return out + " " + std::to_string(d.conversion.rate);
}

TEST_F(EngineTest, LiveNumbersAreSavedMidwayAndTheRestIsReplayed) {
  options_.live_save_events = 10;
  auto engine = Open();
  for (int i = 0; i < 25; ++i) {
    ASSERT_TRUE(engine->Ingest(EventJson(std::to_string(i), "u", "view", "/", kNow)).ok());
  }
  // A copy of the store as a crash would leave it: without what Close() saves.
  const std::string crashed = dir_.path() + "/crashed";
  ASSERT_TRUE(engine->Backup(crashed).ok());
  EngineOptions copy = options_;
  copy.data_dir = crashed;
  auto opened = Engine::Open(copy);
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  EXPECT_EQ((*opened)->Totals().total, 25u);
  EXPECT_EQ((*opened)->HotPages(Window::kAll, 1).rows[0].count, 25u);
}

TEST_F(EngineTest, RestartsDoNotChangeAnyAnswer) {
  options_.live.pages_max = 8;
  EngineOptions steady = options_;
  steady.data_dir = dir_.path() + "/steady";
  auto never_stopped = *Engine::Open(steady);
  options_.data_dir = dir_.path() + "/restarted";
  auto engine = Open();
  for (int round = 0; round < 12; ++round) {
    std::vector<std::string> events;
    for (int i = 0; i < 50; ++i) {
      const int n = round * 50 + i;
      events.push_back(EventJson(std::to_string(n), "u" + std::to_string(n % 37),
                                 n % 11 == 0 ? "purchase" : "view", "/" + std::to_string(n % 13),
                                 kNow + round * 60'000 - n * 7));
    }
    ASSERT_EQ(engine->Ingest(Envelope(events))->accepted, 50u);
    ASSERT_EQ(never_stopped->Ingest(Envelope(events))->accepted, 50u);
    clock_.Advance(std::chrono::minutes(1));
    if (round % 3 == 0) engine = nullptr;
    if (engine == nullptr) engine = Open();
    ASSERT_EQ(Answers(*engine), Answers(*never_stopped)) << "round " << round;
  }
}

}  // namespace
}  // namespace insightflow
