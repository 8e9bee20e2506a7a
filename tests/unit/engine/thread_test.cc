// What the system knows of the engine's own threads.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "insightflow/engine.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

namespace fs = std::filesystem;

std::string Read(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The signals that each thread blocks whose name begins with "if-", as bits.
std::map<std::string, std::uint64_t> OwnThreads() {
  std::map<std::string, std::uint64_t> threads;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::string name = Read(task.path() / "comm");
    name = name.substr(0, name.find('\n'));
    if (!name.starts_with("if-")) continue;
    const std::string status = Read(task.path() / "status");
    const std::string field = "SigBlk:\t";
    threads[name] = std::stoull(status.substr(status.find(field) + field.size(), 16), nullptr, 16);
  }
  return threads;
}

TEST(ThreadTest, TheEngineNamesItsThreadsAndLeavesSignalsToTheProgram) {
  const TempDir dir;
  EngineOptions options;
  options.data_dir = dir.path();
  const auto engine = Engine::Open(options);
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  // A thread names itself as it begins: a fold and an event need all of them.
  ASSERT_TRUE((*engine)->Ingest(R"({"user_id":"u","event_type":"view"})").ok());
  ASSERT_TRUE((*engine)->Fold().ok());
  const auto threads = OwnThreads();
  for (const char* name : {"if-commit", "if-apply", "if-fold"}) {
    ASSERT_TRUE(threads.contains(name)) << name;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGCHLD, SIGUSR1, SIGWINCH}) {
      EXPECT_NE(threads.at(name) & 1ULL << (signal - 1), 0u) << name << ", signal " << signal;
    }
  }
}

}  // namespace
}  // namespace insightflow
