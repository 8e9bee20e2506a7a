// A user's timeline, as UserEvents tells it.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/engine_fixture.h"

namespace insightflow {
namespace {

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

}  // namespace
}  // namespace insightflow
