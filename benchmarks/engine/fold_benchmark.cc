// Folding a log into segments, with merges: rows a second and bytes an event on the disk. Of log
// entries as batches of 1,000 make them, and of small ones.

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "benchmarks/segments/day.h"
#include "lib/engine/folder.h"
#include "lib/log/codec.h"
#include "lib/log/event_log.h"
#include "lib/segments/segment_store.h"

namespace insightflow {
namespace {

Status Fill(EventLog* log, const std::vector<EventBatch>& batches) {
  std::uint64_t next = 1;
  for (const EventBatch& batch : batches) {
    std::string record;
    EncodeRecord(batch, &record);
    LogAppend entry;
    entry.header = {next, static_cast<std::uint32_t>(batch.rows), 1, 1};
    entry.record = record;
    next += batch.rows;
    Status status = log->Append({&entry, 1}, {}, 1, false);
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

// Fills a new store in `dir`, then folds all of it, which alone is timed.
Status FoldAll(benchmark::State& state, const std::string& dir,
               const std::vector<EventBatch>& batches, std::uint64_t* bytes) {
  EventLogOptions options;
  options.dir = dir;
  options.disk_free_min = 0;
  auto log = EventLog::Open(options);
  if (!log.ok()) return log.status();
  if (Status status = Fill(log->get(), batches); !status.ok()) return status;
  auto segments = SegmentStore::Open(&(*log)->store());
  if (!segments.ok()) return segments.status();
  Status status;
  {
    Folder folder({false, 262'144}, log->get(), segments->get());
    folder.Start();
    state.ResumeTiming();
    status = folder.Fold();
    state.PauseTiming();
  }
  *bytes = (*segments)->Snapshot()->bytes();
  (*segments)->Close();
  const Status closed = (*log)->Close();
  return status.ok() ? closed : status;
}

void BM_Fold(benchmark::State& state) {
  const auto batch_rows = static_cast<std::size_t>(state.range(1));
  const std::vector<EventBatch> batches =
      benchmarks::MakeDay(static_cast<std::size_t>(state.range(0)), batch_rows);
  const auto rows = static_cast<std::int64_t>(batches.size() * batch_rows);
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::string dir = (std::filesystem::temp_directory_path() / "fold-XXXXXX").string();
    const bool made = ::mkdtemp(dir.data()) != nullptr;
    const Status status = made ? FoldAll(state, dir, batches, &bytes) : Unavailable("no folder");
    std::filesystem::remove_all(dir);
    if (!status.ok()) {
      state.SkipWithError(status.message().c_str());
      return;
    }
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * rows);
  state.counters["bytes_per_event"] = static_cast<double>(bytes) / static_cast<double>(rows);
}
// Events and events a batch. Those of 1,048,000 end in a merge of four.
BENCHMARK(BM_Fold)
    ->Args({20'000, 1'000})
    ->Args({20'000, 100})
    ->Args({262'000, 1'000})
    ->Args({262'000, 100})
    ->Args({1'048'000, 1'000})
    ->Args({1'048'000, 100})
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace insightflow
