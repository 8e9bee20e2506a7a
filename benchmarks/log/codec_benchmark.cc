// The record codec over batches like the benchmark generator's: time an event, bytes an event.

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "benchmarks/common/generator.h"
#include "lib/log/codec.h"
#include "lib/model/key.h"

namespace insightflow {
namespace {

constexpr std::uint64_t kHashSeed = 1;

EventBatch MakeBatch(benchmarks::Generator* generator, std::size_t rows) {
  EventBatch batch;
  for (std::size_t i = 0; i < rows; ++i) {
    const Event event = benchmarks::ToEvent(generator->Next());
    const std::size_t row = batch.PushRow(ToMillis(event.timestamp));
    batch.column(Field::kUserId).Set(row, event.user_id);
    batch.column(Field::kSessionId).Set(row, event.session_id);
    batch.column(Field::kEventType).Set(row, event.event_type);
    batch.column(Field::kPageUrl).Set(row, event.page_url);
    batch.column(Field::kPageTitle).Set(row, event.page_title);
    batch.column(Field::kReferrer).Set(row, event.referrer);
    batch.column(Field::kElement).Set(row, event.element);
    batch.column(Field::kElementId).Set(row, event.element_id);
    batch.column(Field::kElementClass).Set(row, event.element_class);
    batch.column(Field::kElementText).Set(row, event.element_text);
    batch.column(Field::kUserAgent).Set(row, event.user_agent);
    batch.column(Field::kIpAddress).Set(row, event.ip_address);
    batch.column(Field::kTabId).Set(row, event.tab_id);
    if (event.position_x) batch.SetPositionX(*event.position_x);
    if (event.position_y) batch.SetPositionY(*event.position_y);
    if (event.seq) batch.SetClientSeq(*event.seq);
    batch.event_id.Set(row, event.event_id);
    batch.keys[row] = EventIdKey(event.event_id, kHashSeed);
    batch.extra_data.Set(row, event.extra_data);
  }
  return batch;
}

void Report(benchmark::State& state, std::size_t rows, std::size_t record_bytes) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows));
  state.counters["bytes_per_event"] = static_cast<double>(record_bytes) / static_cast<double>(rows);
  state.counters["s_per_event"] =
      benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kIsIterationInvariantRate |
                                                        benchmark::Counter::kInvert);
}

void BM_Encode(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  benchmarks::Generator generator({});
  std::vector<EventBatch> batches;
  for (int i = 0; i < 20; ++i) batches.push_back(MakeBatch(&generator, rows));
  std::string record;
  std::size_t next = 0;
  for (auto _ : state) {
    record.clear();
    EncodeRecord(batches[next++ % batches.size()], &record);
    benchmark::DoNotOptimize(record.data());
  }
  Report(state, rows, record.size());
}
BENCHMARK(BM_Encode)->Arg(1)->Arg(100)->Arg(1'000)->Arg(10'000);

void Decode(benchmark::State& state, const RecordParts& parts) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  benchmarks::Generator generator({});
  std::vector<std::string> records(20);
  for (std::string& record : records) EncodeRecord(MakeBatch(&generator, rows), &record);
  EventBatch batch;
  std::size_t next = 0;
  for (auto _ : state) {
    if (!DecodeRecord(records[next++ % records.size()], parts, kHashSeed, &batch).ok()) {
      state.SkipWithError("a record did not decode");
      break;
    }
    benchmark::DoNotOptimize(batch.time_ms.data());
  }
  Report(state, rows, records.front().size());
}

void BM_DecodeCore(benchmark::State& state) { Decode(state, {true, false, false}); }
void BM_DecodeCoreAndIds(benchmark::State& state) { Decode(state, {true, true, false}); }
void BM_DecodeAll(benchmark::State& state) { Decode(state, {true, true, true}); }
BENCHMARK(BM_DecodeCore)->Arg(1'000);
BENCHMARK(BM_DecodeCoreAndIds)->Arg(1)->Arg(1'000)->Arg(10'000);
BENCHMARK(BM_DecodeAll)->Arg(1'000);

}  // namespace
}  // namespace insightflow
