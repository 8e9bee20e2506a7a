// The events that queries are asked of: the generator's, spread evenly over whole days.
//
//   const Dataset dataset({.events = 1'000'000, .days = 30});
//   DatasetReader reader(dataset);
//   for (…) AppendJson(reader.Next(), &lines);
//
// The generator's clock is set to about the rate that the days have, so that events of a session
// are half a minute apart in the dataset too. No two events have the same time while a day has less
// than 86.4 M of them.
//
// Thread safety: a dataset is immutable; a reader serves one thread at a time.
#pragma once

#include <cstdint>

#include "benchmarks/common/generator.h"

namespace insightflow::benchmarks {

inline constexpr std::int64_t kDayMs = 86'400'000;

struct DatasetOptions {
  std::uint64_t events = 10'000'000;
  std::uint64_t users = 0;  // 0: a hundred events each
  std::uint64_t days = 30;
  std::uint64_t rate = 0;  // events a second of the generator's clock; 0: what the days have
};

class Dataset {
 public:
  explicit Dataset(const DatasetOptions& options);

  const DatasetOptions& options() const { return options_; }
  std::uint64_t users() const { return generator_.users; }
  std::uint64_t rate() const { return generator_.events_per_second; }
  const GeneratorOptions& generator() const { return generator_; }

  // Days count from 0; the day after the last has a begin too.
  std::int64_t BeginOfDay(std::uint64_t day) const;
  std::uint64_t FirstEventOfDay(std::uint64_t day) const;
  std::int64_t TimeOf(std::uint64_t event) const;

 private:
  DatasetOptions options_;
  GeneratorOptions generator_;
};

class DatasetReader {
 public:
  explicit DatasetReader(const Dataset& dataset);

  GeneratedEvent Next();

 private:
  Dataset dataset_;
  Generator generator_;
  std::uint64_t index_ = 0;
};

}  // namespace insightflow::benchmarks
