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
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::int64_t kDayMillis = 86'400'000;
constexpr std::int64_t kDay = 20'000;  // 2024-10-04
constexpr std::uint64_t kEventsADay = 50;

class DamageTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Engine>> Open() {
    EngineOptions options;
    options.data_dir = dir_.path();
    options.dedupe_bytes_max = 4u << 20;
    options.disk_free_min = 0;
    options.fold = false;
    options.clock = &clock_;
    return Engine::Open(options);
  }

  std::vector<Event> Events(std::int64_t day) const {
    std::vector<Event> events(kEventsADay);
    for (std::uint64_t i = 0; i < kEventsADay; ++i) {
      Event& event = events[i];
      event.event_id = std::to_string(day) + "-" + std::to_string(i);
      event.user_id = "u" + std::to_string(i % 7);
      event.session_id = "s" + std::to_string(i);
      event.event_type = i % 2 == 0 ? "view" : "click";
      event.page_url = "/" + std::to_string(i % 5);
      event.timestamp = FromMillis(day * kDayMillis + static_cast<std::int64_t>(i * i));
    }
    return events;
  }

  // Two days, received at different times, each in a segment.
  void Fill() {
    const auto engine = Open();
    ASSERT_TRUE(engine.ok());
    for (const std::int64_t day : {kDay, kDay + 1}) {
      ASSERT_EQ((*engine)->Ingest(Events(day))->accepted, kEventsADay);
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
    const EngineMetrics metrics = (*engine)->Metrics();
    EXPECT_EQ(metrics.ids_status.code(), StatusCode::kDataLoss);
    EXPECT_THAT(metrics.ids_status.message(),
                StartsWith("day 2024-10-04, segment 1, column event_id, block 0"));
    // Behind the first day's events every id is known, which came two hours ago.
    EXPECT_EQ(metrics.dedupe_reach, std::chrono::hours(2) - std::chrono::milliseconds(1));
    EXPECT_EQ((*engine)->Ingest(Events(kDay + 1))->duplicates, kEventsADay);
    EXPECT_EQ((*engine)->Check()->damage.size(), 1u);
    ASSERT_TRUE((*engine)->Close().ok());
  }
}

}  // namespace
}  // namespace insightflow
