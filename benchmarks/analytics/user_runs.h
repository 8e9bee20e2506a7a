// The generator's events as timelines in memory: what a scan would hand out, made before anything
// is timed.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/common/generator.h"
#include "insightflow/event.h"
#include "lib/analytics/analysis.h"
#include "lib/model/timelines.h"
#include "lib/model/value_table.h"

namespace insightflow::benchmarks {

class UserRuns {
 public:
  // What the plan of the analysis asks for, of one event.
  using MatchesOf = std::function<std::uint64_t(const GeneratedEvent&)>;

  // 100 events a user on average, over 30 days. `texts` slots of the plan hold the page. The first
  // run of a benchmark has one iteration and is the only one of a smoke test: it makes do with
  // little. With INSIGHTFLOW_BENCHMARK_LARGE=1 in the environment four times as many users.
  UserRuns(const benchmark::State& state, std::size_t texts, const MatchesOf& matches_of)
      : UserRuns(Users(state), texts, matches_of) {}

  UserRuns(std::uint32_t users, std::size_t texts, const MatchesOf& matches_of) {
    constexpr std::uint64_t kSeconds = 30 * 86'400;
    const std::uint64_t events = std::uint64_t{users} * 100;
    Generator generator(
        {.users = users, .events_per_second = std::max<std::uint64_t>(events / kSeconds, 1)});
    std::vector<GeneratedEvent> all(events);
    for (GeneratedEvent& event : all) event = generator.Next();
    std::stable_sort(all.begin(), all.end(), [](const GeneratedEvent& a, const GeneratedEvent& b) {
      return a.user < b.user;
    });
    std::vector<std::uint32_t> pages(5'000);
    for (const GeneratedEvent& event : all) {
      std::uint32_t& code = pages[event.page];
      if (code == 0) code = values_.Intern(ToEvent(event).page_url);
      times_.push_back(event.time_ms);
      pages_.push_back(code);
      matches_.push_back(matches_of(event));
      users_.push_back(event.user);
    }
    Cut(texts);
    const auto [first, last] = std::minmax_element(times_.begin(), times_.end());
    end_.data_begin_ms = *first;
    end_.data_end_ms = *last;
  }

  const std::vector<Timelines>& batches() const { return batches_; }
  const ValueTable* values() const { return &values_; }
  std::size_t rows() const { return times_.size(); }

  // All batches through one state, which asks for its end as in an engine.
  std::unique_ptr<AnalysisState> Run(const Analysis& analysis) const {
    std::unique_ptr<AnalysisState> state = analysis.NewState(&values_);
    state->Watch(&ended_);
    for (const Timelines& batch : batches_) {
      if (!state->Visit(batch).ok()) return nullptr;
    }
    return state;
  }
  const ScanEnd& end() const { return end_; }

 private:
  static std::uint32_t Users(const benchmark::State& state) {
    if (state.max_iterations == 1) return 1'000;
    return std::getenv("INSIGHTFLOW_BENCHMARK_LARGE") == nullptr ? 100'000 : 400'000;
  }

  static constexpr std::size_t kRowsABatch = 16'384;

  void Cut(std::size_t texts) {
    run_ends_.reserve(rows());
    for (std::size_t begin = 0; begin < rows();) {
      const std::size_t first_run = run_ends_.size();
      std::size_t end = begin;
      while (end < rows() && end - begin < kRowsABatch) {
        const std::uint32_t user = users_[end];
        while (end < rows() && users_[end] == user) ++end;
        run_ends_.push_back(static_cast<std::uint32_t>(end - begin));
      }
      Timelines batch;
      batch.run_ends = {run_ends_.data() + first_run, run_ends_.size() - first_run};
      batch.time_ms = {times_.data() + begin, end - begin};
      batch.matches = {matches_.data() + begin, end - begin};
      for (std::size_t i = 0; i < texts; ++i) {
        batch.texts.emplace_back(pages_.data() + begin, end - begin);
      }
      batches_.push_back(std::move(batch));
      begin = end;
    }
  }

  const std::function<bool()> ended_ = [] {
    return std::chrono::steady_clock::now() == std::chrono::steady_clock::time_point::max();
  };
  mutable ValueTable values_;
  std::vector<std::int64_t> times_;
  std::vector<std::uint64_t> matches_;
  std::vector<std::uint32_t> pages_;
  std::vector<std::uint32_t> users_;
  std::vector<std::uint32_t> run_ends_;
  std::vector<Timelines> batches_;
  ScanEnd end_;
};

// The generator's events for a twin, which is slow.
inline std::vector<Event> SomeEvents(std::size_t count) {
  Generator generator({.users = 200, .events_per_second = 1});
  std::vector<Event> events;
  while (events.size() < count) events.push_back(ToEvent(generator.Next()));
  return events;
}

inline void ReportRows(benchmark::State& state, const UserRuns& runs) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(runs.rows()));
  state.counters["rows"] = static_cast<double>(runs.rows());
}

}  // namespace insightflow::benchmarks
