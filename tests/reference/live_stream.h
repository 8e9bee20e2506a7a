// Random logs for the tests of live numbers: late and future events, imports of old data, silence,
// and more types, pages and users than any bound.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "lib/live/live_state.h"
#include "lib/model/batch.h"
#include "tests/reference/live_twin.h"

namespace insightflow::reference {

class LiveStream {
 public:
  LiveStream(std::uint64_t seed, int pages, int users, int types)
      : random_(seed), pages_(pages), users_(users), types_(types) {}

  // The next event of the log; its received_ms never goes back.
  LiveEvent Next() {
    if (Below(8) == 0) now_ms_ += Step();
    LiveEvent e;
    e.received_ms = now_ms_;
    e.time_ms = std::max<std::int64_t>(1, now_ms_ - Delay());
    e.user = "user" + std::to_string(Skewed(users_));
    e.type = Type();
    if (Below(20) != 0) e.page = "/page/" + std::to_string(Skewed(pages_));
    if (Below(4) != 0) e.element = "element" + std::to_string(Skewed(pages_));
    return e;
  }

  std::int64_t now_ms() const { return now_ms_; }
  // A reader's time: mostly now, sometimes before or long after.
  std::int64_t ReaderNow() {
    switch (Below(6)) {
      case 0: return now_ms_ + Between(0, 120'000);
      case 1: return now_ms_ + Between(0, 90'000'000);
      case 2: return std::max<std::int64_t>(0, now_ms_ - Between(0, 7'200'000));
      default: return now_ms_;
    }
  }
  std::int64_t Below(std::int64_t bound) { return Between(0, bound - 1); }
  std::int64_t Between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  std::string User() { return "user" + std::to_string(Below(users_ + 1)); }

 private:
  std::int64_t Step() {
    switch (Below(12)) {
      case 0: return Between(0, 3'600'000);
      case 1: return Between(0, 100'000'000);
      case 2: return Between(0, 300'000);
      default: return Between(0, 2'000);
    }
  }
  // How long before it arrived the event says it was; negative: the future.
  std::int64_t Delay() {
    switch (Below(12)) {
      case 0: return -Between(0, 86'400'000);
      case 1: return Between(0, 200'000);
      case 2: return Between(0, 7'200'000);
      case 3: return Between(0, 100'000'000);
      case 4: return Between(0, 100'000'000'000);
      default: return Between(0, 3'000);
    }
  }
  std::string Type() {
    switch (Below(8)) {
      case 0:
      case 1:
      case 2: return "view";
      case 3:
      case 4: return "click";
      case 5: return "purchase";
      case 6: return Below(10) == 0 ? "__other__" : "custom";
      default: return "type" + std::to_string(Below(types_));
    }
  }
  std::int64_t Skewed(std::int64_t bound) {
    return std::min({Below(bound), Below(bound), Below(bound)});
  }

  std::mt19937_64 random_;
  std::int64_t pages_;
  std::int64_t users_;
  std::int64_t types_;
  std::int64_t now_ms_ = 1'700'000'000'000;
};

inline void AppendTo(const LiveEvent& e, EventBatch* batch) {
  const std::size_t row = batch->PushRow(e.time_ms);
  batch->column(Field::kUserId).Set(row, e.user);
  batch->column(Field::kEventType).Set(row, e.type);
  if (!e.page.empty()) batch->column(Field::kPageUrl).Set(row, e.page);
  if (!e.element.empty()) batch->column(Field::kElement).Set(row, e.element);
  batch->received_ms = e.received_ms;
}

// Applies events [begin, end) of a log that begins with sequence 1, in batches as long as
// next_size() says, never over a change of received_ms.
template <typename NextSize>
void ApplyRange(const std::vector<LiveEvent>& log, std::size_t begin, std::size_t end,
                NextSize next_size, LiveState* live) {
  EventBatch batch;
  while (begin < end) {
    batch.Clear();
    const std::size_t first = begin;
    const std::size_t stop = std::min<std::size_t>(end, begin + next_size());
    while (begin < stop && log[begin].received_ms == log[first].received_ms) {
      AppendTo(log[begin++], &batch);
    }
    live->Apply(batch, first + 1);
  }
}

}  // namespace insightflow::reference
