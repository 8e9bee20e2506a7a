// A whole store that an earlier version wrote opens, answers as it did, and takes more events.
//
// INSIGHTFLOW_GOLDEN_WRITE=1 writes the store of this version anew: only for a new version of the
// format, beside the old ones.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "insightflow/engine.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kWrittenMs = 1'700'000'000'000;

// Rows with and without ids, text to cut, properties, positions, and three that are refused.
constexpr char kFirstBatch[] = R"({"events":[
  {"event_id":"018f3c2e-7a11-7c3d-9e2f-0a1b2c3d4e5f","user_id":"u1","session_id":"s1",
   "event_type":"view","page_url":"/home?token=x&q=1","page_title":"Home","timestamp":1699999990000,
   "user_agent":"Mozilla/5.0 (X11; Linux x86_64) Chrome/100.0","ip_address":"203.0.113.9"},
  {"event_id":"order-42","user_id":"u1","session_id":"s1","event_type":"purchase",
   "page_url":"/cart","timestamp":1699999995000,"extra_data":{"price":49.9,"名":"鞋"}},
  {"user_id":"u2","session_id":"s2","event_type":"click","page_url":"/home","element":"buy",
   "position_x":-7,"position_y":12,"tab_id":"t","seq":3,"timestamp":1699999996000},
  {"session_id":"s2","event_type":"view","page_url":"/","timestamp":1699999996000},
  17,
  {"user_id":"u2","session_id":"s2","event_type":"view","page_url":"/","timestamp":-1}]})";
constexpr char kSecondBatch[] = R"([
  {"event_id":"0123456789abcdef0123456789abcdef","user_id":"u2","session_id":"s2",
   "event_type":"view","page_url":"/home","timestamp":1700000000500},
  {"user_id":"中文","session_id":"s3","event_type":"view","page_url":"/cart",
   "timestamp":"2023-11-14T22:13:20Z"}])";

fs::path Golden() { return fs::path(INSIGHTFLOW_SOURCE_DIR) / "tests/golden/formats"; }

std::string Read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string Lines(const char* name, const Ranking& ranking) {
  std::string text;
  for (const RankedCount& row : ranking.rows) {
    text += name + (" " + row.value) + " " + std::to_string(row.count) + "\n";
  }
  return text;
}

std::string Describe(const StoredEvent& stored) {
  const Event& e = stored.event;
  std::string text = std::to_string(stored.sequence) + " received " +
                     std::to_string(ToMillis(stored.received)) + " at " +
                     std::to_string(ToMillis(e.timestamp));
  for (const std::string* field :
       {&e.event_id, &e.user_id, &e.session_id, &e.event_type, &e.page_url, &e.page_title,
        &e.element, &e.user_agent, &e.ip_address, &e.tab_id, &e.extra_data}) {
    text += " | " + *field;
  }
  if (e.position_x) text += " | x " + std::to_string(*e.position_x);
  if (e.position_y) text += " | y " + std::to_string(*e.position_y);
  if (e.seq) text += " | seq " + std::to_string(*e.seq);
  return text + "\n";
}

std::string Describe(const Engine& engine) {
  const EventTotals totals = engine.Totals();
  std::string text =
      "total " + std::to_string(totals.total) + "\nusers " + std::to_string(totals.users) + "\n";
  for (const TypeCount& type : totals.by_type) {
    text += "type " + type.type + " " + std::to_string(type.count) + "\n";
  }
  text += Lines("page", engine.HotPages(Window::kAll, 10));
  text += Lines("page of the hour", engine.HotPages(Window::kHour, 10));
  text += Lines("element", engine.HotElements(Window::kAll, 10));
  text += "online " + std::to_string(engine.Online().last_5_minutes) + "\n";
  for (const char* user : {"u1", "u2", "中文", "nobody"}) {
    text += std::string("user ") + user + "\n";
    const auto events = engine.UserEvents(user, 10);
    if (!events.ok()) return events.status().ToString();
    for (const StoredEvent& event : *events) text += Describe(event);
  }
  const auto failed = engine.FailedEvents(0, 10);
  if (!failed.ok()) return failed.status().ToString();
  for (const FailedEvent& event : *failed) {
    text += "failed " + std::to_string(event.id) + " " + RejectCodeName(event.code) + " " +
            event.field + " | " + event.event + "\n";
  }
  const auto check = engine.Check();
  if (!check.ok()) return check.status().ToString();
  return text + "check " + std::to_string(check->events) + " events, " +
         std::to_string(check->damage.size()) + " damaged\n";
}

class GoldenStoreTest : public testing::TestWithParam<const char*> {
 protected:
  GoldenStoreTest() : clock_(FromMillis(kWrittenMs)) {
    options_.clock = &clock_;
    options_.dedupe_bytes_max = std::size_t{4} << 20;
    options_.disk_free_min = 0;
  }

  std::unique_ptr<Engine> Open(const fs::path& dir) {
    options_.data_dir = dir.string();
    auto engine = Engine::Open(options_);
    EXPECT_TRUE(engine.ok()) << engine.status().ToString();
    return engine.ok() ? std::move(*engine) : nullptr;
  }

  static bool folded() { return std::string(GetParam()).ends_with("-folded"); }

  // Table files from a first run, folded or not; of the second only the write-ahead log, as after a
  // crash.
  void Write(const fs::path& store) {
    const TempDir dir;
    auto engine = Open(dir.path());
    ASSERT_EQ(engine->Ingest(kFirstBatch)->accepted, 3u);
    if (folded()) {
      ASSERT_TRUE(engine->Fold().ok());
    }
    ASSERT_TRUE(engine->Close().ok());
    engine = Open(dir.path());
    ASSERT_EQ(engine->Ingest(kSecondBatch)->accepted, 2u);
    fs::remove_all(store);
    fs::create_directories(store);
    for (const auto& file : fs::directory_iterator(dir.path())) {
      const std::string name = file.path().filename().string();
      const bool of_the_machine = name.starts_with("LOG") || name.starts_with("OPTIONS-") ||
                                  name == "LOCK" || name == "OWNER" || name == "IDENTITY";
      if (!of_the_machine) fs::copy_file(file.path(), store / name);
    }
    std::ofstream(store.string() + ".txt", std::ios::binary) << Describe(*engine);
  }

  ManualClock clock_;
  EngineOptions options_;
};

TEST_P(GoldenStoreTest, OpensAnswersAndGoesOn) {
  const fs::path store = Golden() / GetParam();
  if (std::getenv("INSIGHTFLOW_GOLDEN_WRITE") != nullptr) Write(store);
  ASSERT_TRUE(fs::exists(store / "CURRENT")) << store << " is missing";
  const TempDir dir;
  const fs::path copy = fs::path(dir.path()) / "store";
  fs::copy(store, copy);
  const auto check = CheckStore(copy.string());
  ASSERT_TRUE(check.ok()) << check.status().ToString();
  EXPECT_TRUE(check->damage.empty()) << check->damage.front();

  auto engine = Open(copy);
  ASSERT_NE(engine, nullptr);
  EXPECT_TRUE(engine->ActiveFunnel("default").ok()) << "older than stored funnels";
  const std::string answers = Describe(*engine);
  EXPECT_EQ(answers, Read(store.string() + ".txt"));
  EXPECT_EQ(engine->Metrics().folded_sequence, folded() ? 3u : 0u);
  ASSERT_TRUE(engine->Fold().ok());
  EXPECT_EQ(engine->Metrics().folded_sequence, 5u);
  EXPECT_EQ(Describe(*engine), answers) << "folding changes no answer";
  EXPECT_EQ(engine->Ingest(kFirstBatch)->duplicates, 3u);
  EXPECT_EQ(engine->Ingest(kSecondBatch)->duplicates, 2u);
  EXPECT_EQ(engine
                ->Ingest(R"([{"user_id":"u9","session_id":"s","event_type":"view",
                    "page_url":"/home","timestamp":1700000000001}])")
                ->accepted,
            1u);
  ASSERT_TRUE(engine->Close().ok());
  engine = Open(copy);
  ASSERT_NE(engine, nullptr);
  EXPECT_EQ(engine->Totals().total, 6u);
  EXPECT_TRUE(engine->Check()->damage.empty());
}

INSTANTIATE_TEST_SUITE_P(StoreV1, GoldenStoreTest, ::testing::Values("store-v1", "store-v1-folded"),
                         [](const auto& instance) {
                           return std::string(instance.param).ends_with("-folded") ? "Folded"
                                                                                   : "OfTheLog";
                         });

}  // namespace
}  // namespace insightflow
