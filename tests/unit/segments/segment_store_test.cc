// Segments in a store: commits, snapshots, what a crash leaves, damage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "lib/segments/chunk.h"
#include "lib/segments/segment_store.h"
#include "tests/reference/segment_files.h"
#include "tests/reference/segment_twin.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using ::testing::Each;
using testing::FirstDifference;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ReadRows;
using testing::SegmentTwin;
using testing::TwinRow;

constexpr std::uint32_t kDay = 20'000;

EventBatch Rows(std::uint32_t day, std::size_t rows, std::uint64_t hash_seed) {
  EventBatch batch;
  for (std::size_t row = 0; row < rows; ++row) {
    batch.PushRow(std::int64_t{day} * kDayMs + static_cast<std::int64_t>(row * 7 % 1000));
    batch.column(Field::kUserId).Set(row, "u" + std::to_string(row % 13));
    batch.column(Field::kEventType).Set(row, row % 3 == 0 ? "click" : "view");
    const std::string id = "e" + std::to_string(row);
    batch.event_id.Set(row, id);
    batch.keys[row] = EventIdKey(id, hash_seed);
  }
  return batch;
}

class SegmentStoreTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { Open(); }
  void TearDown() override { Close(); }

  StoreOptions Options() const {
    StoreOptions options;
    if (!in_memory()) options.dir = dir_.path();
    options.probe = SegmentStore::CheckVersion;
    return options;
  }
  bool in_memory() const { return GetParam(); }

  Status TryOpen() {
    auto store = Store::Open(Options());
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    auto segments = SegmentStore::Open(store_.get());
    if (!segments.ok()) return segments.status();
    segments_ = *std::move(segments);
    return Status::Ok();
  }
  void Open() {
    const Status status = TryOpen();
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  void Close() {
    if (segments_ != nullptr) segments_->Close();
    segments_.reset();
    if (store_ != nullptr) {
      EXPECT_TRUE(store_->Close().ok());
    }
    store_.reset();
  }

  std::unique_ptr<SegmentWriter> Write(std::uint32_t day, std::size_t rows,
                                       std::uint64_t first_sequence) {
    auto writer = segments_->NewSegment(day, ChunkOrder::kAny);
    EXPECT_TRUE(writer.ok());
    SegmentBuilder builder((*writer)->key(), store_->hash_seed());
    EXPECT_TRUE(builder.Add(Rows(day, rows, store_->hash_seed()), first_sequence).ok());
    SegmentMeta meta;
    const Status status = builder.Finish(writer->get(), &meta);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return *std::move(writer);
  }

  // Folds `rows` rows of the day as one log entry.
  SegmentKey Fold(std::uint32_t day, std::size_t rows, std::vector<SegmentKey> removed = {}) {
    SegmentChange change;
    const std::uint64_t first = segments_->Snapshot()->folded_sequence + 1;
    change.added.push_back(Write(day, rows, first));
    change.removed = std::move(removed);
    change.receipts.Add(first, static_cast<std::uint32_t>(rows),
                        1'000 + static_cast<std::int64_t>(first));
    const SegmentKey key = change.added.front()->key();
    const Status status = segments_->Commit(std::move(change));
    EXPECT_TRUE(status.ok()) << status.ToString();
    return key;
  }

  void ExpectRows(const StoredSegment& segment, std::size_t rows, std::uint64_t first_sequence) {
    SegmentTwin twin(segment.key().day, store_->hash_seed(), {});
    twin.Add(Rows(segment.key().day, rows, store_->hash_seed()), first_sequence);
    twin.Sort();
    std::vector<TwinRow> found;
    const auto source = segment.NewSource();
    const Status status = ReadRows(segment.key(), store_->hash_seed(), source.get(), &found);
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(FirstDifference(twin.rows, found), "");
  }

  std::size_t Chunks() const {
    std::size_t count = 0;
    const std::unique_ptr<rocksdb::Iterator> keys(
        store_->db().NewIterator(rocksdb::ReadOptions(), store_->family(Family::kSegments)));
    for (keys->SeekToFirst(); keys->Valid(); keys->Next()) ++count;
    return count;
  }
  std::vector<std::string> Damage() const {
    CheckReport report;
    segments_->Check(1, &report);
    return report.damage;
  }

  TempDir dir_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<SegmentStore> segments_;
};

INSTANTIATE_TEST_SUITE_P(Where, SegmentStoreTest, ::testing::Bool(), [](const auto& instance) {
  return instance.param ? "InMemory" : "OnDisk";
});

TEST_P(SegmentStoreTest, BeginsEmpty) {
  const auto snapshot = segments_->Snapshot();
  EXPECT_THAT(snapshot->segments, IsEmpty());
  EXPECT_EQ(snapshot->folded_sequence, 0u);
  EXPECT_EQ(segments_->ReceivedMs(1).status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Damage(), IsEmpty());
}

TEST_P(SegmentStoreTest, HoldsWhatWasCommitted) {
  Fold(kDay + 1, 40'000);  // three blocks
  Fold(kDay, 10);
  Fold(kDay + 1, 1);
  const auto snapshot = segments_->Snapshot();
  ASSERT_EQ(snapshot->segments.size(), 3u);
  EXPECT_EQ(snapshot->folded_sequence, 40'011u);
  EXPECT_EQ(snapshot->rows(), 40'011u);
  ExpectRows(*snapshot->segments[0], 10, 40'001);
  ExpectRows(*snapshot->segments[1], 40'000, 1);
  ExpectRows(*snapshot->segments[2], 1, 40'011);
  EXPECT_THAT(Damage(), IsEmpty());
  if (in_memory()) return;
  Close();
  Open();
  const auto again = segments_->Snapshot();
  ASSERT_EQ(again->segments.size(), 3u);
  EXPECT_EQ(again->folded_sequence, 40'011u);
  EXPECT_EQ(again->bytes(), snapshot->bytes());
  ExpectRows(*again->segments[1], 40'000, 1);
  EXPECT_EQ(Fold(kDay, 5).id, 4u) << "ids are not used twice";
}

TEST_P(SegmentStoreTest, TellsWhenEventsWereReceived) {
  SegmentChange change;
  change.receipts.Add(1, 10, 100);
  change.receipts.Add(11, 5, 100);
  change.receipts.Add(16, 5, 107);
  change.added.push_back(Write(kDay, 20, 1));
  ASSERT_TRUE(segments_->Commit(std::move(change)).ok());
  Fold(kDay, 10);  // received at 1,021
  const auto received = [&](std::uint64_t sequence) { return *segments_->ReceivedMs(sequence); };
  EXPECT_EQ(received(1), 100);
  EXPECT_EQ(received(15), 100);
  EXPECT_EQ(received(16), 107);
  EXPECT_EQ(received(20), 107);
  EXPECT_EQ(received(21), 1'021);
  EXPECT_EQ(received(30), 1'021);
  EXPECT_EQ(segments_->ReceivedMs(31).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(segments_->ReceivedMs(0).status().code(), StatusCode::kNotFound);
  std::string told;
  ASSERT_TRUE(segments_
                  ->ForReceipts(12,
                                [&](const Receipt& receipt, std::uint64_t end) {
                                  told += std::to_string(receipt.first_sequence) + "-" +
                                          std::to_string(end) + " ";
                                  return true;
                                })
                  .ok());
  EXPECT_EQ(told, "1-16 16-21 21-31 ");
}

TEST_P(SegmentStoreTest, ADroppedSegmentStaysWhileItIsHeld) {
  const SegmentKey first = Fold(kDay, 100);
  const std::size_t chunks = Chunks();
  auto snapshot = segments_->Snapshot();
  Fold(kDay + 5, 100, {first});
  EXPECT_EQ(segments_->Snapshot()->segments.size(), 1u);
  ExpectRows(*snapshot->segments[0], 100, 1);
  EXPECT_EQ(Chunks(), 2 * chunks);
  auto source = snapshot->segments[0]->NewSource();
  snapshot.reset();
  EXPECT_TRUE(source->Fetch(SegmentColumn::kMeta, kMetaBlock).ok());
  source.reset();
  EXPECT_EQ(Chunks(), chunks);
}

TEST_P(SegmentStoreTest, HoldersMayOutliveTheStore) {
  const SegmentKey first = Fold(kDay, 100);
  auto snapshot = segments_->Snapshot();
  Fold(kDay, 10, {first});
  Close();
  snapshot.reset();
  if (in_memory()) return;
  Open();
  EXPECT_EQ(segments_->Snapshot()->segments.size(), 1u);
  Fold(kDay, 10, {segments_->Snapshot()->segments[0]->key()});
  EXPECT_THAT(Damage(), IsEmpty());
}

TEST_P(SegmentStoreTest, RefusesWhatDoesNotFit) {
  Fold(kDay, 10);
  SegmentChange gap;
  gap.receipts.Add(12, 3, 5);
  gap.added.push_back(Write(kDay, 3, 12));
  EXPECT_EQ(segments_->Commit(std::move(gap)).code(), StatusCode::kInternal);
  SegmentChange unknown;
  unknown.removed.push_back({kDay, 77});
  EXPECT_EQ(segments_->Commit(std::move(unknown)).code(), StatusCode::kInternal);
  EXPECT_EQ(segments_->Snapshot()->segments.size(), 1u);
  EXPECT_TRUE(store_->Health().ok());
}

class SegmentFilesTest : public SegmentStoreTest {
 protected:
  // What lies in the folder and is no file of RocksDB's.
  std::size_t Unfinished() const {
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
      count += file.path().extension() == ".tmp" ? 1 : 0;
    }
    return count;
  }
};
INSTANTIATE_TEST_SUITE_P(Where, SegmentFilesTest, ::testing::Values(false),
                         [](const auto&) { return "OnDisk"; });

TEST_P(SegmentFilesTest, OpeningRemovesWhatACrashLeft) {
  Fold(kDay, 100);
  const std::size_t chunks = Chunks();
  // Chunks in the store that no manifest names, and files that are not in the store yet.
  for (const std::uint32_t day : {kDay - 1, kDay, kDay + 1}) {
    const auto writer = Write(day, 50, 101);
    ASSERT_EQ(writer->files().size(), 1u);
    rocksdb::IngestExternalFileOptions options;
    ASSERT_TRUE(store_->db()
                    .IngestExternalFile(store_->family(Family::kSegments),
                                        {writer->files()[0].file_path}, options)
                    .ok());
  }
  EXPECT_GT(Chunks(), 3 * chunks);
  const std::string left = dir_ / "segment-99-0.tmp";
  std::filesystem::copy_file(dir_ / "CURRENT", left);
  Close();
  Open();
  EXPECT_EQ(Chunks(), chunks);
  EXPECT_EQ(Unfinished(), 0u);
  ExpectRows(*segments_->Snapshot()->segments[0], 100, 1);
  EXPECT_THAT(Damage(), IsEmpty());
}

TEST_P(SegmentFilesTest, AWriterThatIsGivenUpLeavesNothing) {
  Write(kDay, 100, 1).reset();
  EXPECT_EQ(Unfinished(), 0u);
  EXPECT_EQ(Chunks(), 0u);
  Fold(kDay, 100);
  EXPECT_EQ(Unfinished(), 0u);
}

TEST_P(SegmentFilesTest, FilesLieInTheLastLevelWithTheirChecksums) {
  for (int i = 0; i < 20; ++i) Fold(kDay + i % 3, 100);
  std::vector<rocksdb::LiveFileMetaData> files;
  store_->db().GetLiveFilesMetaData(&files);
  std::size_t count = 0;
  for (const auto& file : files) {
    if (file.column_family_name != "segments") continue;
    ++count;
    EXPECT_EQ(file.level, 1);
    EXPECT_EQ(file.file_checksum.size(), 16u);
    EXPECT_EQ(file.file_checksum_func_name, "insightflow.xxh3");
  }
  EXPECT_EQ(count, 20u);
}

TEST_P(SegmentFilesTest, ANewerManifestIsRefusedBeforeAnythingChanges) {
  Fold(kDay, 10);
  std::string bytes;
  ASSERT_TRUE(store_->db().Get({}, store_->family(Family::kMeta), "segments", &bytes).ok());
  bytes[0] = 9;
  bytes.resize(bytes.size() - 8);
  const std::uint64_t checksum = HashBytes(bytes, 1);
  bytes.append(reinterpret_cast<const char*>(&checksum), 8);
  rocksdb::WriteBatch batch;
  (void)batch.Put(store_->family(Family::kMeta), "segments", bytes);
  ASSERT_TRUE(store_->Write(&batch, true).ok());
  Close();
  const auto listing = [&] {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
      names.push_back(file.path().filename().string());
    }
    return std::set<std::string>(names.begin(), names.end());
  };
  const auto before = listing();
  const Status status = TryOpen();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("version 9"));
  EXPECT_EQ(listing(), before);
}

TEST_P(SegmentFilesTest, ADamagedManifestIsToldApartFromANewerOne) {
  Fold(kDay, 10);
  std::string bytes;
  ASSERT_TRUE(store_->db().Get({}, store_->family(Family::kMeta), "segments", &bytes).ok());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    SegmentManifest manifest;
    EXPECT_EQ(DecodeManifest(bad, &manifest).code(), StatusCode::kDataLoss) << i;
  }
}

TEST_P(SegmentFilesTest, ABackupHoldsTheSegments) {
  Fold(kDay, 100);
  const std::string copy = dir_ / "copy";
  ASSERT_TRUE(store_->Backup(copy).ok());
  StoreOptions options;
  options.dir = copy;
  auto store = Store::Open(options);
  ASSERT_TRUE(store.ok());
  auto segments = SegmentStore::Open(store->get());
  ASSERT_TRUE(segments.ok());
  ASSERT_EQ((*segments)->Snapshot()->segments.size(), 1u);
  ExpectRows(*(*segments)->Snapshot()->segments[0], 100, 1);
  (*segments)->Close();
}

// A meta that is sealed, and yet impossible or of another segment.
TEST_P(SegmentFilesTest, AMetaThatIsNotAsItMustBeMakesItsSegmentUnreadable) {
  const SegmentKey key = Fold(kDay, 100);
  Fold(kDay + 1, 100);
  const SegmentMeta sound = segments_->Snapshot()->segments[0]->meta();
  const auto put = [&](const std::string& chunk) {
    const StoredChunkKey at = StoredKey(key, SegmentColumn::kMeta, kMetaBlock);
    rocksdb::WriteBatch batch;
    (void)batch.Put(store_->family(Family::kSegments), {at.data(), at.size()}, chunk);
    ASSERT_TRUE(store_->Write(&batch, true).ok());
    Close();
    Open();
  };
  SegmentMeta impossible = sound;
  impossible.users = impossible.rows + 1;
  SegmentMeta unlike = sound;
  ++unlike.max_sequence;
  for (const auto& [chunk, why] : {std::pair(EncodeMeta(impossible), "impossible values"),
                                   std::pair(EncodeMeta(unlike), "not as the manifest says"),
                                   std::pair(std::string(), "cut off")}) {
    put(chunk);
    const auto snapshot = segments_->Snapshot();
    ASSERT_EQ(snapshot->segments.size(), 1u);
    ASSERT_EQ(snapshot->unreadable.size(), 1u);
    EXPECT_EQ(snapshot->unreadable[0].entry.key, key);
    EXPECT_THAT(snapshot->unreadable[0].damage.message(), HasSubstr("2024-10-04, segment 1"));
    EXPECT_THAT(Damage(), ::testing::ElementsAre(HasSubstr(why)));
  }
  put(EncodeMeta(sound));
  EXPECT_EQ(segments_->Snapshot()->segments.size(), 2u) << "mended";
  EXPECT_THAT(Damage(), IsEmpty());
}

TEST_P(SegmentFilesTest, AMetaOfANewerVersionIsRefused) {
  const SegmentKey key = Fold(kDay, 100);
  const StoredChunkKey at = StoredKey(key, SegmentColumn::kMeta, kMetaBlock);
  std::string chunk;
  ASSERT_TRUE(SealChunk({key}, 9, "what it says", false, &chunk).ok());
  rocksdb::WriteBatch batch;
  (void)batch.Put(store_->family(Family::kSegments), {at.data(), at.size()}, chunk);
  ASSERT_TRUE(store_->Write(&batch, true).ok());
  Close();
  const Status status = TryOpen();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("segment 1, column meta, block 0: written by a newer"));
}

TEST_P(SegmentFilesTest, CheckNamesDayAndSegmentOfADamagedChunk) {
  const SegmentKey key = Fold(kDay, 100);
  // The same keys again with one byte changed, as damage that RocksDB's checksums cannot see.
  const StoredChunkKey at = StoredKey(key, SegmentColumn::kTime, 0);
  std::string chunk;
  ASSERT_TRUE(
      store_->db().Get({}, store_->family(Family::kSegments), {at.data(), at.size()}, &chunk).ok());
  chunk[5] = static_cast<char>(chunk[5] ^ 1);
  rocksdb::WriteBatch batch;
  (void)batch.Put(store_->family(Family::kSegments), {at.data(), at.size()}, chunk);
  ASSERT_TRUE(store_->Write(&batch, true).ok());
  EXPECT_THAT(Damage(), ::testing::ElementsAre(HasSubstr("2024-10-04, segment 1, column time")));
  Close();
  const auto store = Store::OpenReadOnly(dir_.path(), nullptr);
  ASSERT_TRUE(store.ok());
  CheckReport report;
  CheckSegments(**store, 101, &report);
  EXPECT_EQ(report.damage.size(), 1u);
  CheckSegments(**store, 51, &report);
  EXPECT_THAT(report.damage[1], HasSubstr("but the log ends at 50"));
}

}  // namespace
}  // namespace insightflow
