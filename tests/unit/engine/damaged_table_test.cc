// A bit flips in the table file of a segment, wherever the file has a part of its own: what cannot
// be read is named with its day and segment, and everything else goes on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "insightflow/engine.h"
#include "lib/segments/segment_store.h"
#include "lib/store/store.h"
#include "tests/support/hand_folded.h"
#include "tests/support/table_file.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::int64_t kDayMillis = 86'400'000;
constexpr std::int64_t kDay = 20'000;  // 2024-10-04; the damaged one is the next
constexpr char kDamaged[] = "day 2024-10-05, segment 2, column meta, block 0";

class DamagedTableTest : public ::testing::TestWithParam<TablePlace> {
 protected:
  Result<std::unique_ptr<Engine>> TryOpen(std::uint32_t retention_days = 0) {
    EngineOptions options = FoldedByHand(dir_.path(), &clock_);
    options.retention_days = retention_days;
    return Engine::Open(options);
  }
  std::unique_ptr<Engine> Open(std::uint32_t retention_days = 0) {
    auto engine = TryOpen(retention_days);
    EXPECT_TRUE(engine.ok()) << engine.status().ToString();
    return engine.ok() ? *std::move(engine) : nullptr;
  }

  static void Take(Engine* engine, std::int64_t day, const std::string& batch) {
    ASSERT_EQ(engine->Ingest(EventsOfDay(day, batch + "-"))->accepted, kEventsADay);
  }

  // Three days, each in a segment.
  void Fill() {
    const auto engine = Open();
    for (std::int64_t day = kDay; day < kDay + 3; ++day) {
      Take(engine.get(), day, "first");
      ASSERT_TRUE(engine->Fold().ok());
      clock_.Advance(std::chrono::hours(1));
    }
    ASSERT_TRUE(engine->Close().ok());
  }
  void FillAndDamage() {
    Fill();
    FlipBit(TableFileOf(dir_.path(), kDay + 1), GetParam());
  }

  // To a family that opening does not read: into its write-ahead log only, or into a table file,
  // which is returned.
  std::string WriteToCache(bool flush) {
    StoreOptions options;
    options.dir = dir_.path();
    const auto store = Store::Open(options);
    EXPECT_TRUE(store.ok()) << store.status().ToString();
    if (!store.ok()) return "";
    for (const char* key : {"a", "b"}) {
      rocksdb::WriteBatch batch;
      constexpr std::size_t kLogBlock = 32 << 10;  // damage costs RocksDB the rest of one
      (void)batch.Put((*store)->family(Family::kCache), key, std::string(2 * kLogBlock, 'x'));
      EXPECT_TRUE((*store)->Write(&batch, true).ok());
    }
    if (!flush) return "";
    EXPECT_TRUE((*store)->Flush().ok());
    std::vector<rocksdb::LiveFileMetaData> files;
    (*store)->db().GetLiveFilesMetaData(&files);
    for (const auto& file : files) {
      if (file.column_family_name == "cache") return file.directory + "/" + file.relative_filename;
    }
    return "";
  }

  static Answer Ask(const Engine& engine, std::optional<std::int64_t> day = {}) {
    TopQuery query;
    query.field = "page_url";
    if (day) query.scope.from = FromMillis(*day * kDayMillis);
    if (day) query.scope.to = FromMillis((*day + 1) * kDayMillis);
    const auto answer = engine.Query(query);
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() ? *answer : Answer();
  }
  static std::uint64_t CountOf(const Answer& answer) {
    std::uint64_t count = 0;
    for (const TopRow& row : std::get<TopAnswer>(answer.body).rows) count += row.count;
    return count;
  }

  TempDir dir_;
  ManualClock clock_{FromMillis((kDay + 3) * kDayMillis)};
};
INSTANTIATE_TEST_SUITE_P(Where, DamagedTableTest, ::testing::ValuesIn(kTablePlaces),
                         [](const auto& place) { return NameOf(place.param); });

TEST_P(DamagedTableTest, TheRestAnswersAndWhatIsMissingIsNamed) {
  FillAndDamage();
  for (int opening = 0; opening < 2; ++opening) {
    const auto engine = Open();
    ASSERT_NE(engine, nullptr);
    EXPECT_EQ(CountOf(Ask(*engine)), 2 * kEventsADay);
    EXPECT_THAT(Ask(*engine).meta.incomplete, ElementsAre(StartsWith(kDamaged)));
    EXPECT_EQ(CountOf(Ask(*engine, kDay + 1)), 0u);
    EXPECT_THAT(Ask(*engine, kDay + 1).meta.incomplete, ElementsAre(StartsWith(kDamaged)));
    EXPECT_EQ(CountOf(Ask(*engine, kDay)), kEventsADay);
    EXPECT_THAT(Ask(*engine, kDay).meta.incomplete, IsEmpty());
    EXPECT_FALSE(Ask(*engine).meta.exact);
    EXPECT_TRUE(Ask(*engine, kDay).meta.exact);
    const EngineMetrics metrics = engine->Metrics();
    EXPECT_EQ(metrics.fold_status.code(), StatusCode::kDataLoss);
    EXPECT_THAT(metrics.fold_status.message(), StartsWith(kDamaged));
    EXPECT_EQ(metrics.ids_status.code(), StatusCode::kDataLoss);
    EXPECT_TRUE(metrics.live_status.ok()) << "it was saved";
    EXPECT_EQ(metrics.segments, 3u);
    EXPECT_TRUE(engine->Health().ok());
    EXPECT_THAT(engine->Check()->damage, Contains(StartsWith(kDamaged)));
    ASSERT_TRUE(engine->Close().ok());
    EXPECT_THAT(CheckStore(dir_.path())->damage, Contains(StartsWith(kDamaged)));
  }
}

TEST_P(DamagedTableTest, OtherDaysGoOnBeingFoldedAndMerged) {
  FillAndDamage();
  {
    const auto engine = Open();
    ASSERT_NE(engine, nullptr);
    for (int batch = 0; batch < 5; ++batch) {
      for (std::int64_t day = kDay - 1; day <= kDay + 3; ++day) {
        Take(engine.get(), day, std::to_string(batch));
      }
      const Status folded = engine->Fold();
      EXPECT_EQ(folded.code(), StatusCode::kDataLoss) << folded.ToString();
      EXPECT_THAT(folded.message(), StartsWith(kDamaged));
      EXPECT_TRUE(engine->Health().ok()) << engine->Health().ToString();
    }
    const EngineMetrics metrics = engine->Metrics();
    EXPECT_EQ(metrics.folded_sequence, (3 + 5 * 5) * kEventsADay);
    EXPECT_GE(metrics.segment_merges, 5u);
    EXPECT_EQ(CountOf(Ask(*engine)), (2 + 5 * 5) * kEventsADay);
    ASSERT_TRUE(engine->Close().ok());
  }
  const auto engine = Open();
  ASSERT_NE(engine, nullptr);
  EXPECT_EQ(CountOf(Ask(*engine)), (2 + 5 * 5) * kEventsADay);
  EXPECT_THAT(Ask(*engine).meta.incomplete, ElementsAre(StartsWith(kDamaged)));
}

TEST_P(DamagedTableTest, AnErasureIsDoneElsewhereAndStaysDue) {
  FillAndDamage();
  {
    const auto engine = Open();
    ASSERT_NE(engine, nullptr);
    EXPECT_EQ(engine->EraseUser("u1").status().code(), StatusCode::kOk);
    EXPECT_EQ(engine->Fold().code(), StatusCode::kDataLoss);
    EXPECT_EQ(engine->Metrics().erasures_pending, 1u);
    EXPECT_EQ(CountOf(Ask(*engine)), 2 * (kEventsADay - 7));
    ASSERT_TRUE(engine->Close().ok());
  }
  clock_.Advance(std::chrono::hours(24 * 2));
  const auto engine = Open(3);  // the damaged day expires, the last one stays
  ASSERT_NE(engine, nullptr);
  EXPECT_EQ(engine->Metrics().erasures_pending, 1u);
  EXPECT_TRUE(engine->Fold().ok()) << engine->Metrics().fold_status.ToString();
  EXPECT_EQ(engine->Metrics().erasures_pending, 0u);
  EXPECT_EQ(engine->Metrics().segments, 1u);
}

TEST_P(DamagedTableTest, RetentionDropsIt) {
  FillAndDamage();
  clock_.Advance(std::chrono::hours(24 * 2));
  {
    const auto engine = Open(3);
    ASSERT_NE(engine, nullptr);
    EXPECT_THAT(Ask(*engine).meta.incomplete, IsEmpty()) << "it has expired";
    EXPECT_TRUE(engine->Fold().ok()) << engine->Metrics().fold_status.ToString();
    EXPECT_TRUE(engine->Metrics().fold_status.ok());
    EXPECT_EQ(CountOf(Ask(*engine)), kEventsADay);
    ASSERT_TRUE(engine->Close().ok());
  }
  const auto engine = Open();
  ASSERT_NE(engine, nullptr);
  EXPECT_THAT(Ask(*engine).meta.incomplete, IsEmpty());
  EXPECT_EQ(engine->Metrics().segments, 1u);
  EXPECT_THAT(engine->Check()->damage, IsEmpty());
}

TEST_P(DamagedTableTest, WhatMustBeWholeFailsWithItsName) {
  FillAndDamage();
  const auto engine = Open();
  ASSERT_NE(engine, nullptr);
  const auto sink = [](std::string_view) { return Status::Ok(); };
  ExportOptions options;
  EXPECT_THAT(engine->Export(options, sink).message(), StartsWith(kDamaged));
  options.to = FromMillis((kDay + 1) * kDayMillis);
  EXPECT_TRUE(engine->Export(options, sink).ok());
  EXPECT_EQ(engine->UserEvents("u1", 3)->size(), 3u) << "of the last day";
  EXPECT_THAT(engine->UserEvents("u1", 20).status().message(), StartsWith(kDamaged));
}

// Without which RocksDB opens no table.
class DamagedFooterTest : public DamagedTableTest {};
INSTANTIATE_TEST_SUITE_P(Where, DamagedFooterTest, ::testing::Values(TablePlace::kFooter),
                         [](const auto& place) { return NameOf(place.param); });

// What holds the store together is not forgiven beside a segment either.
TEST_P(DamagedFooterTest, DamageElsewhereStillRefusesTheStore) {
  FillAndDamage();
  WriteToCache(false);
  std::string log;
  for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
    if (file.path().extension() == ".log" && file.file_size() > 0) log = file.path();
  }
  ASSERT_NE(log, "");
  constexpr std::size_t kInTheFirstRecord = 20;
  FlipBitAt(log, kInTheFirstRecord);
  const Status status = TryOpen().status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("insightflow check"));
  EXPECT_THAT(status.message(), HasSubstr(log));
  FlipBitAt(log, kInTheFirstRecord);
  EXPECT_NE(Open(), nullptr);
}

TEST_P(DamagedFooterTest, ATableOfAnotherFamilyIsNotForgiven) {
  Fill();
  const std::string other = WriteToCache(true);
  ASSERT_NE(other, "");
  const TableFile file = TableFileOf(dir_.path(), kDay + 1);
  FlipBit(file, GetParam());
  FlipBitAt(other, MiddleOfBlock(BytesOf(other), 2));
  const Status status = TryOpen().status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr(file.path));
  EXPECT_THAT(status.message(), HasSubstr(other));
}

class DamagedBlockTest : public DamagedTableTest {};
INSTANTIATE_TEST_SUITE_P(Where, DamagedBlockTest, ::testing::Values(TablePlace::kMetaChunk),
                         [](const auto&) { return std::string("EachChunk"); });

// No chunk's checksum covers what stands around the chunks.
TEST_P(DamagedBlockTest, IsNoticedBeforeItIsUsed) {
  Fill();
  const TableFile file = TableFileOf(dir_.path(), kDay + 1);
  const std::vector<std::size_t> offsets = OffsetsAroundKeys(dir_.path(), file);
  ASSERT_GE(offsets.size(), 20u);
  std::size_t noticed = 0;
  for (const std::size_t offset : offsets) {
    SCOPED_TRACE(offset);
    FlipBitAt(file.path, offset);
    const auto engine = Open();
    ASSERT_NE(engine, nullptr);
    const Answer answer = Ask(*engine);
    EXPECT_EQ(CountOf(answer), (answer.meta.exact ? 3 : 2) * kEventsADay);
    const Status status =
        engine->Export(ExportOptions(), [](std::string_view) { return Status::Ok(); });
    if (!status.ok()) {
      EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status.ToString();
      EXPECT_THAT(status.message(), HasSubstr("day 2024-10-05, segment 2"));
      ++noticed;
    }
    ASSERT_TRUE(engine->Close().ok());
    FlipBitAt(file.path, offset);
  }
  EXPECT_GE(noticed, offsets.size() / 2);
}

// Without a saved state the live numbers are made again, from what there is.
TEST_P(DamagedTableTest, LiveNumbersThatAreMadeAgainTellWhatTheyLack) {
  FillAndDamage();
  {
    StoreOptions options;
    options.dir = dir_.path();
    const auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    auto* const family = (*store)->family(Family::kCursors);
    auto& db = (*store)->db();
    const std::unique_ptr<rocksdb::Iterator> rows(db.NewIterator({}, family));
    rocksdb::WriteBatch batch;
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) (void)batch.Delete(family, rows->key());
    ASSERT_TRUE((*store)->Write(&batch, true).ok());
  }
  const auto engine = Open();
  ASSERT_NE(engine, nullptr);
  EXPECT_THAT(engine->Metrics().live_status.message(), StartsWith(kDamaged));
  EXPECT_EQ(engine->Totals().total, 2 * kEventsADay);
}

}  // namespace
}  // namespace insightflow
