// Whatever is appended, folded, merged and reopened, and whenever: each event is in exactly one
// place, the segments or the log behind them. The twin is a list.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/reference/random_batch.h"
#include "tests/support/folded_store.h"
#include "tests/support/random_cases.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using testing::DescribeRow;
using testing::RandomBatch;
using testing::RandomSeed;

constexpr std::int64_t kToday = 19'700;

class FoldTest : public ::testing::Test {
 protected:
  void Open() {
    EventLogOptions options;
    options.dir = dir_ == nullptr ? "" : dir_->path();
    options.disk_free_min = 0;
    Folder::Options folder;
    folder.automatic = random_.Chance(70);
    folder.rows = 1 + random_.Below(random_.Chance(50) ? 30 : 1'000);
    if (random_.Chance(30)) folder.bytes_max = 1 + random_.Below(200'000);
    store_ = std::make_unique<FoldedStore>();
    const Status status = store_->Open(options, folder);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }

  // Mostly of today, some late by days, sometimes spread over a year.
  void Append() {
    if (random_.Chance(10)) ++today_;
    EventBatch batch;
    random_.Fill(1 + random_.Below(random_.Chance(10) ? 800 : 40), &batch);
    const std::uint64_t days = random_.Chance(5) ? 365 : 1 + random_.Below(3);
    for (std::int64_t& time : batch.time_ms) {
      const auto late = static_cast<std::int64_t>(random_.Chance(20) ? random_.Below(days) : 0);
      time = (today_ - late) * kDayMs + static_cast<std::int64_t>(random_.Below(kDayMs));
    }
    received_ms_ += static_cast<std::int64_t>(random_.Below(3));
    ASSERT_TRUE(store_->Append(batch, received_ms_).ok());
    EventBatch stored;  // as the store's seed makes the keys of ids
    std::string record;
    EncodeRecord(batch, &record);
    ASSERT_TRUE(DecodeRecord(record, {}, store_->log->hash_seed(), &stored).ok());
    for (std::size_t row = 0; row < stored.rows; ++row) {
      rows_.push_back(DescribeRow(stored, row));
      received_.push_back(received_ms_);
    }
  }

  void ExpectEverythingOnce(const SegmentSnapshot& snapshot) {
    std::vector<std::string> found;
    const Status status = ReadUnion(snapshot, *store_->log, &found);
    ASSERT_TRUE(status.ok()) << status.ToString();
    ExpectEqualRows(rows_, found);
  }

  void ExpectReceipts() {
    const std::uint64_t folded = store_->segments->Snapshot()->folded_sequence;
    for (int i = 0; i < 10 && folded > 0; ++i) {
      const std::uint64_t sequence = 1 + random_.Below(folded);
      const auto received = store_->segments->ReceivedMs(sequence);
      ASSERT_TRUE(received.ok()) << received.status().ToString();
      ASSERT_EQ(*received, received_[sequence - 1]) << "sequence " << sequence;
    }
  }

  void Play() {
    std::shared_ptr<const SegmentSnapshot> held;
    for (std::uint64_t step = 15 + random_.Below(30); step > 0 && !HasFatalFailure(); --step) {
      const std::uint64_t what = random_.Below(100);
      if (what < 70) {
        Append();
      } else if (what < 80) {
        const Status status = store_->folder->Fold();
        ASSERT_TRUE(status.ok()) << status.ToString();
        ASSERT_EQ(store_->segments->Snapshot()->folded_sequence, rows_.size());
        ASSERT_TRUE(PickMerges(store_->segments->Snapshot()->segments).empty());
      } else if (what < 85) {
        held = store_->segments->Snapshot();
      } else if (what < 90) {
        // Rows that were in the log when it was taken are still there.
        if (held != nullptr) ExpectEverythingOnce(*held);
      } else if (what < 95) {
        ExpectEverythingOnce(*store_->segments->Snapshot());
        ExpectReceipts();
      } else if (dir_ != nullptr) {
        ASSERT_TRUE(store_->Close().ok());
        held.reset();
        Open();
      }
    }
  }

  const std::uint64_t seed_ = RandomSeed();
  RandomBatch random_{seed_};
  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<FoldedStore> store_;
  std::vector<std::string> rows_;
  std::vector<std::int64_t> received_;
  std::int64_t today_ = kToday;
  std::int64_t received_ms_ = 1'700'000'000'000;
};

TEST_F(FoldTest, EveryEventIsInOnePlace) {
  for (int round = 0; round < 15 && !HasFatalFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    if (round % 3 == 0) dir_ = std::make_unique<TempDir>();
    rows_.clear();
    received_.clear();
    Open();
    Play();
    if (HasFatalFailure()) return;
    ASSERT_TRUE(store_->folder->Fold().ok());
    ExpectEverythingOnce(*store_->segments->Snapshot());
    CheckReport report;
    store_->segments->Check(store_->End(), &report);
    ASSERT_TRUE(report.damage.empty()) << report.damage.front();
    ASSERT_TRUE(store_->Close().ok());
    dir_.reset();
  }
}

}  // namespace
}  // namespace insightflow
