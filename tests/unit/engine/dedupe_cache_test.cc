// The dedupe window that an engine finds from its last closing: taken up again when it is of this
// store and no erasure lies between, and else as if it were not there.
//
// Which of the two, a brand tells: an event's key that is put into the file though the event was
// never sent.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "insightflow/engine.h"
#include "lib/decode/decoder.h"
#include "lib/engine/tuned_engine.h"
#include "lib/log/dedupe_file.h"
#include "lib/log/event_log.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kNow = 19'700 * kDayMs + kDayMs / 2;
constexpr std::size_t kMany = 2'000;

class DedupeCacheTest : public testing::Test {
 protected:
  DedupeCacheTest() : clock_(FromMillis(kNow)) {
    options_.data_dir = dir_ / "store";
    options_.clock = &clock_;
    options_.dedupe_bytes_max = 4u << 20;
    options_.disk_free_min = 0;
    options_.fold = false;
    tuning_.saved_ids_min = 1'000;
  }

  void Open() {
    Close();
    auto engine = TunedEngine::Open(options_, tuning_);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(*engine);
  }
  void Close() {
    if (engine_ == nullptr) return;
    ASSERT_TRUE(engine_->Close().ok());
    engine_.reset();
  }

  static std::vector<Event> Events(const std::string& prefix, std::size_t count) {
    std::vector<Event> events(count);
    for (std::size_t i = 0; i < count; ++i) {
      events[i].event_id = prefix + std::to_string(i);
      events[i].user_id = "u" + std::to_string(i % 10);
      events[i].session_id = "s";
      events[i].event_type = "view";
      events[i].page_url = "/";
      events[i].timestamp = FromMillis(kNow - kDayMs);
    }
    return events;
  }
  // How many of them are new.
  std::size_t Send(const std::string& prefix, std::size_t count = kMany) {
    const auto result = engine_->Ingest(Events(prefix, count));
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return result.ok() ? static_cast<std::size_t>(result->accepted) : SIZE_MAX;
  }
  void Fill() {
    Open();
    ASSERT_EQ(Send("a"), kMany);
    Close();
    ASSERT_TRUE(fs::exists(path()));
  }

  std::string path() const { return options_.data_dir + "/DEDUPE"; }
  void Keep() { fs::copy_file(path(), dir_ / "kept", fs::copy_options::overwrite_existing); }
  void PutBack() { fs::copy_file(dir_ / "kept", path(), fs::copy_options::overwrite_existing); }

  // Puts the key of an event "brand0" into the file, and changes its mark.
  void Brand(const std::function<void(DedupeMark*)>& change = [](DedupeMark*) {}) {
    EventLogOptions log_options;
    log_options.dir = options_.data_dir;
    auto log = EventLog::Open(log_options);
    ASSERT_TRUE(log.ok());
    const std::uint64_t seed = (*log)->hash_seed();
    ASSERT_TRUE((*log)->Close().ok());
    DedupeWindow window(options_.dedupe_bytes_max, options_.dedupe_window.count());
    auto mark = ReadDedupeFile(
        options_.data_dir, seed, [](const DedupeMark&) { return true; }, &window);
    ASSERT_TRUE(mark.has_value());
    DecodeContext context;
    context.received_ms = kNow;
    context.hash_seed = seed;
    DecodedBatch decoded;
    const std::vector<Event> brand = Events("brand", 1);
    DecodeEvents(brand.data(), brand.size(), context, &decoded);
    std::vector<std::uint8_t> fresh;
    ASSERT_EQ(window.Insert(decoded.batch.keys, kNow, &fresh), 1u);
    change(&*mark);
    ASSERT_TRUE(WriteDedupeFile(options_.data_dir, seed, *mark, window).ok());
  }
  bool Knows(const std::string& prefix) { return Send(prefix, 1) == 0; }

  // All that was sent is known, however.
  void ExpectIgnored() {
    Open();
    EXPECT_FALSE(fs::exists(path()));
    EXPECT_EQ(Send("a"), 0u);
    EXPECT_FALSE(Knows("brand"));
  }

  TempDir dir_;
  ManualClock clock_;
  EngineOptions options_;
  EngineTuning tuning_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(DedupeCacheTest, AnOpeningGoesOnWithTheWindowOfTheLastClosing) {
  Fill();
  Brand();
  Open();
  EXPECT_EQ(engine_->Metrics().dedupe_ids, kMany + 1);
  EXPECT_TRUE(Knows("brand"));
  EXPECT_EQ(Send("a"), 0u);
  EXPECT_EQ(Send("b"), kMany);
  Open();
  EXPECT_TRUE(Knows("brand"));
  EXPECT_EQ(Send("a"), 0u);
  EXPECT_EQ(Send("b"), 0u);
}

// As after a crash: later ids come from the log and from segments.
TEST_F(DedupeCacheTest, AFileOfAnEarlierClosingServesAsWell) {
  Fill();
  Brand();
  Keep();
  Open();
  ASSERT_EQ(Send("b"), kMany);
  ASSERT_TRUE(engine_->Fold().ok());
  ASSERT_EQ(Send("c"), kMany);
  Close();
  PutBack();
  Open();
  EXPECT_TRUE(Knows("brand"));
  for (const char* prefix : {"a", "b", "c"}) EXPECT_EQ(Send(prefix), 0u) << prefix;
}

TEST_F(DedupeCacheTest, AWindowThatIsOnTheDiskIsNotWrittenAgain) {
  Fill();
  const auto inode = [&] {
    struct stat info = {};
    EXPECT_EQ(::stat(path().c_str(), &info), 0);
    return info.st_ino;
  };
  const auto before = inode();
  Open();
  EXPECT_EQ(Send("a"), 0u);
  Close();
  EXPECT_EQ(inode(), before);
  Open();
  EXPECT_EQ(Send("b", 1), 1u);
  Close();
  EXPECT_NE(inode(), before);
}

// Of segments, 1,000 ids are worth a file; of the log, whose ids take three times as long to read,
// a third of that.
TEST_F(DedupeCacheTest, IdsThatAreSoonReadAgainAreNotKept) {
  Open();
  ASSERT_EQ(Send("a", 333), 333u);
  Close();
  EXPECT_FALSE(fs::exists(path()));
  Open();
  ASSERT_EQ(Send("b", 1), 1u);
  Close();
  EXPECT_TRUE(fs::exists(path()));
  Open();
  ASSERT_TRUE(engine_->Fold().ok());
  Close();
  EXPECT_FALSE(fs::exists(path()));
  Open();
  ASSERT_EQ(Send("c", 665), 665u);
  ASSERT_TRUE(engine_->Fold().ok());
  Close();
  EXPECT_FALSE(fs::exists(path()));
  Open();
  ASSERT_EQ(Send("d", 1), 1u);
  ASSERT_TRUE(engine_->Fold().ok());
  Close();
  EXPECT_TRUE(fs::exists(path()));
  clock_.Advance(options_.dedupe_window * 2);
  Open();
  ASSERT_EQ(Send("a", 1), 1u);
  Close();
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(DedupeCacheTest, ASmallStoreHasNoFileAndKnowsItsIds) {
  tuning_ = EngineTuning();
  Open();
  ASSERT_EQ(Send("a", 10'000), 10'000u);
  ASSERT_TRUE(engine_->Fold().ok());
  Close();
  EXPECT_FALSE(fs::exists(path()));
  EXPECT_FALSE(fs::exists(path() + ".tmp"));
  Open();
  EXPECT_EQ(engine_->Metrics().dedupe_ids, 10'000u);
  EXPECT_EQ(Send("a", 10'000), 0u);
  EXPECT_EQ(Send("b", 1), 1u);
}

// A window without empty slots, whatever its tables have.
TEST_F(DedupeCacheTest, AFileIsSmallerThanTheWindow) {
  Open();
  ASSERT_EQ(Send("a", 10'000), 10'000u);
  const std::size_t bytes = engine_->Metrics().dedupe_bytes;
  Close();
  ASSERT_TRUE(fs::exists(path()));
  EXPECT_LT(fs::file_size(path()), 10'000u * 17);
  EXPECT_GT(bytes, 10'000u * 20);
  Open();
  EXPECT_EQ(Send("a", 10'000), 0u);
}

TEST_F(DedupeCacheTest, AStoreInMemoryHasNoFile) {
  options_.data_dir.clear();
  Open();
  ASSERT_EQ(Send("a"), kMany);
  Close();
  EXPECT_FALSE(fs::exists(path()));
  EXPECT_FALSE(fs::exists("DEDUPE"));
}

// The newest events were lost: what the file has of them must be taken when it comes again.
TEST_F(DedupeCacheTest, AFileThatIsAheadOfTheLogIsIgnored) {
  Fill();
  Brand([](DedupeMark* mark) { ++mark->sequence; });
  ExpectIgnored();
}

TEST_F(DedupeCacheTest, AFileWithOtherEventsIsIgnored) {
  Fill();
  Brand([](DedupeMark* mark) { ++mark->received_ms; });
  ExpectIgnored();
}

TEST_F(DedupeCacheTest, AFileWithOtherFoldedEventsIsIgnored) {
  Fill();
  Open();
  ASSERT_TRUE(engine_->Fold().ok());
  clock_.Advance(std::chrono::seconds(1));
  Close();
  Brand([](DedupeMark* mark) { ++mark->received_ms; });
  ExpectIgnored();
}

TEST_F(DedupeCacheTest, ADamagedFileIsIgnored) {
  Fill();
  Brand();
  fs::resize_file(path(), fs::file_size(path()) - 1);
  ExpectIgnored();
  Close();
  EXPECT_TRUE(fs::exists(path()));
}

TEST_F(DedupeCacheTest, AFileOfAnotherBudgetIsIgnored) {
  Fill();
  Brand();
  options_.dedupe_bytes_max = 8u << 20;
  ExpectIgnored();
}

TEST_F(DedupeCacheTest, AnErasureRemovesTheFile) {
  Fill();
  Open();
  ASSERT_EQ(*engine_->EraseUser("u1"), kMany / 10);
  EXPECT_FALSE(fs::exists(path()));
  Close();
  EXPECT_TRUE(fs::exists(path()));
  Open();
  EXPECT_EQ(Send("a"), kMany / 10);
}

// Which keys an erasure took is in rows that may be gone.
TEST_F(DedupeCacheTest, AFileFromBeforeAnErasureIsIgnored) {
  for (const bool finished : {false, true}) {
    options_.data_dir = dir_ / (finished ? "finished" : "pending");
    Fill();
    Brand();
    Keep();
    Open();
    ASSERT_EQ(*engine_->EraseUser("u1"), kMany / 10);
    if (finished) {
      ASSERT_TRUE(engine_->Fold().ok());
      ASSERT_EQ(engine_->Metrics().erasures_pending, 0u);
    }
    Close();
    PutBack();
    Open();
    EXPECT_FALSE(fs::exists(path()));
    EXPECT_EQ(Send("a"), kMany / 10);
    EXPECT_FALSE(Knows("brand"));
    Close();
  }
}

// The erasure is in the file, and finished later.
TEST_F(DedupeCacheTest, AFileFromAfterAnErasureIsUsed) {
  Fill();
  Open();
  ASSERT_EQ(*engine_->EraseUser("u1"), kMany / 10);
  Close();
  Brand();
  Open();
  ASSERT_TRUE(engine_->Fold().ok());
  ASSERT_EQ(engine_->Metrics().erasures_pending, 0u);
  Open();
  EXPECT_TRUE(Knows("brand"));
  EXPECT_EQ(Send("a"), kMany / 10);
}

// Expired days take their ids with them; the window has them until its own time is over.
TEST_F(DedupeCacheTest, IdsOfExpiredDaysStayKnown) {
  options_.retention_days = 2;
  Fill();
  clock_.Advance(std::chrono::hours(48));
  Open();
  ASSERT_TRUE(engine_->Fold().ok());
  ASSERT_EQ(engine_->Metrics().segments, 0u);
  Open();
  EXPECT_EQ(Send("a"), 0u);
}

}  // namespace
}  // namespace insightflow
