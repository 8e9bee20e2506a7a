// What the pipeline knows of its log when a disk fails, and when it syncs.

#include "lib/engine/ingest_pipeline.h"

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "tests/support/faulty_file_system.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

// Also one that fills up between the check of a batch and its write.
class FillingFileSystem final : public FaultyFileSystem {
 public:
  const char* Name() const override { return "FillingFileSystem"; }
  rocksdb::IOStatus GetFreeSpace(const std::string&, const rocksdb::IOOptions&,
                                 std::uint64_t* bytes, rocksdb::IODebugContext*) override {
    *bytes = full ? 0 : std::uint64_t{1} << 40;
    return rocksdb::IOStatus::OK();
  }

  std::atomic<bool> full = false;
};

class IngestPipelineTest : public testing::Test {
 protected:
  void SetUp() override {
    EventLogOptions options;
    options.dir = dir_.path();
    options.env = env_.get();
    auto log = EventLog::Open(options);
    ASSERT_TRUE(log.ok()) << log.status().ToString();
    log_ = std::move(*log);
    Start(Durability::kFsync);
  }

  void Start(Durability durability, std::size_t unlogged_from_bytes = SIZE_MAX) {
    pipeline_ = nullptr;
    pipeline_ = std::make_unique<IngestPipeline>(
        IngestPipeline::Options{.durability = durability,
                                .in_flight_bytes_max = 1u << 20,
                                .unlogged_from_bytes = unlogged_from_bytes},
        log_.get(), &window_, &live_);
  }

  // Fills the window and the log, unless something happens in between.
  StatusCode Send(
      const std::string& id, const std::function<void()>& in_between = [] {}) {
    return Send(id, false, in_between);
  }
  StatusCode SendLater(const std::string& id) {
    return Send(id, true, [] {});
  }

  StatusCode Send(const std::string& id, bool sync_later, const std::function<void()>& in_between) {
    Event event;
    event.event_id = id;
    event.user_id = "u";
    event.event_type = "view";
    event.timestamp = FromMillis(1);
    DecodeContext context;
    context.received_ms = 1;
    context.rules.require_page_url = context.rules.require_session_id = false;
    auto pending = pipeline_->Take();
    DecodeEvents(&event, 1, context, &pending->decoded);
    pending->decoded.batch.received_ms = 1;
    pending->sync_later = sync_later;
    std::promise<StatusCode> answer;
    pending->done = [&](const Result<IngestResult>& result) {
      answer.set_value(result.status().code());
    };
    const Status admitted = pipeline_->Admit(pending.get(), IngestPipeline::WhenFull::kWait);
    if (!admitted.ok()) return admitted.code();
    in_between();
    PendingBatch* batch = pending.release();
    pipeline_->Sequence(batch);
    pipeline_->Publish(batch);
    return answer.get_future().get();
  }

  // Counts syncs of the files that entries go to, from here on.
  void CountSyncs() {
    fs_->Arm(Fault::kSync, kMany, rocksdb::IOStatus::IOError("too many"), files_);
  }
  void CountLogWrites() { fs_->Arm(Fault::kAppend, kMany, rocksdb::IOStatus::IOError("too many")); }
  int calls() const { return kMany - fs_->calls_left(); }
  void FailSyncs() {
    fs_->Arm(Fault::kSync, 0, rocksdb::IOStatus::IOError("Input/output"), files_);
  }

  static constexpr int kMany = 1'000'000;
  std::string files_ = ".log";

  TempDir dir_;
  std::shared_ptr<FillingFileSystem> fs_ = std::make_shared<FillingFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(fs_);
  DedupeWindow window_{1u << 20, 1'000};
  LiveState live_{LiveLimits(), 1};
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<IngestPipeline> pipeline_;
};

TEST_F(IngestPipelineTest, KnowsThatEveryKeyIsInTheLog) {
  EXPECT_EQ(Send("a"), StatusCode::kOk);
  pipeline_->Close();
  EXPECT_EQ(window_.size(), 1u);
  EXPECT_TRUE(pipeline_->is_all_logged());
}

TEST_F(IngestPipelineTest, KnowsThatAWriteFailed) {
  EXPECT_EQ(Send("a"), StatusCode::kOk);
  fs_->Arm(Fault::kAppend, 0, rocksdb::IOStatus::IOError("Input/output"));
  EXPECT_EQ(Send("b"), StatusCode::kUnavailable);
  pipeline_->Close();
  EXPECT_EQ(window_.size(), 2u);
  EXPECT_FALSE(pipeline_->is_all_logged());
}

// The log itself goes on once there is space, without these events.
TEST_F(IngestPipelineTest, KnowsThatSpaceRanOut) {
  const auto fill = [&] {
    fs_->full = true;
    while (log_->Health().ok()) std::this_thread::yield();  // it does not look at once
  };
  EXPECT_EQ(Send("a", fill), StatusCode::kUnavailable);
  fs_->full = false;
  pipeline_->Close();
  EXPECT_NE(log_->Health().code(), StatusCode::kUnavailable);
  EXPECT_EQ(window_.size(), 1u);
  EXPECT_FALSE(pipeline_->is_all_logged());
}

TEST_F(IngestPipelineTest, SyncsBeforeItAnswers) {
  CountSyncs();
  EXPECT_EQ(Send("a"), StatusCode::kOk);
  EXPECT_EQ(calls(), 1);
  EXPECT_EQ(Send("a"), StatusCode::kOk);
  EXPECT_TRUE(pipeline_->Sync().ok());
  EXPECT_EQ(calls(), 1) << "nothing was new";
}

// What may wait for its sync, logged and not.
class SyncLaterTest : public IngestPipelineTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    IngestPipelineTest::SetUp();
    if (!GetParam()) return;
    files_ = ".sst";
    Start(Durability::kFsync, 0);
  }
};

INSTANTIATE_TEST_SUITE_P(Logged, SyncLaterTest, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Unlogged, SyncLaterTest, testing::Values(true));

TEST_P(SyncLaterTest, AnswersBeforeItSyncsWhatMayWait) {
  FailSyncs();
  EXPECT_EQ(SendLater("a"), StatusCode::kOk);
  EXPECT_EQ(pipeline_->Sync().code(), StatusCode::kUnavailable);
  EXPECT_EQ(SendLater("b"), StatusCode::kUnavailable);
  EXPECT_EQ(pipeline_->Sync().code(), StatusCode::kUnavailable);
  pipeline_->Close();
  EXPECT_FALSE(pipeline_->is_all_logged());
}

TEST_P(SyncLaterTest, SyncsWhatMayWaitWhenAsked) {
  CountSyncs();
  EXPECT_EQ(SendLater("a"), StatusCode::kOk);
  EXPECT_EQ(SendLater("b"), StatusCode::kOk);
  EXPECT_TRUE(pipeline_->Sync().ok());
  const int synced = calls();
  EXPECT_GE(synced, 1);
  EXPECT_TRUE(pipeline_->Sync().ok());
  EXPECT_EQ(calls(), synced);
}

TEST_P(SyncLaterTest, SyncsWhatMayWaitWithinASecond) {
  CountSyncs();
  EXPECT_EQ(SendLater("a"), StatusCode::kOk);
  while (calls() == 0) std::this_thread::yield();
}

TEST_P(SyncLaterTest, SyncsWhatMayWaitWhileMoreComes) {
  CountSyncs();
  for (int i = 0; calls() == 0; ++i) {
    ASSERT_EQ(SendLater(std::to_string(i)), StatusCode::kOk);
  }
}

TEST_P(SyncLaterTest, SyncsWhatMayWaitWhenItCloses) {
  CountSyncs();
  EXPECT_EQ(SendLater("a"), StatusCode::kOk);
  pipeline_->Close();
  EXPECT_GE(calls(), 1);
  EXPECT_TRUE(pipeline_->Sync().ok());
}

// A duplicate is answered as if it were stored now, so what it repeats must be on the disk.
TEST_P(SyncLaterTest, ADuplicateSyncsWhatItRepeats) {
  FailSyncs();
  EXPECT_EQ(SendLater("a"), StatusCode::kOk);
  EXPECT_EQ(Send("a"), StatusCode::kUnavailable);
}

TEST_F(IngestPipelineTest, SyncsOnlyWhatIsToBeDurable) {
  Start(Durability::kNone, 0);
  FailSyncs();
  EXPECT_EQ(Send("a"), StatusCode::kOk);
  EXPECT_EQ(SendLater("b"), StatusCode::kOk);
  EXPECT_TRUE(pipeline_->Sync().ok());
  pipeline_->Close();
  EXPECT_TRUE(pipeline_->is_all_logged());
  fs_->Heal();
}

TEST_F(IngestPipelineTest, GoesUnloggedWhereMuchMayWait) {
  Start(Durability::kFsync, 300);  // bytes, of which an event has some 50
  CountLogWrites();
  EXPECT_EQ(SendLater("a"), StatusCode::kOk);
  EXPECT_EQ(calls(), 1) << "a little is logged";
  int sent = 0;
  const auto until_unlogged = [&] {
    for (int before = -1; before != calls(); ++sent) {
      ASSERT_LT(sent, 20);
      before = calls();
      EXPECT_EQ(SendLater(std::to_string(sent)), StatusCode::kOk);
    }
  };
  until_unlogged();
  const int logged = calls();
  EXPECT_GT(logged, 2);
  EXPECT_EQ(Send("now"), StatusCode::kOk);
  EXPECT_EQ(SendLater("b"), StatusCode::kOk);
  EXPECT_EQ(calls(), logged + 2) << "and what comes behind something else";
  until_unlogged();
  EXPECT_TRUE(pipeline_->Sync().ok());
  const int synced = calls();
  EXPECT_EQ(SendLater("c"), StatusCode::kOk);
  EXPECT_EQ(calls(), synced + 1) << "and what comes behind a sync";
}

// A process that is killed leaves what was logged.
TEST_F(IngestPipelineTest, LogsAllThatIsNeverSynced) {
  Start(Durability::kNone, 0);
  CountLogWrites();
  EXPECT_EQ(SendLater("a"), StatusCode::kOk);
  EXPECT_EQ(calls(), 1);
}

}  // namespace
}  // namespace insightflow
