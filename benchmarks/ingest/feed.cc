#include "benchmarks/ingest/feed.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <thread>
#include <utility>

namespace insightflow::benchmarks {
namespace {

using SteadyClock = std::chrono::steady_clock;

// One timed run's moving parts; a slot a batch, so that no answer waits for another.
class Feed {
 public:
  Feed(const FeedOptions& options, Batches* batches, std::size_t batches_used)
      : options_(options),
        batches_(*batches),
        used_(batches_used),
        sent_(batches_used * options.passes),
        acked_(batches_used * options.passes),
        gate_(options.in_flight) {}

  FeedResult Measure(Sink* sink) {
    const std::clock_t cpu = std::clock();
    const auto begin = SteadyClock::now();
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < options_.threads; ++t) {
      threads.emplace_back([this, sink, t] { FeedFrom(t, sink); });
    }
    for (std::thread& thread : threads) thread.join();
    gate_.WaitForAll(options_.in_flight);
    FeedResult run;
    run.cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    run.events = sent_.size() * batches_.batch_events();
    run.accepted = accepted_.load();
    run.failed_batches = failed_.load();
    Summarise(begin, &run);
    return run;
  }

 private:
  void FeedFrom(std::size_t thread, Sink* sink) {
    for (std::uint32_t pass = 0; pass < options_.passes; ++pass) {
      for (std::size_t i = thread; i < used_; i += options_.threads) {
        gate_.Enter();
        if (options_.passes > 1) batches_.Renew(i, pass + 1);
        const std::size_t slot = pass * used_ + i;
        sent_[slot] = SteadyClock::now();
        sink->Ingest(batches_.at(i), [this, slot](std::int64_t accepted) {
          acked_[slot] = SteadyClock::now();
          if (accepted < 0) {
            ++failed_;
          } else {
            accepted_ += static_cast<std::uint64_t>(accepted);
          }
          gate_.Leave();
        });
      }
    }
  }

  void Summarise(SteadyClock::time_point begin, FeedResult* run) {
    std::vector<double> ack;
    for (std::size_t i = 0; i < sent_.size(); ++i) {
      ack.push_back(1e3 * Seconds(acked_[i] - sent_[i]));
    }
    run->ack = Summarize(std::move(ack));
    std::sort(acked_.begin(), acked_.end());
    run->seconds = Seconds(acked_.back() - begin);
    const std::size_t tenth = acked_.size() / 10;
    for (std::size_t i = 0; tenth > 0 && i < 10; ++i) {
      const auto from = i == 0 ? begin : acked_[i * tenth - 1];
      const double events = static_cast<double>(tenth * batches_.batch_events());
      run->rates.push_back(events / Seconds(acked_[(i + 1) * tenth - 1] - from));
    }
  }

  const FeedOptions& options_;
  Batches& batches_;
  const std::size_t used_;
  std::vector<SteadyClock::time_point> sent_;
  std::vector<SteadyClock::time_point> acked_;
  std::atomic<std::uint64_t> accepted_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  Gate gate_;
};

}  // namespace

FeedResult FeedBatches(const FeedOptions& options, Batches* batches, std::size_t used, Sink* sink) {
  return Feed(options, batches, used).Measure(sink);
}

}  // namespace insightflow::benchmarks
