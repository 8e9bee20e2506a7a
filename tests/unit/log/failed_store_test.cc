#include "lib/log/failed_store.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>

#include "lib/base/coding.h"
#include "tests/support/random_cases.h"
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

// A store with rejected events alone, so that a test can erase.
class FailedStoreErase : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open(std::size_t events_max = 100, std::size_t bytes_max = 1 << 20) {
    failed_.reset();
    store_.reset();
    StoreOptions options;
    options.dir = dir_.path();
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = std::move(*store);
    failed_ = std::make_unique<FailedStore>(store_.get(), events_max, bytes_max);
    ASSERT_TRUE(failed_->Open().ok());
  }
  void Write(rocksdb::WriteBatch* batch) {
    ASSERT_TRUE(store_->Write(batch, false, std::nullopt).ok());
    failed_->Commit();
  }
  void Add(const std::vector<std::string>& texts) {
    std::vector<RejectedEvent> events;
    events.reserve(texts.size());
    for (const std::string& text : texts) events.push_back(Rejected(0, text));
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(failed_->Add(events, 7, &batch).ok());
    Write(&batch);
  }
  std::uint64_t Erase(const std::string& user) {
    rocksdb::WriteBatch batch;
    const Result<std::uint64_t> erased = failed_->EraseUser(user, &batch);
    EXPECT_TRUE(erased.ok());
    Write(&batch);
    return *erased;
  }
  // "id:text" of what is kept, read a page at a time; the counters and `check` agree with it.
  std::string Kept() {
    std::string kept;
    std::uint64_t count = 0, after = 0;
    for (;;) {
      const auto page = failed_->Read(after, 2);
      EXPECT_TRUE(page.ok());
      if (!page.ok() || page->empty()) break;
      for (const FailedEvent& event : *page) {
        kept += std::to_string(event.id) + ":" + event.event + " ";
        after = event.id;
        ++count;
      }
    }
    EXPECT_EQ(failed_->events(), count);
    EXPECT_TRUE(CheckFailedEvents(*store_).empty());
    return kept;
  }

  TempDir dir_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FailedStore> failed_;
};

TEST_F(FailedStoreErase, OnlyTheUsersEventsGoAndIdsStay) {
  Add({"user=a", "user=b", "user=a!", "user=c", "{\"user_id\":\"a\"}"});
  EXPECT_EQ(Erase("nobody"), 0u);
  EXPECT_EQ(Erase("a"), 3u);
  EXPECT_EQ(Kept(), "2:user=b 4:user=c ");
  EXPECT_EQ(failed_->dropped(), 0u);
  Add({"user=a"});  // comes back
  EXPECT_EQ(Kept(), "2:user=b 4:user=c 6:user=a ");
  EXPECT_EQ(Erase("a"), 1u);
  EXPECT_EQ(Erase("a"), 0u);
  Add({"user=d"});
  EXPECT_EQ(Kept(), "2:user=b 4:user=c 7:user=d ");
}

TEST_F(FailedStoreErase, HolesOutliveRestarts) {
  Add({"a", "b", "a", "c", "a"});
  Erase("a");
  for (int i = 0; i < 3; ++i) {
    Open();
    EXPECT_EQ(Kept(), "2:b 4:c ");
    EXPECT_EQ(failed_->dropped(), 0u);
  }
  Add({"d"});
  Open();
  EXPECT_EQ(Kept(), "2:b 4:c 6:d ");
  EXPECT_EQ(Erase("b") + Erase("c") + Erase("d"), 3u);
  Open();
  EXPECT_EQ(Kept(), "");
  Add({"e"});
  EXPECT_EQ(Kept(), "7:e ");
}

TEST_F(FailedStoreErase, WhatIsErasedMakesRoom) {
  Open(4);
  Add({"a", "b", "a", "c"});
  Erase("a");
  Add({"d", "e"});
  EXPECT_EQ(Kept(), "2:b 4:c 5:d 6:e ");
  EXPECT_EQ(failed_->dropped(), 0u);
  Add({"f"});  // b goes, and the ids that were gone before and behind it
  EXPECT_EQ(Kept(), "4:c 5:d 6:e 7:f ");
  EXPECT_EQ(failed_->dropped(), 1u);
  Erase("e");
  Add({"g", "h", "i"});
  EXPECT_EQ(Kept(), "7:f 8:g 9:h 10:i ");
  EXPECT_EQ(failed_->dropped(), 3u);
  Erase("i");
  Add({"1", "2", "3", "4", "5"});  // more than fit: nothing older remains
  EXPECT_EQ(Kept(), "11:2 12:3 13:4 14:5 ");
  EXPECT_EQ(failed_->dropped(), 7u);
  Open(2);
  Add({"z"});
  EXPECT_EQ(Kept(), "14:5 15:z ");
}

TEST_F(FailedStoreErase, BytesAreGivenBack) {
  const std::string big(2'000, 'x');
  Open(100, 10'000);
  Add({"a " + big, "b " + big, "a " + big, "c " + big});
  Erase("a");
  Add({"d " + big, "e " + big});
  EXPECT_EQ(failed_->events(), 4u);
  EXPECT_EQ(failed_->dropped(), 0u);
  Add({"f " + big});
  EXPECT_EQ(failed_->events(), 4u);
  EXPECT_EQ(failed_->dropped(), 1u);
}

TEST_F(FailedStoreErase, CountersFromBeforeErasuresOpen) {
  Add({"a", "b", "c"});
  std::string counters;
  for (const std::uint64_t number : {1, 4, 60, 5}) PutFixed(&counters, number);
  rocksdb::WriteBatch batch;
  ASSERT_TRUE(batch.Put(store_->family(Family::kMeta), "failed", counters).ok());
  ASSERT_TRUE(store_->Write(&batch, false, std::nullopt).ok());
  Open();
  EXPECT_EQ(Kept(), "1:a 2:b 3:c ");
  EXPECT_EQ(failed_->dropped(), 5u);
  Erase("b");
  Open();
  EXPECT_EQ(Kept(), "1:a 3:c ");
}

TEST_F(FailedStoreErase, CountersThatCannotBeAreDamage) {
  std::string counters;
  for (const std::uint64_t number : {1, 4, 60, 5, 4}) PutFixed(&counters, number);
  rocksdb::WriteBatch batch;
  ASSERT_TRUE(batch.Put(store_->family(Family::kMeta), "failed", counters).ok());
  ASSERT_TRUE(store_->Write(&batch, false, std::nullopt).ok());
  EXPECT_EQ(FailedStore(store_.get(), 10, 10'000).Open().code(), StatusCode::kDataLoss);
}

// Random steps against a list.
TEST_F(FailedStoreErase, EqualsAList) {
  testing::Random random(testing::RandomSeed());
  std::map<std::uint64_t, std::string> kept;
  std::uint64_t next = 1, dropped = 0;
  constexpr std::size_t kMax = 12;
  Open(kMax);
  for (int step = 0, steps = testing::RandomCases(400); step < steps; ++step) {
    if (random.OneIn(3)) {
      const std::string user = "u" + std::to_string(random.Below(6));
      const std::uint64_t erased =
          std::erase_if(kept, [&](const auto& event) { return event.second == user; });
      ASSERT_EQ(Erase(user), erased);
    } else if (random.OneIn(10)) {
      Open(kMax);
    } else {
      std::vector<std::string> texts(static_cast<std::size_t>(random.Between(1, 5)));
      for (std::string& text : texts) {
        text = "u" + std::to_string(random.Below(6));
        kept[next++] = text;
      }
      Add(texts);
      for (; kept.size() > kMax; ++dropped) kept.erase(kept.begin());
    }
    std::string expected;
    for (const auto& [id, text] : kept) expected += std::to_string(id) + ":" + text + " ";
    ASSERT_EQ(Kept(), expected) << step;
    ASSERT_EQ(failed_->dropped(), dropped);
  }
}

}  // namespace
}  // namespace insightflow
