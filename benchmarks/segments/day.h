// A day of events like the benchmark generator's, as batches of the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "benchmarks/common/generator.h"
#include "lib/model/batch.h"
#include "lib/model/key.h"

namespace insightflow::benchmarks {

inline constexpr std::uint64_t kHashSeed = 1;
inline constexpr std::uint32_t kDay = 19'675;
inline constexpr std::size_t kBatchRows = 1'000;

inline EventBatch MakeBatch(Generator* generator, std::size_t rows) {
  EventBatch batch;
  for (std::size_t i = 0; i < rows; ++i) {
    const Event event = ToEvent(generator->Next());
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
inline std::vector<EventBatch> MakeDay(std::size_t rows, std::size_t batch_rows = kBatchRows) {
  GeneratorOptions options;
  options.start_ms = std::int64_t{kDay} * 86'400'000;
  options.events_per_second = rows / 86'400 + 1;
  Generator generator(options);
  std::vector<EventBatch> batches;
  for (std::size_t row = 0; row < rows; row += batch_rows) {
    batches.push_back(MakeBatch(&generator, batch_rows));
  }
  return batches;
}

}  // namespace insightflow::benchmarks
