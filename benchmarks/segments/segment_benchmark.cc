// Segments over a day of events like the benchmark generator's: bytes an event by column, rows a
// second built and decoded.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/common/generator.h"
#include "lib/model/key.h"
#include "lib/segments/segment_builder.h"
#include "lib/segments/segment_reader.h"

namespace insightflow {
namespace {

constexpr std::uint64_t kHashSeed = 1;
constexpr SegmentKey kKey = {19'675, 1};
constexpr std::size_t kBatchRows = 1'000;

EventBatch MakeBatch(benchmarks::Generator* generator) {
  EventBatch batch;
  for (std::size_t i = 0; i < kBatchRows; ++i) {
    const Event event = benchmarks::ToEvent(generator->Next());
    const std::size_t row = batch.PushRow(ToMillis(event.timestamp));
    batch.column(Field::kUserId).Set(row, event.user_id);
    batch.column(Field::kSessionId).Set(row, event.session_id);
    batch.column(Field::kEventType).Set(row, event.event_type);
    batch.column(Field::kPageUrl).Set(row, event.page_url);
    batch.column(Field::kPageTitle).Set(row, event.page_title);
    batch.column(Field::kElement).Set(row, event.element);
    batch.column(Field::kUserAgent).Set(row, event.user_agent);
    if (event.position_x) batch.SetPositionX(*event.position_x);
    if (event.position_y) batch.SetPositionY(*event.position_y);
    batch.event_id.Set(row, event.event_id);
    batch.keys[row] = EventIdKey(event.event_id, kHashSeed);
    batch.extra_data.Set(row, event.extra_data);
  }
  return batch;
}

// The day's events, evenly over its 24 hours.
std::vector<EventBatch> MakeDay(std::size_t rows) {
  benchmarks::GeneratorOptions options;
  options.start_ms = kKey.day * kDayMs;
  options.events_per_second = rows / 86'400 + 1;
  benchmarks::Generator generator(options);
  std::vector<EventBatch> batches;
  for (std::size_t row = 0; row < rows; row += kBatchRows) {
    batches.push_back(MakeBatch(&generator));
  }
  return batches;
}

class Files final : public ChunkSink, public ChunkSource {
 public:
  Status Write(SegmentColumn column, std::uint32_t block, std::string_view chunk) override {
    chunks[{column, block}] = chunk;
    return Status::Ok();
  }
  Result<std::string_view> Fetch(SegmentColumn column, std::uint32_t block) override {
    return std::string_view(chunks[{column, block}]);
  }

  std::map<std::pair<SegmentColumn, std::uint32_t>, std::string> chunks;
};

bool Build(const std::vector<EventBatch>& batches, Files* files, SegmentMeta* meta) {
  SegmentBuilder builder(kKey, kHashSeed);
  std::uint64_t sequence = 1;
  for (const EventBatch& batch : batches) {
    if (!builder.Add(batch, sequence).ok()) return false;
    sequence += batch.rows;
  }
  return builder.Finish(files, meta).ok();
}

void BM_Build(benchmark::State& state) {
  const std::vector<EventBatch> batches = MakeDay(static_cast<std::size_t>(state.range(0)));
  Files files;
  SegmentMeta meta;
  for (auto _ : state) {
    if (!Build(batches, &files, &meta)) {
      state.SkipWithError("a segment was not built");
      return;
    }
  }
  state.SetItemsProcessed(state.iterations() * meta.rows);
  double bytes = 0;
  for (const auto& [key, chunk] : files.chunks) {
    const double share = static_cast<double>(chunk.size()) / meta.rows;
    state.counters[std::string(ColumnName(key.first))] += share;
    bytes += share;
  }
  state.counters["bytes_per_event"] = bytes;
}
BENCHMARK(BM_Build)->Arg(20'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void Decode(benchmark::State& state, ColumnSet columns) {
  Files files;
  SegmentMeta meta;
  if (!Build(MakeDay(static_cast<std::size_t>(state.range(0))), &files, &meta)) {
    state.SkipWithError("a segment was not built");
    return;
  }
  const Result<SegmentReader> reader =
      SegmentReader::Open(kKey, files.chunks[{SegmentColumn::kMeta, kMetaBlock}]);
  ReadScratch scratch;
  SegmentBlock block;
  for (auto _ : state) {
    for (std::uint32_t b = 0; b < meta.blocks.size(); ++b) {
      if (!reader->ReadBlock(b, columns, &files, &scratch, &block).ok()) {
        state.SkipWithError("a block did not decode");
        return;
      }
      benchmark::DoNotOptimize(block.rows);
    }
  }
  state.SetItemsProcessed(state.iterations() * meta.rows);
}

void BM_DecodeTimeAndType(benchmark::State& state) {
  Decode(state, {SegmentColumn::kTime, ColumnOf(Field::kEventType)});
}
void BM_DecodeRunsTimeAndType(benchmark::State& state) {
  Decode(state, {SegmentColumn::kUserRuns, SegmentColumn::kTime, ColumnOf(Field::kEventType)});
}
void BM_DecodePage(benchmark::State& state) { Decode(state, {ColumnOf(Field::kPageUrl)}); }
void BM_DecodeExtraData(benchmark::State& state) { Decode(state, {SegmentColumn::kExtraData}); }
void BM_DecodeAll(benchmark::State& state) { Decode(state, ColumnSet::All()); }
BENCHMARK(BM_DecodeTimeAndType)->Arg(200'000);
BENCHMARK(BM_DecodeRunsTimeAndType)->Arg(200'000);
BENCHMARK(BM_DecodePage)->Arg(200'000);
BENCHMARK(BM_DecodeExtraData)->Arg(200'000);
BENCHMARK(BM_DecodeAll)->Arg(200'000);

}  // namespace
}  // namespace insightflow
