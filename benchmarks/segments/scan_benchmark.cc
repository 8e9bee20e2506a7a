// Scans of timelines over events like the benchmark generator's: one thread, segments in memory, a
// visitor that only looks. Arguments: rows, days, segments a day.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "benchmarks/common/generator.h"
#include "lib/model/event_rows.h"
#include "lib/segments/memory_segment.h"
#include "lib/segments/timeline_scan.h"

namespace insightflow {
namespace {

constexpr std::uint64_t kHashSeed = 1;
constexpr std::uint32_t kFirstDay = 19'675;

struct Segment {
  MemorySegment chunks;
  std::unique_ptr<SegmentReader> reader;
};

// Each user has about 100 events, as in a store of 100 M events of 1 M users.
std::vector<Segment> MakeSegments(std::size_t rows, std::size_t days, std::size_t per_day) {
  benchmarks::GeneratorOptions options;
  options.start_ms = kFirstDay * kDayMs;
  options.users = static_cast<std::uint32_t>(rows / 100);
  benchmarks::Generator generator(options);
  std::vector<Segment> segments;
  std::uint64_t sequence = 1;
  const std::size_t each = rows / (days * per_day);
  for (std::size_t s = 0; s < days * per_day; ++s) {
    const SegmentKey key = {kFirstDay + static_cast<std::uint32_t>(s / per_day), s + 1};
    SegmentBuilder builder(key, kHashSeed);
    for (std::size_t row = 0; row < each; row += 1'000) {
      std::vector<Event> events;
      for (std::size_t i = 0; i < 1'000 && row + i < each; ++i) {
        Event event = benchmarks::ToEvent(generator.Next());
        // As much of the day has passed as of its events.
        const auto part = static_cast<std::int64_t>(s % per_day * each + row + i);
        const auto all = static_cast<std::int64_t>(per_day * each);
        event.timestamp = FromMillis(key.day * kDayMs + part * kDayMs / all);
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

class Looker final : public TimelineVisitor {
 public:
  Status Visit(const Timelines& timelines) override {
    rows += timelines.rows();
    for (const std::uint64_t match : timelines.matches) matches |= match;
    return Status::Ok();
  }
  std::uint64_t rows = 0;
  std::uint64_t matches = 0;
};

void Scan(benchmark::State& state, const ScanPlan& plan) {
  const auto argument = [&](int i) { return static_cast<std::size_t>(state.range(i)); };
  const std::vector<Segment> segments = MakeSegments(argument(0), argument(1), argument(2));
  std::uint64_t rows = 0;
  for (auto _ : state) {
    std::vector<ScanInput> inputs;
    for (const Segment& segment : segments) {
      inputs.push_back({nullptr, segment.reader.get(),
                        [chunks = &segment.chunks] { return chunks->NewSource(); }});
    }
    ValueTable values;
    ScanOptions options;
    options.parts = 2;
    TimelineScan scan(plan, std::move(inputs), &values, options);
    Looker looker;
    for (std::size_t part = 0; part < scan.parts(); ++part) {
      if (!scan.Run(part, &looker).ok()) state.SkipWithError("the scan failed");
    }
    rows += scan.events_scanned();
    benchmark::DoNotOptimize(looker.matches);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(rows));
}

void BM_ScanFunnel(benchmark::State& state) {
  ScanPlan plan;
  plan.only_matches = true;
  for (const char* type : {"view", "click", "form", "purchase"}) {
    (void)plan.AddSelector({.types = {type}});
  }
  Scan(state, plan);
}
void BM_ScanPages(benchmark::State& state) {
  ScanPlan plan;
  (void)plan.AddSelector({.types = {"view"}});
  (void)plan.AddText("page_url");
  Scan(state, plan);
}
void BM_ScanProperty(benchmark::State& state) {
  ScanPlan plan;
  (void)plan.AddSelector({});
  (void)plan.AddNumber("extra_data.load_ms");
  Scan(state, plan);
}
void Shapes(benchmark::internal::Benchmark* bench) {
  bench->Args({2'000'000, 1, 1})->Args({2'000'000, 1, 7})->Args({2'000'000, 30, 1});
  bench->Unit(benchmark::kMillisecond);
}
BENCHMARK(BM_ScanFunnel)->Apply(Shapes);
BENCHMARK(BM_ScanPages)->Apply(Shapes);
BENCHMARK(BM_ScanProperty)->Args({500'000, 1, 1})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace insightflow
