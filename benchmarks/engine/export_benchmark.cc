// Exports of events like the benchmark generator's, out of segments in memory, to nowhere.
// Arguments: rows, segments of the one day, CSV or not.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/common/generator.h"
#include "lib/engine/export_run.h"
#include "lib/model/event_rows.h"
#include "lib/segments/memory_segment.h"

namespace insightflow {
namespace {

constexpr std::uint64_t kHashSeed = 1;
constexpr std::uint32_t kDay = 19'675;

struct Segment {
  MemorySegment chunks;
  std::unique_ptr<SegmentReader> reader;
};

std::vector<Segment> MakeSegments(std::size_t rows, std::size_t count) {
  benchmarks::GeneratorOptions options;
  options.start_ms = kDay * kDayMs;
  options.users = static_cast<std::uint32_t>(rows / 100);
  benchmarks::Generator generator(options);
  std::vector<Segment> segments;
  std::uint64_t sequence = 1;
  for (std::uint64_t id = 1; id <= count; ++id) {
    const SegmentKey key = {kDay, id};
    SegmentBuilder builder(key, kHashSeed);
    for (std::size_t row = 0; row < rows / count; row += 1'000) {
      std::vector<Event> events;
      for (int i = 0; i < 1'000; ++i) {
        Event event = benchmarks::ToEvent(generator.Next());
        event.timestamp =
            FromMillis(kDay * kDayMs + static_cast<std::int64_t>(sequence + events.size()) * 10);
        events.push_back(std::move(event));
      }
      EventBatch batch;
      AppendEvents(events, &batch);
      (void)builder.Add(batch, sequence);
      sequence += batch.rows;
    }
    Segment segment;
    SegmentMeta meta;
    (void)builder.Finish(&segment.chunks, &meta);
    segment.reader = std::make_unique<SegmentReader>(*segment.chunks.Open(key));
    segments.push_back(std::move(segment));
  }
  return segments;
}

void BM_Export(benchmark::State& state) {
  const std::vector<Segment> segments = MakeSegments(static_cast<std::size_t>(state.range(0)),
                                                     static_cast<std::size_t>(state.range(1)));
  ExportOptions options;
  options.format = state.range(2) != 0 ? ExportFormat::kCsv : ExportFormat::kNdjson;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    std::vector<ScanInput> inputs;
    for (const Segment& segment : segments) {
      inputs.push_back({nullptr, segment.reader.get(),
                        [chunks = &segment.chunks] { return chunks->NewSource(); }});
    }
    ExportRun run(options, *ExportScope::Create(options), std::move(inputs));
    std::string lines;
    for (bool more = true; more; lines.clear()) {
      const Result<bool> next = run.Next(&lines);
      if (!next.ok()) state.SkipWithError("the export failed");
      more = next.ok() && *next;
      bytes += lines.size();
      benchmark::DoNotOptimize(lines.data());
    }
    rows += run.events();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(rows));
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(BM_Export)
    ->Args({200'000, 1, 0})
    ->Args({200'000, 7, 0})
    ->Args({200'000, 1, 1})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace insightflow
