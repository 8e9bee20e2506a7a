#include "lib/log/failed_store.h"

#include <gtest/gtest.h>

#include "tests/unit/log/log_fixture.h"

namespace insightflow {
namespace {

std::vector<RejectedEvent> Some(std::size_t count, std::size_t first = 0, std::size_t bytes = 3) {
  std::vector<RejectedEvent> events;
  for (std::size_t i = 0; i < count; ++i) {
    events.push_back(Rejected(i, std::to_string(first + i) + std::string(bytes, '.')));
  }
  return events;
}

std::vector<FailedEvent> All(const EventLog& log) {
  auto events = log.Failed(0, 1'000'000);
  EXPECT_TRUE(events.ok());
  return *events;
}

TEST(FailedStore, KeepsEverythingOfAnEvent) {
  TempDir dir;
  {
    const auto log = OpenLog(dir.path());
    ASSERT_TRUE(log->Append({}, Some(2), 1234, true).ok());
    EXPECT_FALSE(log->last().has_value());
  }
  const auto log = OpenLog(dir.path());
  EXPECT_EQ(log->failed_events(), 2u);
  const auto events = All(*log);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].id, 1u);
  EXPECT_EQ(events[1].id, 2u);
  EXPECT_EQ(ToMillis(events[0].received), 1234);
  EXPECT_EQ(events[0].code, RejectCode::kBadTime);
  EXPECT_EQ(events[0].field, "timestamp");
  EXPECT_EQ(events[0].message, "not a time");
  EXPECT_EQ(events[0].event, "0...");
}

TEST(FailedStore, Pages) {
  const auto log = OpenLog("");
  ASSERT_TRUE(log->Append({}, Some(10), 1, false).ok());
  const auto page = log->Failed(3, 4);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->size(), 4u);
  EXPECT_EQ(page->front().id, 4u);
  EXPECT_EQ(page->back().id, 7u);
  EXPECT_TRUE(log->Failed(10, 4)->empty());
  EXPECT_TRUE(log->Failed(UINT64_MAX, 4)->empty());
  EXPECT_TRUE(log->Failed(0, 0)->empty());
}

TEST(FailedStore, DropsTheOldestPastTheCount) {
  TempDir dir;
  EventLogOptions options = OptionsFor(dir.path());
  options.failed_events_max = 5;
  for (std::size_t round = 0; round < 4; ++round) {
    const auto log = OpenLog(options);
    ASSERT_TRUE(log->Append({}, Some(3, round * 3), 1, false).ok());
    const auto events = All(*log);
    const std::size_t written = (round + 1) * 3;
    ASSERT_EQ(events.size(), std::min<std::size_t>(written, 5));
    EXPECT_EQ(events.back().id, written) << "ids go on after a restart";
    EXPECT_EQ(events.front().event, std::to_string(written - events.size()) + "...");
    EXPECT_EQ(log->failed_events(), events.size());
    EXPECT_EQ(log->failed_dropped(), written - events.size());
  }
}

TEST(FailedStore, DropsTheOldestPastTheBytes) {
  EventLogOptions options = OptionsFor("");
  options.failed_bytes_max = 10'000;
  const auto log = OpenLog(options);
  for (std::size_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(log->Append({}, Some(1, i, 1000), 1, false).ok());
    std::size_t bytes = 0;
    for (const auto& event : All(*log)) bytes += event.event.size();
    EXPECT_LE(bytes, options.failed_bytes_max);
  }
  EXPECT_EQ(All(*log).size(), 9u);
  EXPECT_EQ(All(*log).back().id, 50u);
  EXPECT_EQ(log->failed_dropped(), 41u);
}

TEST(FailedStore, ABatchLargerThanTheStoreLeavesItsNewest) {
  EventLogOptions options = OptionsFor("");
  options.failed_events_max = 4;
  const auto log = OpenLog(options);
  ASSERT_TRUE(log->Append({}, Some(2, 100), 1, false).ok());
  ASSERT_TRUE(log->Append({}, Some(10), 1, false).ok());
  const auto events = All(*log);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events.front().event, "6...");
  EXPECT_EQ(events.back().event, "9...");
  EXPECT_EQ(log->failed_dropped(), 8u);
}

TEST(FailedStore, CanBeSwitchedOff) {
  EventLogOptions options = OptionsFor("");
  options.failed_events_max = 0;
  const auto log = OpenLog(options);
  ASSERT_TRUE(log->Append({}, Some(3), 1, false).ok());
  EXPECT_TRUE(All(*log).empty());
  EXPECT_EQ(log->failed_dropped(), 3u);
}

TEST(FailedStore, ShrinksWithItsLimits) {
  TempDir dir;
  ASSERT_TRUE(OpenLog(dir.path())->Append({}, Some(20), 1, false).ok());
  EventLogOptions options = OptionsFor(dir.path());
  options.failed_events_max = 3;
  const auto log = OpenLog(options);
  ASSERT_TRUE(log->Append({}, Some(1, 20), 1, false).ok());
  EXPECT_EQ(All(*log).size(), 3u);
  EXPECT_EQ(All(*log).back().id, 21u);
}

TEST(FailedStore, CutsRawTextBetweenCharacters) {
  const auto log = OpenLog("");
  std::string text = "x";
  while (text.size() < 5000) text += "é";
  const std::vector<RejectedEvent> events = {Rejected(0, text)};
  ASSERT_TRUE(log->Append({}, events, 1, false).ok());
  EXPECT_EQ(All(*log)[0].event.size(), 4095u);
}

}  // namespace
}  // namespace insightflow
