#include "benchmarks/queries/dataset.h"

#include <algorithm>

namespace insightflow::benchmarks {
namespace {

constexpr std::int64_t kFirstDay = 19'675;  // since 1970
constexpr std::uint64_t kEventsAUser = 100;
constexpr std::uint64_t kUsersMin = 10;
constexpr std::uint64_t kSecondsADay = 86'400;

}  // namespace

Dataset::Dataset(const DatasetOptions& options) : options_(options) {
  const std::uint64_t users =
      options.users != 0 ? options.users : std::max(options.events / kEventsAUser, kUsersMin);
  const std::uint64_t natural = options.events / (options.days * kSecondsADay);
  generator_.start_ms = BeginOfDay(0);
  generator_.users = static_cast<std::uint32_t>(users);
  generator_.events_per_second =
      options.rate != 0 ? options.rate : std::max<std::uint64_t>(natural, 1);
}

std::int64_t Dataset::BeginOfDay(std::uint64_t day) const {
  return (kFirstDay + static_cast<std::int64_t>(day)) * kDayMs;
}

std::uint64_t Dataset::FirstEventOfDay(std::uint64_t day) const {
  std::uint64_t event = options_.events * day / options_.days;
  while (event < options_.events && TimeOf(event) < BeginOfDay(day)) ++event;
  while (event > 0 && TimeOf(event - 1) >= BeginOfDay(day)) --event;
  return event;
}

std::int64_t Dataset::TimeOf(std::uint64_t event) const {
  const double share = static_cast<double>(event) / static_cast<double>(options_.events);
  const double span = static_cast<double>(options_.days) * static_cast<double>(kDayMs);
  return BeginOfDay(0) + static_cast<std::int64_t>(share * span);
}

DatasetReader::DatasetReader(const Dataset& dataset)
    : dataset_(dataset), generator_(dataset.generator()) {}

GeneratedEvent DatasetReader::Next() {
  GeneratedEvent event = generator_.Next();
  event.time_ms = dataset_.TimeOf(index_++);
  return event;
}

}  // namespace insightflow::benchmarks
