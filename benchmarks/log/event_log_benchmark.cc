// The durable log: synced appends of large records and of groups of small ones, and reading back.
// rss_mib is what the process has grown by since the log was opened.
#include <benchmark/benchmark.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "lib/log/event_log.h"

namespace insightflow {
namespace {

class Folder {
 public:
  Folder() {
    std::string path =
        (std::filesystem::temp_directory_path() / "insightflow-bench-XXXXXX").string();
    path_ = ::mkdtemp(path.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string RandomBytes(std::size_t size) {
  std::mt19937_64 random(1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

double RssMib() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  statm >> pages >> resident;
  return static_cast<double>(resident * static_cast<std::uint64_t>(::getpagesize())) / (1 << 20);
}

// Appends groups of equal entries behind each other.
class Appender {
 public:
  Appender(EventLog* log, std::size_t group, const std::string& record)
      : log_(log), entries_(group) {
    for (LogAppend& entry : entries_) entry.record = record;
  }

  bool Append(bool sync) {
    for (LogAppend& entry : entries_) {
      entry.header = {next_, 1, static_cast<std::int64_t>(next_), static_cast<std::int64_t>(next_)};
      ++next_;
    }
    return log_->Append(entries_, {}, 0, sync).ok();
  }

 private:
  EventLog* const log_;
  std::vector<LogAppend> entries_;
  std::uint64_t next_ = 1;
};

// range(0): bytes a record, range(1): records a write, range(2): synced.
void Append(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  const auto group = static_cast<std::size_t>(state.range(1));
  const Folder folder;
  EventLogOptions options;
  options.dir = folder.path();
  const double rss_before = RssMib();
  auto log = EventLog::Open(options);
  const double rss_open = RssMib();
  const std::string record = RandomBytes(bytes);
  Appender appender(log->get(), group, record);
  for (auto _ : state) {
    if (!appender.Append(state.range(2) != 0)) state.SkipWithError("append failed");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes * group));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(group));
  state.counters["rss_open_mib"] = rss_open - rss_before;
  state.counters["rss_mib"] = RssMib() - rss_before;
}
BENCHMARK(Append)->Args({100'000, 1, 1})->Args({400, 32, 1})->Args({400, 1, 1})->UseRealTime();
BENCHMARK(Append)->Name("AppendUnsynced")->Args({100'000, 1, 0})->Args({400, 32, 0})->UseRealTime();

// range(0): bytes a record. Reads a log of 64 MiB from its start.
void Read(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  const std::size_t records = (std::size_t{64} << 20) / bytes;
  const Folder folder;
  EventLogOptions options;
  options.dir = folder.path();
  auto log = EventLog::Open(options);
  const std::string record = RandomBytes(bytes);
  constexpr std::size_t kGroup = 16;
  Appender appender(log->get(), kGroup, record);
  for (std::size_t i = 0; i < records; i += kGroup) {
    if (!appender.Append(false)) state.SkipWithError("append failed");
  }
  std::int64_t read = 0;
  for (auto _ : state) {
    const auto reader = (*log)->ReadFrom(1);
    for (; reader->Valid(); reader->Next()) ++read;
    if (!reader->status().ok()) state.SkipWithError("read failed");
  }
  state.SetItemsProcessed(read);
  state.SetBytesProcessed(read * static_cast<std::int64_t>(bytes));
}
BENCHMARK(Read)->Arg(100'000)->Arg(400)->UseRealTime()->Unit(benchmark::kMillisecond);

void Seek(benchmark::State& state) {
  const Folder folder;
  EventLogOptions options;
  options.dir = folder.path();
  auto log = EventLog::Open(options);
  const std::string record = RandomBytes(100'000);
  Appender appender(log->get(), 16, record);
  constexpr int kGroups = 40;
  for (int i = 0; i < kGroups; ++i) (void)appender.Append(false);
  std::int64_t at = 0;
  for (auto _ : state) {
    at = (at * 31 + 7) % (kGroups * 16);
    benchmark::DoNotOptimize((*log)->ReadReceivedSince(at)->Valid());
  }
}
BENCHMARK(Seek)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace insightflow
