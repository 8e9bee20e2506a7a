// JSON batches made before the clock starts, in memory that does not count as the process's own.
//
// The bytes live in a shared-memory file, so that the anonymous memory of the process is what the
// measured code uses. One stream of the generator a shard; batch i belongs to shard i % shards, and
// a thread that takes every shards-th batch sees one stream in order.
//
// Thread safety: different batches may be read and renewed by different threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "benchmarks/common/generator.h"

namespace insightflow::benchmarks {

struct BatchesOptions {
  GeneratorOptions generator = {};  // shard s takes seed + s and its share of the rate
  std::uint64_t events = 1'000'000;
  std::size_t batch_events = 1'000;
  std::size_t shards = 2;
};

class Batches {
 public:
  // Null when the memory cannot be had. Generates with a thread a shard.
  static std::unique_ptr<Batches> Create(const BatchesOptions& options);
  ~Batches();
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;

  std::size_t size() const { return shards_.size() * batches_a_shard_; }
  std::size_t batch_events() const { return batch_events_; }
  std::string_view at(std::size_t i) const;
  // Events of one pass by kind.
  std::array<std::uint64_t, kKindCount> kinds() const;
  std::uint64_t bytes() const;

  // Gives every event of a batch an id that no other pass has. `pass` >= 1. Costs some nanoseconds
  // an event. Ids that were never renewed are random in what tells passes apart, so one of 4
  // billion is that of its own event in a later pass: who renews any renews all.
  void Renew(std::size_t i, std::uint32_t pass);

 private:
  struct Shard {
    char* begin = nullptr;
    std::size_t mapped = 0;
    std::vector<std::size_t> ends;   // of batches
    std::vector<std::uint32_t> ids;  // where each event's id is, from its batch's begin
    std::array<std::uint64_t, kKindCount> kinds = {};
  };

  Batches() = default;
  void Fill(GeneratorOptions generator, Shard* shard) const;
  std::size_t BeginOf(std::size_t i) const;

  std::vector<Shard> shards_;
  std::size_t batch_events_ = 0;
  std::size_t batches_a_shard_ = 0;
};

}  // namespace insightflow::benchmarks
