// Segments over a day of events like the benchmark generator's: bytes an event by column, rows a
// second built and decoded.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/segments/day.h"
#include "lib/segments/segment_builder.h"
#include "lib/segments/segment_merger.h"
#include "lib/segments/segment_reader.h"

namespace insightflow {
namespace {

using benchmarks::kDay;
using benchmarks::kHashSeed;
using benchmarks::MakeDay;

constexpr SegmentKey kKey = {kDay, 1};

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

bool Build(const std::vector<EventBatch>& batches, Files* files, SegmentMeta* meta,
           SegmentRows* memory) {
  SegmentBuilder builder(kKey, kHashSeed, {}, std::move(*memory));
  std::uint64_t sequence = 1;
  for (const EventBatch& batch : batches) {
    if (!builder.Add(batch, sequence).ok()) return false;
    sequence += batch.rows;
  }
  const bool built = builder.Finish(files, meta).ok();
  *memory = builder.TakeMemory();
  return built;
}

void BM_Build(benchmark::State& state) {
  const std::vector<EventBatch> batches = MakeDay(static_cast<std::size_t>(state.range(0)));
  Files files;
  SegmentMeta meta;
  SegmentRows memory;  // used again, as the folder does
  for (auto _ : state) {
    if (!Build(batches, &files, &meta, &memory)) {
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
BENCHMARK(BM_Build)->Arg(20'000)->Arg(262'000)->Unit(benchmark::kMillisecond);

// Four segments of consecutive parts of the day, as folding makes them.
void BM_Merge(benchmark::State& state) {
  constexpr std::size_t kParts = 4;
  const std::vector<EventBatch> batches = MakeDay(static_cast<std::size_t>(state.range(0)));
  std::vector<Files> files(kParts);
  std::vector<SegmentReader> readers;
  std::vector<MergeInput> inputs;
  for (std::size_t part = 0; part < kParts; ++part) {
    SegmentBuilder builder({kDay, part + 2}, kHashSeed);
    SegmentMeta meta;
    for (std::size_t i = batches.size() * part / kParts; i < batches.size() * (part + 1) / kParts;
         ++i) {
      static_cast<void>(builder.Add(batches[i], 1 + i * benchmarks::kBatchRows));
    }
    static_cast<void>(builder.Finish(&files[part], &meta));
    readers.push_back(
        *SegmentReader::Open(meta.key, files[part].chunks[{SegmentColumn::kMeta, kMetaBlock}]));
  }
  for (std::size_t part = 0; part < kParts; ++part)
    inputs.push_back({&readers[part], &files[part]});
  Files whole;
  Files merged;
  SegmentMeta meta;
  SegmentRows memory;
  if (!Build(batches, &whole, &meta, &memory)) state.SkipWithError("a segment was not built");
  for (auto _ : state) {
    if (!MergeSegments(
             inputs, kKey, {}, [] { return false; }, &merged, &meta)
             .ok()) {
      state.SkipWithError("segments were not merged");
      return;
    }
  }
  if (merged.chunks != whole.chunks) state.SkipWithError("a merge is not what the builder makes");
  state.SetItemsProcessed(state.iterations() * meta.rows);
}
BENCHMARK(BM_Merge)->Arg(20'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void Decode(benchmark::State& state, ColumnSet columns) {
  Files files;
  SegmentMeta meta;
  SegmentRows memory;
  if (!Build(MakeDay(static_cast<std::size_t>(state.range(0))), &files, &meta, &memory)) {
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
