// One damaged chunk of a segment, column by column: the store opens, the rest is answered, and what
// is missing has its day and its segment.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "insightflow/engine.h"
#include "lib/segments/segment_store.h"
#include "lib/store/store.h"
#include "tests/support/hand_folded.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::int64_t kDayMillis = 86'400'000;
constexpr std::int64_t kDay = 20'000;  // 2024-10-04

class DamageTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Engine>> Open() {
    EngineOptions options = FoldedByHand(dir_.path(), &clock_);
    return Engine::Open(options);
  }

  // Two days, received at different times, each in a segment.
  void Fill() {
    const auto engine = Open();
    ASSERT_TRUE(engine.ok());
    for (const std::int64_t day : {kDay, kDay + 1}) {
      ASSERT_EQ((*engine)->Ingest(EventsOfDay(day))->accepted, kEventsADay);
      ASSERT_TRUE((*engine)->Fold().ok());
      clock_.Advance(std::chrono::hours(1));
    }
    ASSERT_TRUE((*engine)->Close().ok());
  }

  // Of a column in the first day's first block.
  void Damage(SegmentColumn column) {
    StoreOptions options;
    options.dir = dir_.path();
    const auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    auto* const family = (*store)->family(Family::kSegments);
    const std::unique_ptr<rocksdb::Iterator> rows(
        (*store)->db().NewIterator(rocksdb::ReadOptions(), family));
    rows->SeekToFirst();
    while (rows->Valid() && (rows->key()[rows->key().size() - 1] != static_cast<char>(column) ||
                             rows->key()[rows->key().size() - 2] != 0)) {
      rows->Next();
    }
    ASSERT_TRUE(rows->Valid());
    std::string value = rows->value().ToString();
    value[value.size() / 2] ^= 1;
    ASSERT_TRUE((*store)->db().Put(rocksdb::WriteOptions(), family, rows->key(), value).ok());
  }

  TempDir dir_;
  ManualClock clock_{FromMillis((kDay + 2) * kDayMillis)};
};

TEST_F(DamageTest, ADamagedBlockCostsOnlyItself) {
  Fill();
  Damage(SegmentColumn::kTime);
  const auto engine = Open();
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  const auto answer = (*engine)->Query(TopQuery{.field = "page_url"});
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  std::uint64_t count = 0;
  for (const TopRow& row : std::get<TopAnswer>(answer->body).rows) count += row.count;
  EXPECT_EQ(count, kEventsADay);
  EXPECT_EQ(answer->meta.incomplete.size(), 1u);
  EXPECT_FALSE(answer->meta.exact);
  EXPECT_THAT(answer->meta.incomplete, Each(StartsWith("day 2024-10-04, segment 1, column time")));
  EXPECT_TRUE((*engine)->Metrics().ids_status.ok());
}

TEST_F(DamageTest, DamagedIdsCostNoAnswerAndAreTold) {
  Fill();
  Damage(SegmentColumn::kEventId);
  for (int opening = 0; opening < 2; ++opening) {
    const auto engine = Open();
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    const auto answer = (*engine)->Query(TopQuery{.field = "page_url"});
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    EXPECT_THAT(answer->meta.incomplete, IsEmpty()) << "it needs no ids";
    EXPECT_TRUE(answer->meta.exact);
    const EngineMetrics metrics = (*engine)->Metrics();
    EXPECT_EQ(metrics.ids_status.code(), StatusCode::kDataLoss);
    EXPECT_THAT(metrics.ids_status.message(),
                StartsWith("day 2024-10-04, segment 1, column event_id, block 0"));
    // Behind the first day's events every id is known, which came two hours ago.
    EXPECT_EQ(metrics.dedupe_reach, std::chrono::hours(2) - std::chrono::milliseconds(1));
    EXPECT_EQ((*engine)->Ingest(EventsOfDay(kDay + 1))->duplicates, kEventsADay);
    EXPECT_EQ((*engine)->Check()->damage.size(), 1u);
    ASSERT_TRUE((*engine)->Close().ok());
  }
}

// One more segment for the first day, with events of its own.
std::vector<Event> MoreEvents(std::uint64_t batch) {
  std::vector<Event> events(kEventsADay);
  for (std::uint64_t i = 0; i < kEventsADay; ++i) {
    Event& event = events[i];
    event.event_id = "more" + std::to_string(batch) + "-" + std::to_string(i);
    event.user_id = "v" + std::to_string(i % 5);
    event.session_id = "s";
    event.event_type = "view";
    event.page_url = "/more";
    event.timestamp = FromMillis(kDay * kDayMillis + static_cast<std::int64_t>(i));
  }
  return events;
}

TEST_F(DamageTest, ADamagedSegmentIsLeftOutOfMergesAndAllElseIsFolded) {
  Fill();
  Damage(ColumnOf(Field::kPageUrl));
  const auto engine = Open();
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  EXPECT_TRUE((*engine)->Fold().ok()) << "nothing has been read yet";
  for (std::uint64_t batch = 0; batch < 7; ++batch) {
    const auto taken = (*engine)->Ingest(MoreEvents(batch));
    ASSERT_EQ(taken->accepted, kEventsADay)
        << (taken->errors.empty() ? "" : taken->errors[0].message);
    const Status status = (*engine)->Fold();
    if (batch < 2) continue;  // too few for a merge
    EXPECT_EQ(status.code(), StatusCode::kDataLoss);
    EXPECT_THAT(status.message(), StartsWith("day 2024-10-04, segment 1, column page_url"));
    EXPECT_EQ((*engine)->Metrics().fold_status, status);
  }
  const EngineMetrics metrics = (*engine)->Metrics();
  EXPECT_EQ(metrics.folded_sequence, (2 + 7) * kEventsADay);
  EXPECT_GE(metrics.segment_merges, 1u);
  EXPECT_EQ(metrics.segments, 3u) << "the damaged one, the other day's, one of the 7";
  const auto answer = (*engine)->Query(TopQuery{.field = "page_url"});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(std::get<TopAnswer>(answer->body).rows[0].count, 7 * kEventsADay);
}

// By a column that is whole.
std::uint64_t CountOf(const Engine& engine, const std::string& user_id) {
  TopQuery query;
  query.field = "event_type";
  query.scope.filters.push_back({"user_id", FilterOp::kEq, {user_id}});
  const auto answer = engine.Query(query);
  EXPECT_TRUE(answer.ok()) << answer.status().ToString();
  if (!answer.ok()) return 0;
  EXPECT_THAT(answer->meta.incomplete, IsEmpty());
  std::uint64_t count = 0;
  for (const TopRow& row : std::get<TopAnswer>(answer->body).rows) count += row.count;
  return count;
}

TEST_F(DamageTest, ErasingIsDoneWhereItCanBeAndStaysDueWhereItCannot) {
  Fill();
  Damage(ColumnOf(Field::kPageUrl));
  {
    const auto engine = Open();
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    EXPECT_EQ((*engine)->EraseUser("u1").status().code(), StatusCode::kOk);
    EXPECT_EQ((*engine)->Fold().code(), StatusCode::kDataLoss);
    EXPECT_EQ(CountOf(**engine, "u1"), 0u);
    EXPECT_EQ(CountOf(**engine, "u2"), 14u);
    ASSERT_EQ((*engine)->Ingest(MoreEvents(0))->accepted, kEventsADay) << "it goes on";
    EXPECT_EQ((*engine)->Fold().code(), StatusCode::kDataLoss);
    EXPECT_EQ((*engine)->Metrics().folded_sequence, 3 * kEventsADay);
    ASSERT_TRUE((*engine)->Close().ok());
  }
  const auto engine = Open();
  ASSERT_TRUE(engine.ok());
  EXPECT_EQ(CountOf(**engine, "u1"), 0u) << "the note stands";
}

}  // namespace
}  // namespace insightflow
