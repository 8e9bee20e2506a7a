#include "lib/log/log_reader.h"

#include <gtest/gtest.h>

#include <random>

#include "lib/log/log_entry.h"
#include "tests/support/random_cases.h"
#include "tests/unit/log/log_fixture.h"

namespace insightflow {
namespace {

std::uint64_t Seed() { return testing::RandomSeed(20240229); }

// A log with entries of 1 to 5 rows and many equal times of arrival.
std::vector<StoredEntry> FillLog(EventLog* log, int entries, std::mt19937_64* random) {
  std::int64_t received_ms = 100;
  for (int i = 0; i < entries; ++i) {
    const auto rows = static_cast<std::uint32_t>(1 + (*random)() % 5);
    received_ms += static_cast<std::int64_t>((*random)() % 3);
    EXPECT_TRUE(
        AppendOne(log, rows, received_ms, MakeRecord(rows, static_cast<std::uint64_t>(i)), false)
            .ok());
  }
  return ReadAll(*log);
}

TEST(LogReader, WalksBothWaysFromEverySequence) {
  TempDir dir;
  std::mt19937_64 random(Seed());
  const auto log = OpenLog(dir.path());
  const auto entries = FillLog(log.get(), 60, &random);
  ASSERT_EQ(entries.size(), 60u);
  const std::uint64_t end = log->last()->first_sequence + log->last()->rows;
  std::size_t holder = 0;
  for (std::uint64_t sequence = 1; sequence < end; ++sequence) {
    const auto& header = entries[holder].header;
    if (sequence >= header.first_sequence + header.rows) ++holder;
    Status status;
    const auto forward = log->ReadFrom(sequence);
    EXPECT_EQ(ReadAll(forward.get(), &status),
              std::vector<StoredEntry>(entries.begin() + static_cast<std::ptrdiff_t>(holder),
                                       entries.end()));
    EXPECT_TRUE(status.ok());
    const auto backward = log->ReadFrom(sequence);
    for (std::size_t i = holder + 1; i > 0; --i) {
      ASSERT_TRUE(backward->Valid());
      EXPECT_EQ(backward->entry().record, entries[i - 1].record);
      backward->Prev();
    }
    EXPECT_FALSE(backward->Valid());
    EXPECT_TRUE(backward->status().ok());
    backward->Prev();
    backward->Next();
    EXPECT_FALSE(backward->Valid()) << "past an end a reader stays there";
  }
  EXPECT_FALSE(log->ReadFrom(end)->Valid());
  EXPECT_FALSE(log->ReadFrom(UINT64_MAX)->Valid());
  EXPECT_EQ(log->ReadFrom(0)->entry().header.first_sequence, 1u);
}

TEST(LogReader, TurnsRound) {
  TempDir dir;
  std::mt19937_64 random(Seed());
  const auto log = OpenLog(dir.path());
  const auto entries = FillLog(log.get(), 20, &random);
  const auto reader = log->ReadLast();
  std::size_t at = entries.size() - 1;
  for (int step = 0; step < 500; ++step) {
    const bool forward = random() % 2 == 0;
    if (forward ? at + 1 == entries.size() : at == 0) continue;
    forward ? reader->Next() : reader->Prev();
    at = forward ? at + 1 : at - 1;
    ASSERT_TRUE(reader->Valid()) << reader->status().ToString();
    ASSERT_EQ(reader->entry().header.first_sequence, entries[at].header.first_sequence);
  }
}

TEST(LogReader, FindsTheTimeOfArrivalAsANaiveScanDoes) {
  std::mt19937_64 random(Seed());
  for (const int size : {0, 1, 2, 3, 50}) {
    const auto log = OpenLog("");
    const auto entries = FillLog(log.get(), size, &random);
    const std::int64_t last = entries.empty() ? 0 : entries.back().header.received_ms;
    for (std::int64_t time = 98; time <= last + 2; ++time) {
      std::size_t expected = 0;
      while (expected < entries.size() && entries[expected].header.received_ms < time) ++expected;
      const auto reader = log->ReadReceivedSince(time);
      ASSERT_TRUE(reader->status().ok());
      ASSERT_EQ(reader->Valid(), expected < entries.size()) << time;
      if (!reader->Valid()) continue;
      EXPECT_EQ(reader->entry().header.first_sequence, entries[expected].header.first_sequence);
    }
    EXPECT_EQ(log->ReadReceivedSince(INT64_MIN)->Valid(), size > 0);
    EXPECT_FALSE(log->ReadReceivedSince(INT64_MAX)->Valid());
  }
}

TEST(LogReader, SeesTheLogAsItWas) {
  const auto log = OpenLog("");
  ASSERT_TRUE(AppendOne(log.get(), 1, 1, MakeRecord(1, 1)).ok());
  const auto reader = log->ReadFrom(1);
  ASSERT_TRUE(AppendOne(log.get(), 1, 2, MakeRecord(1, 2)).ok());
  Status status;
  EXPECT_EQ(ReadAll(reader.get(), &status).size(), 1u);
  EXPECT_EQ(ReadAll(*log).size(), 2u);
}

// Entries put or removed behind the log's back.
class LogReaderGap : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = Store::Open({});
    ASSERT_TRUE(store.ok());
    store_ = std::move(*store);
    for (std::uint64_t sequence = 1; sequence < 10; sequence += 2) Put({sequence, 2, 5, 5});
  }
  void Put(const LogEntryHeader& header) {
    const auto bytes = EncodeLogHeader(header);
    Raw(header.first_sequence, std::string(bytes.data(), bytes.size()) + MakeRecord(2, 1));
  }
  void Raw(std::uint64_t sequence, const std::string& value) {
    const auto key = LogKey(sequence);
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put(store_->family(Family::kLog), {key.data(), key.size()}, value).ok());
    ASSERT_TRUE(store_->Write(&batch, false).ok());
  }
  void Remove(std::uint64_t sequence) {
    const auto key = LogKey(sequence);
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Delete(store_->family(Family::kLog), {key.data(), key.size()}).ok());
    ASSERT_TRUE(store_->Write(&batch, false).ok());
  }
  void ExpectDamage(const std::string& what) {
    const auto forward = NewLogReader(*store_, 1, 1);
    while (forward->Valid()) forward->Next();
    EXPECT_EQ(forward->status().code(), StatusCode::kDataLoss);
    EXPECT_NE(forward->status().message().find(what), std::string::npos)
        << forward->status().message();
    const auto backward = NewLogReaderAtEnd(*store_, 1);
    while (backward->Valid()) backward->Prev();
    EXPECT_EQ(backward->status().code(), StatusCode::kDataLoss);
  }
  std::unique_ptr<Store> store_;
};

TEST_F(LogReaderGap, IsNeverSilent) {
  Remove(5);
  ExpectDamage("events 5 to 6 are missing");
}

TEST_F(LogReaderGap, NoticesOverlap) {
  Put({4, 1, 5, 5});
  ExpectDamage("overlap");
}

TEST_F(LogReaderGap, NoticesShortValues) {
  Raw(5, "x");
  ExpectDamage("log entry 5 is too short");
}

TEST_F(LogReaderGap, NoticesDisplacedAndFlippedHeaders) {
  const auto bytes = EncodeLogHeader({3, 2, 5, 5});
  Raw(5, std::string(bytes.data(), bytes.size()) + "record");
  ExpectDamage("log entry 5: the checksum");
  for (std::size_t i = 0; i < kLogHeaderBytes; ++i) {
    auto flipped = EncodeLogHeader({5, 2, 5, 5});
    flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
    Raw(5, std::string(flipped.data(), flipped.size()) + "record");
    ExpectDamage("log entry 5");
  }
}

}  // namespace
}  // namespace insightflow
