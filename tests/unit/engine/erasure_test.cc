// Erasing a user (G11), and days that expire: answers at once, the disk when folded.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "insightflow/engine.h"
#include "tests/support/hand_folded.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using ::testing::IsEmpty;

constexpr std::int64_t kDayMillis = 86'400'000;
constexpr std::int64_t kToday = 19'700;

// Texts that no compression makes shorter, so that a file that holds one can be searched for it.
const std::string kUser = "Zq7xW2kPv9LmT4sBn8Rc";
const std::string kPage = "/hY6gJ3dFw0QzXe5Uo1Ia";
const std::string kNote = "Vb2nKq9MtRx7LwPz4HsJd";

class ErasureTest : public ::testing::Test {
 protected:
  void Open(std::uint32_t retention_days = 0) {
    EngineOptions options = FoldedByHand(dir_.path(), &clock_);
    options.retention_days = retention_days;
    auto engine = Engine::Open(options);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(*engine);
  }

  Event MakeEvent(const std::string& user, std::int64_t day = kToday) {
    Event event;
    event.event_id = "id-" + std::to_string(++ids_);
    event.user_id = user;
    event.session_id = user + "-session";
    event.event_type = "view";
    event.page_url = user == kUser ? kPage : "/home";
    event.timestamp = FromMillis(day * kDayMillis + static_cast<std::int64_t>(ids_));
    if (user == kUser) event.extra_data = R"({"note":")" + kNote + R"("})";
    return event;
  }

  // Events of the user among those of others.
  void IngestSome(int count) {
    std::vector<Event> events;
    for (int i = 0; i < count; ++i) {
      events.push_back(MakeEvent("other" + std::to_string(i % 7)));
      events.push_back(MakeEvent(kUser));
    }
    const auto result = engine_->Ingest(events);
    ASSERT_TRUE(result.ok());
    ASSERT_EQ(result->accepted, events.size());
  }

  // Names of files that hold any of the texts.
  std::vector<std::string> FilesWithTraces() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      for (const std::string& text : {kUser, kPage, kNote}) {
        if (bytes.find(text) != std::string::npos) {
          found.push_back(entry.path().filename().string() + " has " + text);
        }
      }
    }
    return found;
  }

  std::uint64_t CountOf(const std::string& user) const {
    TopQuery query;
    query.field = "user_id";
    query.scope.limit = 100;
    const auto answer = engine_->Query(query);
    EXPECT_TRUE(answer.ok());
    for (const TopRow& row : std::get<TopAnswer>(answer->body).rows) {
      if (row.value == user) return row.count;
    }
    return 0;
  }

  void ExpectNoSuchUser() const {
    EXPECT_EQ(CountOf(kUser), 0u);
    EXPECT_EQ(engine_->User(kUser).status().code(), StatusCode::kNotFound);
    EXPECT_THAT(*engine_->UserEvents(kUser, 100), IsEmpty());
    for (const RankedCount& page : engine_->HotPages(Window::kAll, 100).rows) {
      EXPECT_NE(page.value, kPage);
    }
    std::string exported;
    EXPECT_TRUE(engine_
                    ->Export({},
                             [&](std::string_view lines) {
                               exported += lines;
                               return Status::Ok();
                             })
                    .ok());
    EXPECT_EQ(exported.find(kUser), std::string::npos);
    EXPECT_THAT(*engine_->FailedEvents(0, 100), IsEmpty());
  }

  TempDir dir_;
  ManualClock clock_{FromMillis((kToday + 1) * kDayMillis)};
  std::unique_ptr<Engine> engine_;
  std::uint64_t ids_ = 0;
};

TEST_F(ErasureTest, AnUnknownUserHasNothingToErase) {
  Open();
  EXPECT_EQ(*engine_->EraseUser("nobody"), 0u);
  EXPECT_EQ(engine_->EraseUser("").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(engine_->EraseUser(std::string(65, 'x')).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(engine_->Metrics().erasures_pending, 0u);
  ASSERT_TRUE(engine_->Close().ok());
  EXPECT_EQ(engine_->EraseUser("nobody").status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(ErasureTest, AnswersForgetAtOnceAndTheDiskWhenFolded) {
  Open();
  IngestSome(40);
  ASSERT_TRUE(
      engine_->Ingest(R"({"events":[{"user_id":")" + kUser + R"(","event_type":1}]})").ok());
  ASSERT_EQ(engine_->FailedEvents(0, 10)->size(), 1u);
  ASSERT_TRUE(engine_->Fold().ok());
  IngestSome(30);
  ASSERT_TRUE(engine_->Close().ok());
  EXPECT_THAT(FilesWithTraces(), ::testing::Not(IsEmpty())) << "or the search finds nothing";
  Open();
  IngestSome(20);
  EXPECT_EQ(*engine_->EraseUser(kUser), 90u);
  EXPECT_EQ(engine_->Metrics().erasures_pending, 1u);
  ExpectNoSuchUser();
  EXPECT_EQ(engine_->Totals().total, 90u);
  EXPECT_EQ(engine_->Totals().users, 7u);
  EXPECT_EQ(*engine_->EraseUser(kUser), 0u);
  ASSERT_TRUE(engine_->Fold().ok());
  EXPECT_EQ(engine_->Metrics().erasures_pending, 0u);
  EXPECT_THAT(FilesWithTraces(), IsEmpty());
  ExpectNoSuchUser();
  EXPECT_EQ(CountOf("other1"), 6u + 5u + 3u);
  const auto report = engine_->Check();
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->damage, IsEmpty());
  EXPECT_EQ(report->events, 90u);
  ASSERT_TRUE(engine_->Close().ok());
  EXPECT_THAT(FilesWithTraces(), IsEmpty());
  Open();
  ExpectNoSuchUser();
  EXPECT_EQ(engine_->Totals().total, 90u);
}

TEST_F(ErasureTest, IsFinishedByALaterProcess) {
  Open();
  IngestSome(10);
  ASSERT_TRUE(engine_->Fold().ok());
  IngestSome(10);
  EXPECT_EQ(*engine_->EraseUser(kUser), 20u);
  IngestSome(3);  // the same id, but somebody new
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(engine_->Close().ok());
    Open();
    EXPECT_EQ(engine_->Metrics().erasures_pending, 1u);
    EXPECT_EQ(CountOf(kUser), 3u);
    EXPECT_EQ(engine_->User(kUser)->events, 3u);
    EXPECT_EQ(engine_->UserEvents(kUser, 100)->size(), 3u);
    EXPECT_EQ(engine_->Totals().total, 26u);
  }
  ASSERT_TRUE(engine_->Fold().ok());
  EXPECT_EQ(engine_->Metrics().erasures_pending, 0u);
  EXPECT_EQ(CountOf(kUser), 3u);
  EXPECT_EQ(*engine_->EraseUser(kUser), 3u);
  ASSERT_TRUE(engine_->Fold().ok());
  EXPECT_THAT(FilesWithTraces(), IsEmpty());
}

TEST_F(ErasureTest, RejectedEventsLeaveTheDiskThoughTheUserHasNoOthers) {
  Open();
  ASSERT_TRUE(
      engine_->Ingest(R"({"events":[{"user_id":")" + kUser + R"(","event_type":1}]})").ok());
  ASSERT_TRUE(engine_->Close().ok());
  EXPECT_THAT(FilesWithTraces(), ::testing::Not(IsEmpty())) << "or the search finds nothing";
  Open();
  EXPECT_EQ(*engine_->EraseUser(kUser), 0u);
  EXPECT_THAT(*engine_->FailedEvents(0, 100), IsEmpty());
  EXPECT_EQ(engine_->Metrics().erasures_pending, 1u);
  ASSERT_TRUE(engine_->Fold().ok());
  EXPECT_EQ(engine_->Metrics().erasures_pending, 0u);
  EXPECT_THAT(FilesWithTraces(), IsEmpty());
  EXPECT_EQ(*engine_->EraseUser(kUser), 0u);
  EXPECT_EQ(engine_->Metrics().erasures_pending, 0u) << "nothing is left to erase";
}

// Steps, filters and an exclusion that name the user, each among others.
FunnelDefinition FunnelAbout(const std::string& user) {
  FunnelDefinition funnel;
  funnel.id = "f";
  funnel.name = "watched";
  const auto by_user = [](FilterOp op, std::vector<FilterValue> values) {
    return Filter{.field = "user_id", .op = op, .values = std::move(values)};
  };
  funnel.query.scope.filters = {by_user(FilterOp::kNotIn, {user, std::string("annabel")})};
  funnel.query.steps = {
      {.event = {.types = {"view"}, .filters = {by_user(FilterOp::kNe, {user})}}},
      {.event = {.types = {"buy"}, .filters = {by_user(FilterOp::kIn, {std::string("a"), user})}}}};
  funnel.query.exclusions = {{.event = {.filters = {by_user(FilterOp::kEq, {user})}}}};
  return funnel;
}

TEST_F(ErasureTest, FunnelsNameTheUserNoLonger) {
  Open();
  const Filter alike = {.field = "element", .op = FilterOp::kEq, .values = {std::string("anna")}};
  FunnelDefinition expected = FunnelAbout("anna");
  expected.query.steps[1].event.filters.push_back(alike);
  ASSERT_TRUE(engine_->AddFunnel(expected).ok());
  ASSERT_TRUE(engine_->Ingest(std::vector{MakeEvent("other")}).ok());
  EXPECT_EQ(*engine_->EraseUser("anna"), 0u);
  expected = FunnelAbout("");
  expected.query.steps[1].event.filters.push_back(alike);
  EXPECT_EQ(*engine_->Funnel("f"), expected) << "what only reads alike stays";
  const auto answer = engine_->Query(*engine_->ActiveFunnel("f"));
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(std::get<FunnelAnswer>(answer->body).counts.total_users, 1u);
  EXPECT_EQ(engine_->Metrics().erasures_pending, 1u);
  EXPECT_TRUE(engine_->PutFunnel(expected).ok()) << "it is a definition like any other";
}

TEST_F(ErasureTest, FunnelsForgetTheUserOnTheDisk) {
  Open();
  ASSERT_TRUE(engine_->AddFunnel(FunnelAbout(kUser)).ok());
  IngestSome(3);
  ASSERT_TRUE(engine_->Close().ok());
  Open();
  EXPECT_EQ(*engine_->EraseUser(kUser), 3u);
  ASSERT_TRUE(engine_->Fold().ok());
  EXPECT_THAT(FilesWithTraces(), IsEmpty());
}

TEST_F(ErasureTest, WhatWasErasedMayComeAgain) {
  Open();
  std::vector<Event> events;
  for (int i = 0; i < 5; ++i) events.push_back(MakeEvent(kUser));
  events.push_back(MakeEvent("other"));
  events[2].event_id.clear();
  ASSERT_EQ(engine_->Ingest(events)->accepted, 6u);
  EXPECT_EQ(engine_->Ingest(events)->duplicates, 6u);
  ASSERT_EQ(*engine_->EraseUser(kUser), 5u);
  const auto again = engine_->Ingest(events);
  EXPECT_EQ(again->accepted, 5u);
  EXPECT_EQ(again->duplicates, 1u);
  EXPECT_EQ(CountOf(kUser), 5u);
}

TEST_F(ErasureTest, GoesOnBesideIngestAndQueries) {
  Open();
  IngestSome(50);
  std::atomic<bool> done = false;
  std::thread ingest([&] {
    for (int i = 0; i < 2'000 && !done; ++i) IngestSome(5);  // a slow machine erases slowly
  });
  std::thread ask([&] {
    while (!done) {
      CountOf("other1");
      static_cast<void>(engine_->UserEvents(kUser, 10));
      static_cast<void>(engine_->GetDashboard(5));
    }
  });
  std::uint64_t removed = 0;
  for (int i = 0; i < 20; ++i) {
    const auto erased = engine_->EraseUser(kUser);
    ASSERT_TRUE(erased.ok()) << erased.status().ToString();
    removed += *erased;
    if (i % 5 == 4) {
      ASSERT_TRUE(engine_->Fold().ok());
    }
  }
  done = true;
  ingest.join();
  ask.join();
  removed += *engine_->EraseUser(kUser);
  EXPECT_EQ(removed, ids_ / 2);
  ASSERT_TRUE(engine_->Fold().ok());
  ExpectNoSuchUser();
  EXPECT_EQ(engine_->Totals().total, ids_ / 2);
  EXPECT_THAT(FilesWithTraces(), IsEmpty());
}

class RetentionTest : public ErasureTest {};

TEST_F(RetentionTest, DaysExpireFromAnswersAndFromTheDisk) {
  Open(3);  // today is kToday + 1
  ASSERT_TRUE(engine_
                  ->Ingest(std::vector{MakeEvent(kUser, kToday - 2), MakeEvent("b", kToday - 3),
                                       MakeEvent("c", kToday - 1)})
                  .ok());
  EXPECT_EQ(CountOf(kUser), 1u);
  EXPECT_EQ(CountOf("b"), 0u) << "too old when it came";
  EXPECT_EQ(engine_->UserEvents("b", 10)->size(), 0u);
  ASSERT_TRUE(engine_->Fold().ok());
  EXPECT_EQ(engine_->Metrics().segments, 2u);
  clock_.Advance(std::chrono::hours(24));
  EXPECT_EQ(CountOf(kUser), 0u);
  EXPECT_EQ(CountOf("c"), 1u);
  EXPECT_THAT(*engine_->UserEvents(kUser, 10), IsEmpty());
  EXPECT_EQ(engine_->Totals().total, 3u) << "live totals are of all time";
  EXPECT_EQ(engine_->Metrics().segments, 2u);
  ASSERT_TRUE(engine_->Fold().ok());
  EXPECT_EQ(engine_->Metrics().segments, 1u);
  const auto report = engine_->Check();
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->damage, IsEmpty());
  EXPECT_EQ(report->events, 1u);
  ASSERT_TRUE(engine_->Close().ok());
  Open(0);
  EXPECT_EQ(CountOf("c"), 1u);
  EXPECT_EQ(CountOf(kUser), 0u) << "what has left the disk does not come back";
}

TEST_F(RetentionTest, WhoseEventsHaveExpiredCanStillBeErased) {
  Open(3);
  ASSERT_TRUE(
      engine_->Ingest(std::vector{MakeEvent(kUser, kToday - 9), MakeEvent("other", kToday - 9)})
          .ok());
  ASSERT_TRUE(engine_->Fold().ok());
  ASSERT_TRUE(engine_->User(kUser).ok());
  EXPECT_EQ(*engine_->EraseUser(kUser), 0u);
  EXPECT_EQ(engine_->User(kUser).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(engine_->Close().ok());
  Open(3);
  EXPECT_EQ(engine_->User(kUser).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(engine_->Fold().ok());
  EXPECT_EQ(engine_->Metrics().erasures_pending, 0u);
  EXPECT_TRUE(engine_->User("other").ok());
  EXPECT_EQ(engine_->Totals().total, 2u) << "live totals are of all time";
  ASSERT_TRUE(engine_->Close().ok());
  std::vector<std::string> left = FilesWithTraces();
  // Of the page only the count is kept, as of all pages of expired days.
  std::erase_if(left, [](const std::string& found) { return found.ends_with(kPage); });
  EXPECT_THAT(left, IsEmpty());
}

TEST_F(RetentionTest, AStoreThatOpensDropsWhatHasExpired) {
  Open();
  ASSERT_TRUE(engine_->Ingest(std::vector{MakeEvent("a", kToday - 9), MakeEvent("b")}).ok());
  ASSERT_TRUE(engine_->Fold().ok());
  ASSERT_TRUE(engine_->Close().ok());
  EngineOptions options;
  options.data_dir = dir_.path();
  options.dedupe_bytes_max = 4u << 20;
  options.disk_free_min = 0;
  options.retention_days = 2;
  options.clock = &clock_;
  const auto engine = Engine::Open(options);
  ASSERT_TRUE(engine.ok());
  while ((*engine)->Metrics().segments != 1) std::this_thread::yield();
}

}  // namespace
}  // namespace insightflow
