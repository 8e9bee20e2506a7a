// kill -9 in the midst of an import whose lines are not logged, while other events are
// acknowledged, folded and live numbers saved: what was acknowledged is there, what the import had
// taken in is there up to some line or not, and the same import again makes it whole (G1, G2, G3).

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "insightflow/engine.h"
#include "insightflow/importer.h"
#include "lib/engine/tuned_engine.h"
#include "tests/support/random_cases.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/log/child_process.h"

namespace insightflow {
namespace {

constexpr int kLines = 60'000;
constexpr int kSent = 400;

std::unique_ptr<Engine> Open(const std::string& dir) {
  EngineOptions options;
  options.data_dir = dir;
  options.dedupe_bytes_max = 16u << 20;
  options.live_save_events = 5'000;
  options.fold_rows = 8'000;
  EngineTuning tuning;
  tuning.unlogged_from_bytes = 100'000;
  tuning.saved_ids_min = 1;
  auto engine = TunedEngine::Open(options, tuning);
  if (!engine.ok()) std::cerr << engine.status().ToString() << '\n';
  return engine.ok() ? std::move(*engine) : nullptr;
}

std::string Event(const std::string& id, int i) {
  return R"({"event_id":")" + id + std::to_string(i) + R"(","user_id":"u)" +
         std::to_string(i % 97) + R"(","session_id":"s","event_type":"view","page_url":"/)" +
         std::to_string(i % 7) + R"(","timestamp":)" +
         std::to_string(1'700'000'000'000 + i * 1'000) + "}\n";
}

const std::string& Lines() {
  static const std::string lines = [] {
    std::string text;
    for (int i = 0; i < kLines; ++i) text += Event("line", i);
    return text;
  }();
  return lines;
}

Result<IngestResult> Import(Engine& engine) {
  auto importer = Importer::Create(engine, ImportOptions());
  if (!importer.ok()) return importer.status();
  if (Status status = (*importer)->Add(Lines()); !status.ok()) return status;
  return (*importer)->Finish();
}

// Imports, and reports each event that it sends beside that once it is acknowledged, by its number;
// at the end -1.
int RunChild(const std::string& dir, std::uint64_t seed) {
  const std::unique_ptr<Engine> engine = Open(dir);
  if (engine == nullptr) return 1;
  const auto report = [](std::int32_t number) {
    if (::write(STDOUT_FILENO, &number, sizeof number) != sizeof number) std::_Exit(2);
  };
  std::thread sender([&] {
    std::mt19937_64 random(seed);
    for (int sent = 0; sent < kSent; ++sent) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
      const int number = static_cast<int>(random() % kSent);
      if (!engine->Ingest(Event("sent", number)).ok()) std::_Exit(3);
      report(number);
    }
  });
  const auto result = Import(*engine);
  if (!result.ok()) std::_Exit(4);
  report(-1);
  sender.join();
  return engine->Close().ok() ? 0 : 1;
}

class ImportKillTest : public ::testing::Test {
 protected:
  // Reads what the child reports; false at the end.
  bool Read(ChildProcess* child) {
    std::int32_t number = 0;
    const std::string bytes = child->ReadSome(sizeof number);
    if (bytes.size() != sizeof number) return false;
    std::memcpy(&number, bytes.data(), sizeof number);
    if (number < 0) {
      imported_ = true;
    } else {
      acknowledged_[static_cast<std::size_t>(number)] = true;
    }
    return true;
  }

  void Verify(Engine* engine) {
    const std::uint64_t total = engine->Totals().total;
    const auto report = engine->Check();
    ASSERT_TRUE(report.ok());
    ASSERT_TRUE(report->damage.empty()) << report->damage.front();
    ASSERT_EQ(report->events, total);
    for (int i = 0; i < kSent; ++i) {
      if (!acknowledged_[static_cast<std::size_t>(i)]) continue;
      const auto again = engine->Ingest(Event("sent", i));
      ASSERT_TRUE(again.ok());
      ASSERT_EQ(again->accepted, 0u) << "lost: " << i;
    }
  }

  std::vector<bool> acknowledged_ = std::vector<bool>(kSent);
  bool imported_ = false;
};

TEST_F(ImportKillTest, NothingAcknowledgedIsLostAndNothingCountsTwice) {
  const std::uint64_t seed = testing::RandomSeed();
  SCOPED_TRACE("INSIGHTFLOW_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  TempDir dir;
  const int rounds = testing::RandomCases(50);
  for (int round = 0; round < rounds; ++round) {
    const std::string store = dir / std::to_string(round / 5);
    if (round % 5 == 0) {
      acknowledged_.assign(kSent, false);
      imported_ = false;
    }
    ChildProcess child({"--child", store, std::to_string(seed + static_cast<unsigned>(round))});
    for (std::uint64_t answers = random() % 12; answers != 0 && Read(&child); --answers) {
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    child.Kill();
    child.Wait();
    while (Read(&child)) {
    }
    const std::unique_ptr<Engine> engine = Open(store);
    ASSERT_NE(engine, nullptr);
    Verify(engine.get());
    if (HasFatalFailure()) return;
    if (round % 5 != 4 && !imported_) continue;
    const std::uint64_t before = engine->Totals().total;
    const auto again = Import(*engine);
    ASSERT_TRUE(again.ok());
    ASSERT_EQ(again->received, static_cast<std::uint64_t>(kLines));
    ASSERT_TRUE(!imported_ || again->accepted == 0) << "the import was acknowledged";
    ASSERT_EQ(engine->Totals().total, before + again->accepted);
    const auto sent =
        static_cast<std::uint64_t>(std::count(acknowledged_.begin(), acknowledged_.end(), true));
    ASSERT_GE(engine->Totals().total, kLines + sent);
    ASSERT_LE(engine->Totals().total, static_cast<std::uint64_t>(kLines + kSent));
  }
}

}  // namespace
}  // namespace insightflow

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--child") == 0) {
    return insightflow::RunChild(argv[2], std::strtoull(argv[3], nullptr, 10));
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
