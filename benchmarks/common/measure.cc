#include "benchmarks/common/measure.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace insightflow::benchmarks {
namespace {

// Nearest rank of a sorted list.
double RankOf(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
  }
  return out + "\"";
}

std::string NumberText(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", std::isfinite(value) ? value : 0.0);
  return text;
}

}  // namespace

Latencies Summarize(std::vector<double> milliseconds) {
  if (milliseconds.empty()) return {};
  std::sort(milliseconds.begin(), milliseconds.end());
  return {.count = milliseconds.size(),
          .p50 = RankOf(milliseconds, 0.5),
          .p99 = RankOf(milliseconds, 0.99),
          .p999 = RankOf(milliseconds, 0.999),
          .max = milliseconds.back()};
}

Memory ReadMemory(int pid) {
  std::ifstream file("/proc/" + (pid == 0 ? std::string("self") : std::to_string(pid)) + "/status");
  Memory memory;
  for (std::string name; file >> name;) {
    std::uint64_t* field = name == "RssAnon:"    ? &memory.anonymous
                           : name == "RssFile:"  ? &memory.file
                           : name == "RssShmem:" ? &memory.shared
                                                 : nullptr;
    if (field != nullptr && file >> *field) *field *= 1024;
    std::getline(file, name);
  }
  return memory;
}

MemoryPeak::MemoryPeak(int pid)
    : thread_([this, pid] {
        while (!stop_.load()) {
          peak_ = std::max(peak_, ReadMemory(pid).used());
          std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        peak_ = std::max(peak_, ReadMemory(pid).used());
      }) {}

MemoryPeak::~MemoryPeak() { Stop(); }

std::uint64_t MemoryPeak::Stop() {
  stop_.store(true);
  if (thread_.joinable()) thread_.join();
  return peak_;
}

std::uint64_t DiskBytes(const std::string& dir) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir, error)) {
    struct stat info;
    if (lstat(entry.path().c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
      bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
    }
  }
  return bytes;
}

ScratchDir::ScratchDir(const std::string& parent) {
  std::error_code error;
  const std::filesystem::path base =
      parent.empty() ? std::filesystem::temp_directory_path(error) : std::filesystem::path(parent);
  std::filesystem::create_directories(base, error);
  std::string pattern = (base / "insightflow-XXXXXX").string();
  if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
}

ScratchDir::~ScratchDir() {
  std::error_code error;
  if (!path_.empty()) std::filesystem::remove_all(path_, error);
}

JsonObject& JsonObject::AddRaw(std::string_view name, std::string_view json) {
  if (!members_.empty()) members_ += ",";
  members_ += Quoted(name);
  members_ += ":";
  members_ += json;
  return *this;
}

JsonObject& JsonObject::Add(std::string_view name, double value) {
  return AddRaw(name, NumberText(value));
}

JsonObject& JsonObject::Add(std::string_view name, std::uint64_t value) {
  return AddRaw(name, std::to_string(value));
}

JsonObject& JsonObject::Add(std::string_view name, std::string_view text) {
  return AddRaw(name, Quoted(text));
}

JsonObject& JsonObject::Add(std::string_view name, const JsonObject& value) {
  return AddRaw(name, value.str());
}

JsonObject& JsonObject::Add(std::string_view name, const std::vector<JsonObject>& values) {
  std::string list;
  for (const JsonObject& value : values) list += (list.empty() ? "" : ",") + value.str();
  return AddRaw(name, "[" + list + "]");
}

JsonObject& JsonObject::Add(std::string_view name, const std::vector<double>& values) {
  std::string list;
  for (double value : values) list += (list.empty() ? "" : ",") + NumberText(value);
  return AddRaw(name, "[" + list + "]");
}

JsonObject& JsonObject::Add(std::string_view name, const Latencies& latencies) {
  JsonObject object;
  object.Add("count", std::uint64_t{latencies.count}).Add("p50_ms", latencies.p50);
  object.Add("p99_ms", latencies.p99).Add("p999_ms", latencies.p999).Add("max_ms", latencies.max);
  return Add(name, object);
}

}  // namespace insightflow::benchmarks
