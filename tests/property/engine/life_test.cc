// The life of an engine: events, folds that trim the log, restarts, live states that are refused,
// resends, users who are erased, files of the dedupe window that are old, damaged or gone.
// Timelines, profiles, totals, queries and dedupe are those of a plain list of accepted events.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "insightflow/engine.h"
#include "lib/engine/tuned_engine.h"
#include "tests/support/random_cases.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using testing::Random;

constexpr std::int64_t kBegin = 19'000LL * 86'400'000;
constexpr std::int64_t kDay = 86'400'000;

struct TwinEvent {
  Event event;
  std::int64_t received_ms = 0;
  std::uint64_t sequence = 0;
};

class LifeTest : public ::testing::Test {
 protected:
  void Open() {
    EngineOptions options;
    options.data_dir = dir_.path();
    options.dedupe_bytes_max = 4u << 20;
    options.disk_free_min = 0;
    options.fold = random_.OneIn(2);
    options.fold_rows = static_cast<std::uint64_t>(random_.Between(1, 200));
    options.live_save_events = static_cast<std::uint64_t>(random_.Between(1, 500));
    // A state of other limits is refused: then the numbers come from segments and the log.
    options.live.pages_max = random_.OneIn(3) ? 90'000 : 100'000;
    options.live.recent_events_max = static_cast<std::size_t>(random_.Between(1, 300));
    options.clock = &clock_;
    tuning_.saved_ids_min = random_.OneIn(4) ? UINT64_MAX : 0;
    auto engine = TunedEngine::Open(options, tuning_);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(*engine);
  }

  std::vector<Event> NewBatch() {
    std::vector<Event> events(static_cast<std::size_t>(random_.Between(1, 60)));
    for (Event& event : events) {
      if (!random_.OneIn(4)) event.event_id = "id-" + std::to_string(++ids_);
      event.user_id = "u" + std::to_string(random_.Below(9));
      event.session_id = "s" + std::to_string(++ids_);
      event.event_type = random_.Of(std::vector<std::string>{"view", "click", "purchase"});
      event.page_url = "/" + std::to_string(random_.Below(5));
      if (random_.OneIn(3)) event.element = "e" + std::to_string(random_.Below(3));
      if (random_.OneIn(3)) event.extra_data = R"({"n":)" + std::to_string(ids_) + "}";
      if (random_.OneIn(5)) event.position_x = static_cast<std::int32_t>(random_.Below(9));
      const std::int64_t day = random_.OneIn(3) ? random_.Below(4) : 3;
      event.timestamp = FromMillis(kBegin + day * kDay + random_.Below(50) * 1000);
    }
    return events;
  }

  void Ingest() {
    const std::vector<Event> events = NewBatch();
    const auto result = engine_->Ingest(events);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    ASSERT_EQ(result->accepted, events.size());
    for (const Event& event : events) {
      accepted_.push_back({event, ToMillis(clock_.Now()), ++sequence_});
    }
    sent_.push_back(events);
  }

  // What was erased since is taken anew.
  void Resend() {
    if (sent_.empty()) return;
    const std::vector<Event>& events = random_.Of(sent_);
    const auto result = engine_->Ingest(events);
    ASSERT_TRUE(result.ok());
    std::size_t known = 0;
    for (const Event& event : events) {
      const auto same = [&](const TwinEvent& e) { return e.event == event; };
      if (std::any_of(accepted_.begin(), accepted_.end(), same)) {
        ++known;
      } else {
        accepted_.push_back({event, ToMillis(clock_.Now()), ++sequence_});
      }
    }
    ASSERT_EQ(result->duplicates, known);
    ASSERT_EQ(result->accepted, events.size() - known);
  }

  void Erase() {
    const std::string user = "u" + std::to_string(random_.Below(10));
    const auto removed = engine_->EraseUser(user);
    ASSERT_TRUE(removed.ok()) << removed.status().ToString();
    ASSERT_EQ(*removed, std::erase_if(accepted_,
                                      [&](const TwinEvent& e) { return e.event.user_id == user; }));
  }

  void ExpectTimeline(const std::string& user) {
    const auto limit = static_cast<std::size_t>(random_.Between(1, 40));
    std::optional<Timestamp> before;
    if (random_.OneIn(2)) before = FromMillis(kBegin + random_.Below(4 * kDay));
    std::vector<TwinEvent> expected;
    for (const TwinEvent& e : accepted_) {
      if (e.event.user_id == user && (!before || e.event.timestamp < *before)) {
        expected.push_back(e);
      }
    }
    std::stable_sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) {
      return a.event.timestamp != b.event.timestamp ? a.event.timestamp > b.event.timestamp
                                                    : a.sequence > b.sequence;
    });
    if (expected.size() > limit) expected.resize(limit);
    const auto found = engine_->UserEvents(user, limit, before);
    ASSERT_TRUE(found.ok()) << found.status().ToString();
    ASSERT_EQ(found->size(), expected.size()) << user;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ((*found)[i].sequence, expected[i].sequence) << user << " " << i;
      ASSERT_EQ((*found)[i].event, expected[i].event) << user << " " << i;
      ASSERT_EQ(ToMillis((*found)[i].received), expected[i].received_ms) << user << " " << i;
    }
  }

  void ExpectTop(const std::string& field, const std::map<std::string, std::uint64_t>& expected) {
    TopQuery top;
    top.scope.limit = 100;
    top.field = field;
    const auto answer = engine_->Query(top);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    std::map<std::string, std::uint64_t> found;
    for (const TopRow& row : std::get<TopAnswer>(answer->body).rows) found[row.value] = row.count;
    ASSERT_EQ(found, expected) << field;
  }

  void ExpectEverything() {
    std::map<std::string, std::uint64_t> types, pages, users;
    for (const TwinEvent& e : accepted_) {
      ++types[e.event.event_type];
      ++users[e.event.user_id];
      if (e.event.event_type == "view") ++pages[e.event.page_url];
    }
    const EventTotals totals = engine_->Totals();
    ASSERT_EQ(totals.total, accepted_.size());
    ASSERT_EQ(totals.users, users.size());
    ASSERT_EQ(totals.by_type.size(), types.size());
    for (const TypeCount& type : totals.by_type) ASSERT_EQ(type.count, types[type.type]);
    const Ranking hot = engine_->HotPages(Window::kAll, 100);
    ASSERT_EQ(hot.rows.size(), pages.size());
    for (const RankedCount& page : hot.rows) ASSERT_EQ(page.count, pages[page.value]);
    ExpectTop("user_id", users);
    ExpectTop("event_type", types);  // a scan that need not know whose rows they are
    std::size_t exported = 0;
    ASSERT_TRUE(engine_
                    ->Export({},
                             [&](std::string_view lines) {
                               exported += static_cast<std::size_t>(
                                   std::count(lines.begin(), lines.end(), '\n'));
                               return Status::Ok();
                             })
                    .ok());
    ASSERT_EQ(exported, accepted_.size());
    for (int u = 0; u < 10; ++u) {
      const std::string user = "u" + std::to_string(u);
      const auto profile = engine_->User(user);
      ASSERT_EQ(profile.ok() ? profile->events : 0, users[user]) << user;
      ExpectTimeline(user);
      if (HasFatalFailure()) return;
    }
  }

  void Restart() {
    if (random_.OneIn(2)) {
      ASSERT_TRUE(engine_->Close().ok());
    }
    engine_.reset();
    const std::string path = dir_ / "DEDUPE";
    const bool saved = tuning_.saved_ids_min == 0;
    ASSERT_EQ(std::filesystem::exists(path), saved);
    if (saved) {
      std::ifstream in(path, std::ios::binary);
      dedupe_files_.emplace_back(std::istreambuf_iterator<char>(in),
                                 std::istreambuf_iterator<char>());
    }
    const auto write = [&](const std::string& bytes) {
      std::ofstream(path, std::ios::binary) << bytes;
    };
    if (!dedupe_files_.empty() && random_.OneIn(2)) write(random_.Of(dedupe_files_));
    if (!dedupe_files_.empty() && random_.OneIn(8)) {
      std::string bytes = random_.Of(dedupe_files_);
      bytes[static_cast<std::size_t>(random_.Below(static_cast<std::int64_t>(bytes.size())))] ^= 1;
      write(bytes);
    }
    if (random_.OneIn(8)) std::filesystem::remove(path);
    Open();
  }

  void Step() {
    switch (random_.Below(11)) {
      case 0: ASSERT_TRUE(engine_->Fold().ok()); break;
      case 1: Restart(); break;
      case 2: Resend(); break;
      case 3: ExpectEverything(); break;
      case 4: Erase(); break;
      default: Ingest(); break;
    }
    clock_.Advance(std::chrono::milliseconds(random_.Below(3) * 1000));
  }

  Random random_{testing::RandomSeed()};
  TempDir dir_;
  ManualClock clock_{FromMillis(kBegin + 4 * kDay)};
  std::unique_ptr<Engine> engine_;
  std::vector<TwinEvent> accepted_;
  std::vector<std::vector<Event>> sent_;
  std::vector<std::string> dedupe_files_;  // of all closings
  EngineTuning tuning_;
  std::uint64_t ids_ = 0;
  std::uint64_t sequence_ = 0;
};

TEST_F(LifeTest, AnswersAreThoseOfThePlainList) {
  Open();
  // So that every later step finds something.
  while (accepted_.size() < 1'500) ASSERT_NO_FATAL_FAILURE(Ingest());
  for (int step = testing::RandomCases(160); step > 0 && !HasFatalFailure(); --step) Step();
  if (HasFatalFailure()) return;
  ASSERT_TRUE(engine_->Fold().ok());
  ExpectEverything();
  const auto report = engine_->Check();
  ASSERT_TRUE(report.ok());
  ASSERT_TRUE(report->damage.empty()) << report->damage.front();
  EXPECT_EQ(report->events, accepted_.size());
  EXPECT_EQ(report->records, 0u) << "the log holds what is in segments";
  EXPECT_EQ(engine_->Metrics().erasures_pending, 0u);
}

}  // namespace
}  // namespace insightflow
