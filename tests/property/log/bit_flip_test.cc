// A byte of a store's files changes: afterwards the check reports it, or everything is still there
// and intact. Opening a damaged store never yields fewer events without an error.
//
// INSIGHTFLOW_FLIPS sets how many bytes of each file are tried ("all": every one).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <random>

#include "tests/support/random_cases.h"
#include "tests/unit/log/log_fixture.h"

namespace insightflow {
namespace {

namespace fs = std::filesystem;

std::uint64_t Number(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return otherwise;
  return std::string_view(text) == "all" ? UINT64_MAX : std::strtoull(text, nullptr, 10);
}

void Fill(EventLog* log, int from, int to) {
  for (int i = from; i < to; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    ASSERT_TRUE(AppendOne(log, 3, i, MakeRecord(3, seed, i % 3 == 0 ? 600 : 0)).ok());
  }
  const std::vector<RejectedEvent> rejected = {Rejected(1, "{broken")};
  ASSERT_TRUE(log->Append({}, rejected, to, true).ok());
  ASSERT_TRUE(log->SaveFollower("live", 5, "the state of a follower").ok());
  ASSERT_TRUE(log->Sync().ok());
}

void CopyStore(const std::string& from, const std::string& to) {
  fs::remove_all(to);
  fs::copy(from, to);
}

void FlipByte(const std::string& path, std::uint64_t offset, unsigned char mask) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const int byte = file.get();
  ASSERT_NE(byte, EOF) << path << " at " << offset;
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ mask));
  file.close();
  ASSERT_TRUE(file.good());
}

struct Contents {
  std::vector<StoredEntry> entries;
  std::size_t failed = 0;
  std::string state;
  friend bool operator==(const Contents&, const Contents&) = default;
};

// What a user of the store sees, or the error.
Result<Contents> Look(const std::string& dir) {
  EventLogOptions options = OptionsFor(dir);
  options.create_if_missing = false;
  const auto log = EventLog::Open(options);
  if (!log.ok()) return log.status();
  Contents contents;
  Status status;
  contents.entries = ReadAll((*log)->ReadFrom(0).get(), &status);
  if (!status.ok()) return status;
  const auto failed = (*log)->Failed(0, 100);
  if (!failed.ok()) return failed.status();
  contents.failed = failed->size();
  const auto state = (*log)->LoadFollower("live");
  if (!state.ok()) return state.status();
  if (state->has_value()) contents.state = (*state)->state;
  return contents;
}

class BitFlip : public ::testing::Test {
 protected:
  // Flips bytes of every file of the store, one at a time.
  void FlipAll() {
    std::mt19937_64 random(testing::RandomSeed(42));
    CopyStore(store_, dir_ / "copy");
    const Result<Contents> before = Look(dir_ / "copy");
    ASSERT_TRUE(before.ok()) << before.status().ToString();
    ASSERT_EQ(before->entries.size(), 12u);
    expected_ = *before;
    const auto sound = EventLog::CheckDir(store_);
    ASSERT_TRUE(sound.ok() && sound->damage.empty());
    for (const auto& file : fs::directory_iterator(store_)) {
      const std::string name = file.path().filename();
      if (name.starts_with("LOG") || name == "LOCK" || name == "OWNER") continue;
      const bool rocks_reads_it = !name.starts_with("OPTIONS") && name != "IDENTITY";
      for (const std::uint64_t offset : Offsets(file.file_size(), rocks_reads_it, &random)) {
        const auto mask = static_cast<unsigned char>(1u << random() % 8);
        TryOne(name, offset, mask);
        if (HasFatalFailure()) return;
      }
    }
    for (const auto& [kind, count] : seen_) std::cout << kind << ": " << count << '\n';
  }

  std::vector<std::uint64_t> Offsets(std::uint64_t size, bool many, std::mt19937_64* random) {
    const std::uint64_t wanted = many ? Number("INSIGHTFLOW_FLIPS", 8) : 2;
    std::vector<std::uint64_t> offsets;
    if (wanted >= size) {
      for (std::uint64_t i = 0; i < size; ++i) offsets.push_back(i);
    } else {
      for (std::uint64_t i = 0; i < wanted; ++i) offsets.push_back((*random)() % size);
    }
    return offsets;
  }

  void TryOne(const std::string& name, std::uint64_t offset, unsigned char mask) {
    const std::string where = name + " at " + std::to_string(offset);
    const std::string damaged = dir_ / "damaged";
    CopyStore(store_, damaged);
    FlipByte(damaged + "/" + name, offset, mask);
    const auto report = EventLog::CheckDir(damaged);
    const bool found = !report.ok() || !report->damage.empty();
    ++seen_[fs::path(name).extension().string() + (found ? " found" : " harmless")];
    // Table files are many and their checks simple: looking at every eighth is enough.
    if (found && name.ends_with(".sst") && offset % 8 != 0) return;
    const Result<Contents> after = Look(damaged);
    const bool intact = after.ok() && *after == expected_;
    EXPECT_TRUE(found || intact) << where << ": the damage is silent; "
                                 << after.status().ToString();
    EXPECT_TRUE(!after.ok() || intact) << where << ": opened and read as if nothing were missing";
  }

  TempDir dir_;
  std::string store_ = dir_ / "store";
  Contents expected_;
  std::map<std::string, int> seen_;
};

TEST_F(BitFlip, InAClosedStoreIsNeverSilent) {
  for (int part = 0; part < 2; ++part) {
    const auto log = OpenLog(store_);
    Fill(log.get(), part * 6, part * 6 + 6);
    ASSERT_TRUE(log->Close().ok());
  }
  FlipAll();
}

// The one bit on which RocksDB itself would end the process lies among these.
TEST_F(BitFlip, TopBitsOfATableFilesTailAreReported) {
  const auto log = OpenLog(store_);
  ASSERT_TRUE(log->Append({}, {}, 0, true).ok());
  ASSERT_TRUE(log->Close().ok());
  for (const auto& file : fs::directory_iterator(store_)) {
    if (file.path().extension() != ".sst") continue;
    constexpr std::uint64_t kTail = 200;  // the properties end here
    const std::uint64_t size = file.file_size();
    for (std::uint64_t offset = size - std::min(size, kTail); offset < size; ++offset) {
      FlipByte(file.path(), offset, 0x80);
      const auto report = EventLog::CheckDir(store_);
      EXPECT_TRUE(report.ok() && !report->damage.empty()) << file.path() << " at " << offset;
      FlipByte(file.path(), offset, 0x80);
    }
  }
}

TEST_F(BitFlip, InAKilledStoreIsNeverSilent) {
  const std::string live = dir_ / "live";
  {
    const auto log = OpenLog(live);
    Fill(log.get(), 0, 6);
    ASSERT_TRUE(log->Close().ok());
  }
  const auto log = OpenLog(live);
  Fill(log.get(), 6, 12);
  CopyStore(live, store_);  // as a kill leaves it: the newest events are in the write-ahead log
  FlipAll();
}

TEST_F(BitFlip, FirstWriteAheadLogIsNeverSilent) {
  const std::string live = dir_ / "live";
  const auto log = OpenLog(live);
  Fill(log.get(), 0, 12);
  CopyStore(live, store_);
  FlipAll();
}

}  // namespace
}  // namespace insightflow
