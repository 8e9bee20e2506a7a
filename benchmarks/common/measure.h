// What the workload programs measure with, and how they print it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace insightflow::benchmarks {

inline double Seconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

// Percentiles of latencies in milliseconds; zeros when there are none.
struct Latencies {
  std::size_t count = 0;
  double p50 = 0;
  double p99 = 0;
  double p999 = 0;
  double max = 0;
};
Latencies Summarize(std::vector<double> milliseconds);

// Resident bytes of a process by kind, zeros when it is gone. Linux only.
struct Memory {
  std::uint64_t anonymous = 0;
  std::uint64_t file = 0;
  std::uint64_t shared = 0;  // the benchmarks' own input

  std::uint64_t used() const { return anonymous + file; }
};
Memory ReadMemory(int pid);  // 0: this process

// Watches Memory::used() of a process every 10 ms from construction to Stop.
class MemoryPeak {
 public:
  explicit MemoryPeak(int pid);
  ~MemoryPeak();
  MemoryPeak(const MemoryPeak&) = delete;
  MemoryPeak& operator=(const MemoryPeak&) = delete;

  std::uint64_t Stop();

 private:
  std::atomic<bool> stop_ = false;
  std::uint64_t peak_ = 0;
  std::thread thread_;
};

// Bytes that the files below a folder take on the disk.
std::uint64_t DiskBytes(const std::string& dir);

// A new folder below `parent` (empty: the system's), removed at the end.
class ScratchDir {
 public:
  explicit ScratchDir(const std::string& parent);
  ~ScratchDir();
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;

  const std::string& path() const { return path_; }  // empty when it could not be made

 private:
  std::string path_;
};

// A JSON object, printed in the order of its Add calls.
class JsonObject {
 public:
  JsonObject& Add(std::string_view name, double value);
  JsonObject& Add(std::string_view name, std::uint64_t value);
  JsonObject& Add(std::string_view name, std::string_view text);
  JsonObject& Add(std::string_view name, const JsonObject& value);
  JsonObject& Add(std::string_view name, const std::vector<JsonObject>& values);
  JsonObject& Add(std::string_view name, const std::vector<double>& values);
  JsonObject& Add(std::string_view name, const Latencies& latencies);

  std::string str() const { return "{" + members_ + "}"; }

 private:
  JsonObject& AddRaw(std::string_view name, std::string_view json);

  std::string members_;
};

}  // namespace insightflow::benchmarks
