// The dedupe window: nanoseconds a key and bytes a key, from an empty window to a spent budget.
//
// BM_Fresh fills a window up to the argument (millions of ids) and then times fresh keys; BM_Fill
// times the whole way there, growth included; BM_Known times keys that are duplicates; BM_Save and
// BM_Load write and read the file of a window; BM_Again makes one from all its keys at once. With
// INSIGHTFLOW_BENCHMARK_LARGE=1 in the environment up to 130 million ids.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "lib/log/dedupe.h"
#include "lib/log/dedupe_file.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

constexpr std::size_t kBudget = std::size_t{1} << 30;
constexpr std::int64_t kWindowMs = std::int64_t{7} * 24 * 3600 * 1000;
constexpr std::size_t kBatch = 1'000;

// Distinct keys that look random: the n-th step of SplitMix64, twice.
std::uint64_t Mix(std::uint64_t n) {
  n *= 0x9e3779b97f4a7c15;
  n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
  n = (n ^ n >> 27) * 0x94d049bb133111eb;
  return n ^ n >> 31;
}

class Filler {
 public:
  // Batches of keys number `next_` and up, made before they are timed.
  const std::vector<Hash128>& Next() {
    keys_.resize(kBatch);
    for (Hash128& key : keys_) {
      key = {Mix(2 * next_), Mix(2 * next_ + 1)};
      ++next_;
    }
    return keys_;
  }
  void GoBack(std::uint64_t keys) { next_ -= keys; }
  std::size_t Insert(DedupeWindow* window, const std::vector<Hash128>& keys) {
    // A thousand keys a millisecond, as at a million events a second.
    return window->Insert(keys, static_cast<std::int64_t>(next_ / kBatch), &fresh_);
  }

 private:
  std::uint64_t next_ = 1;
  std::vector<Hash128> keys_;
  std::vector<std::uint8_t> fresh_;
};

std::uint64_t Millions(const benchmark::State& state) {
  return static_cast<std::uint64_t>(state.range(0)) * 1'000'000;
}

void Report(benchmark::State& state, const DedupeWindow& window) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
  state.counters["ids"] = static_cast<double>(window.size());
  state.counters["bytes_per_id"] =
      static_cast<double>(window.bytes()) / static_cast<double>(window.size());
  state.counters["s_per_key"] = benchmark::Counter(
      static_cast<double>(kBatch),
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void Fill(std::uint64_t ids, Filler* filler, DedupeWindow* window) {
  for (std::uint64_t i = 0; i < ids; i += kBatch) filler->Insert(window, filler->Next());
}

void Run(benchmark::State& state, std::uint64_t filled, std::size_t fresh_expected) {
  DedupeWindow window(kBudget, kWindowMs);
  Filler filler;
  Fill(filled, &filler, &window);
  if (fresh_expected == 0) filler.GoBack(filled);
  for (auto _ : state) {
    state.PauseTiming();
    const std::vector<Hash128>& keys = filler.Next();
    state.ResumeTiming();
    if (filler.Insert(&window, keys) != fresh_expected) {
      state.SkipWithError("wrong count of fresh keys");
      break;
    }
  }
  Report(state, window);
}

void BM_Fresh(benchmark::State& state) { Run(state, Millions(state), kBatch); }
void BM_Known(benchmark::State& state) { Run(state, Millions(state), 0); }
void BM_Fill(benchmark::State& state) { Run(state, 0, kBatch); }

void ReportFile(benchmark::State& state, const TempDir& dir) {
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(std::filesystem::file_size(dir / "DEDUPE")));
}

void BM_Save(benchmark::State& state) {
  DedupeWindow window(kBudget, kWindowMs);
  Filler filler;
  Fill(Millions(state), &filler, &window);
  const TempDir dir;
  for (auto _ : state) {
    if (!WriteDedupeFile(dir.path(), 1, {}, window).ok()) state.SkipWithError("cannot write");
  }
  ReportFile(state, dir);
}

void BM_Load(benchmark::State& state) {
  const TempDir dir;
  {
    DedupeWindow window(kBudget, kWindowMs);
    Filler filler;
    Fill(Millions(state), &filler, &window);
    if (!WriteDedupeFile(dir.path(), 1, {}, window).ok()) state.SkipWithError("cannot write");
  }
  const auto accept = [](const DedupeMark&) { return true; };
  for (auto _ : state) {
    state.PauseTiming();
    auto window = std::make_unique<DedupeWindow>(kBudget, kWindowMs);
    state.ResumeTiming();
    if (!ReadDedupeFile(dir.path(), 1, accept, window.get())) state.SkipWithError("cannot read");
    state.PauseTiming();
    window.reset();
    state.ResumeTiming();
  }
  ReportFile(state, dir);
}

void BM_Again(benchmark::State& state) {
  Filler filler;
  std::vector<Hash128> keys;
  while (keys.size() < Millions(state)) {
    const std::vector<Hash128>& more = filler.Next();
    keys.insert(keys.end(), more.begin(), more.end());
  }
  for (auto _ : state) {
    auto window = std::make_unique<DedupeWindow>(kBudget, kWindowMs);
    window->Reserve(keys.size());
    window->InsertMany(keys, 1);
    if (window->size() != keys.size()) state.SkipWithError("wrong count of keys");
    state.PauseTiming();
    window.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(keys.size()));
}

// Every iteration of the first three is 1,000 keys. The runs up to a spent budget take minutes and
// 1 GiB.
BENCHMARK(BM_Fresh)->Arg(1)->Iterations(500);
BENCHMARK(BM_Known)->Arg(1)->Iterations(500);
BENCHMARK(BM_Fill)->Iterations(1'000);
BENCHMARK(BM_Save)->Arg(1)->Iterations(5)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Load)->Arg(1)->Iterations(5)->UseRealTime()->Unit(benchmark::kMillisecond);

BENCHMARK(BM_Again)->Arg(1)->Iterations(5)->UseRealTime()->Unit(benchmark::kMillisecond);

[[maybe_unused]] const bool kLarge = [] {
  if (std::getenv("INSIGHTFLOW_BENCHMARK_LARGE") == nullptr) return false;
  using benchmark::RegisterBenchmark;
  RegisterBenchmark("BM_Fresh", BM_Fresh)->Arg(10)->Arg(100)->Arg(130)->Iterations(2'000);
  RegisterBenchmark("BM_Known", BM_Known)->Arg(10)->Arg(100)->Iterations(2'000);
  RegisterBenchmark("BM_Fill", BM_Fill)->Iterations(100'000);
  for (auto* large : {RegisterBenchmark("BM_Save", BM_Save), RegisterBenchmark("BM_Load", BM_Load),
                      RegisterBenchmark("BM_Again", BM_Again)}) {
    large->Arg(10)->Arg(100)->Iterations(5)->UseRealTime()->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace insightflow
