// Bytes to rows: what decoding, validating and filling a batch costs an event, for batches of 1,000
// events of 337 bytes. `ns_per_event` is the figure to watch.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/common/generator.h"
#include "lib/decode/decoder.h"
#include "lib/decode/json_index.h"

namespace insightflow::benchmarks {
namespace {

constexpr std::size_t kEvents = 1'000;
constexpr std::size_t kBatches = 64;  // more than fits the L2 cache

DecodeContext Context() {
  DecodeContext context;
  context.received_ms = 1'800'000'000'000;
  context.hash_seed = 42;
  return context;
}

std::vector<std::string> JsonBatches() {
  Generator generator({.seed = 7, .users = 100'000});
  std::vector<std::string> batches(kBatches);
  for (std::string& batch : batches) AppendJsonBatch(&generator, kEvents, &batch);
  return batches;
}

void Report(benchmark::State& state, std::size_t bytes) {
  const double events = static_cast<double>(state.iterations()) * kEvents;
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.counters["ns_per_event"] =
      benchmark::Counter(events / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void BM_DecodeJson(benchmark::State& state) {
  const std::vector<std::string> batches = JsonBatches();
  Decoder decoder;
  DecodedBatch out;
  std::size_t i = 0;
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::string& body = batches[i++ % kBatches];
    bytes += body.size();
    if (!decoder.DecodeJson(body, Context(), &out).ok() || out.batch.rows != kEvents) {
      state.SkipWithError("the batch was not taken whole");
      break;
    }
  }
  Report(state, bytes);
}
BENCHMARK(BM_DecodeJson);

void BM_DecodeNdjson(benchmark::State& state) {
  Generator generator({.seed = 7, .users = 100'000});
  std::vector<std::string> blocks(kBatches);
  for (std::string& block : blocks) {
    for (std::size_t e = 0; e < kEvents; ++e) {
      AppendJson(generator.Next(), &block);
      block += '\n';
    }
  }
  Decoder decoder;
  DecodedBatch out;
  std::size_t i = 0;
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::string& block = blocks[i++ % kBatches];
    bytes += block.size();
    decoder.DecodeNdjson(block, 1, Context(), &out);
    if (out.batch.rows != kEvents) {
      state.SkipWithError("the block was not taken whole");
      break;
    }
  }
  Report(state, bytes);
}
BENCHMARK(BM_DecodeNdjson);

// The part of it that only finds tokens: the floor under the others.
void BM_IndexJson(benchmark::State& state) {
  const std::vector<std::string> batches = JsonBatches();
  JsonIndex index;
  std::size_t i = 0;
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::string& body = batches[i++ % kBatches];
    bytes += body.size();
    benchmark::DoNotOptimize(index.Build(body));
  }
  Report(state, bytes);
}
BENCHMARK(BM_IndexJson);

void BM_DecodeCombined(benchmark::State& state) {
  constexpr std::string_view kLine =
      "203.0.113.9 - - [14/Nov/2023:22:13:19 +0000] \"GET /shop/item?id=17 HTTP/1.1\" 200 5120 "
      "\"https://example.org/shop\" \"Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101\"\n";
  std::string lines;
  for (std::size_t i = 0; i < kEvents; ++i) lines += kLine;
  Decoder decoder;
  DecodedBatch out;
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes += lines.size();
    decoder.DecodeCombined(lines, 1, Context(), &out);
  }
  Report(state, bytes);
}
BENCHMARK(BM_DecodeCombined);

}  // namespace
}  // namespace insightflow::benchmarks
