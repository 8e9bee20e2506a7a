#include "insightflow/engine.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

std::string EventJson(const std::string& id, const std::string& user, const std::string& type,
                      const std::string& page, std::int64_t time) {
  return R"({"event_id":")" + id + R"(","user_id":")" + user +
         R"(","session_id":"s","event_type":")" + type + R"(","page_url":")" + page +
         R"(","timestamp":)" + std::to_string(time) + "}";
}

std::string Envelope(const std::vector<std::string>& events) {
  std::string body = R"({"events":[)";
  for (std::size_t i = 0; i < events.size(); ++i) body += (i == 0 ? "" : ",") + events[i];
  return body + "]}";
}

class EngineTest : public testing::Test {
 protected:
  EngineTest() : clock_(FromMillis(kNow)) {
    options_.data_dir = dir_.path();
    options_.clock = &clock_;
    options_.dedupe_bytes_max = 16u << 20;
  }

  std::unique_ptr<Engine> Open() {
    Result<std::unique_ptr<Engine>> engine = Engine::Open(options_);
    EXPECT_TRUE(engine.ok()) << engine.status().ToString();
    return engine.ok() ? std::move(*engine) : nullptr;
  }

  TempDir dir_;
  ManualClock clock_;
  EngineOptions options_;
};

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

TEST_F(EngineTest, TimelineIsNewestFirstWhateverTheOrderOfArrival) {
  auto engine = Open();
  for (const int t : {5, 1, 9, 3, 7}) {
    ASSERT_TRUE(engine->Ingest(EventJson(std::to_string(t), "u", "view", "/", kNow + t)).ok());
    ASSERT_TRUE(engine->Ingest(EventJson("x" + std::to_string(t), "v", "view", "/", kNow)).ok());
  }
  const auto times = [&](std::size_t limit, std::optional<Timestamp> before) {
    std::vector<std::int64_t> found;
    for (const StoredEvent& stored : *engine->UserEvents("u", limit, before)) {
      found.push_back(ToMillis(stored.event.timestamp) - kNow);
    }
    return found;
  };
  EXPECT_THAT(times(10, std::nullopt), testing::ElementsAre(9, 7, 5, 3, 1));
  EXPECT_THAT(times(2, std::nullopt), testing::ElementsAre(9, 7));
  EXPECT_THAT(times(2, FromMillis(kNow + 7)), testing::ElementsAre(5, 3));
  EXPECT_THAT(times(2, FromMillis(kNow)), testing::ElementsAre());
  EXPECT_EQ(engine->UserEvents("nobody", 10)->size(), 0u);
  EXPECT_EQ(engine->UserEvents("u", 0).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(engine->UserEvents("u", 1001).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(EngineTest, PagesOfATimelineMeetAlsoWithinOneTime) {
  auto engine = Open();
  for (int i = 0; i < 100; ++i) {
    const std::int64_t time = kNow + (i < 60 ? 0 : i % 3);
    ASSERT_TRUE(engine->Ingest(EventJson(std::to_string(i), "u", "view", "/", time)).ok());
    if (i == 50) {
      ASSERT_TRUE(engine->Fold().ok());
    }
  }
  std::vector<std::uint64_t> all, paged;
  for (const StoredEvent& stored : *engine->UserEvents("u", 1000)) all.push_back(stored.sequence);
  std::optional<Timestamp> before;
  std::uint64_t before_sequence = 0;
  while (true) {
    const auto page = engine->UserEvents("u", 7, before, before_sequence);
    ASSERT_TRUE(page.ok());
    if (page->empty()) break;
    for (const StoredEvent& stored : *page) paged.push_back(stored.sequence);
    before = page->back().event.timestamp;
    before_sequence = page->back().sequence;
  }
  EXPECT_EQ(all.size(), 100u);
  EXPECT_EQ(paged, all);
}

// Whoever sends events says what tab and seq they have, and may contradict the log in a circle.
TEST_F(EngineTest, ATimelineKeepsTheOrderOfEachTabWhateverItsSeqs) {
  auto engine = Open();
  std::vector<std::string> events;
  for (int i = 0; i < 900; ++i) {
    std::string event = EventJson(std::to_string(i), "u", "view", "/", kNow);
    event.pop_back();
    if (i % 5 != 0) {
      event += R"(,"tab_id":"t)" + std::to_string(i % 3) + R"(","seq":)" +
               std::to_string(i * 7919 % 1009);
    }
    events.push_back(event + "}");
  }
  ASSERT_EQ(engine->Ingest(Envelope(events))->accepted, 900u);
  const auto timeline = engine->UserEvents("u", 1000);
  ASSERT_TRUE(timeline.ok());
  ASSERT_EQ(timeline->size(), 900u);
  std::map<std::string, std::uint64_t> seqs;
  std::size_t place = 0;
  for (const StoredEvent& stored : *timeline) {
    ++place;
    const Event& event = stored.event;
    if (!event.seq) {
      EXPECT_EQ(stored.sequence, 901 - place);  // those without a tab stay as they arrived
    } else if (const auto known = seqs.find(event.tab_id); known != seqs.end()) {
      EXPECT_LE(*event.seq, known->second) << event.tab_id;
    }
    if (event.seq) seqs[event.tab_id] = *event.seq;
  }
}

TEST_F(EngineTest, TimelineReadsPastTheReachOfTheIndex) {
  options_.live.recent_events_max = 64;
  auto engine = Open();
  std::vector<std::string> events;
  for (int i = 0; i < 2000; ++i) {
    events.push_back(EventJson(std::to_string(i), i % 10 == 0 ? "u" : "v" + std::to_string(i),
                               "view", "/", kNow + i));
    if (events.size() == 100) {
      ASSERT_EQ(engine->Ingest(Envelope(events))->accepted, 100u);
      events.clear();
    }
  }
  const auto found = engine->UserEvents("u", 150);
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 150u);
  for (int i = 0; i < 150; ++i) {
    EXPECT_EQ(ToMillis((*found)[i].event.timestamp), kNow + 1990 - 10 * i);
  }
  EXPECT_EQ(engine->UserEvents("u", 1000)->size(), 200u);
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
