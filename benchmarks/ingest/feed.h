// Sends batches to a sink from several threads, so many at once, and times their answers.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "benchmarks/common/batches.h"
#include "benchmarks/common/measure.h"
#include "benchmarks/ingest/sink.h"

namespace insightflow::benchmarks {

// Bounds the batches under way.
class Gate {
 public:
  explicit Gate(std::size_t room) : room_(room) {}

  void Enter() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return room_ > 0; });
    --room_;
  }
  void Leave() {
    std::lock_guard<std::mutex> lock(mutex_);
    ++room_;
    changed_.notify_all();
  }
  void WaitForAll(std::size_t room) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this, room] { return room_ == room; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t room_;
};

struct FeedOptions {
  std::uint32_t passes = 1;  // times the batches are sent; with new ids when more than one
  std::size_t threads = 2;
  std::size_t in_flight = 64;
};

struct FeedResult {
  double seconds = 0;  // from the first call to the last answer
  double cpu_seconds = 0;
  std::uint64_t events = 0;
  std::uint64_t accepted = 0;
  std::uint64_t failed_batches = 0;
  Latencies ack;
  std::vector<double> rates;  // events a second in each tenth of the run

  bool complete() const { return failed_batches == 0 && accepted == events; }
};

// Sends the first `used` batches and waits for every answer.
FeedResult FeedBatches(const FeedOptions& options, Batches* batches, std::size_t used, Sink* sink);

}  // namespace insightflow::benchmarks
